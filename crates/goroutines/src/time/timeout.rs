//! `timeout`: a call that is given up when the time is over.
//!
//! Not for: operations that take a deadline themselves, which need no goroutine.

use crate::channel::{RecvTimeoutError, Sender, TrySendError, bounded};
use goroutines_runtime::park;
use goroutines_runtime::shim::{Arc, Lock};
use goroutines_runtime::spawn::{self, Handle};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::time::Duration;

/// Runs `f` in a goroutine of its own and waits for its result, for `duration` at most.
///
/// When the time is over `f` is cancelled, as by [`JoinHandle::cancel`](crate::JoinHandle::cancel): it
/// unwinds at its present or next wait, and its destructors run. `timeout` returns at once and does not
/// wait for that. If the caller itself is cancelled while it waits, `f` is too.
///
/// **What a cancel does not reach**: computing without waiting, what runs in [`blocking`](crate::blocking)
/// (so calls on files, and the start of programs), foreign code that blocks, and what waits inside
/// [`shielded`](crate::shielded) or at the end of a [`scope`](crate::scope). There `f` goes on, and is
/// cancelled at its next other wait; if there is none it runs to its end, and the result is dropped.
///
/// Where an operation takes a deadline or a [`Context`](crate::context::Context), prefer that: it costs no
/// goroutine and ends at a place that was made for it.
///
/// # Errors
///
/// [`Elapsed`] if there was no result in time. With a `duration` of zero `f` may not even begin.
///
/// # Panics
///
/// A panic of `f` goes on in the caller; if the caller has given up, it is one of `f`'s goroutine.
/// If there is no runtime to run it: see [`StartError`](crate::runtime::StartError).
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::time::{sleep, timeout};
/// use std::time::Duration;
///
/// let quick = timeout(Duration::from_secs(60), || 6 * 7);
/// assert_eq!(quick, Ok(42));
/// let slow = timeout(Duration::from_millis(2), || sleep(Duration::from_secs(3600)));
/// assert!(slow.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout<F, T>(duration: Duration, f: F) -> Result<T, Elapsed>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, result) = bounded(1);
    let call = Arc::new(Lock::new(Call::Waiting));
    let run = {
        let call = call.clone();
        move || run(f, &call, &sender)
    };
    // Also if the wait below unwinds.
    let _give_up = GiveUp(call);
    if let Err(error) = spawn::start(run, Location::caller()) {
        panic!("{error}");
    }
    match result.recv_timeout(duration) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(payload)) => resume_unwind(payload),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Elapsed(())),
    }
}

/// The time that [`timeout`] was given is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

/// Of the kind `TimedOut`.
impl From<Elapsed> for std::io::Error {
    fn from(error: Elapsed) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::TimedOut, error)
    }
}

/// Where the call is.
enum Call {
    /// Its goroutine has not started.
    Waiting,
    /// It runs, in this goroutine.
    Running(Handle),
    /// It is done, or nobody wants it any more.
    Over,
}

/// Cancels the call when it is dropped, unless it is done.
struct GiveUp(Arc<Lock<Call>>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        let call = std::mem::replace(&mut *self.0.lock(), Call::Over);
        if let Call::Running(handle) = call {
            park::cancel(&handle);
        }
    }
}

/// In the call's own goroutine.
fn run<F, T>(f: F, call: &Lock<Call>, sender: &Sender<std::thread::Result<T>>)
where
    F: FnOnce() -> T,
{
    {
        let mut call = call.lock();
        if !matches!(*call, Call::Waiting) {
            return;
        }
        *call = Call::Running(spawn::current_handle());
    }
    let result = catch_unwind(AssertUnwindSafe(f));
    // Nobody cancels from here on.
    let wanted = !matches!(std::mem::replace(&mut *call.lock(), Call::Over), Call::Over);
    let unsent = match wanted {
        true => sender.try_send(result).err().map(TrySendError::into_inner),
        false => Some(result),
    };
    // A panic that nobody is told of is this goroutine's own, and so is the unwinding after a cancel.
    if let Some(Err(payload)) = unsent {
        resume_unwind(payload);
    }
}

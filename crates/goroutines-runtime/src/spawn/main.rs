//! The main goroutine, and running something as a goroutine from a plain thread.
//!
//! Not for: the threads behind it (`sched::lifecycle`).
#![allow(unsafe_code, reason = "lends the caller's stack to a goroutine it waits for")]

use super::end::Outcome;
use super::join::joinable;
use super::launch::{Options, SpawnError, launch_main};
use crate::current;
use crate::park::Exited;
use crate::sched::lifecycle;
use goroutines_fiber::StackSize;
use std::panic::{Location, resume_unwind};

/// Runs `f` as a goroutine and waits for it; in a goroutine, just calls it.
///
/// The first call that starts the runtime lends it its thread: it becomes worker 0 until `f` is done.
/// Otherwise `f` runs on one of the workers there are. A panic of `f` goes on in the caller.
pub fn run<F, T>(
    stack: Option<StackSize>,
    f: F,
    site: &'static Location<'static>,
) -> Result<T, SpawnError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::goroutine().is_some() {
        return Ok(f());
    }
    let config = lifecycle::config().map_err(SpawnError::Start)?;
    let options = Options { stack: Some(stack.unwrap_or(config.main_stack)), ..Options::default() };
    let mut f = Some(f);
    let mut options = Some(options);
    let mut outcome: Option<Outcome<T>> = None;
    let mut error = None;
    if lifecycle::started().is_none() {
        let out: *mut Option<Outcome<T>> = &raw mut outcome;
        let out = SendPtr(out);
        let served = lifecycle::serve_main(
            || {
                let (f, options) = (f.take()?, options.take()?);
                let done = move |left| {
                    let out = out;
                    // SAFETY: points to `outcome` in `run`, which waits for the main goroutine's
                    // end and does not look before.
                    unsafe { out.0.write(Some(left)) };
                };
                // SAFETY: what `f` borrows lives as long as this call of `run`, which returns only
                // after the main goroutine has ended; `f` and its result may be sent.
                match unsafe { launch_main(options, f, done, site) } {
                    Ok(g) => Some(g),
                    Err(e) => {
                        error = Some(e);
                        None
                    }
                }
            },
            // SAFETY: called after the main goroutine's end, when nobody else uses `outcome`.
            || matches!(unsafe { &*out.0 }, Some(Err(payload)) if payload.is::<Exited>()),
        );
        served.map_err(SpawnError::Start)?;
        if let Some(error) = error {
            return Err(error);
        }
        if let Some(outcome) = outcome {
            return Ok(outcome.unwrap_or_else(|payload| resume_unwind(payload)));
        }
    }
    let Some(f) = f else { crate::fatal!("the main goroutine left nothing") };
    // SAFETY: as above: this call returns after the join.
    let join = unsafe { joinable(options, f, || (), site) }?;
    Ok(join.join().unwrap_or_else(|payload| resume_unwind(payload)))
}

struct SendPtr<T>(*mut T);

impl<T> Clone for SendPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SendPtr<T> {}

// SAFETY: used as `run` says: by the main goroutine while `run` waits for it.
unsafe impl<T: Send> Send for SendPtr<T> {}

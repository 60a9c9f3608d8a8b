//! Scopes: goroutines that may borrow from the one that starts them.
#![allow(
    unsafe_code,
    reason = "starts goroutines that borrow from a scope that outlives them"
)]

use super::builder::{Builder, SpawnError};
use super::goroutine::Goroutine;
use super::handle::Result;
use crate::sync::WaitGroup;
use goroutines_runtime::park::{self, Moment, Reason, Wakeable, is_panic};
use goroutines_runtime::shim::Arc;
use goroutines_runtime::shim::atomic::{AtomicUsize, Ordering};
use goroutines_runtime::spawn::{self, Join, Options};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Where goroutines that borrow are started; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    data: Data,
    // Invariant in both, as in std: neither may be shortened or lengthened.
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

#[derive(Clone)]
struct Data {
    running: WaitGroup,
    /// Goroutines that panicked and have not been joined.
    panicked: Arc<AtomicUsize>,
}

/// Calls `f` with a scope in which goroutines may borrow from the caller; returns when all of them have
/// ended. As [`std::thread::scope`].
///
/// ```
/// # goroutines::run(|| {
/// let mut sums = [0; 2];
/// let (left, right) = sums.split_at_mut(1);
/// goroutines::scope(|s| {
///     s.spawn(|| left[0] = 1);
///     s.spawn(|| right[0] = 2);
/// });
/// assert_eq!(sums, [1, 2]);
/// # });
/// ```
///
/// # Panics
///
/// If a goroutine of the scope panicked and was not joined. If `f` panics the scope waits for its
/// goroutines before it lets the panic on.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let data = Data {
        running: WaitGroup::new(),
        panicked: Arc::new(AtomicUsize::new(0)),
    };
    let scope = Scope {
        data,
        _scope: PhantomData,
        _env: PhantomData,
    };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    // Nothing may end this wait but the goroutines: they borrow from this stack.
    scope
        .data
        .running
        .wait_for(Reason::Scope, Wakeable::Shielded);
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if scope.data.panicked.load(Ordering::Relaxed) > 0 => {
            panic!("a scoped goroutine panicked")
        }
        Ok(value) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine in the scope; it may borrow what outlives the scope.
    ///
    /// # Panics
    ///
    /// If the goroutine cannot be made; [`Builder::spawn_scoped`] gives an error instead.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.launch(None, f, Location::caller()) {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    fn launch<F, T>(
        &'scope self,
        options: Option<Options>,
        f: F,
        site: &'static Location<'static>,
    ) -> std::result::Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let Data { running, panicked } = self.data.clone();
        let counter = Arc::clone(&panicked);
        let body = move || match catch_unwind(AssertUnwindSafe(f)) {
            Ok(value) => value,
            Err(payload) => {
                if is_panic(&*payload) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                resume_unwind(payload)
            }
        };
        running.add(1);
        let end = running.clone();
        // SAFETY: the goroutine, its closure and its result live in `'scope`: `scope` does not return
        // before `end.done()`, which is the last thing the goroutine does, after its closure is gone
        // and its result dropped or left to the handle, which cannot outlive `'scope`. Both may be sent.
        let join = unsafe { spawn::joinable(options, body, move || end.done(), site) };
        match join {
            Ok(join) => Ok(ScopedJoinHandle {
                join,
                panicked,
                _scope: PhantomData,
            }),
            Err(error) => {
                running.done();
                Err(error)
            }
        }
    }
}

impl Builder {
    /// Starts a goroutine in a scope, with these settings; as [`Scope::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> std::result::Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let site = Location::caller();
        scope.launch(Some(self.scoped_options()?), f, site)
    }
}

/// The right to join a goroutine of a scope.
pub struct ScopedJoinHandle<'scope, T> {
    join: Join<T>,
    panicked: Arc<AtomicUsize>,
    _scope: PhantomData<&'scope mut &'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the goroutine to end and gives its result.
    ///
    /// # Errors
    ///
    /// What it panicked with; the scope does not panic because of it then.
    pub fn join(self) -> Result<T> {
        joined(self.join.join(), &self.panicked)
    }

    /// As [`join`](ScopedJoinHandle::join), for `timeout` at most. One that has ended is not late, also with
    /// a timeout of zero.
    ///
    /// # Errors
    ///
    /// The handle, if the goroutine has not ended by then; the scope still waits for it. (What it panicked
    /// with is in the `Ok`.)
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use std::time::Duration;
    ///
    /// goroutines::scope(|s| {
    ///     let sleeper = s.spawn(|| goroutines::sleep(Duration::MAX));
    ///     if let Err(late) = sleeper.join_timeout(Duration::from_millis(2)) {
    ///         late.cancel();
    ///     }
    /// });
    /// # });
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> std::result::Result<Result<T>, Self> {
        self.join_by(Moment::after(timeout))
    }

    /// As [`join_timeout`](ScopedJoinHandle::join_timeout), until `deadline` at most.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn join_deadline(self, deadline: Instant) -> std::result::Result<Result<T>, Self> {
        self.join_by(Moment::from_instant(deadline))
    }

    fn join_by(self, deadline: Moment) -> std::result::Result<Result<T>, Self> {
        match self.join.join_by(deadline) {
            Ok(result) => Ok(joined(result, &self.panicked)),
            Err(join) => Err(ScopedJoinHandle { join, ..self }),
        }
    }

    /// Asks the goroutine to unwind at its present or next wait; see
    /// [`JoinHandle::cancel`](crate::JoinHandle::cancel). The scope waits for its end as for any other.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// goroutines::scope(|s| {
    ///     let sleeper = s.spawn(|| goroutines::sleep(std::time::Duration::MAX));
    ///     sleeper.cancel();
    ///     assert!(sleeper.join().unwrap_err().is::<goroutines::Cancelled>());
    /// });
    /// # });
    /// ```
    pub fn cancel(&self) {
        park::cancel(self.join.handle());
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// A handle to the goroutine.
    pub fn goroutine(&self) -> &Goroutine {
        Goroutine::from_ref(self.join.handle())
    }

    /// The same as [`goroutine`](ScopedJoinHandle::goroutine), under the name `std` has for it.
    pub fn thread(&self) -> &Goroutine {
        self.goroutine()
    }
}

/// Somebody has got the result, so a panic in it is not the scope's any more.
fn joined<T>(result: Result<T>, panicked: &AtomicUsize) -> Result<T> {
    if let Err(payload) = &result
        && is_panic(&**payload)
    {
        panicked.fetch_sub(1, Ordering::Relaxed);
    }
    result
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

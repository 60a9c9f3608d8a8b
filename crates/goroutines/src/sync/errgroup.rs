//! `ErrGroup`: goroutines that work on one task, and their first error.
//!
//! Not for: results; `spawn` and join for that.
//!
//! A `WaitGroup` counts them and carries their panics; a `Semaphore` is the limit.

use super::{Mutex, Semaphore, WaitGroup};
use goroutines_runtime::park::is_panic;
use goroutines_runtime::shim::Arc;
use goroutines_runtime::shim::atomic::{AtomicUsize, Ordering};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;

/// Goroutines that work on parts of one task, as Go's `x/sync/errgroup`.
///
/// Clones are the same group.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::ErrGroup;
/// let group = ErrGroup::new();
/// for n in 0..10 {
///     group.go(move || if n == 7 { Err("seven") } else { Ok(()) });
/// }
/// assert_eq!(group.wait(), Err("seven"));
/// # });
/// ```
pub struct ErrGroup<E>(Arc<Inner<E>>);

struct Inner<E> {
    running: WaitGroup,
    active: AtomicUsize,
    limit: Mutex<Option<Arc<Semaphore>>>,
    first: Mutex<First<E>>,
}

type Cancel<E> = Box<dyn FnOnce(Option<&E>) + Send>;

struct First<E> {
    failed: bool,
    error: Option<E>,
    /// Called at the first error, or when `wait` first returns.
    cancel: Option<Cancel<E>>,
}

/// One active goroutine, and the place it takes.
struct Slot<E> {
    group: Arc<Inner<E>>,
    limit: Option<Arc<Semaphore>>,
}

impl<E: Send + 'static> ErrGroup<E> {
    /// A group with nothing to wait for, and no limit.
    #[must_use]
    pub fn new() -> ErrGroup<E> {
        ErrGroup::with(None)
    }

    /// A group that calls `cancel` once: with the first error, as soon as there is one (with `None` if
    /// a goroutine panics), else with `None` when [`ErrGroup::wait`] first returns.
    ///
    /// This is for telling the other goroutines that they may stop. [`ErrGroup::with_context`] does it with
    /// a context.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::ErrGroup;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// static STOP: AtomicBool = AtomicBool::new(false);
    /// let group = ErrGroup::with_cancel(|_error| STOP.store(true, Ordering::Relaxed));
    /// group.go(|| Err("broken"));
    /// group.go(|| {
    ///     while !STOP.load(Ordering::Relaxed) {
    ///         goroutines::yield_now();
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(group.wait(), Err("broken"));
    /// # });
    /// ```
    #[must_use]
    pub fn with_cancel<F>(cancel: F) -> ErrGroup<E>
    where
        F: FnOnce(Option<&E>) + Send + 'static,
    {
        ErrGroup::with(Some(Box::new(cancel)))
    }

    fn with(cancel: Option<Cancel<E>>) -> ErrGroup<E> {
        ErrGroup(Arc::new(Inner {
            running: WaitGroup::new(),
            active: AtomicUsize::new(0),
            limit: Mutex::new(None),
            first: Mutex::new(First {
                failed: false,
                error: None,
                cancel,
            }),
        }))
    }

    /// Sets how many goroutines of the group may be active; `None`: any number. With 0 none may start.
    ///
    /// # Panics
    ///
    /// If any is active: "errgroup: modify limit while N goroutines in the group are still active".
    #[track_caller]
    pub fn set_limit(&self, n: Option<usize>) {
        let mut limit = self.0.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let active = self.0.active.load(Ordering::Relaxed);
        if active > 0 {
            drop(limit);
            panic!(
                "errgroup: modify limit while {active} goroutines in the group are still active"
            );
        }
        *limit = n.map(|n| Arc::new(Semaphore::new(n)));
    }

    /// Starts a goroutine of the group; waits until the limit allows it.
    ///
    /// The first error in time is what [`ErrGroup::wait`] gives; later ones are dropped.
    ///
    /// # Panics
    ///
    /// If the goroutine cannot be made.
    #[track_caller]
    pub fn go<F>(&self, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let limit = self.limit();
        if let Some(limit) = &limit {
            limit.acquire(1).forget();
        }
        self.start(limit, f);
    }

    /// Starts a goroutine of the group if the limit allows it now; never waits.
    ///
    /// # Errors
    ///
    /// `f`, if as many are active as may be.
    ///
    /// # Panics
    ///
    /// As [`ErrGroup::go`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let group = goroutines::sync::ErrGroup::<()>::new();
    /// group.set_limit(Some(0));
    /// assert!(group.try_go(|| Ok(())).is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn try_go<F>(&self, f: F) -> Result<(), F>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let limit = self.limit();
        if let Some(limit) = &limit {
            match limit.try_acquire(1) {
                Some(permit) => permit.forget(),
                None => return Err(f),
            }
        }
        self.start(limit, f);
        Ok(())
    }

    fn limit(&self) -> Option<Arc<Semaphore>> {
        self.0
            .limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    #[track_caller]
    fn start<F>(&self, limit: Option<Arc<Semaphore>>, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.0.active.fetch_add(1, Ordering::Relaxed);
        let slot = Slot {
            group: Arc::clone(&self.0),
            limit,
        };
        self.0.running.go(move || {
            let slot = slot;
            match catch_unwind(AssertUnwindSafe(f)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => slot.group.fail(error),
                Err(payload) => {
                    if is_panic(&*payload) {
                        slot.group.cancel();
                    }
                    drop(slot);
                    resume_unwind(payload);
                }
            }
        });
    }

    /// Waits until all goroutines of the group have returned.
    ///
    /// The group may be used again then, and its next error counts again; `cancel` is not called a
    /// second time.
    ///
    /// # Errors
    ///
    /// The first error any of them returned. If several wait, one gets it.
    ///
    /// # Panics
    ///
    /// If one of them panicked: the first waiter gets its payload, others a message with its text.
    #[track_caller]
    pub fn wait(&self) -> Result<(), E> {
        self.0.running.wait();
        self.0.cancel();
        let mut first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.failed = false;
        first.error.take().map_or(Ok(()), Err)
    }
}

impl<E> Inner<E> {
    fn fail(&self, error: E) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.failed {
            drop(first);
            return drop(error);
        }
        first.failed = true;
        if let Some(cancel) = first.cancel.take() {
            // With the lock held, so that nobody takes the error away; it may wait all the same.
            cancel(Some(&error));
        }
        first.error = Some(error);
    }

    fn cancel(&self) {
        let cancel = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .cancel
            .take();
        if let Some(cancel) = cancel {
            cancel(None);
        }
    }
}

impl<E> Drop for Slot<E> {
    fn drop(&mut self) {
        self.group.active.fetch_sub(1, Ordering::Relaxed);
        if let Some(limit) = &self.limit {
            limit.release(1);
        }
    }
}

impl<E> Clone for ErrGroup<E> {
    fn clone(&self) -> Self {
        ErrGroup(Arc::clone(&self.0))
    }
}

impl<E: Send + 'static> Default for ErrGroup<E> {
    fn default() -> Self {
        ErrGroup::new()
    }
}

impl<E> fmt::Debug for ErrGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.0.active.load(Ordering::Relaxed);
        f.debug_struct("ErrGroup")
            .field("active", &active)
            .finish_non_exhaustive()
    }
}

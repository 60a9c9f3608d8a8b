//! `Condvar`: waiting, with a mutex released, for somebody's signal.
//!
//! Not for: remembering signals; one that nobody waits for is lost.
#![allow(unsafe_code, reason = "takes a mutex guard apart and makes it again")]

use super::mutex::{Mutex, MutexGuard};
use super::wait::interrupted;
use goroutines_runtime::park::waitq::{Ask, Place, WaitQueue, Waited};
use goroutines_runtime::park::{Cause, Moment, Reason};
use goroutines_runtime::shim::atomic::{AtomicBool, Ordering};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

/// A condition variable, as [`std::sync::Condvar`], for use with [`Mutex`].
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::{Condvar, Mutex};
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
/// goroutines::go!(|| {
///     *READY.lock().unwrap() = true;
///     CHANGED.notify_one();
/// });
/// let guard = CHANGED.wait_while(READY.lock().unwrap(), |ready| !*ready).unwrap();
/// assert!(*guard);
/// # });
/// ```
///
/// It promises more than std's, as Go's `Cond` does: a wait returns only because of a notification (or
/// its timeout), never for no reason; `notify_one` wakes the one that has waited longest; and who
/// begins to wait after a notification cannot take it from those who waited before. Mutexes may
/// differ from wait to wait.
///
/// Notifying does not need the mutex. What was done before a notification is visible to whom it
/// wakes.
pub struct Condvar {
    /// Whether the queue may not be empty: changed with the queue locked.
    occupied: AtomicBool,
    queue: WaitQueue,
}

/// Whether a wait ended because its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over before a notification came.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Condvar {
    /// A condition variable nobody waits for.
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar {
            occupied: AtomicBool::new(false),
            queue: WaitQueue::new(),
        }
    }

    /// Releases the mutex, waits for a notification, and takes the mutex again.
    ///
    /// Releasing and beginning to wait are one step for whoever notifies with the mutex locked. A
    /// goroutine that is cancelled here unwinds without the mutex.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is taken again; the guard is in the error.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (lock, _) = self.wait_until(guard, Moment::NEVER);
        // SAFETY: `wait_until` has taken the lock.
        unsafe { MutexGuard::again(lock) }
    }

    /// Waits for as long as `condition` says `true`.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`Condvar::wait`], for `dur` at most.
    ///
    /// A notification that comes in time is not lost: if this one has timed out it goes to the next.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    /// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    /// let guard = mutex.lock().unwrap();
    /// let (_guard, result) = condvar.wait_timeout(guard, Duration::from_millis(1)).unwrap();
    /// assert!(result.timed_out());
    /// # });
    /// ```
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (lock, notified) = self.wait_until(guard, Moment::after(dur));
        // SAFETY: `wait_until` has taken the lock.
        let guard = unsafe { MutexGuard::again(lock) };
        let result = WaitTimeoutResult(!notified);
        match guard {
            Ok(guard) => Ok((guard, result)),
            Err(e) => Err(PoisonError::new((e.into_inner(), result))),
        }
    }

    /// As [`Condvar::wait_timeout`], in whole milliseconds, with `false` for "timed out".
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    #[deprecated(note = "replaced by `Condvar::wait_timeout`, as in std")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        match self.wait_timeout(guard, Duration::from_millis(u64::from(ms))) {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(e) => {
                let (guard, result) = e.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
            }
        }
    }

    /// Waits for as long as `condition` says `true`, but for `dur` at most; the result says whether
    /// the time was over with the condition still true.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        dur: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = Moment::after(dur);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if deadline != Moment::NEVER && Moment::now() >= deadline {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            let (lock, _) = self.wait_until(guard, deadline);
            // SAFETY: `wait_until` has taken the lock.
            match unsafe { MutexGuard::again(lock) } {
                Ok(again) => guard = again,
                Err(e) => {
                    let timed_out = deadline != Moment::NEVER && Moment::now() >= deadline;
                    return Err(PoisonError::new((
                        e.into_inner(),
                        WaitTimeoutResult(timed_out),
                    )));
                }
            }
        }
    }

    /// Wakes the one that has waited longest, if there is one.
    #[inline]
    pub fn notify_one(&self) {
        // Acquire: see `occupied` in README.md; with the mutex held or handed over since, a waiter
        // that is in the queue is seen here.
        if self.occupied.load(Ordering::Acquire) {
            self.notify_one_slow();
        }
    }

    #[cold]
    fn notify_one_slow(&self) {
        let mut queue = self.queue.lock();
        let [list] = &mut *queue;
        let next = list.take();
        self.occupied.store(!list.is_empty(), Ordering::Relaxed);
        drop(queue);
        if let Some(next) = next {
            next.ready(0);
        }
    }

    /// Wakes all that wait now.
    #[inline]
    pub fn notify_all(&self) {
        // Acquire: as in `notify_one`.
        if self.occupied.load(Ordering::Acquire) {
            self.notify_all_slow();
        }
    }

    #[cold]
    fn notify_all_slow(&self) {
        let mut queue = self.queue.lock();
        let [list] = &mut *queue;
        let all = list.take_all();
        self.occupied.store(false, Ordering::Relaxed);
        drop(queue);
        all.ready(0);
    }

    /// Waits and takes the lock again; whether there was a notification.
    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Moment,
    ) -> (&'a Mutex<T>, bool) {
        let mut guard = Some(guard);
        let mut lock = None;
        let ask = Ask::new(Reason::Condvar).until(deadline);
        let waited = {
            let guard = &mut guard;
            let lock = &mut lock;
            let enter = |_: &mut _| {
                self.occupied.store(true, Ordering::Relaxed);
                Some(Place::Back(0))
            };
            // Only now, in the queue: who takes the mutex after this and notifies finds us there.
            let between = || {
                if let Some(guard) = guard.take() {
                    let raw = guard.raw();
                    *lock = Some(guard.into_lock());
                    raw.unlock_to_wait();
                }
            };
            self.queue.wait_then(ask, enter, between, |[list]| {
                self.occupied.store(!list.is_empty(), Ordering::Relaxed);
            })
        };
        let notified = match waited {
            Waited::Woken(_) => true,
            Waited::Left(Cause::Deadline) => false,
            // The guard is gone and the mutex free: nobody sees the data any more on this way out.
            Waited::Left(cause) => interrupted(cause),
            Waited::NotEntered => false,
        };
        let Some(lock) = lock else {
            unreachable!("the mutex was released in between")
        };
        lock.relock();
        (lock, notified)
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

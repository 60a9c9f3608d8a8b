//! `Mutex`: mutual exclusion between goroutines, threads, or both.
//!
//! Not for: the order in which waiters get it (`raw`).
#![allow(unsafe_code, reason = "the cell behind the guard")]

mod raw;
mod state;

use super::poison::{self, Flag, Mark};
pub(super) use raw::RawMutex;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A mutual exclusion lock, as [`std::sync::Mutex`], that makes the goroutine wait and not its thread.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::Mutex;
/// static TOTAL: Mutex<u64> = Mutex::new(0);
/// goroutines::scope(|s| {
///     for n in 1..=10 {
///         s.spawn(move || *TOTAL.lock().unwrap() += n);
///     }
/// });
/// assert_eq!(*TOTAL.lock().unwrap(), 55);
/// # });
/// ```
///
/// It may be held across everything that waits. It is not re-entrant: a goroutine that locks it again
/// waits for itself. It does not belong to a goroutine: the guard may be sent elsewhere and dropped
/// there.
///
/// # Who gets it
///
/// As in Go. Normally waiters are woken in the order in which they came, but whoever is running when
/// the lock is free may take it first, which is what makes it fast. A waiter that has waited for more
/// than a millisecond and missed it makes the lock *starving*: from then on it is handed from one to
/// the next in the order of arrival, and with it the processor, until one gets it that has waited less
/// or is the last.
///
/// # Poisoning
///
/// As in `std`: if a goroutine (or thread) panics while it holds the lock, locking it gives an error
/// from then on, in which the guard is. What counts is that the goroutine itself unwinds with a panic;
/// an [`exit`](crate::exit) or a [`cancel`](crate::JoinHandle::cancel) does not poison.
///
/// # Cancelling
///
/// A goroutine that is cancelled while it waits for the lock leaves the queue and unwinds.
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    poison: Flag,
    data: UnsafeCell<T>,
}

/// Access to what a [`Mutex`] protects; dropping it unlocks.
///
/// Unlike std's it may be sent to others, who unlock then.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    lock: &'a Mutex<T>,
    mark: Mark,
}

// SAFETY: the lock lets one guard at a time reach the data, so sharing the mutex is handing the data
// from one thread to another, for which `T: Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: whoever owns the mutex owns the data.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: a shared guard gives shared references to the data. (By itself a guard is `Send` if `T` is:
// it holds `&Mutex<T>`, and the lock may be released from any thread.)
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`.
    #[inline]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            raw: RawMutex::new(),
            poison: Flag::new(),
            data: UnsafeCell::new(value),
        }
    }

    /// The value itself.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.poison.get();
        poison::result(poisoned, self.data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the guard is in the error.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.raw.lock();
        // SAFETY: just locked.
        unsafe { MutexGuard::new(self) }
    }

    /// Takes the lock if it is free now; never waits.
    ///
    /// It is not free while it is being handed to somebody who starved (SEMANTICS MU-5).
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it is not free; [`TryLockError::Poisoned`], with the guard, if
    /// it is poisoned.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let mutex = goroutines::sync::Mutex::new(1);
    /// let guard = mutex.lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(guard);
    /// assert_eq!(*mutex.try_lock().unwrap(), 1);
    /// # });
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.try_lock() {
            // SAFETY: just locked.
            Ok(unsafe { MutexGuard::new(self) }?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether it is poisoned. Somebody else may change that at any time.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.get()
    }

    /// Makes it not poisoned any more, for when what it protects has been put in order.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::Mutex;
    /// static MUTEX: Mutex<u32> = Mutex::new(0);
    /// let _ = goroutines::spawn(|| {
    ///     let _guard = MUTEX.lock().unwrap();
    ///     std::panic::resume_unwind(Box::new("with the lock held"));
    /// })
    /// .join();
    /// assert!(MUTEX.is_poisoned());
    /// *MUTEX.lock().unwrap_or_else(|e| e.into_inner()) = 1;
    /// MUTEX.clear_poison();
    /// assert_eq!(*MUTEX.lock().unwrap(), 1);
    /// # });
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// For `Condvar`: takes the lock, without a guard.
    pub(super) fn relock(&self) {
        self.raw.lock();
    }

    /// The value; nobody else can have it locked, so this takes no lock.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the reference is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.poison.get();
        poison::result(poisoned, self.data.get_mut())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => d.field("data", &&*guard),
            Err(TryLockError::Poisoned(e)) => d.field("data", &&**e.get_ref()),
            Err(TryLockError::WouldBlock) => d.field("data", &format_args!("<locked>")),
        };
        d.field("poisoned", &self.poison.get())
            .finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// # Safety
    ///
    /// The caller holds the lock, and gives it to the guard.
    #[inline]
    unsafe fn new(lock: &'a Mutex<T>) -> LockResult<MutexGuard<'a, T>> {
        let mark = lock.poison.mark();
        let guard = MutexGuard { lock, mark };
        poison::result(lock.poison.get(), guard)
    }

    /// For `Condvar`: the raw lock.
    pub(super) fn raw(&self) -> &'a RawMutex {
        &self.lock.raw
    }

    /// For `Condvar`: takes the guard away without unlocking.
    pub(super) fn into_lock(self) -> &'a Mutex<T> {
        let lock = self.lock;
        std::mem::forget(self);
        lock
    }

    /// For `Condvar`: the guard again.
    ///
    /// # Safety
    ///
    /// As [`MutexGuard::new`].
    pub(super) unsafe fn again(lock: &'a Mutex<T>) -> LockResult<MutexGuard<'a, T>> {
        // SAFETY: the caller's promise.
        unsafe { MutexGuard::new(lock) }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock: nobody else has a reference.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and the guard is borrowed exclusively.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.done(&self.mark);
        self.lock.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

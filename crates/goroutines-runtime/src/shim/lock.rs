//! A mutex for short sections of runtime state: std's, without poisoning.
//!
//! Not for: user data, or anything held across a switch. A goroutine never parks with one of these
//! held, and no section takes a second one, so there is no order to get wrong.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A mutual exclusion lock that blocks the thread; a panic inside does not poison it.
#[derive(Debug, Default)]
pub struct Lock<T: ?Sized>(Mutex<T>);

/// Access to what a [`Lock`] protects.
#[derive(Debug)]
pub struct LockGuard<'a, T: ?Sized>(MutexGuard<'a, T>);

impl<T> Lock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Lock(Mutex::new(value))
    }
}

impl<T: ?Sized> Lock<T> {
    /// Takes the lock, blocking this thread while another has it.
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        LockGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(LockGuard(guard)),
            Err(std::sync::TryLockError::Poisoned(e)) => Some(LockGuard(e.into_inner())),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// Waits on `condvar` with `guard` released meanwhile. May return without a notification.
pub fn wait<'a, T>(condvar: &Condvar, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
    LockGuard(
        condvar
            .wait(guard.0)
            .unwrap_or_else(PoisonError::into_inner),
    )
}

/// As [`wait`], for `timeout` at most; the flag says whether the time ran out.
pub fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: LockGuard<'a, T>,
    timeout: Duration,
) -> (LockGuard<'a, T>, bool) {
    let (guard, result) = condvar
        .wait_timeout(guard.0, timeout)
        .unwrap_or_else(PoisonError::into_inner);
    (LockGuard(guard), result.timed_out())
}

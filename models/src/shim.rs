//! Loom's atomics and lock, as the real `shim` has std's.

use loom::sync::Notify;
pub use loom::sync::atomic;
use loom::sync::atomic::Ordering;
use std::cell::{RefCell, UnsafeCell};
use std::ops::{Deref, DerefMut};
pub use std::sync::Arc;

loom::thread_local! {
    static BELL: &'static Notify = Box::leak(Box::new(Notify::new()));
}

/// What this thread sleeps on. It may ring for something else: look again.
pub fn bell() -> &'static Notify {
    BELL.with(|bell| *bell)
}

/// As the runtime's.
///
/// Not on loom's own lock: that one is std's inside, and is poisoned, because loom's threads are fibers
/// of one thread, and see each other's panics (SEMANTICS RH-1).
#[derive(Debug)]
pub struct Lock<T> {
    held: atomic::AtomicBool,
    /// Between two operations of loom nobody else runs: this needs no lock.
    blocked: RefCell<Vec<&'static Notify>>,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached through a guard only, which holds the lock; for `blocked` see there.
unsafe impl<T: Send> Sync for Lock<T> {}

/// As the runtime's.
#[derive(Debug)]
pub struct LockGuard<'a, T>(&'a Lock<T>);

impl<T> Lock<T> {
    /// As the runtime's.
    pub fn new(value: T) -> Self {
        Lock {
            held: atomic::AtomicBool::new(false),
            blocked: RefCell::default(),
            data: UnsafeCell::new(value),
        }
    }

    /// As the runtime's.
    pub fn lock(&self) -> LockGuard<'_, T> {
        // Acquire: pairs with the Release in `drop`.
        while self.held.swap(true, Ordering::Acquire) {
            self.blocked.borrow_mut().push(bell());
            if !self.held.swap(true, Ordering::Acquire) {
                break;
            }
            bell().wait();
        }
        LockGuard(self)
    }
}

impl<T> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `lock`. (A plain store may come before another thread's
        // failed swap in loom's eyes, and be lost.)
        self.0.held.swap(false, Ordering::Release);
        let blocked = self.0.blocked.take();
        blocked.iter().for_each(|bell| bell.notify());
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.0.data.get() }
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.0.data.get() }
    }
}

//! Loom's atomics, and a lock whose waiters block instead of spinning, as the real `shim` has std's.
//!
//! Loom cannot tell a spin that goes on for ever from one that ends, and tries them all. So who fails to
//! take a lock here is left alone until it has been unlocked. That hides nothing: an attempt in between
//! would fail, and change nothing.

use loom::cell::UnsafeCell;
pub use loom::sync::atomic;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, Thread};
use std::ops::{Deref, DerefMut};
pub use std::sync::Arc;
use std::sync::Mutex;

/// One bit, which nobody has at first, and who waits for it.
#[derive(Debug, Default)]
pub struct Bit {
    held: AtomicBool,
    /// Those who failed since it was last let go. (Loom runs one thread at a time: nobody waits for this.)
    blocked: Mutex<Vec<Thread>>,
}

impl Bit {
    /// Takes it; `false`: somebody has it, and will unpark this thread when it lets go.
    pub fn try_take(&self, success: Ordering, failure: Ordering) -> bool {
        let taken = self
            .held
            .compare_exchange(false, true, success, failure)
            .is_ok();
        if !taken {
            self.blocked().push(thread::current());
        }
        taken
    }

    /// Whether this thread has failed and nobody has let go since.
    pub fn blocks_me(&self) -> bool {
        let me = thread::current().id();
        self.blocked().iter().any(|thread| thread.id() == me)
    }

    /// Lets go.
    pub fn let_go(&self, order: Ordering) {
        // What others can do just before this step and not after it is to fail.
        loom::stop_exploring();
        self.held.store(false, order);
        loom::explore();
        for thread in std::mem::take(&mut *self.blocked()) {
            thread.unpark();
        }
    }

    fn blocked(&self) -> std::sync::MutexGuard<'_, Vec<Thread>> {
        // Loom's threads are fibers of one thread, and see each other's panics.
        self.blocked.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// As the runtime's.
#[derive(Debug)]
pub struct Lock<T> {
    bit: Bit,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached through a guard only, which holds the lock.
unsafe impl<T: Send> Sync for Lock<T> {}

/// As the runtime's.
#[derive(Debug)]
pub struct LockGuard<'a, T>(&'a Lock<T>);

impl<T> Lock<T> {
    /// As the runtime's.
    pub fn new(value: T) -> Self {
        Lock {
            bit: Bit::default(),
            data: UnsafeCell::new(value),
        }
    }

    /// As the runtime's.
    pub fn lock(&self) -> LockGuard<'_, T> {
        // Acquire: pairs with the Release in `drop`.
        while !self.bit.try_take(Ordering::Acquire, Ordering::Relaxed) {
            while self.bit.blocks_me() {
                thread::park();
            }
        }
        LockGuard(self)
    }
}

impl<T> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `lock`.
        self.0.bit.let_go(Ordering::Release);
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        self.0.data.with(|data| unsafe { &*data })
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        self.0.data.with_mut(|data| unsafe { &mut *data })
    }
}

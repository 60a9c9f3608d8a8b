//! Poison: what a panic with a lock held leaves behind.
//!
//! Not for: the locks themselves. As in `std`, a lock is poisoned when its guard is dropped by somebody
//! who unwinds and did not when it was made. It is the goroutine's own unwinding that counts, and an
//! [`exit`](crate::exit) or a cancel is no panic.

use goroutines_runtime::park;
use goroutines_runtime::shim::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError};

/// Whether something is poisoned.
#[derive(Debug)]
pub(super) struct Flag(AtomicBool);

/// What a guard remembers: whether there was a panic already when it was made.
#[derive(Debug)]
pub(super) struct Mark {
    panicking: bool,
}

impl Flag {
    pub(super) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// For a guard that is being made.
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark {
            panicking: park::panicking(),
        }
    }

    /// For a guard that is being dropped, its lock still held.
    #[inline]
    pub(super) fn done(&self, mark: &Mark) {
        if !mark.panicking && park::panicking() {
            // Relaxed: the lock that is released after this orders it before the next holder's look.
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// `value` as locking gives it.
#[inline]
pub(super) fn result<T>(poisoned: bool, value: T) -> LockResult<T> {
    if poisoned {
        Err(PoisonError::new(value))
    } else {
        Ok(value)
    }
}

//! Counters that any room may bump: one writer each, no locks, no formatting.
//!
//! Not for: reading them out; `observe` does.

use crate::shim::atomic::{AtomicU64, Ordering};

/// A number that one thread changes and anyone reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one. Only the counter's owner calls this: there is no read-modify-write.
    #[inline]
    pub(crate) fn bump(&self) {
        self.add(1);
    }

    /// Adds `n`. Only the counter's owner calls this.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        // Release: who sees a goroutine's end counted (Acquire in `get`) sees its start counted.
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Release,
        );
    }

    /// The number now.
    #[inline]
    pub fn get(&self) -> u64 {
        // Acquire: pairs with the Release in `add`.
        self.0.load(Ordering::Acquire)
    }
}

/// What a worker counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Goroutines made by code on this worker.
    pub spawned: Counter,
    /// Goroutines that ended on this worker.
    pub ended: Counter,
    /// Goroutines that ran for the first time here.
    pub started: Counter,
    /// Goroutines that found their home here.
    pub homed: Counter,
    /// Of those, the ones that have ended.
    pub left: Counter,
    /// Times a goroutine was put on the processor.
    pub runs: Counter,
    /// Unstarted or migratable goroutines taken from another worker.
    pub stolen: Counter,
    /// Unstarted goroutines handed to a worker with fewer.
    pub placed: Counter,
    /// Times the worker went to sleep.
    pub sleeps: Counter,
    /// Times it woke a sleeping worker.
    pub wakes: Counter,
}

//! Atomics, locks and threads: those of std, or loom's when a model runs.
//!
//! Not for: policy. Everything above takes its `atomic`, `Lock` and `Arc` from here, so that a model
//! (`--cfg loom`) can replace them all at once.

#[cfg(not(loom))]
pub use std::sync::{Arc, Condvar, OnceLock, atomic};

#[cfg(loom)]
pub use loom::sync::{Arc, atomic};

#[cfg(loom)]
pub use loom::thread;

#[cfg(not(loom))]
mod lock;
#[cfg(not(loom))]
pub use lock::{Lock, LockGuard, wait, wait_timeout};

/// A full barrier between a store and a later load.
///
/// Both sides of a "store mine, then look at yours" pair call this between the two; then at least
/// one of them sees the other's store.
#[inline]
pub fn store_load_fence() {
    atomic::fence(atomic::Ordering::SeqCst);
}

//! What the handles of a channel share: the channel, and how many handles of each kind there are.

use super::chan::Chan;
use super::env::{AtomicUsize, Ordering};

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) chan: Chan<T>,
    pub(crate) senders: Count,
    pub(crate) receivers: Count,
}

impl<T> Shared<T> {
    /// With one handle of each kind.
    pub(crate) fn new(chan: Chan<T>) -> Shared<T> {
        Shared {
            chan,
            senders: Count::one(),
            receivers: Count::one(),
        }
    }
}

/// A number of handles.
#[derive(Debug)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    fn one() -> Count {
        Count(AtomicUsize::new(1))
    }

    /// One more; made from another one, so the count is not zero.
    pub(crate) fn add(&self) {
        // Relaxed: the one it is made from keeps the channel open. The `Arc` aborts if there are
        // too many.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less; `true`: it was the last.
    pub(crate) fn remove(&self) -> bool {
        // AcqRel: what was done with the others comes before what is done after the last.
        self.0.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

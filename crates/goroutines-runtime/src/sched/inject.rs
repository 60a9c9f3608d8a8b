//! The global queue: unstarted goroutines from plain threads, and what found no other place.
//!
//! Not for: the hot paths of workers. First in, first out, under a lock.

use crate::g::G;
use crate::g::list::List;
use crate::shim::Lock;
use crate::shim::atomic::{AtomicUsize, Ordering};

/// The queue that all workers share.
#[derive(Debug, Default)]
pub(crate) struct Inject {
    list: Lock<List<G>>,
    /// The list's length, written under the lock; lets workers look without taking it.
    len: AtomicUsize,
}

impl Inject {
    pub(crate) const fn new() -> Inject {
        Inject {
            list: Lock::new(List::new()),
            len: AtomicUsize::new(0),
        }
    }

    /// How many wait in it.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Adds one. The caller wakes a worker afterwards.
    pub(crate) fn push(&self, g: &'static G) {
        let list = self.list.lock();
        list.push_back(g);
        self.len.store(list.len(), Ordering::Relaxed);
    }

    /// Takes the oldest.
    #[inline]
    pub(crate) fn pop(&self) -> Option<&'static G> {
        if self.len() == 0 {
            return None;
        }
        let list = self.list.lock();
        let g = list.pop_front();
        self.len.store(list.len(), Ordering::Relaxed);
        g
    }
}

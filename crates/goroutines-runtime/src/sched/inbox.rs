//! A worker's inbox: what other threads made ready for it.
//!
//! Not for: waking the worker (`idle`). Many put in, one takes all (Treiber 1986, with an exchange
//! instead of a pop, so there is no ABA).

use crate::g::list::{Linked, List, follow, pointer};
use crate::shim::atomic::{AtomicPtr, Ordering};

/// A lock-free list that many add to and one empties.
pub struct Inbox<T: Linked> {
    head: AtomicPtr<T>,
}

impl<T: Linked> std::fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl<T: Linked> Default for Inbox<T> {
    fn default() -> Self {
        Inbox::new()
    }
}

impl<T: Linked> Inbox<T> {
    /// An empty inbox.
    pub fn new() -> Inbox<T> {
        Inbox {
            head: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Whether nothing is in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Adds one. Whoever calls this owns the record and gives it away.
    pub fn push(&self, item: &'static T) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            item.link().store(head, Ordering::Relaxed);
            // Release: pairs with the Acquire in `take`.
            match self.head.compare_exchange_weak(
                head,
                pointer(item),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Moves everything to the end of `list`, oldest first; gives how many.
    pub fn take(&self, list: &List<T>) -> usize {
        if self.is_empty() {
            return 0;
        }
        // Acquire: pairs with the Release in `push`.
        let mut item = follow(self.head.swap(std::ptr::null_mut(), Ordering::Acquire));
        let oldest_first = List::new();
        while let Some(i) = item {
            item = follow(i.link().load(Ordering::Relaxed));
            oldest_first.push_front(i);
        }
        let n = oldest_first.len();
        list.append(&oldest_first);
        n
    }
}

//! A counted reference: as long as one exists the record stays this goroutine's.
//!
//! Not for: the hot paths of the scheduler, which own their records.
#![allow(unsafe_code, reason = "the last reference gives the record away")]

use super::G;
use crate::shim::atomic::{Ordering, fence};

/// A counted reference to a goroutine, running or ended.
#[derive(Debug)]
pub struct Handle(&'static G);

impl Handle {
    pub(super) fn new(g: &'static G) -> Handle {
        // Relaxed: whoever makes a handle has one already, or is the goroutine itself.
        let old = g.refs.fetch_add(1, Ordering::Relaxed);
        if old > u32::MAX / 2 {
            // As `Arc`: so many handles can only be leaked ones.
            std::process::abort();
        }
        Handle(g)
    }

    /// Takes over a reference that was counted before.
    pub(crate) fn adopt(g: &'static G) -> Handle {
        Handle(g)
    }

    /// The record.
    #[inline]
    pub fn g(&self) -> &'static G {
        self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Handle::new(self.0)
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        release(self.0);
    }
}

/// Gives one counted reference back; the last one recycles the record.
#[inline]
pub(crate) fn release(g: &'static G) {
    // Alone with the record, nobody can make a second reference: no read-modify-write is needed.
    // Acquire: pairs with the Release of those who let go before.
    if g.refs.load(Ordering::Acquire) != 1 {
        // Release: what this holder did comes before the recycling.
        if g.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
    }
    // SAFETY: the last reference is gone, so the goroutine has completed and nobody can reach its
    // packet or its record any more but this call.
    unsafe { (g.task().discard)(g) };
}

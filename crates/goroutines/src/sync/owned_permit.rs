//! `OwnedPermit`: permits of a semaphore that can go wherever the semaphore's `Arc` can.
//!
//! Not for: taking permits; the semaphore does.

use super::Semaphore;
use goroutines_runtime::shim::Arc;
use std::fmt;

/// Permits of a [`Semaphore`] that keep it, for goroutines that outlive the caller; released when it is
/// dropped. Made by [`Semaphore::acquire_owned`].
#[must_use = "if unused the permits are released at once"]
pub struct OwnedPermit {
    semaphore: Arc<Semaphore>,
    n: usize,
}

impl Semaphore {
    /// As [`Semaphore::acquire`], with permits that keep the semaphore: a goroutine can take them along.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::{Arc, Semaphore, WaitGroup};
    ///
    /// let (places, wg) = (Arc::new(Semaphore::new(2)), WaitGroup::new());
    /// for _ in 0..10 {
    ///     let place = places.acquire_owned(1); // waits here: there are never more than two at work
    ///     wg.go(move || {
    ///         // work
    ///         drop(place);
    ///     });
    /// }
    /// wg.wait();
    /// assert_eq!(places.available(), 2);
    /// # });
    /// ```
    pub fn acquire_owned(self: &Arc<Self>, n: usize) -> OwnedPermit {
        self.acquire(n).forget();
        OwnedPermit::of(self, n)
    }

    /// As [`Semaphore::try_acquire`], with permits that keep the semaphore.
    pub fn try_acquire_owned(self: &Arc<Self>, n: usize) -> Option<OwnedPermit> {
        self.try_acquire(n)?.forget();
        Some(OwnedPermit::of(self, n))
    }
}

impl OwnedPermit {
    /// These have been taken.
    fn of(semaphore: &Arc<Semaphore>, n: usize) -> OwnedPermit {
        let semaphore = Arc::clone(semaphore);
        OwnedPermit { semaphore, n }
    }

    /// How many permits these are.
    pub fn count(&self) -> usize {
        self.n
    }

    /// Keeps the permits taken for good, or until somebody calls [`Semaphore::release`].
    pub fn forget(mut self) {
        // Dropping it releases none, and lets go of the semaphore.
        self.n = 0;
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if !self.semaphore.give_back(self.n) && !std::thread::panicking() {
            panic!("semaphore: released more than held");
        }
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit")
            .field("count", &self.n)
            .finish_non_exhaustive()
    }
}

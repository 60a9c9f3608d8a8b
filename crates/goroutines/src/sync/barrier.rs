//! `Barrier`: a number of goroutines that wait for each other.
//!
//! Not for: a number that changes; that is a `WaitGroup`.

use super::wait::interrupted;
use goroutines_runtime::park::Reason;
use goroutines_runtime::park::waitq::{Ask, List, Place, WaitQueue, Waited};
use goroutines_runtime::shim::atomic::{AtomicUsize, Ordering};
use std::fmt;

/// A point where a number of goroutines or threads wait for each other, as [`std::sync::Barrier`].
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::Barrier;
/// let barrier = Barrier::new(3);
/// let leaders = goroutines::scope(|s| {
///     let all: Vec<_> = (0..3).map(|_| s.spawn(|| barrier.wait().is_leader())).collect();
///     all.into_iter().filter(|_| true).map(|h| h.join().unwrap()).filter(|leader| *leader).count()
/// });
/// assert_eq!(leaders, 1);
/// # });
/// ```
///
/// It can be used again at once: those of the next round wait for the next round.
pub struct Barrier {
    n: usize,
    /// How many have arrived in this round: used with the queue locked.
    arrived: AtomicUsize,
    /// Which round this is: used with the queue locked.
    round: AtomicUsize,
    queue: WaitQueue,
}

/// What [`Barrier::wait`] gives.
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this one came last: one of each round is told so.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier that lets go every time `n` have arrived; 0 is as good as 1.
    #[must_use]
    #[inline]
    pub const fn new(n: usize) -> Barrier {
        Barrier {
            n,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            queue: WaitQueue::new(),
        }
    }

    /// Waits until all have arrived.
    ///
    /// What each did before is visible to all after.
    pub fn wait(&self) -> BarrierWaitResult {
        let mut all = None;
        let mine = std::cell::Cell::new(0);
        let enter = |[list]: &mut [List; 1]| {
            let arrived = self.arrived.load(Ordering::Relaxed) + 1;
            if arrived < self.n {
                self.arrived.store(arrived, Ordering::Relaxed);
                mine.set(self.round.load(Ordering::Relaxed));
                return Some(Place::Back(0));
            }
            self.arrived.store(0, Ordering::Relaxed);
            let next = self.round.load(Ordering::Relaxed).wrapping_add(1);
            self.round.store(next, Ordering::Relaxed);
            all = Some(list.take_all());
            None
        };
        // Somebody who gave up is counted until it has left; a round may end in between, without it.
        let left = |_: &mut [List; 1]| {
            if self.round.load(Ordering::Relaxed) == mine.get() {
                let arrived = self.arrived.load(Ordering::Relaxed);
                self.arrived.store(arrived - 1, Ordering::Relaxed);
            }
        };
        match self.queue.wait(Ask::new(Reason::Barrier), enter, left) {
            Waited::NotEntered => {
                if let Some(all) = all {
                    all.ready(0);
                }
                BarrierWaitResult(true)
            }
            Waited::Woken(_) => BarrierWaitResult(false),
            Waited::Left(cause) => interrupted(cause),
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.is_leader())
            .finish()
    }
}

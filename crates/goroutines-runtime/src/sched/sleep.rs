//! The sleep word of a worker: how it goes to sleep and how it is woken, once.
//!
//! Not for: choosing whom to wake (`idle`). The argument that no wake-up is lost is in README.md;
//! the model is in `tests.rs`.

use crate::shim::atomic::{AtomicU32, Ordering};
use crate::shim::store_load_fence;

const AWAKE: u32 = 0;
const SLEEPING: u32 = 1;
const NOTIFIED: u32 = 2;
const POLLING: u32 = 3;

/// What a worker that sleeps blocks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bed {
    /// The word itself.
    Word,
    /// Its poller.
    Poller,
}

impl Bed {
    fn state(self) -> u32 {
        match self {
            Bed::Word => SLEEPING,
            Bed::Poller => POLLING,
        }
    }

    fn of(state: u32) -> Option<Bed> {
        match state {
            SLEEPING => Some(Bed::Word),
            POLLING => Some(Bed::Poller),
            _ => None,
        }
    }
}

/// See the module's head.
#[derive(Debug)]
pub struct SleepWord(AtomicU32);

impl Default for SleepWord {
    fn default() -> Self {
        SleepWord::new()
    }
}

impl SleepWord {
    /// The word of a worker that is awake.
    pub fn new() -> SleepWord {
        SleepWord(AtomicU32::new(AWAKE))
    }

    /// The worker says that it is about to sleep, and where. It looks at every source of work *after*
    /// this, and then either calls [`SleepWord::stay_awake`] or blocks there.
    pub fn announce(&self, bed: Bed) {
        // Release: pairs with the Acquire in `wake`, so that the waker knows the bed if it is a poller.
        self.0.store(bed.state(), Ordering::Release);
        // Pairs with the fence in `wake`.
        store_load_fence();
    }

    /// The worker found something after all, or has slept; `true`: somebody has woken it.
    pub fn stay_awake(&self) -> bool {
        // Acquire: what a waker did before it notified us is visible.
        self.0.swap(AWAKE, Ordering::Acquire) == NOTIFIED
    }

    /// Whether it may still block.
    pub fn asleep(&self) -> bool {
        Bed::of(self.0.load(Ordering::Acquire)).is_some()
    }

    /// Called after putting something where the worker looks. If the worker was going to sleep the
    /// answer is where, and the caller, who alone gets it, must unblock it there.
    #[inline]
    #[must_use = "the sleeping thread must be unblocked"]
    pub fn wake(&self) -> Option<Bed> {
        // Pairs with the fence in `announce`: either the worker sees what was put there, or we see
        // that it sleeps.
        store_load_fence();
        let state = self.0.load(Ordering::Relaxed);
        let bed = Bed::of(state)?;
        // If it fails somebody else unblocks it, or it is awake and will look. Acquire: the poller that it
        // sleeps in was made before it said so.
        self.0
            .compare_exchange(state, NOTIFIED, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(bed)
    }

    /// The word to block on while [`SleepWord::asleep`] in [`Bed::Word`], and the value it has then.
    #[cfg(not(loom))]
    pub(crate) fn word(&self) -> (&AtomicU32, u32) {
        (&self.0, SLEEPING)
    }
}

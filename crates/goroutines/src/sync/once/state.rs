//! The word of a `Once`.
//!
//! Not for: the queue. Two bits say where it is, one whether somebody waits:
//!
//! | value | meaning | next |
//! |---|---|---|
//! | `NEW` | nobody has called | `RUNNING` |
//! | `POISONED` | the call panicked, or exited | `RUNNING` by force, or for ever |
//! | `RUNNING` | one is at it | `NEW`, `POISONED`, `DONE`: by that one |
//! | `DONE` | done | nothing |
//! | + `QUEUED` | the queue is not empty; set with the queue locked, and not beside `DONE` | taken by whoever takes the queue |

use goroutines_runtime::shim::atomic::{AtomicU32, Ordering};

const NEW: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const DONE: u32 = 3;
const PHASE: u32 = 3;
const QUEUED: u32 = 4;

/// See the module's head.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// Where a `Once` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Poisoned,
    Running,
    Done,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    New,
    Poisoned,
    Done,
}

fn phase(s: u32) -> Phase {
    match s & PHASE {
        NEW => Phase::New,
        POISONED => Phase::Poisoned,
        RUNNING => Phase::Running,
        _ => Phase::Done,
    }
}

impl State {
    pub(super) const fn new() -> State {
        State(AtomicU32::new(NEW))
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release in `finish`.
        self.0.load(Ordering::Acquire) == DONE
    }

    pub(super) fn phase(&self) -> Phase {
        // Acquire: as in `is_done`.
        phase(self.0.load(Ordering::Acquire))
    }

    /// Begins to run; `Err`: it is running or done, or (without `force`) poisoned. `Ok` says whether it
    /// was poisoned.
    pub(super) fn start(&self, force: bool) -> Result<bool, Phase> {
        let step = |s| match phase(s) {
            Phase::New => Some(s | RUNNING),
            Phase::Poisoned if force => Some((s & !PHASE) | RUNNING),
            _ => None,
        };
        // Acquire: a run after a poisoned one sees what that one did.
        match self
            .0
            .fetch_update(Ordering::Acquire, Ordering::Acquire, step)
        {
            Ok(s) => Ok(phase(s) == Phase::Poisoned),
            Err(s) => Err(phase(s)),
        }
    }

    /// Ends the run; `true`: somebody may be queued.
    #[must_use = "those queued have to be woken"]
    pub(super) fn finish(&self, end: End) -> bool {
        let next = match end {
            End::New => NEW,
            End::Poisoned => POISONED,
            End::Done => DONE,
        };
        // Release: what the run did comes before what those see who find it ended. Acquire: whoever
        // set `QUEUED` has the queue locked, and is in it when we get that lock.
        self.0.swap(next, Ordering::AcqRel) & QUEUED != 0
    }

    /// For one that is about to enter the queue, with the queue locked; `false`: there is no reason to
    /// wait. `waits` says in which phases there is.
    pub(super) fn enqueue(&self, waits: impl Fn(Phase) -> bool) -> bool {
        let step = |s| waits(phase(s)).then_some(s | QUEUED);
        // Acquire: as in `is_done`.
        self.0
            .fetch_update(Ordering::Acquire, Ordering::Acquire, step)
            .is_ok()
    }
}

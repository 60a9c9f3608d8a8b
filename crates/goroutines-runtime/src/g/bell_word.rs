//! The word between one that polls and those who tell it to poll again, any number of times.
//!
//! Not for: the wait itself; the ringer ends that with the ticket it finds here.
//!
//! | word | meaning | next |
//! |---|---|---|
//! | quiet | the owner polls, nobody has rung since it began | rung, waiting |
//! | rung | somebody has rung since the owner began to poll | quiet |
//! | ticket | the owner is in this wait, or on its way into it | rung; quiet if something else ended the wait |
//!
//! *No ring is lost.* A ringer swaps: it finds quiet, and then the owner's exchange from quiet to its
//! ticket fails, so it polls again; or a ticket, and then it ends that wait. A second ring before the
//! owner has heard the first finds rung: one more poll answers both, and it sees what both have done,
//! because each ring is a Release and the owner's swap to quiet an Acquire.
//!
//! *No ring is wrong.* A ticket ends one wait. Rung late, the bell sets the word of nobody's wait, or
//! makes the owner poll once too often. The models are in `tests/bells.rs`.

use super::state::Ticket;
use crate::shim::atomic::{AtomicU64, Ordering};

const QUIET: u64 = 0;
const RUNG: u64 = 1;
/// Added to the number of a ticket, so that it is neither of the two.
const WAITING: u64 = 2;

/// See the module's head.
#[derive(Debug)]
pub struct BellWord(AtomicU64);

impl Default for BellWord {
    fn default() -> Self {
        BellWord::new()
    }
}

impl BellWord {
    /// Of an owner that has not polled yet.
    pub fn new() -> BellWord {
        BellWord(AtomicU64::new(QUIET))
    }

    /// Rings. `Some`: the owner is in this wait, which the caller must try to end.
    #[must_use = "the owner may be waiting"]
    pub fn ring(&self) -> Option<Ticket> {
        // AcqRel: Release hands what the ringer did to the next poll. It is an exchange even if the
        // word is rung already, so that this ring is in that order too. Acquire: the wait has begun.
        let before = self.0.swap(RUNG, Ordering::AcqRel);
        before.checked_sub(WAITING).map(Ticket::from_u64)
    }

    /// Before a poll: what was rung until now is heard by it. `true`: something was.
    pub fn hear(&self) -> bool {
        // Acquire: pairs with the Release in `ring`.
        self.0.swap(QUIET, Ordering::Acquire) == RUNG
    }

    /// Leaves the ticket of a wait that has begun. `false`: it has been rung; do not wait.
    #[must_use = "says whether to wait"]
    pub fn wait(&self, ticket: Ticket) -> bool {
        // Release: pairs with the Acquire in `ring`.
        let waiting = ticket.as_u64() + WAITING;
        self.0
            .compare_exchange(QUIET, waiting, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

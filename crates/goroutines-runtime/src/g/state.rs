//! The wait word: one atomic that says whether a goroutine waits, and lets one waker win.
//!
//! Not for: which queue the goroutine is in. Bits:
//!
//! ```text
//!  63                                            8 7        0
//! +-----------------------------------------------+----------+
//! | ticket: the number of this wait               | Phase    |
//! +-----------------------------------------------+----------+
//! ```
//!
//! | phase | meaning | who may leave it |
//! |---|---|---|
//! | `Waiting` | prepared or parked; wakers may claim it | one waker, by [`WaitWord::claim`] |
//! | `WaitingToken` | the same, and whoever unparks may claim it without a ticket | the same, or [`WaitWord::claim_token`] |
//! | `Shielded` | as `Waiting`, but a cancel may not claim it | one waker |
//! | `Ready`, `Deadline`, `Cancelled` | claimed for this cause; the claimer now owns the goroutine and must make it ready | the goroutine, by its next [`WaitWord::begin`] |
//! | `Idle` | waits for nothing | the goroutine |
//!
//! A ticket is used once. A record that is used again goes on counting, so a waker that comes too
//! late, even for a goroutine that ended long ago, finds another ticket and does nothing.

use crate::shim::atomic::{AtomicU64, Ordering};

/// The number of one wait of one goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket as a number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The ticket with this number.
    pub fn from_u64(number: u64) -> Ticket {
        Ticket(number)
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// A peer made it ready.
    Ready = 1,
    /// Its deadline passed first.
    Deadline = 2,
    /// Somebody asked the goroutine to unwind.
    Cancelled = 3,
}

/// Who may end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wakeable {
    /// Holders of the ticket, and a cancel.
    ByTicket = 4,
    /// The same, and anyone who unparks the goroutine.
    ByToken = 5,
    /// Holders of the ticket only.
    Shielded = 6,
}

const _: () = assert!(Wakeable::ByTicket as u8 ^ Wakeable::Shielded as u8 == 2);

const PHASE_BITS: u32 = 8;
const PHASE: u64 = (1 << PHASE_BITS) - 1;

/// See the module's head.
#[derive(Debug)]
pub struct WaitWord(AtomicU64);

impl Default for WaitWord {
    fn default() -> Self {
        WaitWord::new()
    }
}

impl WaitWord {
    /// A word of a goroutine that waits for nothing.
    pub fn new() -> WaitWord {
        WaitWord(AtomicU64::new(0))
    }

    /// Begins a wait. Only the goroutine itself calls this.
    #[inline]
    pub fn begin(&self, wakeable: Wakeable) -> Ticket {
        let ticket = (self.0.load(Ordering::Relaxed) >> PHASE_BITS) + 1;
        // Release: who finds this phase by `claim_token` sees what the goroutine did before.
        self.0
            .store((ticket << PHASE_BITS) | wakeable as u64, Ordering::Release);
        Ticket(ticket)
    }

    /// Claims the wait with this ticket. Of all who try, one gets `true`: it must make the
    /// goroutine ready, and until it does the goroutine stays where it is.
    #[inline]
    #[must_use = "the claimer must make the goroutine ready"]
    pub fn claim(&self, ticket: Ticket, cause: Cause) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let waiting = word & PHASE;
            let open = waiting == Wakeable::ByTicket as u64
                || waiting == Wakeable::ByToken as u64
                || (waiting == Wakeable::Shielded as u64 && cause != Cause::Cancelled);
            if word >> PHASE_BITS != ticket.0 || !open {
                return false;
            }
            // AcqRel: Release hands what the claimer did before to the goroutine (it reads the
            // cause with Acquire); Acquire lets the claimer touch what the waiter prepared.
            match self.0.compare_exchange_weak(
                word,
                (ticket.0 << PHASE_BITS) | cause as u64,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// As [`WaitWord::claim`] for [`Cause::Ready`], without an atomic exchange: for a caller who knows
    /// that nobody else claims this wait at the same time.
    #[inline]
    #[must_use = "the claimer must make the goroutine ready"]
    pub fn claim_alone(&self, ticket: Ticket) -> bool {
        const BY_TICKET: u64 = Wakeable::ByTicket as u64;
        const SHIELDED: u64 = Wakeable::Shielded as u64;
        let word = self.0.load(Ordering::Relaxed);
        // The two phases that are open to holders of the ticket only differ in one bit.
        if word & !(BY_TICKET ^ SHIELDED) != (ticket.0 << PHASE_BITS) | BY_TICKET {
            return false;
        }
        // Release: as in `claim`. (No Acquire: what the waiter prepared came before what orders the
        // caller after all other claimers.)
        self.0.store(
            (ticket.0 << PHASE_BITS) | Cause::Ready as u64,
            Ordering::Release,
        );
        true
    }

    /// Claims whatever wait is open to a token holder.
    #[inline]
    #[must_use = "the claimer must make the goroutine ready"]
    pub fn claim_token(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word & PHASE == Wakeable::ByToken as u64
            && self.claim(Ticket(word >> PHASE_BITS), Cause::Ready)
    }

    /// Claims whatever wait is open to a cancel.
    #[inline]
    #[must_use = "the claimer must make the goroutine ready"]
    pub fn claim_cancel(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        self.claim(Ticket(word >> PHASE_BITS), Cause::Cancelled)
    }

    /// Claims whatever wait is open to a holder of its ticket.
    #[must_use = "the claimer must make the goroutine ready"]
    pub fn claim_any(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        self.claim(Ticket(word >> PHASE_BITS), Cause::Ready)
    }

    /// Takes a wait back that nobody claimed. `false`: somebody did, and will make the goroutine
    /// ready; it has to park for that. Only the goroutine itself calls this.
    #[inline]
    #[must_use = "a claimed wait must still be parked"]
    pub fn withdraw(&self, ticket: Ticket) -> bool {
        self.claim(ticket, Cause::Ready)
    }

    /// The cause of the last wait's end. Only meaningful to the goroutine itself, after a wait.
    #[inline]
    pub fn cause(&self) -> Cause {
        // Acquire: pairs with the Release in `claim`.
        match self.0.load(Ordering::Acquire) & PHASE {
            2 => Cause::Deadline,
            3 => Cause::Cancelled,
            _ => Cause::Ready,
        }
    }
}

//! The readiness word: what is known of one direction of one descriptor.
//!
//! Not for: who waits (`slot`). Bits:
//!
//! ```text
//!  63                    4         3        2       1       0
//! +------------------------+---------+--------+-------+-------+
//! | how many events so far | WAITING | CLOSED | FINAL | READY |
//! +------------------------+---------+--------+-------+-------+
//! ```
//!
//! | bit | meaning | set by | cleared by |
//! |---|---|---|---|
//! | `READY` | trying may succeed: nothing has said otherwise since the last event | an event; a new word has it | who tried and found out, if no event came since it looked |
//! | `FINAL` | the last event was the last of all (the peer has shut down), or there is urgent data: a try that got less than it asked for is no sign that the next one would block | such an event | a try that would have blocked |
//! | `CLOSED` | `close` was called | `close` | a new owner of the word |
//! | `WAITING` | somebody may be among the waiters | who adds itself to them | an event, which takes them all out |
//!
//! Descriptors are watched for changes, so an event comes once. Who tries an operation first looks at
//! the word; an event that comes after that look changes the count, and then the exchange that would
//! clear `READY` fails. So no event is forgotten.

use crate::shim::atomic::{AtomicU64, Ordering};

const READY: u64 = 1;
const FINAL: u64 = 2;
const CLOSED: u64 = 4;
const WAITING: u64 = 8;
const EVENT: u64 = 16;

/// See the module's head.
#[derive(Debug)]
pub struct Readiness(AtomicU64);

/// What a look at the word found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Trying may succeed.
    Ready(Seen),
    /// It would block.
    NotReady,
    /// `close` was called.
    Closed,
}

/// The word as it was at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u64);

impl Default for Readiness {
    fn default() -> Self {
        Readiness(AtomicU64::new(READY))
    }
}

impl Readiness {
    /// What is known now. To be called before an operation is tried.
    #[inline]
    pub fn look(&self) -> Look {
        // Acquire: pairs with the Release in `close` and `event`.
        Readiness::meaning(self.0.load(Ordering::Acquire))
    }

    #[inline]
    fn meaning(word: u64) -> Look {
        if word & CLOSED != 0 {
            Look::Closed
        } else if word & READY != 0 {
            Look::Ready(Seen(word))
        } else {
            Look::NotReady
        }
    }

    /// As [`Readiness::look`], by who is going to wait if it is not ready, with the lock of the waiters
    /// held: events from now on look for it there.
    pub fn look_to_wait(&self) -> Look {
        // Acquire: as in `look`.
        Readiness::meaning(self.0.fetch_or(WAITING, Ordering::Acquire))
    }

    /// An event has come; `true`: somebody may be waiting for it.
    pub(super) fn event(&self, last: bool) -> bool {
        let set = if last { READY | FINAL } else { READY };
        let mut word = self.0.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `look`.
        while let Err(now) = self.0.compare_exchange_weak(
            word,
            ((word & !WAITING) | set).wrapping_add(EVENT),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            word = now;
        }
        word & WAITING != 0
    }

    /// Whoever tried would have blocked.
    #[inline]
    pub fn would_block(&self, seen: Seen) {
        self.clear(seen, READY | FINAL);
    }

    /// Whoever tried got less than it asked for: another try would block, if nothing has come since.
    #[inline]
    pub fn short(&self, seen: Seen) {
        if seen.0 & FINAL == 0 {
            self.clear(seen, READY);
        }
    }

    #[inline]
    fn clear(&self, seen: Seen, bits: u64) {
        // If it fails an event has come, or another has done this, or it is closed: all as well.
        let _ =
            self.0
                .compare_exchange(seen.0, seen.0 & !bits, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// `false`: it was closed before.
    pub(super) fn close(&self) -> bool {
        self.0.fetch_or(CLOSED, Ordering::Release) & CLOSED == 0
    }

    /// For a new owner, who nobody else knows yet.
    pub(super) fn reset(&self) {
        self.0.store(READY, Ordering::Relaxed);
    }
}

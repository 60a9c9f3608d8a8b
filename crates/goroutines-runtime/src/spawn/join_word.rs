//! The word between a goroutine that ends and the one that joins it.
//!
//! Not for: the result itself; whoever this word says owns it moves or drops it.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | empty | runs, nobody waits | waiter, done, detached |
//! | waiter | runs, this one waits | done; empty again if the wait was given up |
//! | done | ended; the handle owns the result | detached |
//! | detached | the handle is gone; the goroutine owns its result | done (final) |
//!
//! Both ends swap: the one that comes second knows what the first one left, and drops the result if
//! it falls to it. The model is in `tests.rs`.

use crate::shim::atomic::{AtomicU64, AtomicUsize, Ordering};

const EMPTY: usize = 0;
const DONE: usize = 1;
const DETACHED: usize = 2;

/// See the module's head. A waiter is a number other than the three, and a ticket.
#[derive(Debug)]
pub struct JoinWord {
    state: AtomicUsize,
    ticket: AtomicU64,
}

/// What the ending goroutine has to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a waiter must be woken, and a result nobody wants must be dropped"]
pub enum Finish {
    /// Nothing: the handle will find the result.
    Nobody,
    /// Wake this one.
    Wake(usize, u64),
    /// Drop the result: nobody else will.
    DropResult,
}

impl Default for JoinWord {
    fn default() -> Self {
        JoinWord::new()
    }
}

impl JoinWord {
    /// Of a goroutine that has not ended.
    pub fn new() -> JoinWord {
        JoinWord {
            state: AtomicUsize::new(EMPTY),
            ticket: AtomicU64::new(0),
        }
    }

    /// The goroutine has ended, and its result is in place.
    pub fn finish(&self) -> Finish {
        // AcqRel: Release hands the result over; Acquire sees the waiter's ticket.
        match self.state.swap(DONE, Ordering::AcqRel) {
            EMPTY => Finish::Nobody,
            DETACHED => Finish::DropResult,
            waiter => Finish::Wake(waiter, self.ticket.load(Ordering::Relaxed)),
        }
    }

    /// Leaves the address of a waiter. `false`: it has ended, there is nothing to wait for.
    #[must_use]
    pub fn wait(&self, waiter: usize, ticket: u64) -> bool {
        self.ticket.store(ticket, Ordering::Relaxed);
        // Release: pairs with the Acquire in `finish`. Acquire: sees the result.
        self.state
            .compare_exchange(EMPTY, waiter, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Takes the waiter back. `false`: it has ended.
    #[must_use]
    pub fn give_up(&self, waiter: usize) -> bool {
        self.state
            .compare_exchange(waiter, EMPTY, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Whether it has ended; then its result may be read.
    pub fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// The handle goes. `true`: the result is there and falls to the caller.
    #[must_use = "the result must be dropped"]
    pub fn detach(&self) -> bool {
        self.state.swap(DETACHED, Ordering::AcqRel) == DONE
    }
}

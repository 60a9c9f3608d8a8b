//! The word between a goroutine that ends and the one that joins it.
//!
//! Not for: the result itself; whoever this word says owns it moves or drops it.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | empty | runs, nobody waits | waiter, task, done, detached |
//! | waiter | runs, this one waits | done; empty again if the wait was given up |
//! | task | runs, and has this task's waker to call; it owns that | done; empty again if the handle took the waker back |
//! | done | ended; the handle owns the result | taken, detached |
//! | taken | ended; the handle has given the result away, and is still there | detached |
//! | detached | the handle is gone; the goroutine owns its result | done (final) |
//!
//! Both ends swap: the one that comes second knows what the first one left, and drops the result if
//! it falls to it. A handle that is polled leaves its task's waker in a box, of which the word is the only
//! owner: who takes it out, by an exchange, frees it. That is the goroutine at its end, which calls it;
//! or the handle, before each further poll, join and drop. So a wake is not lost: as long as the word is
//! not done the latest waker is in it, or the handle is about to look again. The models are in
//! `tests/models.rs`.

use crate::shim::atomic::{AtomicU64, AtomicUsize, Ordering};

const EMPTY: usize = 0;
const DONE: usize = 1;
const DETACHED: usize = 2;
const TAKEN: usize = 3;

/// In the number of a task; those of waiters are even.
const TASK: usize = 1;

/// See the module's head. A waiter is an even number other than these, and a ticket.
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
    /// Call the waker at this address, and free it.
    Tell(usize),
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
            task if task & TASK != 0 => Finish::Tell(task & !TASK),
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
        matches!(self.state.load(Ordering::Acquire), DONE | TAKEN)
    }

    /// Leaves the even address of a task's waker, which is the word's from now on. `false`: it has
    /// ended, and the waker is still the caller's.
    #[must_use]
    pub fn leave(&self, task: usize) -> bool {
        debug_assert!(task & TASK == 0 && task > TAKEN);
        // Release: pairs with the Acquire in `finish`. Acquire: sees the result.
        self.state
            .compare_exchange(EMPTY, task | TASK, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Takes the address back that the handle has left, if it is still there; it is the caller's again.
    #[must_use]
    pub fn take_back(&self) -> Option<usize> {
        let state = self.state.load(Ordering::Relaxed);
        if state & TASK == 0 || state <= TAKEN {
            return None;
        }
        let taken = self
            .state
            .compare_exchange(state, EMPTY, Ordering::AcqRel, Ordering::Acquire);
        taken.ok().map(|task| task & !TASK)
    }

    /// Whether [`JoinWord::take`] has been called.
    pub fn is_taken(&self) -> bool {
        self.state.load(Ordering::Relaxed) == TAKEN
    }

    /// The handle, which is the only one to touch a word that is done, gives the result away.
    pub fn take(&self) {
        self.state.store(TAKEN, Ordering::Relaxed);
    }

    /// The handle goes. `true`: the result is there and falls to the caller.
    #[must_use = "the result must be dropped"]
    pub fn detach(&self) -> bool {
        self.state.swap(DETACHED, Ordering::AcqRel) == DONE
    }
}

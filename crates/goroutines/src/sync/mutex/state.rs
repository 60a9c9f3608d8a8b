//! The word of a mutex.
//!
//! Not for: the queue. Bits:
//!
//! | bit | meaning | changed by |
//! |---|---|---|
//! | `LOCKED` | somebody has the lock | whoever takes it; its holder. Stays set while the lock is handed from one to the next |
//! | `QUEUED` | the queue is not empty | with the queue locked |
//! | `WOKEN` | a waiter was taken out of the queue to try again, and has not done so: no other needs waking | set with the queue locked, cleared by that waiter |
//! | `STARVING` | the lock is handed to the queue's head, instead of being left to whoever is quickest | with the queue locked |
//!
//! `STARVING` implies `QUEUED`. What follows from these is argued in `sync/README.md`.

use goroutines_runtime::shim::atomic::{AtomicU32, Ordering};

const LOCKED: u32 = 1;
const QUEUED: u32 = 2;
const WOKEN: u32 = 4;
const STARVING: u32 = 8;

/// See the module's head.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// What is left to do after [`State::unlock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody may have to be woken"]
pub(super) enum Unlocked {
    /// Nothing: nobody waits.
    Alone,
    /// Nothing: who waits has been woken before.
    Woken,
    /// Wake a waiter.
    Wake,
    /// The lock is still held: hand it on.
    HandOff,
}

/// What [`State::enqueue`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller may have the lock"]
pub(super) enum Enqueue {
    /// The lock was free; the caller has it.
    Locked,
    /// It is held, and its holder will see that somebody is queued.
    Queue,
}

impl State {
    pub(super) const fn new() -> State {
        State(AtomicU32::new(0))
    }

    /// Takes the lock if it is free; one atomic operation in any case.
    #[inline]
    pub(super) fn lock(&self) -> bool {
        // Acquire: pairs with the Release in `unlock`.
        self.0.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
    }

    /// As [`State::lock`], without an effect on other processors if it is held.
    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        self.0.load(Ordering::Relaxed) & LOCKED == 0 && self.lock()
    }

    /// Takes the lock if it is free, for a waiter that may have been woken.
    pub(super) fn retake(&self, woken: bool) -> bool {
        let clear = if woken { WOKEN } else { 0 };
        let step = |s| (s & LOCKED == 0).then_some((s | LOCKED) & !clear);
        // Acquire: pairs with the Release in `unlock`.
        self.0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, step)
            .is_ok()
    }

    /// Whether it is held and may be free soon.
    pub(super) fn worth_spinning(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (LOCKED | STARVING) == LOCKED
    }

    /// Lets the lock go, unless it is to be handed on.
    #[inline]
    pub(super) fn unlock(&self) -> Unlocked {
        if self.0.load(Ordering::Relaxed) & STARVING != 0 {
            return Unlocked::HandOff;
        }
        // Release: what the holder did comes before what the next one does.
        let before = self.0.fetch_sub(LOCKED, Ordering::Release);
        debug_assert!(before & LOCKED != 0, "unlock of an unlocked mutex");
        if before & (QUEUED | WOKEN) == 0 {
            Unlocked::Alone
        } else if before & WOKEN != 0 {
            Unlocked::Woken
        } else {
            Unlocked::Wake
        }
    }

    /// For a waiter that is about to enter the queue, with the queue locked. It counts as woken no
    /// longer, whichever way this goes.
    pub(super) fn enqueue(&self, woken: bool, starving: bool) -> Enqueue {
        let clear = if woken { WOKEN } else { 0 };
        let starve = if starving { STARVING } else { 0 };
        let step = |s| {
            let next = if s & LOCKED == 0 {
                s | LOCKED
            } else {
                s | QUEUED | starve
            };
            Some(next & !clear)
        };
        // Acquire: as in `retake`.
        match self
            .0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, step)
        {
            Ok(s) if s & LOCKED != 0 => Enqueue::Queue,
            _ => Enqueue::Locked,
        }
    }

    /// Whether nobody will look after the queue but the caller, with the queue locked: the lock is
    /// free, and nobody has been woken.
    pub(super) fn untended(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (LOCKED | WOKEN | QUEUED) == QUEUED
    }

    pub(super) fn starving(&self) -> bool {
        self.0.load(Ordering::Relaxed) & STARVING != 0
    }

    /// A waiter has been taken out of the queue to try again; with the queue locked.
    pub(super) fn woke(&self, last: bool) {
        let clear = if last { QUEUED | STARVING } else { 0 };
        // One may have entered `WOKEN` meanwhile only with the queue locked, that is, not at all.
        let step = |s| Some((s | WOKEN) & !clear);
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
    }

    /// A waiter that was woken gives up.
    pub(super) fn forget_woken(&self) {
        self.0.fetch_and(!WOKEN, Ordering::Relaxed);
    }

    /// The lock has been handed to a waiter; with the queue locked.
    pub(super) fn handed(&self, last: bool, enough: bool) {
        let clear = match (last, enough) {
            (true, _) => QUEUED | STARVING,
            (false, true) => STARVING,
            (false, false) => return,
        };
        self.0.fetch_and(!clear, Ordering::Relaxed);
    }

    /// The queue has become empty; with the queue locked.
    pub(super) fn emptied(&self) {
        self.0.fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
    }

    /// There was nobody left to hand the lock to; with the queue locked.
    pub(super) fn unlock_empty(&self) {
        // Release: as in `unlock`.
        self.0
            .fetch_and(!(LOCKED | QUEUED | STARVING), Ordering::Release);
    }
}

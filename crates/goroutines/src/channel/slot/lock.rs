//! The part of a channel that has no type: its lock, who waits, how much there is, what is promised.
//!
//! Not for: what is done with it (`core`).
//!
//! Everything is in one cache line. The lock is a bit of the status word, so taking it is one exchange
//! and giving it back is one store, which at the same time shows the new status to those who look without
//! the lock. What runs under it is some dozens of instructions and never user code, and it is never held
//! across a switch; so who does not get it spins, and then gives the processor away, in case its holder
//! has been preempted.

use super::node::{Peer, Queue, Side};
use crate::channel::env::{AtomicU64, AtomicUsize, Ordering, Spot, Witness, relax, spot};
use std::cell::Cell;
use std::ops::Deref;

/// See the module's head.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Core {
    /// See [`Status`].
    word: AtomicU64,
    /// Values in the buffer. Written under the lock, read by anyone, for show.
    len: AtomicUsize,
    /// Values that have room; `usize::MAX` for an unbounded channel.
    cap: usize,
    /// How many of the values are kept for receives that a select has chosen.
    kept: Cell<u32>,
    /// How many places are held for sends that a select has chosen.
    held: Cell<u32>,
    /// Parked senders; none if there is room.
    senders: Queue,
    /// Parked receivers; none if there is a value that is not kept.
    receivers: Queue,
    /// Selects that want to know when an operation is ready.
    watchers: Queue,
    witness: Witness,
}

// SAFETY: the cells and queues are reached through `Held` only, which exists only while the lock is
// held, one at a time. The nodes in the queues may be used by any thread under the lock.
unsafe impl Sync for Core {}
// SAFETY: nothing in it belongs to a thread; see above for the nodes.
unsafe impl Send for Core {}

#[cfg(not(test))]
const _: () = assert!(size_of::<Core>() == 64);

const LOCK: u64 = 1;
const MAY_RECV: u64 = 2;
const MAY_SEND: u64 = 4;
const CLOSED: u64 = 8;
const BITS: u64 = MAY_RECV | MAY_SEND | CLOSED;
/// Above the bits: how often they have changed.
const CHANGE: u64 = 16;

/// What an operation can see of a channel without its lock.
///
/// ```text
///  63                           4    3        2         1       0
/// +------------------------------+--------+----------+----------+------+
/// | how often bits 1..3 changed  | CLOSED | MAY_SEND | MAY_RECV | LOCK |
/// +------------------------------+--------+----------+----------+------+
/// ```
///
/// `MAY_*`: the operation would not wait; or it would, because the only peers there are selects that
/// have been chosen by others in the meantime. Not set: it would wait, at the moment of the look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u64);

impl Status {
    /// Whether the operation would not wait, or may not have to.
    #[inline]
    pub(crate) fn may(self, side: Side) -> bool {
        let bit = match side {
            Side::Recv => MAY_RECV,
            Side::Send => MAY_SEND,
        };
        self.0 & bit != 0
    }

    /// The word without the lock: greater after each change.
    #[inline]
    pub(crate) fn as_u64(self) -> u64 {
        self.0 & !LOCK
    }

    /// Whether it has been closed.
    #[inline]
    pub(crate) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }
}

impl Core {
    pub(crate) fn new(cap: usize) -> Core {
        Core {
            word: AtomicU64::new(if cap > 0 { MAY_SEND } else { 0 }),
            len: AtomicUsize::new(0),
            cap,
            kept: Cell::new(0),
            held: Cell::new(0),
            senders: Queue::new(),
            receivers: Queue::new(),
            watchers: Queue::new(),
            witness: Witness::new(),
        }
    }

    /// What can be seen without the lock.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        // Acquire: pairs with the Release in `unlock`; who sees that something has gone from here sees
        // what its taker saw before.
        Status(self.word.load(Ordering::Acquire))
    }

    /// The number of values, a moment ago.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Locks it. Unlocking shows the new status, and tells watchers if there is something for them.
    #[inline]
    pub(crate) fn lock(&self, spot: Spot) -> Guard<'_> {
        self.take_lock(spot);
        Guard(Held(self))
    }

    /// Takes the lock, to be given back by [`Core::unlock`].
    #[inline]
    pub(super) fn take_lock(&self, _spot: Spot) {
        let word = self.word.load(Ordering::Relaxed);
        // Acquire: pairs with the Release in `unlock`.
        if word & LOCK != 0
            || self
                .word
                .compare_exchange(word, word | LOCK, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            self.take_lock_later();
        }
        self.witness.write();
    }

    #[cold]
    #[inline(never)]
    fn take_lock_later(&self) {
        let mut round = 0;
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCK == 0
                && self
                    .word
                    .compare_exchange_weak(word, word | LOCK, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            relax(round);
            round = round.saturating_add(1);
        }
    }

    /// The first who wants to know when it could do this, claimed.
    #[cold]
    pub(crate) fn next_watcher(&self, side: Side) -> Option<Peer> {
        self.take_lock(spot());
        let peer = Held(self).watchers().claim_first_of(side);
        // SAFETY: the lock was taken above, and `Held` is gone. Watchers have been taken out, not put
        // in, so they are not told from here: our caller does that.
        unsafe { self.unlock() };
        peer
    }

    /// The state behind the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock for as long as it uses the result.
    #[inline]
    pub(super) unsafe fn held(&self) -> Held<'_> {
        Held(self)
    }

    /// Shows the status and unlocks; `true`: somebody watches.
    ///
    /// # Safety
    ///
    /// The caller holds the lock and has no [`Held`] any more.
    #[inline]
    pub(super) unsafe fn unlock(&self) -> bool {
        let watched = !self.watchers.is_empty();
        let before = self.word.load(Ordering::Relaxed) & !LOCK;
        let len = self.len.load(Ordering::Relaxed);
        let (kept, held) = (self.kept.get() as usize, self.held.get() as usize);
        // As `Held::may` says it, without branches.
        let closed = before & CLOSED != 0;
        let recv = (len != kept) | !self.senders.is_empty() | closed;
        let send = (self.cap - held != len) | !self.receivers.is_empty() | closed;
        let now = (u64::from(recv) * MAY_RECV) | (u64::from(send) * MAY_SEND) | (before & CLOSED);
        let changed = u64::from(before & BITS != now) * CHANGE;
        let word = (before & !BITS).wrapping_add(changed) | now;
        self.witness.write();
        // Release: pairs with the Acquire in `take_lock` and in `status`.
        self.word.store(word, Ordering::Release);
        watched
    }
}

/// The state of a channel whose lock is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a>(&'a Core);

/// A channel, locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Guard<'a>(Held<'a>);

impl<'a> Deref for Guard<'a> {
    type Target = Held<'a>;
    #[inline]
    fn deref(&self) -> &Held<'a> {
        &self.0
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        let core = self.0.0;
        // SAFETY: the guard holds the lock, and nobody can look through it any more.
        if unsafe { core.unlock() } {
            core.tell_watchers();
        }
    }
}

impl<'a> Held<'a> {
    /// Whether nothing comes in any more.
    #[inline]
    pub(crate) fn closed(self) -> bool {
        self.0.word.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Nothing comes in any more.
    pub(crate) fn set_closed(self) {
        let word = self.0.word.load(Ordering::Relaxed);
        if word & CLOSED == 0 {
            // Only the holder of the lock writes the word. Release: as in `unlock`.
            let word = (word & !BITS).wrapping_add(CHANGE) | BITS;
            self.0.word.store(word, Ordering::Release);
        }
    }

    /// How many values there are.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_len(self, len: usize) {
        self.0.len.store(len, Ordering::Relaxed);
    }

    /// Values for anyone.
    #[inline]
    pub(crate) fn available(self) -> usize {
        self.len() - self.0.kept.get() as usize
    }

    /// Places for anyone.
    #[inline]
    pub(crate) fn room(self) -> usize {
        self.0.cap - self.len() - self.0.held.get() as usize
    }

    /// One more value is kept.
    #[inline]
    pub(crate) fn keep(self) {
        self.0.kept.set(self.0.kept.get() + 1);
    }

    /// One that was kept is for anyone.
    #[inline]
    pub(crate) fn unkeep(self) {
        self.0.kept.set(self.0.kept.get() - 1);
    }

    /// One more place is held.
    #[inline]
    pub(crate) fn hold(self) {
        self.0.held.set(self.0.held.get() + 1);
    }

    /// One that was held is for anyone.
    #[inline]
    pub(crate) fn unhold(self) {
        self.0.held.set(self.0.held.get() - 1);
    }

    /// Those who wait to do this.
    #[inline]
    pub(crate) fn queue(self, side: Side) -> &'a Queue {
        match side {
            Side::Recv => &self.0.receivers,
            Side::Send => &self.0.senders,
        }
    }

    /// Those who want to know when they could.
    #[inline]
    pub(crate) fn watchers(self) -> &'a Queue {
        &self.0.watchers
    }
}

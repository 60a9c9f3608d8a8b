//! The part of a channel that has no type: its lock, who waits, how much there is, what is promised.
//!
//! Not for: what is done with it (`core`).
//!
//! Everything that operations write is in one cache line. What runs under the lock is some dozens of
//! instructions and never user code, and it is never held across a switch; so who does not get it spins,
//! and then gives the processor away, in case its holder has been preempted. Giving it back is one store;
//! another one shows the new status to those who look without the lock.
//!
//! Taking it is one exchange, or none at all while it *leans* to the worker that takes it: README.md has
//! the argument.

use super::node::{Node, Peer, Queue, Side};
use crate::channel::env::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, Spot, Witness, bias, relax, spot,
    spot as here,
};
use std::cell::Cell;
use std::ops::Deref;

/// See the module's head.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Core {
    /// See [`Status`].
    word: AtomicU64,
    /// Values in the buffer. Written under the lock, read by anyone, for show.
    len: AtomicUsize,
    /// Values that have room; `usize::MAX` for an unbounded channel.
    cap: usize,
    /// Where in a ring the oldest value is. Here, because the rest of a ring is never written: senders and
    /// receivers on two processors pass only this line to and fro.
    head: Cell<usize>,
    /// How many of the values are kept for receives that a select has chosen.
    kept: Cell<u32>,
    /// How many places are held for sends that a select has chosen.
    held: Cell<u32>,
    /// Parked senders; none if there is room.
    senders: Queue,
    /// Parked receivers; none if there is a value that is not kept.
    receivers: Queue,
    /// See [`word`].
    lock: AtomicU32,
    /// The worker that it leans to holds it, or tries whether it may.
    inside: AtomicBool,
    /// Its holder has taken it by `inside`.
    leaning: Cell<bool>,
    /// There are watchers, or there were.
    watched: Cell<bool>,
    /// Selects that want to know when an operation is ready. On a line of its own: there are rarely any.
    watchers: Queue,
    witness: Witness,
}

// SAFETY: the cells and queues are reached through `Held` only, which exists only while the lock is
// held, one at a time. The nodes in the queues may be used by any thread under the lock.
unsafe impl Sync for Core {}
// SAFETY: nothing in it belongs to a thread; see above for the nodes.
unsafe impl Send for Core {}

#[cfg(not(test))]
const _: () = assert!(std::mem::offset_of!(Core, watchers) == 64);

const MAY_RECV: u64 = 1;
const MAY_SEND: u64 = 2;
const CLOSED: u64 = 4;
const BITS: u64 = MAY_RECV | MAY_SEND | CLOSED;
/// Above the bits: how often they have changed.
const CHANGE: u64 = 8;

/// What an operation can see of a channel without its lock.
///
/// ```text
///  63                           3    2        1         0
/// +------------------------------+--------+----------+----------+
/// | how often bits 0..2 changed  | CLOSED | MAY_SEND | MAY_RECV |
/// +------------------------------+--------+----------+----------+
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

    /// The word: greater after each change.
    #[inline]
    pub(crate) fn as_u64(self) -> u64 {
        self.0
    }

    /// Whether it has been closed.
    #[inline]
    pub(crate) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }
}

/// The lock word.
///
/// ```text
///   31  30     24 23     19   18      17     16   15     0
/// +----+---------+-------+-------+-------+------+----------+
/// |FULL| streak  |       | NEVER | LEANS | HELD | worker   |
/// +----+---------+-------+-------+-------+------+----------+
/// ```
///
/// `worker` is the number of the worker that has taken it the last `streak` times; 0: that was a plain
/// thread. When the streak is `FULL`, the holder makes the lock *lean* to that worker instead of giving
/// it back: `HELD` is clear and stays so while that worker, which says so in `inside`, takes it and gives
/// it back. Anybody else clears `LEANS` and sets `NEVER` first: it does not lean again.
mod word {
    use crate::channel::env::STREAK;

    pub(super) const WORKER: u32 = (1 << 16) - 1;
    pub(super) const HELD: u32 = 1 << 16;
    pub(super) const LEANS: u32 = 1 << 17;
    pub(super) const NEVER: u32 = 1 << 18;
    pub(super) const ONCE: u32 = FULL / STREAK;
    pub(super) const FULL: u32 = 1 << 31;

    /// The word of a lock that leans to this worker.
    #[inline]
    pub(super) fn leaning(worker: u32) -> u32 {
        worker | LEANS
    }

    /// The word once this worker has taken the lock.
    #[inline]
    pub(super) fn held(before: u32, worker: u32) -> u32 {
        if before & NEVER != 0 {
            before | HELD
        } else if before & WORKER == worker {
            before.wrapping_add(ONCE) | HELD
        } else {
            worker | HELD
        }
    }
}

impl Core {
    pub(crate) fn new(cap: usize) -> Core {
        Core {
            word: AtomicU64::new(if cap > 0 { MAY_SEND } else { 0 }),
            len: AtomicUsize::new(0),
            cap,
            head: Cell::new(0),
            kept: Cell::new(0),
            held: Cell::new(0),
            senders: Queue::new(),
            receivers: Queue::new(),
            lock: AtomicU32::new(0),
            inside: AtomicBool::new(false),
            leaning: Cell::new(false),
            watched: Cell::new(false),
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

    /// Where in a ring the oldest value is, for who has the channel for itself.
    pub(super) fn last_head(&mut self) -> usize {
        self.head.get()
    }

    /// Locks it. Unlocking shows the new status, and tells watchers if there is something for them.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        self.lock_at(spot())
    }

    /// As [`Core::lock`], for a caller who knows where it runs.
    #[inline]
    pub(crate) fn lock_at(&self, spot: Spot) -> Guard<'_> {
        self.take_lock(spot);
        Guard(Held(self))
    }

    /// Takes the lock, to be given back by [`Core::unlock`].
    #[inline]
    pub(super) fn take_lock(&self, spot: Spot) {
        let worker = spot.number();
        debug_assert_eq!(worker, here().number(), "the caller is elsewhere now");
        let word = self.lock.load(Ordering::Relaxed);
        if word == word::leaning(worker) {
            if !self.lean(word) {
                self.take_lock_later(worker);
            }
        } else if word & (word::HELD | word::LEANS) != 0
            // Acquire: pairs with the Release in `unlock`.
            || self
                .lock
                .compare_exchange(
                    word,
                    word::held(word, worker),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_err()
        {
            self.take_lock_later(worker);
        } else {
            self.leaning.set(false);
        }
        self.witness.write();
    }

    /// Takes the lock, which leans to the caller's worker; `false`: not any more.
    #[inline]
    fn lean(&self, word: u32) -> bool {
        if self.inside.load(Ordering::Relaxed) {
            came_back();
        }
        self.inside.store(true, Ordering::Relaxed);
        // Pairs with the heavy one in `straighten`: either that comes to see `inside`, or we see that
        // the lock leans no longer.
        bias::light();
        if self.lock.load(Ordering::Relaxed) != word {
            // Release: who straightens may read this store and not the one of our last `unlock`, and has
            // to see what we did before that all the same.
            self.inside.store(false, Ordering::Release);
            return false;
        }
        // Nothing to acquire: since it leans only this thread has held it, and then too it was this thread
        // that made it lean.
        self.leaning.set(true);
        true
    }

    #[cold]
    #[inline(never)]
    fn take_lock_later(&self, worker: u32) {
        let mut round = 0;
        loop {
            let word = self.lock.load(Ordering::Relaxed);
            if word & word::LEANS != 0 {
                if self.straighten(word) {
                    return;
                }
            } else if word & word::HELD == 0
                && self
                    .lock
                    .compare_exchange_weak(
                        word,
                        word::held(word, worker),
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    )
                    .is_ok()
            {
                self.leaning.set(false);
                return;
            }
            relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Takes a lock that leans to somebody else; `false`: another one did that.
    #[cold]
    fn straighten(&self, word: u32) -> bool {
        let now = word::NEVER | word::HELD;
        if self
            .lock
            .compare_exchange(word, now, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        bias::heavy();
        let mut round = 0;
        // Acquire: pairs with the Release in `unlock`.
        while self.inside.load(Ordering::Acquire) {
            relax(round);
            round = round.saturating_add(1);
        }
        self.leaning.set(false);
        true
    }

    /// The first who wants to know when it could do this, claimed.
    #[cold]
    pub(crate) fn next_watcher(&self, side: Side) -> Option<Peer> {
        self.take_lock(spot());
        let peer = self.watchers.claim_first_of(side);
        self.watched.set(!self.watchers.is_empty());
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
    #[inline(always)]
    pub(super) unsafe fn unlock(&self) -> bool {
        if self.is_rendezvous() {
            // SAFETY: passed on.
            unsafe { self.unlock_rendezvous() }
        } else {
            // SAFETY: passed on.
            unsafe { self.unlock_buffer() }
        }
    }

    /// As [`Core::unlock`] of any channel.
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`].
    #[inline(never)]
    unsafe fn unlock_buffer(&self) -> bool {
        let before = self.word.load(Ordering::Relaxed);
        let len = self.len.load(Ordering::Relaxed);
        let (kept, held) = (self.kept.get() as usize, self.held.get() as usize);
        // As `Held::may` says it, without branches.
        let closed = before & CLOSED != 0;
        let recv = (len != kept) | !self.senders.is_empty() | closed;
        let send = (self.cap - held != len) | !self.receivers.is_empty() | closed;
        let now = (u64::from(recv) * MAY_RECV) | (u64::from(send) * MAY_SEND) | (before & CLOSED);
        // SAFETY: passed on.
        unsafe { self.unlock_showing(before, now) }
    }

    /// As [`Core::unlock`], for a caller who knows that it is a rendezvous.
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`].
    #[inline(always)]
    pub(super) unsafe fn unlock_rendezvous(&self) -> bool {
        debug_assert!(self.is_rendezvous());
        let before = self.word.load(Ordering::Relaxed);
        // As above, where there is nothing but parked ones.
        let recv = u64::from(!self.senders.is_empty()) * MAY_RECV;
        let send = u64::from(!self.receivers.is_empty()) * MAY_SEND;
        let now = if before & CLOSED == 0 {
            recv | send
        } else {
            BITS
        };
        // SAFETY: passed on.
        unsafe { self.unlock_showing(before, now) }
    }

    /// As [`Core::unlock`] of an open rendezvous where nobody waits but on this side. (There may be the node of
    /// a select on the other one, which waited on both, and whose wait has just been ended.)
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`].
    #[inline(always)]
    pub(super) unsafe fn unlock_with_one_side(&self, side: Side) -> bool {
        let before = self.word.load(Ordering::Relaxed);
        debug_assert!(self.is_rendezvous() && before & CLOSED == 0);
        let (queue, may) = match side {
            Side::Recv => (&self.receivers, MAY_SEND),
            Side::Send => (&self.senders, MAY_RECV),
        };
        let now = if queue.is_empty() { 0 } else { may };
        // SAFETY: passed on.
        unsafe { self.unlock_showing(before, now) }
    }

    /// As [`Core::unlock`], for a caller who knows what may be done from now on.
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`]; `before` is the word, and `now` are the bits that it is to have.
    #[inline(always)]
    unsafe fn unlock_showing(&self, before: u64, now: u64) -> bool {
        let watched = self.watched.get();
        if before & BITS != now {
            // Release: pairs with the Acquire in `status`.
            self.word.store(
                (before & !BITS).wrapping_add(CHANGE) | now,
                Ordering::Release,
            );
        }
        self.witness.write();
        if self.leaning.get() {
            // Release: pairs with the Acquire in `straighten`.
            self.inside.store(false, Ordering::Release);
            return watched;
        }
        let lock = self.lock.load(Ordering::Relaxed);
        let lock = if lock & word::FULL == 0 {
            lock & !word::HELD
        } else {
            streak_is_full(lock)
        };
        // Release: pairs with the Acquire in `take_lock`.
        self.lock.store(lock, Ordering::Release);
        watched
    }

    /// Whether it has no room for values.
    #[inline]
    pub(crate) fn is_rendezvous(&self) -> bool {
        self.cap == 0
    }

    /// Whether a send would just put its value into the buffer: it is open, there is room, and no
    /// receiver is parked. For who holds the lock.
    #[inline(always)]
    pub(super) fn just_room(&self) -> bool {
        // The bits are those of the last unlocking: what they allow is allowed now. (What was held or kept and
        // has just been given up they do not show yet: then the long way is taken.)
        let open = self.word.load(Ordering::Relaxed) & (MAY_SEND | CLOSED) == MAY_SEND;
        open & self.receivers.is_empty()
    }

    /// Whether a receive would just take a value from the buffer: it is open, there is one, and no sender
    /// is parked. For who holds the lock.
    #[inline(always)]
    pub(super) fn just_value(&self) -> bool {
        let open = self.word.load(Ordering::Relaxed) & (MAY_RECV | CLOSED) == MAY_RECV;
        open & self.senders.is_empty()
    }

    /// Counts one value more, and unlocks.
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`]; [`Core::just_room`] said `true`, and the value is in the buffer.
    #[inline(always)]
    pub(super) unsafe fn unlock_with_one_more(&self) -> bool {
        let len = self.len.load(Ordering::Relaxed) + 1;
        self.len.store(len, Ordering::Relaxed);
        let room = self.cap - self.held.get() as usize != len;
        let before = self.word.load(Ordering::Relaxed);
        // SAFETY: passed on. The new value is kept for nobody, and nobody is parked to take it.
        unsafe { self.unlock_showing(before, MAY_RECV | (u64::from(room) * MAY_SEND)) }
    }

    /// Counts one value less, and unlocks.
    ///
    /// # Safety
    ///
    /// As [`Core::unlock`]; [`Core::just_value`] said `true`, and the value has been moved out.
    #[inline(always)]
    pub(super) unsafe fn unlock_with_one_less(&self) -> bool {
        let len = self.len.load(Ordering::Relaxed) - 1;
        self.len.store(len, Ordering::Relaxed);
        let value = self.kept.get() as usize != len;
        let before = self.word.load(Ordering::Relaxed);
        // SAFETY: passed on. The place of the value is held for nobody, and nobody is parked to fill it.
        unsafe { self.unlock_showing(before, (u64::from(value) * MAY_RECV) | MAY_SEND) }
    }
}

/// Any other lock would be a deadlock now; this one would let its holder in once more.
#[cold]
#[inline(never)]
fn came_back() -> ! {
    goroutines_runtime::fatal!("a channel was used while it was being used (by the allocator?)")
}

/// What a lock becomes that one worker has taken many times in a row.
#[cold]
fn streak_is_full(lock: u32) -> u32 {
    let worker = lock & word::WORKER;
    if worker != 0 && bias::is_possible() {
        word::leaning(worker)
    } else {
        // Count again.
        worker
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

impl Guard<'_> {
    /// Lets the lock go without telling those who watch: the caller has to call
    /// [`Core::tell_watchers`] soon.
    pub(crate) fn unlock_quietly(self) {
        let core = self.0.0;
        std::mem::forget(self);
        // SAFETY: the guard held the lock, and nobody can look through it any more.
        unsafe { core.unlock() };
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

    /// Those who want to know when they could; [`Held::watch`] adds one.
    #[inline]
    pub(crate) fn watchers(self) -> &'a Queue {
        &self.0.watchers
    }

    /// Adds a watcher, behind the others or in front of them.
    ///
    /// # Safety
    ///
    /// As [`Queue::push`].
    #[inline]
    pub(super) unsafe fn watch(self, node: &Node, front: bool) {
        self.0.watched.set(true);
        // SAFETY: by the contract.
        unsafe { self.0.watchers.push(node, front) };
    }

    /// Where in a ring the oldest value is.
    #[inline]
    pub(super) fn head(self) -> &'a Cell<usize> {
        &self.0.head
    }
}

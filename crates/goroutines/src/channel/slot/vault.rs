//! A channel's lock, queues and values, kept together; and parking in it.
//!
//! Not for: what to do when (`chan`).

use super::buffer::Buffer;
use super::cell::Slot;
use super::lock::{Core, Held};
use super::many::Case;
use super::node::{Kind, Node, Outcome, Peer, Side};
use crate::channel::env::{Cause, Leaving, Moment, Reason, Spot, Wait, Wakeable, spot};
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Vault<T> {
    core: Core,
    values: UnsafeCell<Buffer<T>>,
}

// SAFETY: `values` is reached only with the lock of `core` held, so values are with one thread at a
// time; that is sending them.
unsafe impl<T: Send> Sync for Vault<T> {}

impl<T> Vault<T> {
    pub(crate) fn new(cap: usize, values: Buffer<T>) -> Vault<T> {
        Vault {
            core: Core::new(cap),
            values: UnsafeCell::new(values),
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    #[inline]
    pub(crate) fn lock(&self, spot: Spot) -> Locked<'_, T> {
        self.lock_as(spot)
    }

    /// As [`Vault::lock`]; `MEETS`: it is a rendezvous, which the caller knows.
    #[inline]
    pub(crate) fn lock_as<const MEETS: bool>(&self, spot: Spot) -> Locked<'_, T, MEETS> {
        // (Else what it shows would be wrong. No more: `MEETS` keeps away from the values.)
        debug_assert!(!MEETS || self.core.is_rendezvous());
        self.core.take_lock(spot);
        Locked { vault: self, spot }
    }

    /// Runs an operation of which `begin` does all that does not wait: it ends the operation, or leaves
    /// a node in the berth with [`Locked::moor`].
    ///
    /// Inlined up to the user's function, so that nothing but `begin`, which is over then, is between
    /// that and the switch: see `Leaving::switch`.
    #[inline(always)]
    pub(crate) fn operate(
        &self,
        side: Side,
        slot: &Slot<T>,
        begin: impl for<'b> FnOnce(Berth<'b, T>) -> Step<'b>,
    ) -> Ended {
        let place = UnsafeCell::new(MaybeUninit::uninit());
        let step = begin(Berth {
            vault: self,
            slot,
            place: &place,
        });
        let Some(leaving) = step.moored else {
            return step.ended;
        };
        let cause = leaving.switch();
        let place: *const Node = place.get().cast();
        // SAFETY: `moor`, which has made the step, has written it.
        let node = unsafe { &*place };
        if cause == Cause::Ready {
            // Who ended the wait has taken the node out.
            return ended(node, side, slot);
        }
        let core = &self.core;
        drop(Queued { core, node });
        Ended::Again
    }

    /// The claimed sender that a select has in hand, if it was claimed here.
    #[inline]
    pub(crate) fn giver(&self, case: &Case<'_>, peer: Peer) -> Giver<T> {
        assert!(
            case.is_of(&self.core),
            "a select's choice of another channel"
        );
        Giver(peer, PhantomData)
    }

    /// The claimed receiver that a select has in hand, if it was claimed here.
    #[inline]
    pub(crate) fn taker(&self, case: &Case<'_>, peer: Peer) -> Taker<T> {
        assert!(
            case.is_of(&self.core),
            "a select's choice of another channel"
        );
        Taker(peer, PhantomData)
    }
}

impl<T> Drop for Vault<T> {
    fn drop(&mut self) {
        let values = mem::replace(self.values.get_mut(), Buffer::None);
        // SAFETY: there are as many values as are counted.
        unsafe { values.drop_with(self.core.last_head(), self.core.len()) };
    }
}

/// A channel, locked. `MEETS`: a rendezvous, of which less has to be looked at.
#[derive(Debug)]
pub(crate) struct Locked<'a, T, const MEETS: bool = false> {
    vault: &'a Vault<T>,
    spot: Spot,
}

impl<T, const MEETS: bool> Drop for Locked<'_, T, MEETS> {
    #[inline]
    fn drop(&mut self) {
        let core = self.vault.core();
        let watched = if MEETS {
            // SAFETY: the lock is held, and nothing of the state is lent any more.
            unsafe { core.unlock_rendezvous() }
        } else {
            // SAFETY: as above.
            unsafe { core.unlock() }
        };
        if watched {
            core.tell_watchers();
        }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ended {
    /// The value has been moved.
    Done,
    /// The channel was closed.
    Closed,
    /// Try again, in front of the others.
    Retry,
    /// It would have to wait (longer).
    Late,
    /// Try again. (If somebody asked the goroutine to unwind, the next thing that waits does so.)
    Again,
}

impl<T, const MEETS: bool> Locked<'_, T, MEETS> {
    /// Whether it is this channel.
    pub(super) fn is_of(&self, core: &Core) -> bool {
        ptr::eq(&raw const self.vault.core, core)
    }

    /// Where its holder runs.
    #[inline]
    pub(crate) fn spot(&self) -> Spot {
        self.spot
    }

    /// The state behind the lock.
    #[inline]
    pub(crate) fn state(&self) -> Held<'_> {
        // SAFETY: the lock is held while `self` is borrowed.
        unsafe { self.vault.core.held() }
    }

    /// Places for anyone.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        if MEETS { 0 } else { self.state().room() }
    }

    /// Values for anyone.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        if MEETS { 0 } else { self.state().available() }
    }

    #[inline]
    #[allow(clippy::mut_from_ref, reason = "the callers borrow `self` uniquely")]
    fn values(&mut self) -> &mut Buffer<T> {
        // SAFETY: the lock of the same vault is held, and the result borrows `self` uniquely.
        unsafe { &mut *self.vault.values.get() }
    }

    /// Moves the value of a full slot into the buffer, where there is room.
    #[inline]
    pub(crate) fn push(&mut self, slot: &Slot<T>) {
        self.move_in(slot);
        self.state().set_len(self.state().len() + 1);
    }

    /// Moves the value of a full slot into the buffer and unlocks, if that is all there is to do.
    ///
    /// The usual case of a channel with room, for which the rest is too long.
    #[inline(always)]
    pub(crate) fn push_and_unlock(mut self, slot: &Slot<T>) -> Result<(), Self> {
        if MEETS || !self.vault.core.just_room() {
            return Err(self);
        }
        self.move_in(slot);
        let core = self.vault.core();
        mem::forget(self);
        // SAFETY: the lock is held, and nothing of the state is lent; there was room.
        if unsafe { core.unlock_with_one_more() } {
            core.tell_watchers();
        }
        Ok(())
    }

    /// Moves the oldest value into an empty slot and unlocks, if that is all there is to do.
    #[inline(always)]
    pub(crate) fn pop_and_unlock(mut self, out: &Slot<T>) -> Result<(), Self> {
        if MEETS || !self.vault.core.just_value() {
            return Err(self);
        }
        self.move_out(out);
        let core = self.vault.core();
        mem::forget(self);
        // SAFETY: as above; there was a value.
        if unsafe { core.unlock_with_one_less() } {
            core.tell_watchers();
        }
        Ok(())
    }

    /// Moves the value of a full slot to the end of the buffer, where there is room. It does not count yet.
    #[inline(always)]
    fn move_in(&mut self, slot: &Slot<T>) {
        assert!(slot.is_full());
        let (head, len) = (self.state().head().get(), self.state().len());
        // SAFETY: so many are counted; the slot is full, and is noted as empty next.
        unsafe { self.values().push(head, len, slot.place()) };
        // SAFETY: the value has been moved.
        unsafe { slot.note(false) };
    }

    /// Moves the oldest value, which there is, into an empty slot. It still counts.
    #[inline(always)]
    fn move_out(&mut self, out: &Slot<T>) {
        let core = self.vault.core();
        // SAFETY: the lock is held.
        let state = unsafe { core.held() };
        let len = state.len();
        assert!(!out.is_full() && len > 0);
        // SAFETY: so many are counted, and the slot has room.
        unsafe { self.values().pop(state.head(), len, out.place()) };
        // SAFETY: a value has been moved in.
        unsafe { out.note(true) };
    }

    /// Moves the value of a parked sender into the buffer, where there is room.
    #[inline]
    pub(crate) fn push_from(&mut self, giver: &Giver<T>) {
        assert!(giver.has_slot());
        let (head, len) = (self.state().head().get(), self.state().len());
        // SAFETY: so many are counted; a sender's slot is full, and `Giver::taken` will tell it that
        // its value has been moved.
        unsafe { self.values().push(head, len, giver.0.slot().cast()) };
        self.state().set_len(len + 1);
    }

    /// Moves the oldest value, which there is, into an empty slot.
    #[inline]
    pub(crate) fn pop(&mut self, out: &Slot<T>) {
        self.move_out(out);
        self.state().set_len(self.state().len() - 1);
    }

    /// Unlocks an open channel, where nobody waits but on this side.
    #[inline(always)]
    pub(crate) fn unlock_with_one_side(self, side: Side) {
        if MEETS {
            let core = self.vault.core();
            mem::forget(self);
            // SAFETY: the lock is held, and nothing of the state is lent.
            if unsafe { core.unlock_with_one_side(side) } {
                core.tell_watchers();
            }
        }
    }

    /// Unlocks, and drops all values. Nobody will put new ones in.
    pub(crate) fn drop_values(mut self) {
        let len = self.state().len();
        let values = mem::replace(self.values(), Buffer::None);
        let head = self.state().head().get();
        self.state().set_len(0);
        // Without the lock: values may do anything when they are dropped.
        drop(self);
        // SAFETY: so many were counted.
        unsafe { values.drop_with(head, len) };
    }

    /// The first parked sender, claimed.
    #[inline]
    pub(crate) fn sender(&mut self) -> Option<Giver<T>> {
        Some(Giver(
            self.state().queue(Side::Send).claim_first_at(self.spot)?,
            PhantomData,
        ))
    }

    /// The first parked receiver, claimed.
    #[inline]
    pub(crate) fn receiver(&mut self) -> Option<Taker<T>> {
        Some(Taker(
            self.state().queue(Side::Recv).claim_first_at(self.spot)?,
            PhantomData,
        ))
    }

    /// Unlocks and waits in the channel until a peer moves the value of the slot, out of it
    /// ([`Side::Send`]) or into it.
    #[inline(always)]
    pub(crate) fn park(
        self,
        side: Side,
        slot: &Slot<T>,
        front: bool,
        wait: Wait,
        deadline: Moment,
    ) -> Ended {
        let core = self.vault.core();
        let alone = deadline == Moment::NEVER;
        let node = Node::new(wait.waker(), side, Kind::Slot, slot.place().cast(), alone);
        // SAFETY: it is in no queue, and `queued` takes it out, if need be, before this call ends.
        unsafe { self.state().queue(side).push(&node, front) };
        let queued = Queued { core, node: &node };
        drop(self);
        let cause = wait.park(reason(side), deadline);
        if cause == Cause::Ready {
            // Who ended the wait has taken it out.
            mem::forget(queued);
            return ended(&node, side, slot);
        }
        drop(queued);
        if cause == Cause::Deadline {
            Ended::Late
        } else {
            Ended::Again
        }
    }
}

/// Where the node of one that waits will lie, in the frame of its operation.
///
/// There is one for each call of [`Vault::operate`], and [`Locked::moor`] takes it: so at most one node is
/// written there, in that channel's queue. The lifetime is that of this berth and of no other.
#[derive(Debug)]
pub(crate) struct Berth<'a, T> {
    vault: &'a Vault<T>,
    slot: &'a Slot<T>,
    place: &'a UnsafeCell<MaybeUninit<Node>>,
}

impl<'a, T> Berth<'a, T> {
    /// Runs `begin` in a function of its own, to which the parts of the berth are handed over in registers.
    #[inline(always)]
    pub(crate) fn lend(self, begin: impl FnOnce(Berth<'a, T>) -> Step<'a>) -> Step<'a> {
        lend(self.vault, self.slot, self.place, begin)
    }

    /// Locks the channel.
    #[inline]
    pub(crate) fn lock<const MEETS: bool>(&self, spot: Spot) -> Locked<'a, T, MEETS> {
        self.vault.lock_as(spot)
    }

    /// The slot of the operation.
    #[inline]
    pub(crate) fn slot(&self) -> &'a Slot<T> {
        self.slot
    }
}

#[inline(never)]
fn lend<'a, T>(
    vault: &'a Vault<T>,
    slot: &'a Slot<T>,
    place: &'a UnsafeCell<MaybeUninit<Node>>,
    begin: impl FnOnce(Berth<'a, T>) -> Step<'a>,
) -> Step<'a> {
    begin(Berth { vault, slot, place })
}

/// What became of the first part of an operation.
///
/// Not an `enum`: these two are handed over in registers. It belongs to one berth, and `operate` has to get it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Step<'b> {
    /// How it has ended, if it has.
    ended: Ended,
    /// It has not: the node is in the queue.
    moored: Option<Leaving>,
    /// Of no other berth, be it one that lives longer.
    _berth: PhantomData<Cell<&'b ()>>,
}

impl From<Ended> for Step<'_> {
    #[inline]
    fn from(ended: Ended) -> Self {
        Step {
            ended,
            moored: None,
            _berth: PhantomData,
        }
    }
}

impl<'a, T, const MEETS: bool> Locked<'a, T, MEETS> {
    /// Unlocks, with a node in the channel's queue that stands for the goroutine that runs here. If this is
    /// not one of the usual kind it unlocks only, and gives [`Ended::Again`]: see [`Spot::leave`].
    ///
    /// Nobody is parked on the other side. With the step, whatever it says, the operation is over for its
    /// caller, who gives it back.
    #[inline(always)]
    pub(crate) fn moor(self, side: Side, berth: Berth<'a, T>) -> Step<'a> {
        assert!(ptr::eq(self.vault, berth.vault));
        let Some((waker, leaving)) = self.spot.leave(reason(side)) else {
            return Ended::Again.into();
        };
        let slot = berth.slot.place().cast();
        let place: *mut Node = berth.place.get().cast();
        // SAFETY: the place is the berth's alone, and there is nothing there.
        unsafe { place.write(Node::new(waker, side, Kind::Slot, slot, true)) };
        // SAFETY: it has just been written.
        let node = unsafe { &*place };
        // From here on a peer may claim us and make us ready: there is no way but the switch.
        let no_other_way = NoOtherWay;
        // SAFETY: it is in no queue. It stays where it is until `operate` ends, which the step makes wait, and
        // take the node out.
        unsafe { self.state().queue(side).push(node, false) };
        self.unlock_with_one_side(side);
        mem::forget(no_other_way);
        Step {
            ended: Ended::Again,
            moored: Some(leaving),
            _berth: PhantomData,
        }
    }
}

/// Held while nothing may unwind. (Nothing does: what is told to wakers of others is caught.)
pub(super) struct NoOtherWay;

impl Drop for NoOtherWay {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        goroutines_runtime::fatal!("a channel was left half way (a waker that panics?)")
    }
}

#[inline]
fn reason(side: Side) -> Reason {
    match side {
        Side::Recv => Reason::ChanReceive,
        Side::Send => Reason::ChanSend,
    }
}

/// What a peer told the owner of a slot.
#[inline(always)]
pub(super) fn ended<T>(node: &Node, side: Side, slot: &Slot<T>) -> Ended {
    if node.is_done() {
        // SAFETY: the peer has moved the value, in the direction of this side.
        unsafe { slot.note(side == Side::Recv) };
        return Ended::Done;
    }
    match node.outcome() {
        Some(Outcome::Closed) => Ended::Closed,
        _ => Ended::Retry,
    }
}

/// A node in a queue, to be taken out before its frame goes.
struct Queued<'a> {
    core: &'a Core,
    node: &'a Node,
}

impl Drop for Queued<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        let held = self.core.lock();
        if self.node.queued() {
            // SAFETY: it is in a queue, and `park` and `moor` put it into that of its side.
            unsafe { held.queue(self.node.side()).remove(self.node) };
        }
    }
}

/// A claimed sender of a `T`.
#[derive(Debug)]
pub(crate) struct Giver<T>(Peer, PhantomData<fn() -> T>);

/// A claimed receiver of a `T`.
#[derive(Debug)]
pub(crate) struct Taker<T>(Peer, PhantomData<fn(T)>);

impl<T> Giver<T> {
    /// Whether it has brought its value.
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        self.0.has_slot()
    }

    /// Moves its value into an empty slot, and makes it ready.
    #[inline]
    pub(crate) fn take(self, out: &Slot<T>, spot: Spot) {
        assert!(!out.is_full() && self.0.has_slot());
        let from: *const T = self.0.slot().cast();
        // SAFETY: it is a sender of this channel, parked: its slot has a value of this type, which it
        // gives away; `out` has room.
        unsafe { out.place().copy_from_nonoverlapping(from, 1) };
        // SAFETY: a value has been moved in.
        unsafe { out.note(true) };
        self.0.end_from(Outcome::Done, spot);
    }

    /// Tells it that its value has been moved into the buffer.
    #[inline]
    pub(crate) fn taken(self, spot: Spot) {
        self.0.end_from(Outcome::Done, spot);
    }

    /// Tells it that room is held for its value.
    #[inline]
    pub(crate) fn reserved(self) {
        self.0.end(Outcome::Reserved);
    }

    /// Waits for it to bring its value into an empty slot, or for [`Ended::Retry`].
    #[cold]
    pub(crate) fn ask(self, out: &Slot<T>) -> Ended {
        assert!(!out.is_full());
        ask(self.0, Side::Recv, out)
    }
}

impl<T> Taker<T> {
    /// Whether it has room for the value.
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        self.0.has_slot()
    }

    /// Moves the value of a full slot to it, and makes it ready.
    #[inline]
    pub(crate) fn give(self, slot: &Slot<T>, spot: Spot) {
        assert!(slot.is_full() && self.0.has_slot());
        let to: *mut T = self.0.slot().cast();
        // SAFETY: it is a receiver of this channel, parked: its slot has room for a value of this
        // type; `slot` has one.
        unsafe { to.copy_from_nonoverlapping(slot.place(), 1) };
        // SAFETY: the value has been moved.
        unsafe { slot.note(false) };
        self.0.end_from(Outcome::Done, spot);
    }

    /// Tells it that a value in the buffer is kept for it.
    #[inline]
    pub(crate) fn reserved(self) {
        self.0.end(Outcome::Reserved);
    }

    /// Waits for it to take the value of a full slot, or for [`Ended::Retry`].
    #[cold]
    pub(crate) fn ask(self, slot: &Slot<T>) -> Ended {
        assert!(slot.is_full());
        ask(self.0, Side::Send, slot)
    }
}

/// Tells a claimed peer that we wait for it, and waits until it has moved the value of the slot.
fn ask<T>(peer: Peer, side: Side, slot: &Slot<T>) -> Ended {
    // Nobody but the peer may end this wait: the peer has the address of our slot.
    let wait = spot().prepare(Wakeable::Shielded);
    let node = Node::new(wait.waker(), side, Kind::Slot, slot.place().cast(), true);
    peer.end(Outcome::Meet(NonNull::from(&node)));
    wait.park(reason(side), Moment::NEVER);
    ended(&node, side, slot)
}

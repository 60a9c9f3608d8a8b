//! A channel's lock, queues and values, kept together; and parking in it.
//!
//! Not for: what to do when (`chan`).

use super::buffer::Buffer;
use super::cell::Slot;
use super::many::Case;
use super::node::{Kind, Meeting, Node, Outcome, Peer, Queue, Side};
use crate::channel::core::{Core, State};
use crate::channel::env::{Cause, Moment, Reason, Wait, Wakeable, prepare};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Vault<T> {
    core: Core,
    values: UnsafeCell<Buffer<T>>,
}

// SAFETY: `values` is reached only with the lock of `core` held, so values are with one thread at a
// time; that is sending them.
unsafe impl<T: Send> Sync for Vault<T> {}

/// The state of a channel, locked.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    core: &'a Core,
    /// Tell watchers when it is unlocked.
    loud: bool,
}

impl Core {
    /// Locks it. Unlocking shows the new state to those who look without the lock, and tells watchers.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        self.spin().lock();
        Guard { core: self, loud: true }
    }

    /// As [`Core::lock`], but watchers are not told.
    #[inline]
    pub(crate) fn lock_quietly(&self) -> Guard<'_> {
        self.spin().lock();
        Guard { core: self, loud: false }
    }

    /// Shows the state, unlocks; `true`: somebody watches.
    ///
    /// # Safety
    ///
    /// The caller holds the lock and touches the state no more.
    #[inline]
    pub(super) unsafe fn unlock(&self) -> bool {
        // SAFETY: the lock is held.
        let state = unsafe { self.spin().state() };
        self.publish(state);
        let watched = !state.watchers.is_empty();
        // SAFETY: the lock is held, and `state` not used again.
        unsafe { self.spin().unlock() };
        watched
    }
}

impl Deref for Guard<'_> {
    type Target = State;
    #[inline]
    fn deref(&self) -> &State {
        // SAFETY: the lock is held while the guard exists, and the guard lends the state by its own
        // borrow.
        unsafe { self.core.spin().state() }
    }
}

impl DerefMut for Guard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State {
        // SAFETY: as above, and the guard is borrowed uniquely.
        unsafe { self.core.spin().state() }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard holds the lock, and lends nothing any more.
        let watched = unsafe { self.core.unlock() };
        if watched && self.loud {
            self.core.tell_watchers();
        }
    }
}

impl<T> Vault<T> {
    pub(crate) fn new(cap: usize, values: Buffer<T>) -> Vault<T> {
        Vault { core: Core::new(cap), values: UnsafeCell::new(values) }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        Locked { guard: self.core.lock(), values: &self.values }
    }

    /// The claimed sender that a select has in hand, if it was claimed here.
    #[inline]
    pub(crate) fn giver(&self, case: &Case<'_>, peer: Peer) -> Giver<T> {
        assert!(case.is_of(&self.core), "a select's choice of another channel");
        Giver(peer, PhantomData)
    }

    /// The claimed receiver that a select has in hand, if it was claimed here.
    #[inline]
    pub(crate) fn taker(&self, case: &Case<'_>, peer: Peer) -> Taker<T> {
        assert!(case.is_of(&self.core), "a select's choice of another channel");
        Taker(peer, PhantomData)
    }
}

/// A channel, locked.
#[derive(Debug)]
pub(crate) struct Locked<'a, T> {
    guard: Guard<'a>,
    values: &'a UnsafeCell<Buffer<T>>,
}

impl<T> Deref for Locked<'_, T> {
    type Target = State;
    #[inline]
    fn deref(&self) -> &State {
        &self.guard
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State {
        &mut self.guard
    }
}

/// How a wait in a channel's queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The value has been moved.
    Done,
    /// The channel was closed.
    Closed,
    /// Try again, in front of the others.
    Retry,
    /// The deadline passed.
    Deadline,
    /// Somebody asked the goroutine to unwind: the next thing that waits does so.
    Cancelled,
}

impl<T> Locked<'_, T> {
    #[inline]
    fn values(&mut self) -> &mut Buffer<T> {
        // SAFETY: the lock of the same vault is held, and the result borrows the guard uniquely.
        unsafe { &mut *self.values.get() }
    }

    /// Moves the value of a full slot into the buffer, where there is room.
    #[inline]
    pub(crate) fn push(&mut self, slot: &Slot<T>) {
        assert!(slot.is_full());
        // SAFETY: the slot is full, and is noted as empty next.
        unsafe { self.values().push(slot.place()) };
        // SAFETY: the value has been moved.
        unsafe { slot.note(false) };
        self.guard.len += 1;
    }

    /// Moves the value of a parked sender into the buffer, where there is room.
    #[inline]
    pub(crate) fn push_from(&mut self, giver: &Giver<T>) {
        // SAFETY: a sender's slot is full; `Giver::taken` will tell it that it has been moved.
        unsafe { self.values().push(giver.0.slot().cast()) };
        self.guard.len += 1;
    }

    /// Moves the oldest value, which there is, into an empty slot.
    #[inline]
    pub(crate) fn pop(&mut self, out: &Slot<T>) {
        assert!(!out.is_full() && self.guard.len > 0);
        // SAFETY: there is a value, and the slot has room.
        unsafe { self.values().pop(out.place()) };
        // SAFETY: a value has been moved in.
        unsafe { out.note(true) };
        self.guard.len -= 1;
    }

    /// Takes all values out.
    pub(crate) fn take_all(&mut self) -> Buffer<T> {
        self.guard.len = 0;
        let empty = match self.values().capacity() {
            Some(_) => Buffer::None,
            None => Buffer::unbounded(),
        };
        mem::replace(self.values(), empty)
    }

    /// The first parked sender, claimed.
    #[inline]
    pub(crate) fn sender(&mut self) -> Option<Giver<T>> {
        Some(Giver(self.guard.senders.claim_first()?, PhantomData))
    }

    /// The first parked receiver, claimed.
    #[inline]
    pub(crate) fn receiver(&mut self) -> Option<Taker<T>> {
        Some(Taker(self.guard.receivers.claim_first()?, PhantomData))
    }

    /// Unlocks and waits in the channel until a peer moves the value of the slot, out of it
    /// ([`Side::Send`]) or into it.
    #[inline]
    pub(crate) fn park(
        mut self,
        side: Side,
        slot: &Slot<T>,
        front: bool,
        wait: Wait,
        deadline: Moment,
    ) -> Ended {
        let core = self.guard.core;
        let meeting = Meeting::new();
        let place = slot.place().cast();
        let node = Node::new(wait.waker(), side, Kind::Slot, place, 0, &meeting);
        // SAFETY: it is in no queue, and `queued` takes it out, if need be, before this call ends.
        unsafe { queue(&mut self.guard, side).push(&node, front) };
        let queued = Queued { core, side, node: &node };
        drop(self);
        let cause = wait.park(reason(side), deadline);
        if cause == Cause::Ready {
            // Who ended the wait has taken it out.
            mem::forget(queued);
            return ended(&meeting, side, slot);
        }
        drop(queued);
        if cause == Cause::Deadline { Ended::Deadline } else { Ended::Cancelled }
    }
}

fn reason(side: Side) -> Reason {
    match side {
        Side::Recv => Reason::ChanReceive,
        Side::Send => Reason::ChanSend,
    }
}

#[inline]
pub(super) fn queue(state: &mut State, side: Side) -> &mut Queue {
    match side {
        Side::Recv => &mut state.receivers,
        Side::Send => &mut state.senders,
    }
}

/// What a peer told the owner of a slot.
#[inline]
fn ended<T>(meeting: &Meeting, side: Side, slot: &Slot<T>) -> Ended {
    match meeting.outcome().0 {
        Outcome::Done => {
            // SAFETY: the peer has moved the value, in the direction of this side.
            unsafe { slot.note(side == Side::Recv) };
            Ended::Done
        }
        Outcome::Closed => Ended::Closed,
        _ => Ended::Retry,
    }
}

/// A node in a queue, to be taken out before its frame goes.
struct Queued<'a> {
    core: &'a Core,
    side: Side,
    node: &'a Node,
}

impl Drop for Queued<'_> {
    #[cold]
    fn drop(&mut self) {
        let mut state = self.core.lock();
        if self.node.queued() {
            // SAFETY: it is in a queue, and `park` has put it into this one.
            unsafe { queue(&mut state, self.side).remove(self.node) };
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
    pub(crate) fn take(self, out: &Slot<T>) {
        assert!(!out.is_full() && self.0.has_slot());
        let from: *const T = self.0.slot().cast();
        // SAFETY: it is a sender of this channel, parked: its slot has a value of this type, which it
        // gives away; `out` has room.
        unsafe { out.place().copy_from_nonoverlapping(from, 1) };
        // SAFETY: a value has been moved in.
        unsafe { out.note(true) };
        self.0.end(Outcome::Done);
    }

    /// Tells it that its value has been moved into the buffer.
    #[inline]
    pub(crate) fn taken(self) {
        self.0.end(Outcome::Done);
    }

    /// Tells it that room is held for its value.
    #[inline]
    pub(crate) fn reserved(self) {
        self.0.end(Outcome::Reserved);
    }

    /// Waits for it to bring its value into an empty slot; `false`: it did not.
    pub(crate) fn ask(self, out: &Slot<T>) -> bool {
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
    pub(crate) fn give(self, slot: &Slot<T>) {
        assert!(slot.is_full() && self.0.has_slot());
        let to: *mut T = self.0.slot().cast();
        // SAFETY: it is a receiver of this channel, parked: its slot has room for a value of this
        // type; `slot` has one.
        unsafe { to.copy_from_nonoverlapping(slot.place(), 1) };
        // SAFETY: the value has been moved.
        unsafe { slot.note(false) };
        self.0.end(Outcome::Done);
    }

    /// Tells it that a value in the buffer is kept for it.
    #[inline]
    pub(crate) fn reserved(self) {
        self.0.end(Outcome::Reserved);
    }

    /// Waits for it to take the value of a full slot; `false`: it did not.
    pub(crate) fn ask(self, slot: &Slot<T>) -> bool {
        assert!(slot.is_full());
        ask(self.0, Side::Send, slot)
    }
}

/// Tells a claimed peer that we wait for it, and waits until it has moved the value of the slot.
#[cold]
fn ask<T>(peer: Peer, side: Side, slot: &Slot<T>) -> bool {
    // Nobody but the peer may end this wait: the peer has the address of our slot.
    let wait = prepare(Wakeable::Shielded);
    let meeting = Meeting::new();
    let node = Node::new(wait.waker(), side, Kind::Slot, slot.place().cast(), 0, &meeting);
    peer.end(Outcome::Meet(NonNull::from(&node)));
    wait.park(reason(side), Moment::NEVER);
    ended(&meeting, side, slot) == Ended::Done
}

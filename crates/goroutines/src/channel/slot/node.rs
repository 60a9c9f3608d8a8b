//! A waiter: the node that stands for it in a queue, and in which a peer tells it how its wait ended.
//!
//! Not for: parking (`vault`, `many`). Who may touch what, when:
//!
//! | what | by whom |
//! |---|---|
//! | a node's links and `queued` | who holds the lock of the channel in whose queue it is |
//! | what was told, and the slot | the owner; while the owner is claimed and not yet ready, the [`Peer`] that has claimed it by this node |
//! | the rest of a node | nobody: it is only read, by who takes it out of the queue under the lock, or was given it by its owner |
//!
//! A node lies on the stack of its owner. It stays there while it is in a queue, because the owner takes
//! it out, under the lock, before it goes on; and while its owner is claimed, because the owner goes on
//! only when the claimer makes it ready, which is the last thing that a claimer does.

use crate::channel::env::{Spot, Waker, Witness, spot};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// What an operation does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Takes one.
    Recv,
    /// Gives one.
    Send,
}

/// What a waiter brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A slot: with the value to send, or with room for the one to receive.
    Slot,
    /// Nothing yet: once chosen it has to be met again (a `Select`, or the send arm of a `select!`).
    Later,
    /// Nothing: it only wants to know that the operation is ready.
    Watch,
    /// The same, but it will do the operation then, or let another one know: so one is told at a time.
    Hear,
}

/// How a wait ended, as the peer tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The value has been moved into the slot, or out of it.
    Done,
    /// The channel was closed.
    Closed,
    /// There is a value, or room for one, in the channel, kept for this waiter.
    Reserved,
    /// The peer waits at this node for the operation to be completed.
    Meet(NonNull<Node>),
    /// The operation is ready.
    Ready,
    /// The peer has chosen and then not done it: try again, in front of the others.
    Retry,
}

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Node {
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    waker: Waker,
    /// The value, or room for it. Of a node that is met later: null, and then the node of the peer.
    slot: Cell<*mut ()>,
    told: Cell<Told>,
    queued: Cell<bool>,
    kind: Kind,
    side: Side,
    /// No other node has this ticket, and no deadline: only who takes this node out ends the wait, or a
    /// cancel.
    alone: bool,
    witness: Witness,
}

/// An [`Outcome`] without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Done,
    Closed,
    Reserved,
    Meet,
    Ready,
    Retry,
}

impl Node {
    #[inline]
    pub(super) fn new(waker: Waker, side: Side, kind: Kind, slot: *mut (), alone: bool) -> Node {
        Node {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            waker,
            slot: Cell::new(slot),
            told: Cell::new(Told::Nothing),
            queued: Cell::new(false),
            kind,
            side,
            alone,
            witness: Witness::new(),
        }
    }

    /// What its owner waits for.
    #[inline]
    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// Whether it is in its queue; for who holds the lock.
    #[inline]
    pub(super) fn queued(&self) -> bool {
        self.queued.get()
    }

    /// Whether a peer has told anything; for the owner, after its wait.
    #[inline]
    pub(super) fn is_told(&self) -> bool {
        self.witness.write();
        self.told.get() != Told::Nothing
    }

    /// Whether a peer has moved the value; for the owner, after its wait.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.witness.write();
        self.told.get() == Told::Done
    }

    /// What a peer has told; for the owner, after its wait.
    #[inline]
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.witness.write();
        Some(match self.told.get() {
            Told::Nothing => return None,
            Told::Done => Outcome::Done,
            Told::Closed => Outcome::Closed,
            Told::Reserved => Outcome::Reserved,
            Told::Meet => match NonNull::new(self.slot.get().cast()) {
                Some(peer) => Outcome::Meet(peer),
                None => unreachable!("a meeting without a place"),
            },
            Told::Ready => Outcome::Ready,
            Told::Retry => Outcome::Retry,
        })
    }
}

/// Waiters, in the order in which they came: a ring of nodes, of which it knows the last.
#[derive(Debug)]
pub(crate) struct Queue(Cell<*const Node>);

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue(Cell::new(ptr::null()))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    #[inline]
    fn last(&self) -> Option<&Node> {
        // SAFETY: null, or a node of this queue, which is where it was.
        unsafe { self.0.get().as_ref() }
    }

    /// Adds a node, behind the others or in front of them.
    ///
    /// # Safety
    ///
    /// It is in no queue, and stays where it is until it has been taken out of this one.
    #[inline]
    pub(super) unsafe fn push(&self, node: &Node, front: bool) {
        node.queued.set(true);
        let Some(last) = self.last() else {
            node.prev.set(node);
            node.next.set(node);
            self.0.set(node);
            return;
        };
        let first = last.next.get();
        node.prev.set(last);
        node.next.set(first);
        last.next.set(node);
        // SAFETY: a node of this queue, which is where it was.
        unsafe { &*first }.prev.set(node);
        if !front {
            self.0.set(node);
        }
    }

    /// Takes a node out, wherever it is.
    ///
    /// # Safety
    ///
    /// It is in this queue.
    #[inline]
    pub(super) unsafe fn remove(&self, node: &Node) {
        node.queued.set(false);
        let (prev, next) = (node.prev.get(), node.next.get());
        if ptr::eq(next, node) {
            self.0.set(ptr::null());
            return;
        }
        // SAFETY: a node of this queue, which is where it was.
        unsafe { &*prev }.next.set(next);
        // SAFETY: as above.
        unsafe { &*next }.prev.set(prev);
        if ptr::eq(self.0.get(), node) {
            self.0.set(prev);
        }
    }

    /// Takes the first waiter out whose wait it can end.
    ///
    /// Those before it have been ended by somebody else, and need their nodes no more.
    #[inline]
    pub(crate) fn claim_first(&self) -> Option<Peer> {
        self.claim_first_at(spot())
    }

    /// As [`Queue::claim_first`], for a caller who knows where it runs.
    #[inline(always)]
    pub(crate) fn claim_first_at(&self, spot: Spot) -> Option<Peer> {
        if self.is_empty() {
            return None;
        }
        self.claim_one(spot)
    }

    #[inline(always)]
    fn claim_one(&self, spot: Spot) -> Option<Peer> {
        while let Some(last) = self.last() {
            // SAFETY: a node of this queue: its owner has not gone on.
            let first = unsafe { &*last.next.get() };
            // SAFETY: it is in this queue.
            unsafe { self.remove(first) };
            if let Some(peer) = Peer::claim(first, spot) {
                return Some(peer);
            }
        }
        None
    }

    /// As [`Queue::claim_first`], among the waiters of one side.
    #[cold]
    pub(crate) fn claim_first_of(&self, side: Side) -> Option<Peer> {
        let last = self.last()?;
        let mut before = last;
        loop {
            // SAFETY: a node of this queue, as above; so is `before`, which has not been taken out.
            let node = unsafe { &*before.next.get() };
            let end = ptr::eq(node, last);
            if node.side == side {
                // SAFETY: it is in this queue.
                unsafe { self.remove(node) };
                if let Some(peer) = Peer::claim(node, spot()) {
                    return Some(peer);
                }
            } else {
                before = node;
            }
            if end {
                return None;
            }
        }
    }
}

/// A waiter whose wait the holder has ended and who does not know yet.
///
/// It is told by [`Peer::end`]; dropped, it is told to try again.
// One word, and so handed over in registers with what else there is to say of it.
#[derive(Debug)]
pub(crate) struct Peer(NonNull<Node>);

impl Peer {
    #[inline]
    fn claim(node: &Node, spot: Spot) -> Option<Peer> {
        let claimed = if node.waker.is_near(spot) {
            // Lines that come one after the other if nobody asks: see README.md.
            node.waker.prefetch(node);
            if node.alone {
                // SAFETY: it is near. Its ticket is in this node only, which the caller has taken out of
                // a queue under the lock, or was given to meet; and there is no deadline.
                unsafe { node.waker.claim_near() }
            } else {
                node.waker.claim()
            }
        } else {
            node.waker.claim()
        };
        // `tell` makes the claimed one again.
        claimed.map(|_| Peer(NonNull::from(node)))
    }

    /// The peer that waits for us at `node`.
    ///
    /// # Safety
    ///
    /// The caller got it in an [`Outcome::Meet`], and asks once.
    #[inline]
    pub(super) unsafe fn at(node: NonNull<Node>) -> Peer {
        // SAFETY: its owner waits there for nobody but the caller.
        match Peer::claim(unsafe { node.as_ref() }, spot()) {
            Some(peer) => peer,
            None => unreachable!("only the one who was asked to meet may end that wait"),
        }
    }

    #[inline]
    fn node(&self) -> &Node {
        // SAFETY: its owner is claimed and not ready, so it has not gone on.
        unsafe { self.0.as_ref() }
    }

    /// Whether it has a slot.
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        self.node().kind == Kind::Slot
    }

    /// Whether it is one of those of which one is told at a time.
    pub(crate) fn hears(&self) -> bool {
        self.node().kind == Kind::Hear
    }

    /// The value it gives, or the room it has for one.
    #[inline]
    pub(super) fn slot(&self) -> *mut () {
        debug_assert!(self.has_slot());
        self.node().slot.get()
    }

    /// Tells it how its wait ended, and makes it ready.
    #[inline]
    pub(crate) fn end(self, outcome: Outcome) {
        self.end_from(outcome, spot());
    }

    /// As [`Peer::end`], for a caller who knows where it runs.
    #[inline]
    pub(crate) fn end_from(self, outcome: Outcome, spot: Spot) {
        ManuallyDrop::new(self).tell(outcome, spot);
    }

    #[inline]
    fn tell(&self, outcome: Outcome, spot: Spot) {
        let node = self.node();
        node.witness.write();
        node.told.set(match outcome {
            Outcome::Done => Told::Done,
            Outcome::Closed => Told::Closed,
            Outcome::Reserved => Told::Reserved,
            Outcome::Meet(peer) => {
                debug_assert!(!self.has_slot());
                node.slot.set(peer.as_ptr().cast());
                Told::Meet
            }
            Outcome::Ready => Told::Ready,
            Outcome::Retry => Told::Retry,
        });
        // SAFETY: the peer was claimed by it. Once: by `end`, which consumes the peer without dropping it,
        // or by `drop`.
        let claimed = unsafe { node.waker.claimed() };
        // From here on its owner may go on, and the node is gone.
        claimed.ready_from(spot);
    }
}

impl Drop for Peer {
    #[cold]
    fn drop(&mut self) {
        self.tell(Outcome::Retry, spot());
    }
}

//! A waiter: the node that stands for it in a queue, and the meeting where a peer tells it the end.
//!
//! Not for: parking (`vault`, `many`). Who may touch what, when:
//!
//! | what | by whom |
//! |---|---|
//! | a node's links and `queued` | who holds the lock of the channel in whose queue it is |
//! | the rest of a node | written by its owner before it is queued; then read by anyone who takes it out of the queue under the lock, or was given it by its owner |
//! | the meeting, and the slot | the owner; while the owner is claimed and not yet ready, the [`Peer`] that has claimed it |
//!
//! A node lies on the stack of its owner. It stays there while it is in a queue, because the owner takes
//! it out, under the lock, before it goes on; and while its owner is claimed, because the owner goes on
//! only when the claimer makes it ready, which is the last thing that a claimer does.

use crate::channel::env::{Claimed, Waker};
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
}

/// How a wait ended, as the peer tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Nobody has told anything.
    Open,
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

/// Where a waiter finds how its wait ended.
#[derive(Debug)]
pub(crate) struct Meeting {
    outcome: Cell<Outcome>,
    case: Cell<u32>,
}

impl Meeting {
    #[inline]
    pub(crate) fn new() -> Meeting {
        Meeting { outcome: Cell::new(Outcome::Open), case: Cell::new(0) }
    }

    /// How it ended, and for which case of a select. For the owner, after the wait.
    #[inline]
    pub(crate) fn outcome(&self) -> (Outcome, usize) {
        (self.outcome.get(), self.case.get() as usize)
    }
}

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Node {
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    queued: Cell<bool>,
    kind: Kind,
    side: Side,
    case: u32,
    waker: Waker,
    slot: *mut (),
    meeting: *const Meeting,
}

impl Node {
    #[inline]
    pub(super) fn new(
        waker: Waker,
        side: Side,
        kind: Kind,
        slot: *mut (),
        case: u32,
        meeting: &Meeting,
    ) -> Node {
        Node {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            queued: Cell::new(false),
            kind,
            side,
            case,
            waker,
            slot,
            meeting,
        }
    }

    /// Whether it is in its queue; for who holds the lock.
    #[inline]
    pub(super) fn queued(&self) -> bool {
        self.queued.get()
    }
}

/// The waiters of one side of one channel, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue {
    first: *const Node,
    last: *const Node,
}

// SAFETY: the nodes it points to are shared between threads on purpose: the lock of the channel
// orders what is done with the links, and claiming what is done with the rest.
unsafe impl Send for Queue {}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue { first: ptr::null(), last: ptr::null() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Adds a node, behind the others or in front of them.
    ///
    /// # Safety
    ///
    /// It is in no queue, and stays where it is until it has been taken out of this one.
    #[inline]
    pub(super) unsafe fn push(&mut self, node: &Node, front: bool) {
        let (before, after) =
            if front { (ptr::null(), self.first) } else { (self.last, ptr::null()) };
        node.prev.set(before);
        node.next.set(after);
        node.queued.set(true);
        // SAFETY: null, or a node of this queue, which is where it was.
        match unsafe { before.as_ref() } {
            Some(before) => before.next.set(node),
            None => self.first = node,
        }
        // SAFETY: as above.
        match unsafe { after.as_ref() } {
            Some(after) => after.prev.set(node),
            None => self.last = node,
        }
    }

    /// Takes a node out, wherever it is.
    ///
    /// # Safety
    ///
    /// It is in this queue.
    #[inline]
    pub(super) unsafe fn remove(&mut self, node: &Node) {
        let (before, after) = (node.prev.get(), node.next.get());
        // SAFETY: null, or a node of this queue, which is where it was.
        match unsafe { before.as_ref() } {
            Some(before) => before.next.set(after),
            None => self.first = after,
        }
        // SAFETY: as above.
        match unsafe { after.as_ref() } {
            Some(after) => after.prev.set(before),
            None => self.last = before,
        }
        node.queued.set(false);
    }

    /// Takes the first waiter out whose wait it can end.
    ///
    /// Those before it have been ended by somebody else, and need their nodes no more.
    #[inline]
    pub(crate) fn claim_first(&mut self) -> Option<Peer> {
        // SAFETY: null, or a node of this queue: its owner has not gone on.
        while let Some(node) = unsafe { self.first.as_ref() } {
            // SAFETY: it is the first of this queue.
            unsafe { self.remove(node) };
            if let Some(peer) = Peer::claim(node) {
                return Some(peer);
            }
        }
        None
    }

    /// As [`Queue::claim_first`], among the waiters of one side.
    #[cold]
    pub(crate) fn claim_first_of(&mut self, side: Side) -> Option<Peer> {
        let mut at = self.first;
        // SAFETY: null, or a node of this queue, as above.
        while let Some(node) = unsafe { at.as_ref() } {
            at = node.next.get();
            if node.side == side {
                // SAFETY: it is in this queue.
                unsafe { self.remove(node) };
                if let Some(peer) = Peer::claim(node) {
                    return Some(peer);
                }
            }
        }
        None
    }
}

/// A waiter whose wait the holder has ended and who does not know yet.
///
/// It is told by [`Peer::end`]; dropped, it is told to try again.
#[derive(Debug)]
pub(crate) struct Peer {
    node: NonNull<Node>,
    claimed: ManuallyDrop<Claimed>,
}

impl Peer {
    #[inline]
    fn claim(node: &Node) -> Option<Peer> {
        let claimed = ManuallyDrop::new(node.waker.claim()?);
        Some(Peer { node: NonNull::from(node), claimed })
    }

    /// The peer that waits for us at `node`.
    ///
    /// # Safety
    ///
    /// The caller got it in an [`Outcome::Meet`], and asks once.
    #[inline]
    pub(super) unsafe fn at(node: NonNull<Node>) -> Peer {
        // SAFETY: its owner waits there for nobody but the caller.
        match Peer::claim(unsafe { node.as_ref() }) {
            Some(peer) => peer,
            None => unreachable!("only the one who was asked to meet may end that wait"),
        }
    }

    #[inline]
    fn node(&self) -> &Node {
        // SAFETY: its owner is claimed and not ready, so it has not gone on.
        unsafe { self.node.as_ref() }
    }

    /// Whether it has a slot.
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        self.node().kind == Kind::Slot
    }

    /// The value it gives, or the room it has for one.
    #[inline]
    pub(super) fn slot(&self) -> *mut () {
        debug_assert!(self.has_slot());
        self.node().slot
    }

    /// Tells it how its wait ended, and makes it ready.
    #[inline]
    pub(crate) fn end(self, outcome: Outcome) {
        let mut peer = ManuallyDrop::new(self);
        peer.tell(outcome);
    }

    #[inline]
    fn tell(&mut self, outcome: Outcome) {
        let node = self.node();
        // SAFETY: it lies beside the node, and as long; its owner does not look before it is ready.
        let meeting = unsafe { &*node.meeting };
        meeting.case.set(node.case);
        meeting.outcome.set(outcome);
        // SAFETY: taken once: by `end`, which consumes the peer without dropping it, or by `drop`.
        let claimed = unsafe { ManuallyDrop::take(&mut self.claimed) };
        // From here on its owner may go on, and the node is gone.
        claimed.ready();
    }
}

impl Drop for Peer {
    #[cold]
    fn drop(&mut self) {
        self.tell(Outcome::Retry);
    }
}

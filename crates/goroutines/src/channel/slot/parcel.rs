//! Waiters of futures: nodes in boxes instead of on stacks; peers see no difference.
//!
//! Not for: when to wait (`channel::future`). A goroutine cannot go away while it waits, but a future can
//! be dropped at any time. Its [`StandIn`] says what that means:
//!
//! - nobody has ended its wait, and nobody will: the node is taken out of its queue under the lock, if it
//!   is in it, and the box is freed;
//! - a peer has ended it and has finished: the node is in no queue, and nobody knows of it;
//! - a peer has ended it and has not finished: the stand-in keeps the box until it has.
//!
//! The value of a send is in the box. If its future goes away in the third case, the peer has either moved
//! it when it finishes, or has not; the box drops it then. A receive has no room for a value: its future
//! only watches, and takes a value when it is polled, so there is none to lose.

use super::cell::Slot;
use super::lock::Core;
use super::node::{Kind, Node, Side};
use super::vault::{Ended, Locked, ended};
use crate::channel::env::{Settled, StandIn};
use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::ptr::NonNull;
use std::task;

/// What is sent by a future.
pub(crate) struct Parcel<'a, T> {
    core: &'a Core,
    stand_in: StandIn,
    contents: NonNull<Contents<T>>,
}

struct Contents<T> {
    slot: Slot<T>,
    /// There from [`Parcel::begin`] until the wait has been seen to end.
    node: UnsafeCell<Option<Node>>,
}

// SAFETY: it is a `T` on its way, which may be sent; the node is used as the table in `node` says, from
// any thread; and the rest may be sent.
unsafe impl<T: Send> Send for Parcel<'_, T> {}
// SAFETY: only its future has one, and does nothing with a shared reference to it.
unsafe impl<T: Send> Sync for Parcel<'_, T> {}
impl<T> Contents<T> {
    /// The node, if a wait has begun.
    fn node(&self) -> Option<&Node> {
        // SAFETY: it is written by `set_node` only, whose contract excludes this.
        unsafe { &*self.node.get() }.as_ref()
    }

    /// # Safety
    ///
    /// The node that is there is in no queue and nobody has claimed it, and no reference from
    /// [`Contents::node`] is in use.
    unsafe fn set_node(&self, node: Option<Node>) {
        // SAFETY: by the contract nobody else uses it.
        unsafe { self.node.get().write(node) };
    }
}

impl<T> Drop for Contents<T> {
    fn drop(&mut self) {
        if let Some(node) = self.node() {
            // If the value has been moved, the slot must know before it is dropped.
            let _ = ended(node, Side::Send, &self.slot);
        }
    }
}

impl<'a, T> Parcel<'a, T> {
    /// A parcel with the value of a full slot.
    pub(crate) fn new(core: &'a Core, slot: Slot<T>) -> Parcel<'a, T> {
        let node = UnsafeCell::new(None);
        Parcel {
            core,
            stand_in: StandIn::new(),
            contents: NonNull::from(Box::leak(Box::new(Contents { slot, node }))),
        }
    }

    fn contents(&self) -> &Contents<T> {
        // SAFETY: it lives until `self` goes, and is only shared.
        unsafe { self.contents.as_ref() }
    }

    /// The value, or that it has gone.
    pub(crate) fn slot(&self) -> &Slot<T> {
        &self.contents().slot
    }

    /// Begins a wait, which must be left in the queue or be taken back.
    pub(crate) fn begin(&mut self, waker: &task::Waker) {
        let waker = self.stand_in.begin(waker);
        let slot = self.slot().place().cast();
        // Its future may take the wait back at any time, on any thread.
        let alone = false;
        let node = Node::new(waker, Side::Send, Kind::Slot, slot, alone);
        // SAFETY: there is no node, because the last wait has been seen to end.
        unsafe { self.contents().set_node(Some(node)) };
    }

    /// Leaves it in the queue of its channel, and unlocks that.
    pub(crate) fn hang(&self, locked: Locked<'_, T>, front: bool) {
        assert!(locked.is_of(self.core));
        let node = self.contents().node();
        assert!(node.is_some_and(|node| !node.queued()));
        if let Some(node) = node {
            // SAFETY: it is in no queue, and `drop` takes it out before the box goes, or the box is
            // kept for as long as somebody has claimed it.
            unsafe { locked.state().queue(Side::Send).push(node, front) };
        }
    }

    /// Whether it waits.
    pub(crate) fn waits(&self) -> bool {
        self.stand_in.waits()
    }

    /// How the wait has ended; `None`: it has not, and `waker` will be called when it has.
    pub(crate) fn poll(&mut self, waker: &task::Waker) -> Option<Ended> {
        if !self.stand_in.poll(waker) {
            return None;
        }
        let contents = self.contents();
        let how = contents
            .node()
            .map_or(Ended::Retry, |node| ended(node, Side::Send, &contents.slot));
        // SAFETY: who ended the wait has taken the node out and has finished.
        unsafe { contents.set_node(None) };
        Some(how)
    }

    /// Takes the wait back that has begun and is in no queue.
    pub(crate) fn take_back(&mut self) {
        let settled = self.stand_in.end();
        assert!(settled == Settled::Never, "nobody has had its waker");
        // SAFETY: it is in no queue, and the wait cannot be claimed any more.
        unsafe { self.contents().set_node(None) };
    }

    /// The value, if it has not gone; while it does not wait.
    pub(crate) fn into_value(self) -> Option<T> {
        assert!(!self.waits());
        self.slot().take_out()
    }
}

impl<T> Drop for Parcel<'_, T> {
    fn drop(&mut self) {
        let settled = self.stand_in.end();
        if settled == Settled::Never
            && let Some(node) = self.contents().node()
        {
            let held = self.core.lock();
            if node.queued() {
                // SAFETY: it is in a queue, and `hang` has put it into this one.
                unsafe { held.queue(Side::Send).remove(node) };
            }
        }
        let kept = Kept(self.contents);
        if settled == Settled::Soon {
            let kept: Box<dyn Send + '_> = Box::new(kept);
            // SAFETY: the two types differ in the lifetime only. It is dropped by the claimer, which
            // has borrowed the channel, a channel of such values, for as long as it has the claim.
            let kept =
                unsafe { mem::transmute::<Box<dyn Send + '_>, Box<dyn Send + 'static>>(kept) };
            self.stand_in.leave(kept);
        }
    }
}

/// Contents that a peer may still use: not as a box, which would have them for itself.
struct Kept<T>(NonNull<Contents<T>>);

// SAFETY: it is dropped by a peer of the channel, which is a peer of the parcel: if a `T` may not be
// sent, neither may the handles of a channel of them, so all of them are on one thread.
unsafe impl<T> Send for Kept<T> {}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box. The parcel has gone, and no peer uses it, or not any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T> fmt::Debug for Parcel<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Parcel { .. }")
    }
}

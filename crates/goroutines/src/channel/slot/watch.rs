//! A future that wants to know when something can be received: a node in a box, among the watchers.
//!
//! Not for: receiving (`channel::future`). For each value that comes one is told, the first in line. It
//! takes a value when it is polled; if it goes away instead, it sees to it that the next one is told. See
//! `parcel` for what its going away means to who is about to tell it.

use super::lock::{Core, Held};
use super::node::{Kind, Node, Side};
use crate::channel::env::{Settled, StandIn, Waker};
use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::ptr::{self, NonNull};
use std::task;

/// Something that has a core, or borrows what has one.
///
/// # Safety
///
/// As long as the value lives and is not borrowed uniquely it gives the same core, which stays where it
/// is, wherever the value is moved to.
pub(crate) unsafe trait Home {
    /// What to watch; `None`: nothing is ever ready.
    fn core(&self) -> Option<&Core>;
}

/// See the module's head.
pub(crate) struct Watch<H: Home> {
    home: H,
    stand_in: StandIn,
    /// There until this goes.
    node: Option<Kept>,
}

/// A node in a box that a peer may use too. There is one from [`Watch::begin`] until the wait has been
/// seen to end.
struct Kept(NonNull<UnsafeCell<Option<Node>>>);

// SAFETY: its node is used as the table in `node` says, from any thread.
unsafe impl Send for Kept {}
// SAFETY: nothing can be done with a shared reference but what the table says.
unsafe impl Sync for Kept {}

impl Kept {
    fn new() -> Kept {
        Kept(NonNull::from(Box::leak(Box::new(UnsafeCell::new(None)))))
    }

    fn node(&self) -> Option<&Node> {
        // SAFETY: the box lives until `self` goes.
        let cell = unsafe { self.0.as_ref() };
        // SAFETY: it is written by `set` only, whose contract excludes this.
        unsafe { &*cell.get() }.as_ref()
    }

    /// # Safety
    ///
    /// The node that is there is in no queue and nobody has claimed it, and no reference from
    /// [`Kept::node`] is in use.
    unsafe fn set(&self, node: Option<Node>) {
        // SAFETY: the box lives until `self` goes.
        let cell = unsafe { self.0.as_ref() };
        // SAFETY: by the contract nobody else uses it.
        unsafe { cell.get().write(node) };
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and whoever drops this is the last to know of it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<H: Home> Watch<H> {
    /// One that does not wait.
    pub(crate) fn new(home: H) -> Watch<H> {
        Watch {
            home,
            stand_in: StandIn::new(),
            node: Some(Kept::new()),
        }
    }

    /// What has the core that is watched.
    pub(crate) fn home(&self) -> &H {
        &self.home
    }

    /// Begins a wait: hangs a node among the watchers unless `ready` says, with the core locked, that there
    /// is nothing to wait for. Gives what ends the wait, too.
    pub(crate) fn begin(
        &mut self,
        waker: &task::Waker,
        ready: impl FnOnce(&H, Held<'_>) -> bool,
    ) -> Option<Waker> {
        let (core, kept) = (self.home.core()?, self.node.as_ref()?);
        let waker = self.stand_in.begin(waker);
        // Its future may take the wait back at any time, on any thread.
        let alone = false;
        let node = Node::new(waker, Side::Recv, Kind::Hear, ptr::null_mut(), alone);
        // SAFETY: there is no node: the last wait has been seen to end.
        unsafe { kept.set(Some(node)) };
        let held = core.lock();
        if !ready(&self.home, *held)
            && let Some(node) = kept.node()
        {
            // SAFETY: it is in no queue, and is taken out before it goes; the box is kept for as long as
            // somebody has claimed the wait.
            unsafe { held.watch(node, false) };
            mem::forget(held);
            // SAFETY: the lock is held, and the guard is gone. Nothing has become ready, so there is
            // nobody to tell.
            unsafe { core.unlock() };
            return Some(waker);
        }
        drop(held);
        let settled = self.stand_in.end();
        assert!(settled == Settled::Never, "nobody has had its waker");
        // SAFETY: it is in no queue, and the wait cannot be claimed any more.
        unsafe { kept.set(None) };
        None
    }

    /// Whether it waits.
    pub(crate) fn waits(&self) -> bool {
        self.stand_in.waits()
    }

    /// Whether the wait has ended, so that it is time to look again. If not, `waker` will be called then.
    pub(crate) fn poll(&mut self, waker: &task::Waker) -> bool {
        if !self.stand_in.poll(waker) {
            return false;
        }
        if !self.told() {
            self.unlink();
        }
        if let Some(kept) = &self.node {
            // SAFETY: it is in no queue now, and who ended the wait has finished.
            unsafe { kept.set(None) };
        }
        true
    }

    /// Whether it was ended by a peer, which has taken the node out; once it has been settled.
    fn told(&self) -> bool {
        let node = self.node.as_ref().and_then(Kept::node);
        node.is_some_and(|node| node.outcome().is_some())
    }

    /// Takes the node out of the queue, if it is in it: who ends the wait in another way leaves it there.
    /// As with every unlocking, the next one is told if something is ready.
    fn unlink(&self) {
        if let (Some(core), Some(node)) =
            (self.home.core(), self.node.as_ref().and_then(Kept::node))
        {
            let held = core.lock();
            if node.queued() {
                // SAFETY: it is in a queue, and `begin` has put it into this one.
                unsafe { held.watchers().remove(node) };
            }
        }
    }
}

impl<H: Home> Drop for Watch<H> {
    fn drop(&mut self) {
        let settled = self.stand_in.end();
        if settled != Settled::Yes || !self.told() {
            self.unlink();
        } else if let Some(core) = self.home.core() {
            core.tell_watchers();
        }
        if settled == Settled::Soon
            && let Some(kept) = self.node.take()
        {
            self.stand_in.leave(Box::new(kept));
        }
    }
}

impl<H: Home> fmt::Debug for Watch<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Watch { .. }")
    }
}

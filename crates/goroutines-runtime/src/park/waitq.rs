//! A queue of waiters, oldest first, for things that a goroutine or thread waits in line for.
//!
//! Not for: deciding who gets what. The locks of `goroutines::sync` do that while they hold the queue.
//!
//! A waiter's node lies on its own stack. It is in the list from the moment its owner decides, with
//! the queue locked, to wait, until somebody takes it out, again with the queue locked:
//!
//! | node | who may touch it |
//! |---|---|
//! | linked | whoever holds the queue's lock |
//! | taken, its wait claimed | the claimer, until it has made the owner ready |
//! | taken, its wait not to be claimed any more | whoever holds the lock; its owner is on its way to it |
//! | otherwise | its owner |
//!
//! The owner leaves [`WaitQueue::wait`] after its wait was claimed by who took the node out (cause
//! `Ready`), or, when something else ended the wait, after it has taken the lock and seen to it that
//! the node is in no list. So a node is never touched after it is gone.
#![allow(
    unsafe_code,
    reason = "follows links between nodes on the stacks of waiters"
)]

use super::{Cause, Claimed, Moment, Reason, Wakeable, Waker, prepare};
use crate::shim::{Lock, LockGuard};
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;

/// `N` lists of waiters under one lock. Making one needs no memory.
pub struct WaitQueue<const N: usize = 1> {
    lists: Lock<[List; N]>,
}

/// Waiters, oldest first.
pub struct List {
    head: Link,
    tail: Link,
}

type Link = Option<NonNull<Node>>;

struct Node {
    waker: Waker,
    tag: u64,
    prev: Cell<Link>,
    next: Cell<Link>,
    linked: Cell<bool>,
    message: Cell<u32>,
    /// Of one that was taken out and is in a [`Batch`].
    claimed: Cell<Option<Claimed>>,
}

/// How to wait.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What a dump shows.
    pub reason: Reason,
    /// When to stop waiting.
    pub deadline: Moment,
    /// Who may end the wait.
    pub wakeable: Wakeable,
    /// What others see of this waiter while it is in the list.
    pub tag: u64,
}

impl Ask {
    /// To wait for as long as it takes, with tag 0.
    pub const fn new(reason: Reason) -> Ask {
        Ask {
            reason,
            deadline: Moment::NEVER,
            wakeable: Wakeable::ByTicket,
            tag: 0,
        }
    }

    /// The same with this tag.
    #[must_use]
    pub const fn tag(self, tag: u64) -> Ask {
        Ask { tag, ..self }
    }

    /// The same with this deadline.
    #[must_use]
    pub const fn until(self, deadline: Moment) -> Ask {
        Ask { deadline, ..self }
    }

    /// The same, and a cancel does not end the wait.
    #[must_use]
    pub const fn shielded(self) -> Ask {
        Ask {
            wakeable: Wakeable::Shielded,
            ..self
        }
    }
}

/// Where a waiter enters: the number of the list, and which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind all others.
    Back(usize),
    /// Before all others.
    Front(usize),
}

/// How [`WaitQueue::wait`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "says whether and why the wait ended"]
pub enum Waited {
    /// `enter` said there is nothing to wait for.
    NotEntered,
    /// Somebody took it out of the list and made it ready with this message.
    Woken(u32),
    /// Something else ended the wait; it is in no list any more. Never [`Cause::Ready`].
    Left(Cause),
}

impl<const N: usize> WaitQueue<N> {
    /// A queue with nobody in it.
    pub const fn new() -> Self {
        WaitQueue {
            lists: Lock::new(
                [const {
                    List {
                        head: None,
                        tail: None,
                    }
                }; N],
            ),
        }
    }

    /// Takes the lock of the lists. As with every such lock, do not wait for anything with it held.
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, [List; N]> {
        self.lists.lock()
    }

    /// Waits in the queue until somebody takes this waiter out and wakes it.
    ///
    /// With the lists locked, `enter` says where to wait, or that there is nothing to wait for.
    /// `between` runs after that, with the lists unlocked, before anything is waited for: it must not
    /// wait, yield or panic. If something else than a waker ends the wait, `left` is called with the
    /// lists locked, this waiter no longer among them.
    ///
    /// Unwinds, before `enter`, where [`prepare`] does. In a goroutine that unwinds no cancel ends the
    /// wait.
    #[inline]
    pub fn wait_then(
        &self,
        ask: Ask,
        enter: impl FnOnce(&mut [List; N]) -> Option<Place>,
        between: impl FnOnce(),
        left: impl FnOnce(&mut [List; N]),
    ) -> Waited {
        // A destructor that waits while a panic unwinds cannot unwind once more.
        let wait = prepare(if std::thread::panicking() {
            Wakeable::Shielded
        } else {
            ask.wakeable
        });
        let node = Node {
            waker: wait.waker(),
            tag: ask.tag,
            prev: Cell::new(None),
            next: Cell::new(None),
            linked: Cell::new(false),
            message: Cell::new(0),
            claimed: Cell::new(None),
        };
        let mut lists = self.lock();
        let Some(place) = enter(&mut lists) else {
            drop(lists);
            let _ = wait.withdraw();
            return Waited::NotEntered;
        };
        let (Place::Back(list) | Place::Front(list)) = place;
        lists[list].link(NonNull::from(&node), matches!(place, Place::Front(_)));
        // From here on the node must not go away before the wait has ended: unwinding is no option.
        let bomb = Bomb;
        drop(lists);
        between();
        let cause = wait.park(ask.reason, ask.deadline);
        std::mem::forget(bomb);
        if cause == Cause::Ready {
            return Waited::Woken(node.message.get());
        }
        let mut lists = self.lock();
        if node.linked.get() {
            lists[list].unlink(NonNull::from(&node));
        }
        left(&mut lists);
        Waited::Left(cause)
    }

    /// [`WaitQueue::wait_then`] with nothing to do in between.
    #[inline]
    pub fn wait(
        &self,
        ask: Ask,
        enter: impl FnOnce(&mut [List; N]) -> Option<Place>,
        left: impl FnOnce(&mut [List; N]),
    ) -> Waited {
        self.wait_then(ask, enter, || (), left)
    }
}

impl<const N: usize> Default for WaitQueue<N> {
    fn default() -> Self {
        WaitQueue::new()
    }
}

impl<const N: usize> fmt::Debug for WaitQueue<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue").finish_non_exhaustive()
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        crate::fatal!("a waiter unwinds while it is in a queue");
    }
}

// SAFETY: the links lead to nodes that stay where they are while they are in the list, and whose
// fields are used under the lock that the list is behind, whatever thread that is on.
unsafe impl Send for List {}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

/// A node that is in the list, or was taken out and its owner not made ready yet.
fn look(node: &NonNull<Node>) -> &Node {
    // SAFETY: `List` and `Taken` hold pointers to nodes in one of the first two rows of the table in
    // the module's head: they are there. Of their fields only cells change.
    unsafe { node.as_ref() }
}

impl List {
    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// The tag of the oldest.
    #[inline]
    pub fn front_tag(&self) -> Option<u64> {
        self.head.as_ref().map(|node| look(node).tag)
    }

    /// Takes out the oldest whose wait can still be ended. It stays parked until
    /// [`Taken::ready`].
    #[inline]
    pub fn take(&mut self) -> Option<Taken> {
        while !self.is_empty() {
            if let Some(taken) = self.take_front() {
                return Some(taken);
            }
        }
        None
    }

    /// Takes out the oldest; `None` if its wait could not be ended any more, or there is none.
    #[inline]
    pub fn take_front(&mut self) -> Option<Taken> {
        let node = self.head?;
        self.unlink(node);
        let claimed = look(&node).waker.claim()?;
        Some(Taken { node, claimed })
    }

    /// Takes out all whose wait can still be ended, in order.
    pub fn take_all(&mut self) -> Batch {
        let mut batch = Batch::default();
        while let Some(taken) = self.take() {
            batch.push(taken);
        }
        batch
    }

    fn link(&mut self, node: NonNull<Node>, front: bool) {
        let this = look(&node);
        let (prev, next) = if front {
            (None, self.head)
        } else {
            (self.tail, None)
        };
        this.linked.set(true);
        this.prev.set(prev);
        this.next.set(next);
        match &prev {
            Some(prev) => look(prev).next.set(Some(node)),
            None => self.head = Some(node),
        }
        match &next {
            Some(next) => look(next).prev.set(Some(node)),
            None => self.tail = Some(node),
        }
    }

    #[inline]
    fn unlink(&mut self, node: NonNull<Node>) {
        let this = look(&node);
        let (prev, next) = (this.prev.get(), this.next.get());
        this.linked.set(false);
        match &prev {
            Some(prev) => look(prev).next.set(next),
            None => self.head = next,
        }
        match &next {
            Some(next) => look(next).prev.set(prev),
            None => self.tail = prev,
        }
    }
}

/// A waiter that was taken out of its list, its wait claimed: it is parked until made ready.
#[must_use = "it is parked until it is made ready"]
pub struct Taken {
    node: NonNull<Node>,
    claimed: Claimed,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken")
            .field("tag", &self.tag())
            .finish_non_exhaustive()
    }
}

impl Taken {
    /// Its tag.
    #[inline]
    pub fn tag(&self) -> u64 {
        look(&self.node).tag
    }

    /// Makes it ready with a message. Better with the queue unlocked.
    #[inline]
    pub fn ready(self, message: u32) {
        look(&self.node).message.set(message);
        self.claimed.ready();
    }
}

/// Waiters that were taken out together.
#[must_use = "they are parked until they are made ready"]
#[derive(Default)]
pub struct Batch {
    list: Option<(NonNull<Node>, NonNull<Node>)>,
    len: usize,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// How many.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one behind the others.
    pub fn push(&mut self, taken: Taken) {
        let Taken { node, claimed } = taken;
        look(&node).claimed.set(Some(claimed));
        look(&node).next.set(None);
        self.list = Some(match &self.list {
            Some((first, last)) => {
                look(last).next.set(Some(node));
                (*first, node)
            }
            None => (node, node),
        });
        self.len += 1;
    }

    /// Makes all ready with this message, behind those that are ready already. Better with the queue
    /// unlocked.
    pub fn ready(mut self, message: u32) {
        let mut rest = self.list.take().map(|(first, _)| first);
        while let Some(node) = rest {
            let this = look(&node);
            // All that is read of the node is read before its owner runs.
            rest = this.next.get();
            this.message.set(message);
            if let Some(claimed) = this.claimed.take() {
                claimed.ready_later();
            }
        }
    }
}

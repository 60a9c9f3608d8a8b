//! The state of a channel without its values: who waits, how much there is, what is promised.
//!
//! Not for: moving values (`chan`), or parking. A select needs nothing but this, whatever the type of
//! the values.
//!
//! A select that has chosen an operation completes it a moment later, and in between anything may
//! happen to the channel. So the choice takes away what the completion will need: it *keeps* one of
//! the values in the buffer, *holds* room for one, or claims a parked peer. Those kept and held are only
//! counted; which value it will be is settled at completion.

use super::env::{AtomicU64, AtomicUsize, Ordering};
use super::slot::lock::Spin;
use super::slot::node::{Outcome, Peer, Queue, Side};
use std::time::Instant;

/// What the lock of a channel protects.
#[derive(Debug)]
pub(crate) struct State {
    /// Values that have room; `usize::MAX` for an unbounded channel.
    pub(crate) cap: usize,
    /// Values in the buffer.
    pub(crate) len: usize,
    /// How many of them are kept for receives that a select has chosen.
    pub(crate) kept: usize,
    /// Places held for sends that a select has chosen.
    pub(crate) held: usize,
    /// No more values come in.
    pub(crate) closed: bool,
    /// Parked senders; none if there is room.
    pub(crate) senders: Queue,
    /// Parked receivers; none if there is a value that is not kept.
    pub(crate) receivers: Queue,
    /// Selects that want to know when an operation is ready.
    pub(crate) watchers: Queue,
}

impl State {
    /// Values for anyone.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        self.len - self.kept
    }

    /// Places for anyone.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.cap - self.len - self.held
    }

    /// Whether an operation would not wait; there may be waiters whose wait has been ended.
    #[inline]
    pub(crate) fn may(&self, side: Side) -> bool {
        self.closed
            || match side {
                Side::Recv => self.available() > 0 || !self.senders.is_empty(),
                Side::Send => self.room() > 0 || !self.receivers.is_empty(),
            }
    }

    /// Takes what an operation will need; `None`: it would wait.
    pub(crate) fn choose(&mut self, side: Side) -> Option<Token> {
        let peer = match side {
            Side::Recv if self.available() > 0 => {
                self.kept += 1;
                return Some(Token::Reserved);
            }
            _ if self.closed => return Some(Token::Closed),
            Side::Recv => self.senders.claim_first()?,
            Side::Send if self.room() > 0 => {
                self.held += 1;
                return Some(Token::Reserved);
            }
            Side::Send => self.receivers.claim_first()?,
        };
        Some(if peer.has_slot() { Token::Peer(peer) } else { Token::Ask(peer) })
    }
}

/// What the one who has been chosen for an operation has in hand to complete it.
#[derive(Debug)]
pub(crate) enum Token {
    /// The channel is closed.
    Closed,
    /// A value is kept, or room is held.
    Reserved,
    /// A claimed peer, with the value or room for it.
    Peer(Peer),
    /// A claimed peer who has to be met: it completes its operation when it is told.
    Ask(Peer),
    /// The value is in the slot already.
    Done,
    /// A timer was due at this instant.
    At(Instant),
}

/// The part of a channel that has no type.
#[derive(Debug)]
pub(crate) struct Core {
    /// Which operations would not wait, and how often that has changed: see [`Status`].
    status: AtomicU64,
    /// The number of values, for show.
    len: AtomicUsize,
    spin: Spin<State>,
}

/// What an operation can see of a channel without its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u64);

const MAY_RECV: u64 = 1;
const MAY_SEND: u64 = 2;
const CLOSED: u64 = 4;
const BITS: u64 = MAY_RECV | MAY_SEND | CLOSED;
/// Above the bits: how often they have changed.
const CHANGE: u64 = 8;

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

impl Core {
    pub(crate) fn new(cap: usize) -> Core {
        let state = State {
            cap,
            len: 0,
            kept: 0,
            held: 0,
            closed: false,
            senders: Queue::new(),
            receivers: Queue::new(),
            watchers: Queue::new(),
        };
        let status = if cap > 0 { MAY_SEND } else { 0 };
        Core { status: AtomicU64::new(status), len: AtomicUsize::new(0), spin: Spin::new(state) }
    }

    /// What can be seen without the lock.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        // Acquire: pairs with the Release in `publish`; who sees that something has gone from here
        // sees what its taker saw before.
        Status(self.status.load(Ordering::Acquire))
    }

    /// The number of values, a moment ago.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn spin(&self) -> &Spin<State> {
        &self.spin
    }

    /// Shows the state to those who look without the lock. Called before each unlock.
    #[inline]
    pub(crate) fn publish(&self, state: &State) {
        self.len.store(state.len, Ordering::Relaxed);
        let mut now = 0;
        if state.closed {
            now = BITS;
        } else {
            if state.may(Side::Recv) {
                now |= MAY_RECV;
            }
            if state.may(Side::Send) {
                now |= MAY_SEND;
            }
        }
        let before = self.status.load(Ordering::Relaxed);
        if before & BITS != now {
            // Release: pairs with the Acquire in `status`.
            self.status.store((before & !BITS).wrapping_add(CHANGE) | now, Ordering::Release);
        }
    }

    /// Somebody who was chosen does not complete the operation: others may.
    #[cold]
    pub(crate) fn give_back(&self, side: Side) {
        let mut locked = self.lock();
        let next = match side {
            Side::Recv => {
                locked.kept -= 1;
                locked.receivers.claim_first()
            }
            Side::Send => {
                locked.held -= 1;
                locked.senders.claim_first()
            }
        };
        drop(locked);
        if let Some(peer) = next {
            peer.end(Outcome::Retry);
        }
    }

    /// Closes it; `false`: it was closed. Ends the waits of all who are parked.
    pub(crate) fn close(&self) -> bool {
        let mut locked = self.lock();
        if locked.closed {
            return false;
        }
        locked.closed = true;
        // Nobody parks here any more, and nobody takes from a parked one: one after the other.
        loop {
            let Some(peer) =
                locked.receivers.claim_first().or_else(|| locked.senders.claim_first())
            else {
                return true;
            };
            drop(locked);
            peer.end(Outcome::Closed);
            locked = self.lock();
        }
    }

    /// Tells those who want to know that an operation is ready.
    #[cold]
    pub(crate) fn tell_watchers(&self) {
        loop {
            let mut locked = self.lock_quietly();
            let recv = if locked.may(Side::Recv) {
                locked.watchers.claim_first_of(Side::Recv)
            } else {
                None
            };
            let peer = recv.or_else(|| {
                if locked.may(Side::Send) {
                    locked.watchers.claim_first_of(Side::Send)
                } else {
                    None
                }
            });
            drop(locked);
            match peer {
                Some(peer) => peer.end(Outcome::Ready),
                None => return,
            }
        }
    }
}

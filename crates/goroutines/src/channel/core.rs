//! What can be done with a channel whatever the type of its values: look, choose, close.
//!
//! Not for: moving values (`chan`), or parking. A select needs nothing but this.
//!
//! A select that has chosen an operation completes it a moment later, and in between anything may
//! happen to the channel. So the choice takes away what the completion will need: it *keeps* one of
//! the values in the buffer, *holds* room for one, or claims a parked peer. Those kept and held are only
//! counted; which value it will be is settled at completion.

use super::env::{Moment, Spot, spot};
use super::slot::lock::{Core, Held};
use super::slot::node::{Outcome, Peer, Side};

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
    /// A timer was due at this moment.
    At(Moment),
}

impl Held<'_> {
    /// Whether an operation would not wait; there may be waiters whose wait has been ended.
    #[inline]
    pub(crate) fn may(self, side: Side) -> bool {
        self.closed()
            || match side {
                Side::Recv => self.available() > 0 || !self.queue(Side::Send).is_empty(),
                Side::Send => self.room() > 0 || !self.queue(Side::Recv).is_empty(),
            }
    }

    /// Takes what an operation will need; `None`: it would wait.
    pub(crate) fn choose(self, side: Side, spot: Spot) -> Option<Token> {
        let peer = match side {
            Side::Recv if self.available() > 0 => {
                self.keep();
                return Some(Token::Reserved);
            }
            _ if self.closed() => return Some(Token::Closed),
            Side::Recv => self.queue(Side::Send).claim_first_at(spot)?,
            Side::Send if self.room() > 0 => {
                self.hold();
                return Some(Token::Reserved);
            }
            Side::Send => self.queue(Side::Recv).claim_first_at(spot)?,
        };
        Some(if peer.has_slot() {
            Token::Peer(peer)
        } else {
            Token::Ask(peer)
        })
    }
}

impl Core {
    /// Somebody who was chosen does not complete the operation: others may.
    #[cold]
    pub(crate) fn give_back(&self, side: Side) {
        let spot = spot();
        let held = self.lock_at(spot);
        match side {
            Side::Recv => held.unkeep(),
            Side::Send => held.unhold(),
        }
        let next = held.queue(side).claim_first_at(spot);
        drop(held);
        if let Some(peer) = next {
            peer.end(Outcome::Retry);
        }
    }

    /// Closes it; `false`: it was closed. Ends the waits of all who are parked.
    pub(crate) fn close(&self) -> bool {
        let first = self.begin_close();
        if first {
            self.finish_close();
        }
        first
    }

    /// The first half of [`Core::close`]: nothing comes in any more, and nobody parks. Runs no foreign
    /// code. After `true` the caller has to see to the second half.
    #[must_use = "those who are parked have to be told"]
    pub(crate) fn begin_close(&self) -> bool {
        let held = self.lock();
        let first = !held.closed();
        held.set_closed();
        held.unlock_quietly();
        first
    }

    /// The second half: ends the waits of all who are parked. May call wakers.
    pub(crate) fn finish_close(&self) {
        self.tell_watchers();
        // Nobody parks here any more, and nobody takes from a parked one: one after the other.
        for side in [Side::Recv, Side::Send] {
            loop {
                let spot = spot();
                // Unlocked before it is told: that may call the waker of a task, which is foreign code.
                let next = self.lock_at(spot).queue(side).claim_first_at(spot);
                let Some(peer) = next else { break };
                peer.end(Outcome::Closed);
            }
        }
    }

    /// Tells those who want to know that an operation is ready: all who watch, and one who will do it.
    ///
    /// One is enough: it is called whenever a value, or somebody with a value, has come; who goes away
    /// after it was told calls it once more.
    #[cold]
    pub(crate) fn tell_watchers(&self) {
        for side in [Side::Recv, Side::Send] {
            while self.status().may(side)
                && let Some(peer) = self.next_watcher(side)
            {
                let enough = peer.hears() && !self.status().closed();
                peer.end(Outcome::Ready);
                if enough {
                    break;
                }
            }
        }
    }
}

//! The operations of a channel, whatever its flavour: who takes what from whom.
//!
//! Not for: selects (they choose with `core` and complete here), or handles. README.md argues why
//! nothing is lost. In short, with the lock held:
//!
//! - a value that is not kept, or a parked sender: then no receiver is parked;
//! - room that is not held, or a parked receiver: then no sender is parked;
//! - so who comes never overtakes who is parked, and hands its value over itself.

use super::core::{Core, Token};
use super::env::{Moment, Wakeable, prepare};
use super::slot::buffer::Buffer;
use super::slot::cell::Slot;
use super::slot::many::Case;
use super::slot::node::Side;
use super::slot::vault::{Ended, Giver, Locked, Taker, Vault};

/// One channel.
#[derive(Debug)]
pub(crate) struct Chan<T> {
    vault: Vault<T>,
    cap: Option<usize>,
}

/// What became of an operation that did not wait.
#[derive(Debug)]
#[must_use]
pub(crate) enum Now<P> {
    /// The value has been moved.
    Done,
    /// The channel is closed.
    Closed,
    /// It would have to wait.
    Wait,
    /// This peer has to be met first.
    Ask(P),
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum End {
    /// The value has been moved.
    Done,
    /// The channel is closed.
    Closed,
    /// It would have had to wait (longer).
    Late,
}

/// What became of an operation that a select had chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Finish {
    /// The value has been moved.
    Done,
    /// The channel is closed.
    Closed,
    /// The peer did not complete its part.
    Retry,
}

impl<T> Chan<T> {
    /// A channel with room for `cap` values; `None` if there is not so much memory.
    pub(crate) fn bounded(cap: usize) -> Option<Chan<T>> {
        Some(Chan { vault: Vault::new(cap, Buffer::bounded(cap)?), cap: Some(cap) })
    }

    /// A channel with room for any number of values.
    pub(crate) fn unbounded() -> Chan<T> {
        Chan { vault: Vault::new(usize::MAX, Buffer::unbounded()), cap: None }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        self.vault.core()
    }

    /// How many values have room; `None`: any number.
    pub(crate) fn capacity(&self) -> Option<usize> {
        self.cap
    }

    /// Closes it and drops its values: there is nobody to receive them.
    pub(crate) fn close_and_drain(&self) {
        self.core().close();
        let values = self.vault.lock().take_all();
        // Without the lock: values may do anything when they are dropped.
        drop(values);
    }

    /// Sends the value of a full slot if that is possible without waiting for long.
    #[inline]
    pub(crate) fn try_send(&self, slot: &Slot<T>) -> End {
        loop {
            if !self.core().status().may(Side::Send) {
                return End::Late;
            }
            match send(self.vault.lock(), slot).1 {
                Now::Done => return End::Done,
                Now::Closed => return End::Closed,
                Now::Wait => return End::Late,
                Now::Ask(taker) => {
                    if taker.ask(slot) {
                        return End::Done;
                    }
                }
            }
        }
    }

    /// Receives into an empty slot if that is possible without waiting for long.
    #[inline]
    pub(crate) fn try_recv(&self, out: &Slot<T>) -> End {
        loop {
            if !self.core().status().may(Side::Recv) {
                return End::Late;
            }
            match recv(self.vault.lock(), out).1 {
                Now::Done => return End::Done,
                Now::Closed => return End::Closed,
                Now::Wait => return End::Late,
                Now::Ask(giver) => {
                    if giver.ask(out) {
                        return End::Done;
                    }
                }
            }
        }
    }

    /// Sends the value of a full slot. `front`: it has waited before.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_by(&self, slot: &Slot<T>, deadline: Moment, mut front: bool) -> End {
        loop {
            if front {
                // It was its turn: nothing may come in between, not even unwinding.
                match self.try_send(slot) {
                    End::Late => {}
                    end => return end,
                }
            }
            let wait = prepare(Wakeable::ByTicket);
            self.linger(Side::Send, wait.blocks_thread());
            let (locked, now) = send(self.vault.lock(), slot);
            let Some(locked) = locked else {
                let _ = wait.withdraw();
                match now {
                    Now::Done => return End::Done,
                    Now::Closed => return End::Closed,
                    Now::Ask(taker) => {
                        if taker.ask(slot) {
                            return End::Done;
                        }
                        front = true;
                        continue;
                    }
                    Now::Wait => unreachable!("then the lock comes back"),
                }
            };
            if passed(deadline) {
                drop(locked);
                let _ = wait.withdraw();
                return End::Late;
            }
            match locked.park(Side::Send, slot, front, wait, deadline) {
                Ended::Done => return End::Done,
                Ended::Closed => return End::Closed,
                Ended::Deadline => return End::Late,
                Ended::Retry => front = true,
                Ended::Cancelled => {}
            }
        }
    }

    /// Receives into an empty slot. `front`: it has waited before.
    #[cold]
    #[inline(never)]
    pub(crate) fn recv_by(&self, out: &Slot<T>, deadline: Moment, mut front: bool) -> End {
        loop {
            if front {
                match self.try_recv(out) {
                    End::Late => {}
                    end => return end,
                }
            }
            let wait = prepare(Wakeable::ByTicket);
            self.linger(Side::Recv, wait.blocks_thread());
            let (locked, now) = recv(self.vault.lock(), out);
            let Some(locked) = locked else {
                let _ = wait.withdraw();
                match now {
                    Now::Done => return End::Done,
                    Now::Closed => return End::Closed,
                    Now::Ask(giver) => {
                        if giver.ask(out) {
                            return End::Done;
                        }
                        front = true;
                        continue;
                    }
                    Now::Wait => unreachable!("then the lock comes back"),
                }
            };
            if passed(deadline) {
                drop(locked);
                let _ = wait.withdraw();
                return End::Late;
            }
            match locked.park(Side::Recv, out, front, wait, deadline) {
                Ended::Done => return End::Done,
                Ended::Closed => return End::Closed,
                Ended::Deadline => return End::Late,
                Ended::Retry => front = true,
                Ended::Cancelled => {}
            }
        }
    }

    /// A thread looks again for a while before it blocks, because waking it is dear.
    #[inline]
    fn linger(&self, side: Side, thread: bool) {
        if thread {
            super::env::linger(|| self.core().status().may(side));
        }
    }

    /// Completes a receive that a select has chosen: moves the value into the slot.
    #[inline]
    pub(crate) fn finish_recv(&self, case: &Case<'_>, token: Token, out: &Slot<T>) -> Finish {
        match token {
            Token::Peer(peer) => {
                self.vault.giver(case, peer).take(out);
                Finish::Done
            }
            Token::Reserved => {
                let mut locked = self.vault.lock();
                locked.kept -= 1;
                match recv(locked, out).1 {
                    Now::Done => Finish::Done,
                    _ => unreachable!("a value was kept"),
                }
            }
            Token::Ask(peer) => {
                if self.vault.giver(case, peer).ask(out) { Finish::Done } else { Finish::Retry }
            }
            Token::Done => {
                out.filled(case, &token);
                Finish::Done
            }
            Token::Closed | Token::At(_) => Finish::Closed,
        }
    }

    /// Completes a send that a select has chosen: moves the value of the slot.
    #[inline]
    pub(crate) fn finish_send(&self, case: &Case<'_>, token: Token, slot: &Slot<T>) -> Finish {
        match token {
            Token::Peer(peer) => {
                self.vault.taker(case, peer).give(slot);
                Finish::Done
            }
            Token::Reserved => {
                let mut locked = self.vault.lock();
                locked.held -= 1;
                match send(locked, slot).1 {
                    Now::Done => Finish::Done,
                    Now::Closed => Finish::Closed,
                    _ => unreachable!("room was held"),
                }
            }
            Token::Ask(peer) => {
                if self.vault.taker(case, peer).ask(slot) { Finish::Done } else { Finish::Retry }
            }
            Token::Done => Finish::Done,
            Token::Closed | Token::At(_) => Finish::Closed,
        }
    }
}

fn passed(deadline: Moment) -> bool {
    deadline != Moment::NEVER && deadline <= Moment::now()
}

/// Sends under the lock. If it would have to wait the lock comes back.
#[inline]
fn send<'a, T>(
    mut locked: Locked<'a, T>,
    slot: &Slot<T>,
) -> (Option<Locked<'a, T>>, Now<Taker<T>>) {
    if locked.closed {
        return (None, Now::Closed);
    }
    if let Some(taker) = locked.receiver() {
        if taker.has_slot() {
            drop(locked);
            taker.give(slot);
        } else if locked.room() > 0 {
            locked.push(slot);
            locked.kept += 1;
            drop(locked);
            taker.reserved();
        } else {
            return (None, Now::Ask(taker));
        }
        return (None, Now::Done);
    }
    if locked.room() == 0 {
        return (Some(locked), Now::Wait);
    }
    locked.push(slot);
    (None, Now::Done)
}

/// Receives under the lock. If it would have to wait the lock comes back.
#[inline]
fn recv<'a, T>(
    mut locked: Locked<'a, T>,
    out: &Slot<T>,
) -> (Option<Locked<'a, T>>, Now<Giver<T>>) {
    if locked.available() > 0 {
        locked.pop(out);
        // There is room now: the first parked sender's value goes behind the others. Once it is
        // closed, nothing comes in.
        if !locked.closed
            && let Some(giver) = locked.sender()
        {
            if giver.has_slot() {
                locked.push_from(&giver);
                drop(locked);
                giver.taken();
            } else {
                locked.held += 1;
                drop(locked);
                giver.reserved();
            }
        }
        return (None, Now::Done);
    }
    if locked.closed {
        return (None, Now::Closed);
    }
    if let Some(giver) = locked.sender() {
        drop(locked);
        if giver.has_slot() {
            giver.take(out);
            return (None, Now::Done);
        }
        return (None, Now::Ask(giver));
    }
    (Some(locked), Now::Wait)
}

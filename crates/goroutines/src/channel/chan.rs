//! The operations of a channel, whatever its flavour: who takes what from whom.
//!
//! Not for: selects (they choose with `core` and complete here), or handles. README.md argues why
//! nothing is lost. In short, with the lock held:
//!
//! - a value that is not kept, or a parked sender: then no receiver is parked;
//! - room that is not held, or a parked receiver: then no sender is parked;
//! - so who comes never overtakes who is parked, and hands its value over itself.

use super::core::Token;
use super::env::{Moment, Spot, Wakeable, linger, spot, yield_now};
use super::slot::buffer::Buffer;
use super::slot::cell::Slot;
use super::slot::lock::Core;
use super::slot::many::Case;
use super::slot::node::Side;
use super::slot::vault::{Berth, Ended, Locked, Step, Vault};

/// One channel.
#[derive(Debug)]
pub(crate) struct Chan<T> {
    vault: Vault<T>,
    cap: Option<usize>,
}

impl<T> Chan<T> {
    /// A channel with room for `cap` values; `None` if there is not so much memory.
    pub(crate) fn bounded(cap: usize) -> Option<Chan<T>> {
        Some(Chan {
            vault: Vault::new(cap, Buffer::bounded(cap)?),
            cap: Some(cap),
        })
    }

    /// A channel with room for any number of values.
    pub(crate) fn unbounded() -> Chan<T> {
        Chan {
            vault: Vault::new(usize::MAX, Buffer::unbounded()),
            cap: None,
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        self.vault.core()
    }

    /// A case of a select that receives into an empty slot.
    #[inline]
    pub(crate) fn receive<'a>(&'a self, slot: &'a Slot<T>) -> Case<'a> {
        Case::receive(&self.vault, slot)
    }

    /// How many values have room; `None`: any number.
    pub(crate) fn capacity(&self) -> Option<usize> {
        self.cap
    }

    /// Closes it and drops its values: there is nobody to receive them.
    pub(crate) fn close_and_drain(&self) {
        self.core().close();
        self.vault.lock(spot()).drop_values();
    }

    /// Sends the value of a full slot if that is possible without waiting.
    #[inline]
    pub(crate) fn try_send(&self, slot: &Slot<T>) -> Ended {
        if !self.core().status().may(Side::Send) {
            return Ended::Late;
        }
        self.send_now(slot)
    }

    /// Receives into an empty slot if that is possible without waiting.
    #[inline]
    pub(crate) fn try_recv(&self, out: &Slot<T>) -> Ended {
        if !self.core().status().may(Side::Recv) {
            return Ended::Late;
        }
        self.recv_now(out)
    }

    /// Sends the value of a full slot; if it would have to wait, `hang` gets the locked channel.
    pub(crate) fn offer(&self, slot: &Slot<T>, hang: impl FnOnce(Locked<'_, T>)) -> Ended {
        send_or(self.vault.lock(spot()), slot, |locked| {
            hang(locked);
            Ended::Late
        })
    }

    #[inline(never)]
    fn send_now(&self, slot: &Slot<T>) -> Ended {
        loop {
            // Each time: it may have met somebody, for which it waited, and be elsewhere now.
            match send_or(self.vault.lock(spot()), slot, |_| Ended::Late) {
                // The receiver has thought better of it: there may be others.
                Ended::Retry => {}
                ended => return ended,
            }
        }
    }

    #[inline(never)]
    fn recv_now(&self, out: &Slot<T>) -> Ended {
        loop {
            match recv_or(self.vault.lock(spot()), out, |_| Ended::Late) {
                Ended::Retry => {}
                ended => return ended,
            }
        }
    }

    /// Sends the value of a full slot, waiting for as long as need be.
    #[inline(always)]
    pub(crate) fn send(&self, slot: &Slot<T>) -> Ended {
        let ended = self.vault.operate(Side::Send, slot, |berth| {
            // Two functions and not one: each has less to save and to restore.
            if self.core().is_rendezvous() {
                berth.lend(begin_send::<T, true>)
            } else {
                berth.lend(begin_send::<T, false>)
            }
        });
        match ended {
            Ended::Done | Ended::Closed => ended,
            _ => self.send_by(slot, Moment::NEVER, ended == Ended::Retry),
        }
    }

    /// Receives into an empty slot, waiting for as long as need be.
    #[inline(always)]
    pub(crate) fn recv(&self, out: &Slot<T>) -> Ended {
        let ended = self.vault.operate(Side::Recv, out, |berth| {
            // Two functions and not one: each has less to save and to restore.
            if self.core().is_rendezvous() {
                berth.lend(begin_recv::<T, true>)
            } else {
                berth.lend(begin_recv::<T, false>)
            }
        });
        match ended {
            Ended::Done | Ended::Closed => ended,
            _ => self.recv_by(out, Moment::NEVER, ended == Ended::Retry),
        }
    }

    /// Sends the value of a full slot. `front`: it has waited before.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_by(&self, slot: &Slot<T>, deadline: Moment, mut front: bool) -> Ended {
        let mut first = true;
        loop {
            let wait = |locked| self.wait(locked, Side::Send, slot, deadline, front, &mut first);
            match send_or(self.vault.lock(spot()), slot, wait) {
                Ended::Retry => front = true,
                Ended::Again => {}
                ended => return ended,
            }
        }
    }

    /// Receives into an empty slot. `front`: it has waited before.
    #[cold]
    #[inline(never)]
    pub(crate) fn recv_by(&self, out: &Slot<T>, deadline: Moment, mut front: bool) -> Ended {
        let mut first = true;
        loop {
            let wait = |locked| self.wait(locked, Side::Recv, out, deadline, front, &mut first);
            match recv_or(self.vault.lock(spot()), out, wait) {
                Ended::Retry => front = true,
                Ended::Again => {}
                ended => return ended,
            }
        }
    }

    /// Parks in the channel, which is locked and has nothing for us.
    #[inline(always)]
    fn wait<'a>(
        &'a self,
        locked: Locked<'a, T>,
        side: Side,
        slot: &Slot<T>,
        deadline: Moment,
        front: bool,
        first: &mut bool,
    ) -> Ended {
        let late = deadline != Moment::NEVER && deadline <= Moment::now();
        if !late && *first && locked.spot().is_thread() {
            // Waking a thread is dear: look again for a while before it blocks, but only once.
            drop(locked);
            *first = false;
            linger(|| self.core().status().may(side));
            return Ended::Again;
        }
        // If the goroutine is to unwind it does so here, and unlocks on the way.
        let wait = locked.spot().prepare(Wakeable::ByTicket);
        if late {
            drop(locked);
            let _ = wait.withdraw();
            return Ended::Late;
        }
        locked.park(side, slot, front, wait, deadline)
    }

    /// Completes a receive that a select has chosen: moves the value into the slot.
    #[inline]
    pub(crate) fn finish_recv(&self, case: &Case<'_>, token: Token, out: &Slot<T>) -> Ended {
        match token {
            Token::Peer(peer) => self.vault.giver(case, peer).take(out, spot()),
            Token::Ask(peer) => return self.vault.giver(case, peer).ask(out),
            Token::Reserved => {
                let locked = self.vault.lock(spot());
                locked.state().unkeep();
                return recv_or(locked, out, |_| unreachable!("a value was kept"));
            }
            Token::Done => out.filled(case, &token),
            Token::Closed | Token::At(_) => return Ended::Closed,
        }
        Ended::Done
    }

    /// Completes a send that a select has chosen: moves the value of the slot.
    #[inline]
    pub(crate) fn finish_send(&self, case: &Case<'_>, token: Token, slot: &Slot<T>) -> Ended {
        match token {
            Token::Peer(peer) => self.vault.taker(case, peer).give(slot, spot()),
            Token::Ask(peer) => return self.vault.taker(case, peer).ask(slot),
            Token::Reserved => {
                let locked = self.vault.lock(spot());
                locked.state().unhold();
                return send_or(locked, slot, |_| unreachable!("room was held"));
            }
            Token::Done => {}
            Token::Closed | Token::At(_) => return Ended::Closed,
        }
        Ended::Done
    }
}

/// Sends the value of a full slot; if it would have to wait, `wait` gets the locked channel.
#[inline(always)]
fn send_or<'a, T, R: From<Ended>, const MEETS: bool>(
    locked: Locked<'a, T, MEETS>,
    slot: &Slot<T>,
    wait: impl FnOnce(Locked<'a, T, MEETS>) -> R,
) -> R {
    let mut locked = match locked.push_and_unlock(slot) {
        Ok(()) => return Ended::Done.into(),
        Err(locked) => locked,
    };
    if locked.state().closed() {
        return Ended::Closed.into();
    }
    if let Some(taker) = locked.receiver() {
        let spot = locked.spot();
        if taker.has_slot() {
            // There was a receiver, so no sender is parked.
            locked.unlock_with_one_side(Side::Recv);
            taker.give(slot, spot);
            return Ended::Done.into();
        }
        if locked.room() == 0 {
            drop(locked);
            return taker.ask(slot).into();
        }
        locked.push(slot);
        locked.state().keep();
        drop(locked);
        taker.reserved();
        return Ended::Done.into();
    }
    if locked.room() == 0 {
        return wait(locked);
    }
    locked.push(slot);
    Ended::Done.into()
}

/// Receives into an empty slot; if it would have to wait, `wait` gets the locked channel.
#[inline(always)]
fn recv_or<'a, T, R: From<Ended>, const MEETS: bool>(
    locked: Locked<'a, T, MEETS>,
    out: &Slot<T>,
    wait: impl FnOnce(Locked<'a, T, MEETS>) -> R,
) -> R {
    let mut locked = match locked.pop_and_unlock(out) {
        Ok(()) => return Ended::Done.into(),
        Err(locked) => locked,
    };
    let spot = locked.spot();
    if locked.available() > 0 {
        locked.pop(out);
        // There is room now: the first parked sender's value goes behind the others. Once it is
        // closed, nothing comes in.
        if !locked.state().closed()
            && let Some(giver) = locked.sender()
        {
            if giver.has_slot() {
                locked.push_from(&giver);
                drop(locked);
                giver.taken(spot);
            } else {
                locked.state().hold();
                drop(locked);
                giver.reserved();
            }
        }
        return Ended::Done.into();
    }
    if locked.state().closed() {
        return Ended::Closed.into();
    }
    let Some(giver) = locked.sender() else {
        return wait(locked);
    };
    // There was a sender, so no receiver is parked.
    locked.unlock_with_one_side(Side::Send);
    if !giver.has_slot() {
        return giver.ask(out).into();
    }
    giver.take(out, spot);
    Ended::Done.into()
}

/// Sends the value of the berth's slot, or leaves a node in the berth.
#[inline(always)]
fn begin_send<T, const MEETS: bool>(berth: Berth<'_, T>) -> Step<'_> {
    let spot = spot_in_slice();
    if spot.is_thread() {
        // It lingers before it waits.
        return Ended::Again.into();
    }
    let (locked, slot) = (berth.lock::<MEETS>(spot), berth.slot());
    send_or(locked, slot, |locked| locked.moor(Side::Send, berth))
}

/// Receives into the berth's slot, or leaves a node in the berth.
#[inline(always)]
fn begin_recv<T, const MEETS: bool>(berth: Berth<'_, T>) -> Step<'_> {
    let spot = spot_in_slice();
    if spot.is_thread() {
        // As above.
        return Ended::Again.into();
    }
    let (locked, slot) = (berth.lock::<MEETS>(spot), berth.slot());
    recv_or(locked, slot, |locked| locked.moor(Side::Recv, berth))
}

/// Where the caller runs; lets others run first if the time slice is over. (See `checkpoint` for why first.)
#[inline(always)]
fn spot_in_slice() -> Spot {
    let spot = spot();
    if spot.slice_over() {
        return spot_in_next_slice();
    }
    spot
}

#[cold]
#[inline(never)]
fn spot_in_next_slice() -> Spot {
    yield_now();
    spot()
}

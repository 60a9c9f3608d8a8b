//! What the macros are made of: an arm for each operation, its operand, its completion.
//!
//! Not for direct use.

use super::run::Run;
pub use super::run::{Chosen, Limit};
use crate::channel::core::Token;
use crate::channel::slot::cell::Slot;
use crate::channel::slot::many::{Case, Port};
use crate::channel::slot::node::Side;
use crate::channel::slot::vault::Ended;
use crate::channel::{Receiver, RecvError, SendError, Sender};
use goroutines_runtime::park::Moment;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::time::Duration;

/// What may stand in `recv(…)`: a receiver, a reference to one, or an `Option` of these, `None` being
/// never ready.
pub trait ReceiveFrom {
    /// The type of the values.
    type Value;
    /// The receiver, if there is one.
    fn __receiver(&self) -> Option<&Receiver<Self::Value>>;
}

impl<T> ReceiveFrom for Receiver<T> {
    type Value = T;
    #[inline]
    fn __receiver(&self) -> Option<&Receiver<T>> {
        Some(self)
    }
}

impl<T> ReceiveFrom for Option<Receiver<T>> {
    type Value = T;
    #[inline]
    fn __receiver(&self) -> Option<&Receiver<T>> {
        self.as_ref()
    }
}

impl<T, R: Deref<Target = Receiver<T>>> ReceiveFrom for Option<R> {
    type Value = T;
    #[inline]
    fn __receiver(&self) -> Option<&Receiver<T>> {
        self.as_deref()
    }
}

/// What may stand in `send(…, …)`; see [`ReceiveFrom`].
pub trait SendTo {
    /// The type of the values.
    type Value;
    /// The sender, if there is one.
    fn __sender(&self) -> Option<&Sender<Self::Value>>;
}

impl<T> SendTo for Sender<T> {
    type Value = T;
    #[inline]
    fn __sender(&self) -> Option<&Sender<T>> {
        Some(self)
    }
}

impl<T> SendTo for Option<Sender<T>> {
    type Value = T;
    #[inline]
    fn __sender(&self) -> Option<&Sender<T>> {
        self.as_ref()
    }
}

impl<T, S: Deref<Target = Sender<T>>> SendTo for Option<S> {
    type Value = T;
    #[inline]
    fn __sender(&self) -> Option<&Sender<T>> {
        self.as_deref()
    }
}

/// A receive, and the room for what it receives.
#[derive(Debug)]
pub struct RecvArm<'a, T> {
    receiver: Option<&'a Receiver<T>>,
    slot: Slot<T>,
}

impl<'a, T> RecvArm<'a, T> {
    /// A receive from this operand.
    #[inline]
    pub fn new(receiver: Option<&'a Receiver<T>>) -> RecvArm<'a, T> {
        RecvArm {
            receiver,
            slot: Slot::empty(),
        }
    }

    /// What the engine sees of it.
    #[inline]
    pub fn case(&self) -> Case<'_> {
        let Some(receiver) = self.receiver else {
            return Case::later(Port::Never, Side::Recv);
        };
        match receiver.chan() {
            Some(chan) => chan.receive(&self.slot),
            None => Case::later(receiver.port(), Side::Recv),
        }
    }

    /// Completes the receive; `false`: the sender has thought better of it, choose again.
    #[inline]
    pub fn complete(&self, chosen: &mut Chosen<'_>) -> bool {
        receive(self.receiver, chosen, &self.slot) != Ended::Retry
    }

    /// What was received.
    #[inline]
    pub fn result(self) -> Result<T, RecvError> {
        self.slot.take().ok_or(RecvError)
    }
}

/// Completes a receive into the slot.
#[inline]
pub(super) fn receive<T>(
    receiver: Option<&Receiver<T>>,
    chosen: &mut Chosen<'_>,
    slot: &Slot<T>,
) -> Ended {
    let chan = receiver.and_then(Receiver::chan);
    match (chosen.take(), chan, receiver) {
        (Some((case, token)), Some(chan), _) => chan.finish_recv(case, token, slot),
        (Some((_, Token::At(at))), None, Some(receiver)) => {
            if let Some(value) = receiver.tick(at) {
                slot.fill(value);
            }
            Ended::Done
        }
        _ => Ended::Closed,
    }
}

/// A send whose value does not exist yet.
#[derive(Debug)]
pub struct SendArm<'a, T> {
    sender: Option<&'a Sender<T>>,
}

impl<'a, T> SendArm<'a, T> {
    /// A send to this operand.
    #[inline]
    pub fn new(sender: Option<&'a Sender<T>>) -> SendArm<'a, T> {
        SendArm { sender }
    }

    /// What the engine sees of it.
    #[inline]
    pub fn case(&self) -> Case<'_> {
        let port = self.sender.map_or(Port::Never, Sender::port);
        Case::later(port, Side::Send)
    }

    /// It was chosen: what its value is to be given to.
    #[inline]
    pub fn permit<'s, 'c>(&'s self, chosen: &'s mut Chosen<'c>) -> Permit<'s, 'c, T> {
        match self.sender {
            Some(sender) => Permit { sender, chosen },
            None => unreachable!("an arm that is never ready was chosen"),
        }
    }
}

/// The right to send one value; it goes back with what was chosen.
#[derive(Debug)]
#[must_use]
pub struct Permit<'s, 'a, T> {
    sender: &'s Sender<T>,
    chosen: &'s mut Chosen<'a>,
}

impl<T> Permit<'_, '_, T> {
    /// Sends the value.
    #[inline]
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        send(self.sender, self.chosen, value)
    }
}

/// Completes a send.
#[inline]
pub(super) fn send<T>(
    sender: &Sender<T>,
    chosen: &mut Chosen<'_>,
    value: T,
) -> Result<(), SendError<T>> {
    let slot = Slot::full(value);
    if let Some((case, token)) = chosen.take() {
        let chan = sender.chan();
        if chan.finish_send(case, token, &slot) == Ended::Retry {
            // The receiver has thought better of it, and the value is there: find another one.
            let _ = chan.send_by(&slot, Moment::NEVER, true);
        }
    }
    slot.take().map_or(Ok(()), |value| Err(SendError(value)))
}

/// Chooses one of the cases, and gives its number; `usize::MAX`: none, the limit is over.
// Inlined: see `Run::select`.
#[inline(always)]
pub fn select<'c, const N: usize>(
    cases: &'c [Case<'c>; N],
    biased: bool,
    limit: Limit,
    chosen: &mut Chosen<'c>,
) -> usize {
    let mut nodes = [const { MaybeUninit::uninit() }; N];
    let mut numbers = [[0; 2]; N];
    let numbers = numbers.as_flattened_mut();
    let run = Run {
        cases,
        nodes: &mut nodes,
        numbers,
        biased,
    };
    chosen.choose(run, limit)
}

/// No `default` arm.
#[inline]
pub fn limit_none() -> Limit {
    Limit::Until(Moment::NEVER)
}

/// `default(timeout)`.
#[inline]
pub fn limit_in(timeout: Duration) -> Limit {
    Limit::Until(Moment::after(timeout))
}

/// `select! {}`.
pub fn nothing() -> ! {
    loop {
        let _ = select(&[], false, limit_none(), &mut Chosen::of(&[]));
    }
}

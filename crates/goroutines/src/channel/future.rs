//! The ends of a channel in async code: futures that send and receive, and a stream.
//!
//! Not for: how they wait (`slot::parcel`, `slot::watch`).
#![allow(unsafe_code, reason = "says that a receiver's core stays where it is")]

use super::err::{RecvError, SendError, TryRecvError};
use super::receiver::Receiver;
use super::sender::Sender;
use super::slot::cell::Slot;
use super::slot::lock::Core;
use super::slot::many::Port;
use super::slot::node::Side;
use super::slot::parcel::Parcel;
use super::slot::vault::Ended;
use super::slot::watch::{Home, Watch};
use goroutines_runtime::park::{Moment, checkpoint};
use goroutines_runtime::spawn::{self, Alarm};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

impl<T> Sender<T> {
    /// As [`send`](Sender::send), for async code: waits when it is awaited.
    ///
    /// It waits in line with those who call `send`, from its first poll on, and is served in order.
    /// Dropping the future takes it out of the line, and drops the value if that has not been received.
    ///
    /// # Errors
    ///
    /// If the channel is closed or all receivers are gone, now or while it waits, the value comes back.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{block_on, channel::bounded, go};
    ///
    /// let (s, r) = bounded(0);
    /// go!(move || assert_eq!(r.recv(), Ok(1)));
    /// block_on(async {
    ///     assert!(s.send_async(1).await.is_ok());
    ///     while s.send_async(2).await.is_ok() {} // until the receiver is gone
    /// });
    /// # });
    /// ```
    pub fn send_async(&self, msg: T) -> SendFuture<'_, T> {
        SendFuture {
            sender: self,
            state: Sending::New(msg),
            front: false,
        }
    }
}

/// Sends a value when it is awaited; see [`Sender::send_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendFuture<'a, T> {
    sender: &'a Sender<T>,
    state: Sending<'a, T>,
    /// It has been served and then not, so it is next.
    front: bool,
}

enum Sending<'a, T> {
    New(T),
    Waits(Parcel<'a, T>),
    Over,
}

impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        checkpoint();
        let this = &mut *self;
        let chan = this.sender.chan();
        let mut parcel = match std::mem::replace(&mut this.state, Sending::Over) {
            Sending::New(msg) => {
                let slot = Slot::full(msg);
                match chan.try_send(&slot) {
                    Ended::Late => Parcel::new(chan.core(), slot),
                    ended => return Poll::Ready(result(ended, slot.take())),
                }
            }
            Sending::Waits(parcel) => parcel,
            Sending::Over => panic!("a send was polled after it had ended"),
        };
        loop {
            let mut hung = parcel.waits();
            let ended = if hung {
                match parcel.poll(cx.waker()) {
                    None => Ended::Late,
                    Some(ended) => {
                        hung = false;
                        ended
                    }
                }
            } else {
                parcel.begin(cx.waker());
                let ended = chan.offer(parcel.slot(), |locked| {
                    parcel.hang(locked, this.front);
                    hung = true;
                });
                if !hung {
                    parcel.take_back();
                }
                ended
            };
            if hung {
                this.state = Sending::Waits(parcel);
                return Poll::Pending;
            }
            match ended {
                Ended::Done | Ended::Closed => {
                    return Poll::Ready(result(ended, parcel.into_value()));
                }
                // The receiver has thought better of it: there may be others.
                _ => this.front = true,
            }
        }
    }
}

fn result<T>(ended: Ended, left: Option<T>) -> Result<(), SendError<T>> {
    match (ended, left) {
        (Ended::Done, _) | (_, None) => Ok(()),
        (_, Some(msg)) => Err(SendError(msg)),
    }
}

impl<T> Receiver<T> {
    /// As [`recv`](Receiver::recv), for async code: waits when it is awaited.
    ///
    /// It takes a value only when it returns it, so dropping the future loses none. For each value that
    /// comes one of those who wait like this is woken, in order. A call of `recv` that comes before it is
    /// polled may be quicker, and those that wait already are served before; then it waits again. On a
    /// rendezvous channel it meets whoever waits to send; `try_send`, and a select that would not wait, do
    /// not see it.
    ///
    /// # Errors
    ///
    /// If the channel is empty, and closed or without senders, now or while it waits.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{block_on, channel::bounded, go};
    ///
    /// let (s, r) = bounded(0);
    /// go!(move || s.send(5).unwrap());
    /// block_on(async {
    ///     assert_eq!(r.recv_async().await, Ok(5));
    ///     assert!(r.recv_async().await.is_err());
    /// });
    /// # });
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture(Ear::new(Whose::Lent(self)))
    }

    /// A stream of what is received, which ends when nothing comes any more.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use futures::StreamExt;
    /// let (s, r) = goroutines::channel::unbounded();
    /// goroutines::go!(move || (1..=3).for_each(|i| s.send(i).unwrap()));
    /// let all = goroutines::block_on(r.stream().collect::<Vec<_>>());
    /// assert_eq!(all, [1, 2, 3]);
    /// # });
    /// ```
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream(Ear::new(Whose::Lent(self)))
    }

    /// As [`stream`](Receiver::stream), with the receiver in it.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use futures::StreamExt;
    /// let (s, r) = goroutines::channel::unbounded();
    /// s.send(1).unwrap();
    /// let mut stream = r.into_stream();
    /// assert_eq!(goroutines::block_on(stream.next()), Some(1));
    /// drop(stream);
    /// assert!(s.send(2).is_err());
    /// # });
    /// ```
    pub fn into_stream<'a>(self) -> RecvStream<'a, T>
    where
        T: 'a,
    {
        RecvStream(Ear::new(Whose::Own(self)))
    }
}

/// Receives a value when it is awaited; see [`Receiver::recv_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvFuture<'a, T>(Ear<'a, T>);

/// What is received, one after the other; see [`Receiver::stream`].
#[must_use = "streams do nothing unless they are awaited"]
pub struct RecvStream<'a, T>(Ear<'a, T>);

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx.waker())
    }
}

impl<T> futures_core::Stream for RecvStream<'_, T> {
    type Item = T;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll(cx.waker()).map(Result::ok)
    }
}

/// Whose receiver it is.
enum Whose<'a, T> {
    Lent(&'a Receiver<T>),
    Own(Receiver<T>),
}

impl<T> Whose<'_, T> {
    fn receiver(&self) -> &Receiver<T> {
        match self {
            Whose::Lent(receiver) => receiver,
            Whose::Own(receiver) => receiver,
        }
    }
}

// SAFETY: a receiver has a counted reference to what the core is in, the same one for all its life.
unsafe impl<T> Home for Whose<'_, T> {
    fn core(&self) -> Option<&Core> {
        match self.receiver().port() {
            Port::Chan(core) => Some(core),
            Port::Timer(timer) => Some(timer.core()),
            Port::Never => None,
        }
    }
}

/// A receiver that is polled.
struct Ear<'a, T> {
    /// Until there is a `watch`, which then has it.
    idle: Option<Whose<'a, T>>,
    watch: Option<Watch<Whose<'a, T>>>,
    /// Wakes it when a timer is due.
    alarm: Option<Alarm>,
}

impl<T> Unpin for Ear<'_, T> {}

impl<'a, T> Ear<'a, T> {
    fn new(whose: Whose<'a, T>) -> Ear<'a, T> {
        Ear {
            idle: Some(whose),
            watch: None,
            alarm: None,
        }
    }

    #[track_caller]
    fn poll(&mut self, waker: &Waker) -> Poll<Result<T, RecvError>> {
        if let Some(watch) = &mut self.watch
            && watch.waits()
            && !watch.poll(waker)
        {
            return Poll::Pending;
        }
        self.quiet();
        loop {
            let home = self.watch.as_ref().map(Watch::home).or(self.idle.as_ref());
            let Some(whose) = home else {
                unreachable!("somebody has the receiver")
            };
            match whose.receiver().try_recv() {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(TryRecvError::Disconnected) => return Poll::Ready(Err(RecvError)),
                Err(TryRecvError::Empty) => {}
            }
            if let Some(whose) = self.idle.take() {
                self.watch = Some(Watch::new(whose));
            }
            if let Some(watch) = &mut self.watch
                && wait(watch, &mut self.alarm, waker)
            {
                return Poll::Pending;
            }
        }
    }

    fn quiet(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            alarm.cancel();
        }
    }
}

/// Begins to wait; `false`: look again.
#[track_caller]
fn wait<T>(watch: &mut Watch<Whose<'_, T>>, alarm: &mut Option<Alarm>, waker: &Waker) -> bool {
    let port = watch.home().receiver().port();
    if let Port::Never = port {
        return true;
    }
    let is_timer = matches!(port, Port::Timer(_));
    if !is_timer {
        return watch.begin(waker, |_, held| held.may(Side::Recv)).is_some();
    }
    let mut due = Moment::NEVER;
    let begun = watch.begin(waker, |whose, _| {
        // With the lock held: who sets the timer later finds us.
        if let Port::Timer(timer) = whose.receiver().port() {
            due = timer.deadline();
        }
        due != Moment::NEVER && due <= Moment::now()
    });
    let Some(end) = begun else { return false };
    if due != Moment::NEVER {
        let wake = move || {
            end.wake();
        };
        match spawn::alarm(due, wake, Location::caller()) {
            Ok(set) => *alarm = Some(set),
            Err(error) => panic!("{error}"),
        }
    }
    true
}

impl<T> Drop for Ear<'_, T> {
    fn drop(&mut self) {
        self.quiet();
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendFuture { .. }")
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvFuture { .. }")
    }
}

impl<T> fmt::Debug for RecvStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvStream { .. }")
    }
}

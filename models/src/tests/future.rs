//! The async ends: futures that send and receive, stay and go away, against goroutines.

use super::channel::{NEVER, Shared, chan, model, recv, send};
use crate::channel::env::Moment;
use crate::channel::slot::cell::Slot;
use crate::channel::slot::lock::Core;
use crate::channel::slot::node::Side;
use crate::channel::slot::parcel::Parcel;
use crate::channel::slot::vault::Ended;
use crate::channel::slot::watch::{Home, Watch};
use loom::thread;
use std::task::Waker;

/// Sends as a future does: hangs the value in the queue and returns. Then it waits for the end, or goes
/// away; `true`: the value was sent.
fn send_async(c: &Shared, value: usize, patient: bool) -> bool {
    let slot = Slot::full(value);
    if c.try_send(&slot) != Ended::Late {
        return slot.take().is_none();
    }
    let mut parcel = Parcel::new(c.core(), slot);
    loop {
        parcel.begin(Waker::noop());
        let mut hung = false;
        let mut ended = c.offer(parcel.slot(), |locked| {
            parcel.hang(locked, false);
            hung = true;
        });
        if hung && !patient {
            return false;
        }
        if hung {
            ended = loop {
                match parcel.poll(Waker::noop()) {
                    Some(ended) => break ended,
                    None => thread::park(),
                }
            };
        } else {
            parcel.take_back();
        }
        if ended != Ended::Retry {
            assert_eq!(ended, Ended::Done);
            return parcel.into_value().is_none();
        }
    }
}

struct Lent<'a>(&'a Shared);

// SAFETY: the channel is borrowed, and has one core.
unsafe impl Home for Lent<'_> {
    fn core(&self) -> Option<&Core> {
        Some(self.0.core())
    }
}

/// Receives as a future does: hangs among the watchers until it is told, and tries again.
fn recv_async(c: &Shared, watch: &mut Watch<Lent<'_>>) -> usize {
    loop {
        while watch.waits() && !watch.poll(Waker::noop()) {
            thread::park();
        }
        let slot = Slot::empty();
        let ended = c.try_recv(&slot);
        if ended != Ended::Late {
            assert_eq!(ended, Ended::Done);
            return slot.take().expect("it was done");
        }
        hang(watch);
    }
}

fn hang(watch: &mut Watch<Lent<'_>>) {
    let _ = watch.begin(Waker::noop(), |_, held| held.may(Side::Recv));
}

#[test]
fn loom_a_future_sends() {
    for cap in [0, 1] {
        model(5, move || {
            let c = chan(cap);
            let d = c.clone();
            let sender = thread::spawn(move || {
                assert!(send_async(&d, 1, true));
                assert!(send_async(&d, 2, true));
            });
            assert_eq!(recv(&c, NEVER), Some(1));
            assert_eq!(recv(&c, NEVER), Some(2));
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_a_future_receives() {
    for cap in [0, 1] {
        model(6, move || {
            let c = chan(cap);
            let d = c.clone();
            let receiver = thread::spawn(move || recv_async(&d, &mut Watch::new(Lent(&d))));
            send(&c, 1, NEVER).unwrap();
            assert_eq!(receiver.join().unwrap(), 1);
        });
    }
}

/// Of two, the first in line goes away, told or not: the value is for the other one.
#[test]
fn loom_a_future_that_goes_away_while_it_receives() {
    for cap in [0, 1] {
        model(5, move || {
            let c = chan(cap);
            let d = c.clone();
            let (mut stays, mut goes) = (Watch::new(Lent(&c)), Watch::new(Lent(&c)));
            hang(&mut goes);
            hang(&mut stays);
            let sender = thread::spawn(move || send(&d, 1, NEVER).unwrap());
            drop(goes);
            assert_eq!(recv_async(&c, &mut stays), 1);
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_a_future_that_goes_away_while_it_sends() {
    model(6, || {
        let c = chan(0);
        let d = c.clone();
        let sender = thread::spawn(move || send_async(&d, 1, false));
        let received = recv(&c, Moment::SOON);
        let sent = sender.join().unwrap();
        // Sent on the spot, or taken out of the queue before it went away, or neither.
        assert!(received.is_none_or(|n| n == 1));
        assert!(received.is_some() || !sent);
        assert_eq!(recv(&c, Moment::SOON), None, "it left nothing behind");
    });
}

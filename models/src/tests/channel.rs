//! One channel: the operations, deadlines, cancels and `close` against each other.

use super::cancelled;
use crate::channel::chan::Chan;
use crate::channel::env::Moment;
use crate::channel::slot::cell::Slot;
use crate::channel::slot::vault::Ended;
use crate::park::{When, be_a_thread};
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

pub(super) type Shared = Arc<Chan<usize>>;

pub(super) const NEVER: Moment = Moment::NEVER;

pub(super) fn chan(cap: usize) -> Shared {
    Arc::new(Chan::bounded(cap).unwrap())
}

pub(super) fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    super::model(preemptions, Duration::ZERO, f);
}

/// Sends; the value if it came back.
pub(super) fn send(c: &Chan<usize>, value: usize, deadline: Moment) -> Result<(), usize> {
    let slot = Slot::full(value);
    if deadline == NEVER {
        let _ = c.send(&slot);
    } else if c.try_send(&slot) == Ended::Late {
        let _ = c.send_by(&slot, deadline, false);
    }
    slot.take().map_or(Ok(()), Err)
}

pub(super) fn recv(c: &Chan<usize>, deadline: Moment) -> Option<usize> {
    let slot = Slot::empty();
    if deadline == NEVER {
        let _ = c.recv(&slot);
    } else if c.try_recv(&slot) == Ended::Late {
        let _ = c.recv_by(&slot, deadline, false);
    }
    slot.take()
}

#[test]
fn loom_send_and_receive() {
    for cap in [0, 1] {
        model(5, move || {
            let c = chan(cap);
            let d = c.clone();
            let sender = thread::spawn(move || {
                send(&d, 1, NEVER).unwrap();
                send(&d, 2, NEVER).unwrap();
            });
            assert_eq!(recv(&c, NEVER), Some(1));
            assert_eq!(recv(&c, NEVER), Some(2));
            sender.join().unwrap();
        });
    }
}

/// A thread looks again before it waits.
#[test]
fn loom_send_and_receive_by_threads() {
    for cap in [0, 1] {
        model(4, move || {
            let c = chan(cap);
            let d = c.clone();
            let sender = thread::spawn(move || {
                be_a_thread();
                send(&d, 1, NEVER).unwrap();
                send(&d, 2, NEVER).unwrap();
            });
            be_a_thread();
            assert_eq!(recv(&c, NEVER), Some(1));
            assert_eq!(recv(&c, NEVER), Some(2));
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_send_against_receive_against_close() {
    for cap in [0, 1] {
        model(3, move || {
            let c = chan(cap);
            let (d, e) = (c.clone(), c.clone());
            let sender = thread::spawn(move || send(&d, 1, NEVER));
            let closer = thread::spawn(move || assert!(e.core().close()));
            let received = recv(&c, NEVER);
            let sent = sender.join().unwrap();
            closer.join().unwrap();
            let left = recv(&c, NEVER);
            // Delivered, or given back, or left behind by a receiver that was told of the close.
            match sent {
                Ok(()) => assert_eq!([received, left].into_iter().flatten().count(), 1),
                Err(value) => assert_eq!((value, received, left), (1, None, None)),
            }
        });
    }
}

/// CH-16: there is a value, or the channel is closed: an operation that does not wait finds one of the two.
#[test]
fn loom_a_value_or_closed() {
    model(5, || {
        let c = chan(1);
        send(&c, 1, NEVER).unwrap();
        let d = c.clone();
        let closer = thread::spawn(move || {
            d.core().close();
            recv(&d, NEVER)
        });
        let slot = Slot::empty();
        let end = c.try_recv(&slot);
        assert_ne!(end, Ended::Late);
        let all = [slot.take(), closer.join().unwrap()];
        assert_eq!(all.into_iter().flatten().collect::<Vec<_>>(), [1]);
    });
}

/// `close` ends the wait of each of those who are parked.
#[test]
fn loom_close_against_two_receivers() {
    model(3, || {
        let c = chan(0);
        let receivers = [0, 1].map(|_| {
            let d = c.clone();
            thread::spawn(move || assert_eq!(recv(&d, NEVER), None))
        });
        assert!(c.core().close());
        receivers.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn loom_two_senders_one_receiver() {
    for cap in [0, 1] {
        model(3, move || {
            let c = chan(cap);
            let senders = [1, 2].map(|i| {
                let d = c.clone();
                thread::spawn(move || send(&d, i, NEVER).unwrap())
            });
            let sum = recv(&c, NEVER).unwrap() + recv(&c, NEVER).unwrap();
            assert_eq!(sum, 3);
            senders.into_iter().for_each(|h| h.join().unwrap());
        });
    }
}

/// Once there is room nobody waits for it, whether or not somebody receives again.
#[test]
fn loom_room_for_a_parked_sender() {
    model(5, || {
        let c = chan(1);
        let d = c.clone();
        let sender = thread::spawn(move || {
            send(&d, 1, NEVER).unwrap();
            send(&d, 2, NEVER).unwrap();
        });
        assert_eq!(recv(&c, NEVER), Some(1));
        sender.join().unwrap();
        assert_eq!(recv(&c, Moment::SOON), Some(2));
    });
}

#[test]
fn loom_timeout_against_wake() {
    for (cap, receiver_times_out) in [(0, true), (0, false), (1, true)] {
        model(5, move || {
            let c = chan(cap);
            let d = c.clone();
            let (at, by) = if receiver_times_out {
                (NEVER, Moment::SOON)
            } else {
                (Moment::SOON, NEVER)
            };
            let sender = thread::spawn(move || {
                let sent = send(&d, 1, at);
                d.core().close();
                sent
            });
            let received = recv(&c, by);
            if received.is_none() && receiver_times_out {
                // So that the sender ends.
                c.core().close();
            }
            match sender.join().unwrap() {
                Ok(()) => assert_eq!(received.or_else(|| recv(&c, NEVER)), Some(1)),
                Err(_) => assert_eq!(received, None),
            }
        });
    }
}

/// A receiver in front gives up; the value goes to the one behind it, or to both nobody.
#[test]
fn loom_timeout_in_front_of_another() {
    model(2, || {
        let c = chan(0);
        let (d, e) = (c.clone(), c.clone());
        let gives_up = thread::spawn(move || {
            let first = recv(&d, Moment::SOON);
            // It waits again, so a node that it left behind would be found.
            (first, recv(&d, Moment::SOON))
        });
        let waits = thread::spawn(move || recv(&e, NEVER));
        send(&c, 1, NEVER).unwrap();
        c.core().close();
        let (first, second) = gives_up.join().unwrap();
        let all = [first, second, waits.join().unwrap()];
        assert_eq!(all.into_iter().flatten().collect::<Vec<_>>(), [1]);
    });
}

/// A cancelled receiver has the value, or leaves it to others.
#[test]
fn loom_cancel_of_a_receiver_against_wake() {
    for (cap, when) in [(0, When::Parked), (1, When::Parked), (0, When::Begins(0))] {
        model(5, move || {
            let c = chan(cap);
            let d = c.clone();
            let receiver = thread::spawn(move || {
                let received = cancelled(when, || recv(&d, NEVER));
                assert_ne!(received, Some(None), "it is not closed");
                received.flatten()
            });
            let sent = send(&c, 1, Moment::SOON).is_ok();
            let received = receiver.join().unwrap();
            let left = recv(&c, Moment::SOON);
            let expected = if sent { vec![1] } else { vec![] };
            let all = [received, left].into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(all, expected);
        });
    }
}

/// A cancelled sender has given its value away, or drops it.
#[test]
fn loom_cancel_of_a_sender_against_wake() {
    for when in [When::Parked, When::Begins(0)] {
        model(5, move || {
            let c = chan(0);
            let d = c.clone();
            let sender = thread::spawn(move || cancelled(when, || send(&d, 1, NEVER)));
            let received = recv(&c, Moment::SOON);
            match sender.join().unwrap() {
                Some(sent) => assert_eq!((sent, received), (Ok(()), Some(1))),
                None => assert_eq!(received, None),
            }
            assert_eq!(recv(&c, Moment::SOON), None);
        });
    }
}

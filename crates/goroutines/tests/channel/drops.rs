//! Every value is dropped once: CH-27, R0.4.

use crate::support::{Tally, make, nap, on_workers};
use goroutines::channel::{Receiver, Sender, bounded, unbounded};
use goroutines::{block_on, go, select, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_workers! {
    a_channel_with_values_is_dropped
    a_parked_sender_gets_its_value_back
    a_send_that_fails_gives_its_value_back
    cancelled_senders_and_receivers
    timeouts_against_deliveries
}

/// CH-27
fn a_channel_with_values_is_dropped() {
    for cap in [Some(1), Some(3), Some(100), None] {
        for n in [0, 1, 2, 3, 40, 70, 100] {
            if cap.is_some_and(|cap| n > cap) {
                continue;
            }
            let tally = Tally::default();
            let (s, r) = make(cap);
            (0..n).for_each(|_| s.send(tally.one()).unwrap());
            // Past the end of the ring, and over several blocks.
            if cap == Some(n) {
                for _ in 0..n / 2 {
                    drop(r.recv());
                    s.send(tally.one()).unwrap();
                }
            }
            assert_eq!(tally.alive(), n);
            if n % 2 == 0 {
                drop(s);
                assert_eq!(tally.alive(), n);
                drop(r);
            } else {
                // The last receiver takes the values with it, whoever holds a sender.
                drop(r);
                assert_eq!(tally.alive(), 0);
                assert!(s.send(tally.one()).is_err());
            }
            assert_eq!(tally.alive(), 0);
        }
    }
}

/// CH-27, R0.3
fn a_parked_sender_gets_its_value_back() {
    let tally = Tally::default();
    let (s, r) = bounded(1);
    s.send(tally.one()).unwrap();
    let senders: Vec<_> = (0..10)
        .map(|_| {
            let (s, value) = (s.clone(), tally.one());
            spawn(move || s.send(value).unwrap_err().into_inner())
        })
        .collect();
    nap();
    drop(r);
    let values: Vec<_> = senders.into_iter().map(|h| h.join().unwrap()).collect();
    assert_eq!(tally.alive(), 10);
    drop(values);
    assert_eq!(tally.alive(), 0);
}

fn not_chosen() -> crate::support::Counted {
    panic!("evaluated although it was not chosen");
}

fn a_send_that_fails_gives_its_value_back() {
    let tally = Tally::default();
    let (s, r) = bounded(1);
    s.send(tally.one()).unwrap();
    let kept = [
        s.try_send(tally.one()).unwrap_err().into_inner(),
        s.send_timeout(tally.one(), Duration::from_millis(1))
            .unwrap_err()
            .into_inner(),
    ];
    // The value of an arm that is not chosen is not even made.
    for _ in 0..100 {
        select! {
            send(s, not_chosen()) -> _ => (),
            default => (),
        }
    }
    assert_eq!(tally.alive(), 3);
    r.close();
    let last = select! { send(s, tally.one()) -> res => res.unwrap_err().into_inner() };
    assert_eq!(tally.alive(), 4);
    drop((r, kept, last));
    assert_eq!(tally.alive(), 0);
}

fn cancelled_senders_and_receivers() {
    let tally = Tally::default();
    for cap in [0, 1] {
        let (s, r) = bounded(cap);
        (0..cap).for_each(|_| s.send(tally.one()).unwrap());
        let senders: Vec<_> = (0..10)
            .map(|_| {
                let (s, value) = (s.clone(), tally.one());
                spawn(move || s.send(value).unwrap())
            })
            .collect();
        nap();
        for sender in senders {
            sender.cancel();
            assert!(sender.join().is_err());
        }
        assert_eq!(tally.alive(), cap);
        // They have left the queue: what was in the channel is all there is.
        assert_eq!(r.try_iter().count(), cap);
        assert_eq!(tally.alive(), 0);

        let receivers: Vec<_> = (0..10)
            .map(|i| {
                let r = r.clone();
                let (_s2, r2) = bounded::<u8>(0);
                spawn(move || match i % 2 {
                    0 => drop(r.recv()),
                    _ => select! { recv(r) -> _ => (), recv(r2) -> _ => () },
                })
            })
            .collect();
        nap();
        for receiver in receivers {
            receiver.cancel();
            let _ = receiver.join();
        }
        assert!(cap == 1 || s.try_send(tally.one()).is_err());
    }
    assert_eq!(tally.alive(), 0);
}

/// One that never waits is cancelled before it sends or receives, not when it has.
#[goroutines::test(workers = 1)]
fn cancelled_between_operations() {
    const LONG: Duration = Duration::from_secs(3600);
    type Ways = (fn(&Sender<()>), fn(&Receiver<()>));
    let ways: [Ways; 5] = [
        (|s| s.send(()).unwrap(), |r| r.recv().unwrap()),
        (|s| s.try_send(()).unwrap(), |r| r.try_recv().unwrap()),
        (
            |s| s.send_timeout((), LONG).unwrap(),
            |r| r.recv_timeout(LONG).unwrap(),
        ),
        (
            |s| select! { send(s, ()) -> sent => sent.unwrap() },
            |r| select! { recv(r) -> value => value.unwrap() },
        ),
        (
            |s| block_on(s.send_async(())).unwrap(),
            |r| block_on(r.recv_async()).unwrap(),
        ),
    ];
    for (send, receive) in ways {
        let (s, r) = unbounded();
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let (count, rest) = (counts.clone(), r.clone());
        let spinner = spawn(move || {
            loop {
                send(&s);
                count[0].fetch_add(1, Ordering::Relaxed);
                receive(&r);
                count[1].fetch_add(1, Ordering::Relaxed);
            }
        });
        yield_now();
        spinner.cancel();
        assert!(spinner.join().is_err());
        let [sent, received] = counts.each_ref().map(|n| n.load(Ordering::Relaxed));
        assert_eq!(sent, received + rest.try_iter().count());
        assert!(received > 0);
    }
}

/// Timeouts race with deliveries, and every value is accounted for.
fn timeouts_against_deliveries() {
    let rounds = crate::support::rounds(3_000);
    for cap in [0, 1] {
        let tally = Tally::default();
        let (s, r) = bounded(cap);
        let sender = {
            let tally = tally.clone();
            spawn(move || {
                let mut sent = 0;
                for i in 0..rounds {
                    let timeout = Duration::from_micros(i as u64 % 7);
                    match s.send_timeout(tally.one(), timeout) {
                        Ok(()) => sent += 1,
                        Err(e) => assert!(e.is_timeout()),
                    }
                }
                sent
            })
        };
        let mut received = 0;
        let mut i = 0;
        loop {
            i += 1;
            match r.recv_timeout(Duration::from_micros(i % 5)) {
                Ok(_) => received += 1,
                Err(e) if e.is_disconnected() => break,
                Err(_) => {}
            }
        }
        assert_eq!(sender.join().unwrap(), received);
        assert_eq!(tally.alive(), 0);
    }
}

/// A value whose `Drop` panics: the others are dropped all the same, and nothing hangs.
#[goroutines::test(workers = 2)]
fn a_drop_that_panics() {
    struct Mine(#[allow(dead_code)] crate::support::Counted);
    impl Drop for Mine {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }
    let tally = Tally::default();
    enum Either {
        Bad(#[allow(dead_code)] Mine),
        Good(#[allow(dead_code)] crate::support::Counted),
    }
    for bounded_one in [true, false] {
        let (s, r) = make(bounded_one.then_some(10));
        s.send(Either::Good(tally.one())).unwrap();
        s.send(Either::Bad(Mine(tally.one()))).unwrap();
        (0..3).for_each(|_| s.send(Either::Good(tally.one())).unwrap());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(r))).is_err());
        assert_eq!(tally.alive(), 0);
        assert!(s.is_closed());
    }
}

/// `!Sync` values, and values that borrow.
#[goroutines::test(workers = 2)]
fn values_of_all_kinds() {
    let (s, r) = unbounded::<std::cell::Cell<u8>>();
    go!(move || s.send(std::cell::Cell::new(3)).unwrap());
    assert_eq!(r.recv().unwrap().get(), 3);

    let text = String::from("borrowed");
    let (s, r) = bounded::<&str>(1);
    goroutines::scope(|scope| {
        scope.spawn(|| s.send(&text).unwrap());
        assert_eq!(r.recv(), Ok("borrowed"));
    });

    // What is not `Send` stays on its thread, and works there.
    let (s, r) = bounded(1);
    s.send(std::rc::Rc::new(5)).unwrap();
    assert_eq!(*r.recv().unwrap(), 5);
}

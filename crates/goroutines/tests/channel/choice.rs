//! R0.10: an operation that is chosen and not completed yet, or never.

use crate::support::{Tally, Watched, nap, on_workers, watched};
use goroutines::channel::{Receiver, Select, Sender, bounded, unbounded};
use goroutines::{go, select, sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

on_workers! {
    a_peer_waits_until_it_is_completed
    a_value_that_panics
    an_operation_that_is_dropped
    what_is_kept_and_held
    dynamic_against_dynamic
}

/// Chooses the only operation.
fn sel_send<'a, T>(s: &'a Sender<T>) -> goroutines::channel::SelectedOperation<'a> {
    let mut sel = Select::new();
    sel.send(s);
    sel.select()
}

fn sel_recv<'a, T>(r: &'a Receiver<T>) -> goroutines::channel::SelectedOperation<'a> {
    let mut sel = Select::new();
    sel.recv(r);
    sel.select()
}

/// Each kind of peer, parked first or coming later, against a select that takes its time.
fn a_peer_waits_until_it_is_completed() {
    for first in [true, false] {
        for kind in 0..4 {
            let (s, r) = bounded::<u32>(0);
            let chosen = {
                let r = r.clone();
                move || {
                    let operation = sel_recv(&r);
                    sleep(Duration::from_millis(3));
                    operation.recv(&r)
                }
            };
            let peer = {
                let s = s.clone();
                move || match kind {
                    0 => s.send(7).is_ok(),
                    1 => s.send_timeout(7, Duration::from_secs(60)).is_ok(),
                    2 => select! { send(s, 7) -> res => res.is_ok() },
                    _ => sel_send(&s).send(&s, 7).is_ok(),
                }
            };
            let (a, b);
            if first {
                a = spawn(chosen);
                nap();
                b = spawn(peer);
            } else {
                b = spawn(peer);
                nap();
                a = spawn(chosen);
            }
            assert_eq!(a.join().unwrap(), Ok(7), "kind {kind}, first {first}");
            assert!(b.join().unwrap());

            let chosen = {
                let s = s.clone();
                move || {
                    select! {
                        send(s, { sleep(Duration::from_millis(3)); 9 }) -> res => res.is_ok(),
                    }
                }
            };
            let peer = move || match kind {
                0 => r.recv(),
                1 => r
                    .recv_timeout(Duration::from_secs(60))
                    .map_err(|_| unreachable!()),
                2 => select! { recv(r) -> m => m },
                _ => sel_recv(&r).recv(&r),
            };
            let (a, b);
            if first {
                a = spawn(chosen);
                nap();
                b = spawn(peer);
            } else {
                b = spawn(peer);
                nap();
                a = spawn(chosen);
            }
            assert!(a.join().unwrap());
            assert_eq!(b.join().unwrap(), Ok(9), "kind {kind}, first {first}");
        }
    }
}

/// The peer of a select whose value panics goes on to the next one.
fn a_value_that_panics() {
    for parked in [true, false] {
        for cap in [0, 1] {
            let (s, r) = bounded::<u8>(cap);
            let bad = {
                let s = s.clone();
                move || {
                    let value = || -> u8 {
                        nap();
                        std::panic::resume_unwind(Box::new("no value"))
                    };
                    select! { send(s, value()) -> _ => unreachable!() }
                }
            };
            let (receiver, bad) = if parked {
                let receiver = spawn(move || r.recv());
                nap();
                (receiver, spawn(bad))
            } else {
                let bad = spawn(bad);
                nap();
                (spawn(move || r.recv()), bad)
            };
            assert!(bad.join().is_err());
            assert!(!receiver.is_finished());
            s.send(5).unwrap();
            assert_eq!(receiver.join().unwrap(), Ok(5));
        }
    }
}

fn an_operation_that_is_dropped() {
    let drop_it = |operation| {
        let message = catch_unwind(AssertUnwindSafe(|| drop(operation))).unwrap_err();
        let message = message.downcast_ref::<&str>().copied().unwrap();
        assert!(message.contains("without completing"), "{message}");
    };
    // A parked sender waits again, in front of the others, and its value is not lost.
    let tally = Tally::default();
    let (s, r) = bounded(0);
    let senders: Vec<_> = (0..3)
        .map(|i| {
            let (s, value) = (s.clone(), (i, tally.one()));
            watched(move || s.send(value).is_ok())
        })
        .collect();
    for (i, sender) in senders.iter().enumerate() {
        drop_it(sel_recv(&r));
        sender.settle();
        assert_eq!(r.recv().unwrap().0, i);
    }
    let ended = |sender: Watched<bool>| assert!(sender.handle.join().unwrap());
    senders.into_iter().for_each(ended);
    assert_eq!(tally.alive(), 0);
    // So does a receiver,
    let receivers: Vec<_> = (0..3)
        .map(|i| {
            let r = r.clone();
            watched(move || r.recv().unwrap().0 == i)
        })
        .collect();
    for (i, receiver) in receivers.iter().enumerate() {
        drop_it(sel_send(&s));
        receiver.settle();
        s.send((i, tally.one())).unwrap();
    }
    receivers.into_iter().for_each(ended);
    // and a select.
    let selector = {
        let r = r.clone();
        watched(move || select! { recv(r) -> m => m.unwrap().0 })
    };
    drop_it(sel_send(&s));
    selector.settle();
    assert!(!selector.handle.is_finished());
    s.send((8, tally.one())).unwrap();
    assert_eq!(selector.handle.join().unwrap(), 8);
}

/// What was kept or held for a select that drops its operation is there for the others.
fn what_is_kept_and_held() {
    let (s, r) = bounded(1);
    s.send(1).unwrap();
    // The value is kept: nobody else gets it, and it counts.
    let operation = sel_recv(&r);
    assert!(r.try_recv().is_err());
    assert_eq!(r.len(), 1);
    assert!(s.try_send(2).is_err());
    let waiter = {
        let r = r.clone();
        spawn(move || r.recv())
    };
    nap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
    assert_eq!(waiter.join().unwrap(), Ok(1));
    // Room is held.
    let operation = sel_send(&s);
    assert!(s.try_send(2).is_err());
    let waiter = {
        let s = s.clone();
        spawn(move || s.send(3))
    };
    nap();
    assert!(!waiter.is_finished());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
    assert_eq!(waiter.join().unwrap(), Ok(()));
    assert_eq!(r.recv(), Ok(3));
    // A channel closed in between: the kept value is received, the send fails.
    s.send(4).unwrap();
    let operation = sel_recv(&r);
    s.close();
    assert!(r.recv().is_err());
    assert_eq!(operation.recv(&r), Ok(4));
    let (s, r) = bounded(1);
    let operation = sel_send(&s);
    r.close();
    assert!(operation.send(&s, 5).is_err());
    // Several values kept, completed in another order than chosen.
    let (s, r) = unbounded();
    (0..3).for_each(|i| s.send(i).unwrap());
    let (a, b) = (sel_recv(&r), sel_recv(&r));
    assert_eq!(r.recv(), Ok(0));
    assert!(r.try_recv().is_err());
    assert_eq!((b.recv(&r), a.recv(&r)), (Ok(1), Ok(2)));
    // A send overtakes room that is held, if a receiver waits.
    let (s, r) = bounded(1);
    let operation = sel_send(&s);
    let waiter = {
        let r = r.clone();
        spawn(move || r.recv())
    };
    nap();
    assert_eq!(s.try_send(1), Ok(()));
    assert_eq!(waiter.join().unwrap(), Ok(1));
    assert_eq!(operation.send(&s, 2), Ok(()));
    assert_eq!(r.recv(), Ok(2));
}

/// Selects of both kinds on both sides of one channel.
fn dynamic_against_dynamic() {
    let n = crate::support::rounds(2_000);
    for cap in [0, 1, 2] {
        let (s, r) = bounded::<usize>(cap);
        let mut handles = Vec::new();
        for kind in 0..2 {
            let s = s.clone();
            handles.push(spawn(move || {
                for i in 0..n {
                    match kind {
                        0 => sel_send(&s).send(&s, i).unwrap(),
                        _ => select! { send(s, i) -> res => res.unwrap() },
                    }
                }
                0
            }));
        }
        drop(s);
        for kind in 0..3 {
            let r = r.clone();
            handles.push(spawn(move || {
                let mut sum = 0;
                loop {
                    let m = match kind {
                        0 => sel_recv(&r).recv(&r),
                        1 => select! { recv(r) -> m => m },
                        _ => r.recv(),
                    };
                    match m {
                        Ok(i) => sum += i,
                        Err(_) => break sum,
                    }
                }
            }));
        }
        let sum: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, n * (n - 1), "capacity {cap}");
    }
}

#[goroutines::test(workers = 2)]
fn try_operations_against_selects() {
    let (s, r) = bounded::<u8>(0);
    go!(move || {
        for i in 0..100 {
            select! { send(s, i) -> res => res.unwrap() }
        }
    });
    let mut next = 0;
    while next < 100 {
        if let Ok(i) = r.try_recv() {
            assert_eq!(i, next);
            next += 1;
        }
        yield_now();
    }
    let (s, r) = bounded::<u8>(0);
    let receiver = spawn(move || (0..100).for_each(|i| assert_eq!(sel_recv(&r).recv(&r), Ok(i))));
    let mut next = 0;
    while next < 100 {
        if s.try_send(next).is_ok() {
            next += 1;
        }
        yield_now();
    }
    receiver.join().unwrap();
}

#[goroutines::test]
fn the_wrong_channel() {
    let (s, r) = bounded::<u8>(1);
    let (t, u) = bounded::<u8>(1);
    s.send(1).unwrap();
    let wrong = catch_unwind(AssertUnwindSafe(|| sel_recv(&r).recv(&u)));
    assert_eq!(
        wrong.unwrap_err().downcast_ref(),
        Some(&"passed a receiver that wasn't selected")
    );
    // It is still there.
    assert_eq!(r.recv(), Ok(1));
    let wrong = catch_unwind(AssertUnwindSafe(|| sel_send(&s).send(&t, 2)));
    assert_eq!(
        wrong.unwrap_err().downcast_ref(),
        Some(&"passed a sender that wasn't selected")
    );
    assert_eq!(s.try_send(3), Ok(()));
    // Not ready for that side.
    let wrong = catch_unwind(AssertUnwindSafe(|| sel_recv(&r).send(&s, 2)));
    assert!(wrong.is_err());
    assert_eq!(r.recv(), Ok(3));
    let mut sel = Select::new();
    let i = sel.recv(&r);
    sel.remove(i);
    assert!(catch_unwind(AssertUnwindSafe(|| sel.remove(i))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| sel.remove(i + 1))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| Select::new().select().index())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| Select::new().ready())).is_err());
}

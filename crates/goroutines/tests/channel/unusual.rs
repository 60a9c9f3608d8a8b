//! Goroutines to which something has happened before they wait in a channel: they must not wait as others do.

use crate::support::{OnDrop, PATIENCE, nap, on_workers, until};
use goroutines::channel::bounded;
use goroutines::{Cancelled, select, shielded, spawn, spawn_local, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

on_workers! {
    asked_to_unwind_before
    shielded_meanwhile
    unwinding_already
}

/// One of each way to wait in a channel. It waits for ever if nobody ends the wait.
const WAYS: [(&str, fn()); 6] = [
    ("receive, no room", || {
        let (_s, r) = bounded::<u8>(0);
        let _ = r.recv();
    }),
    ("receive, room", || {
        let (_s, r) = bounded::<u8>(1);
        let _ = r.recv();
    }),
    ("send, no room", || {
        let (s, _r) = bounded(0);
        let _ = s.send(1);
    }),
    ("send, full", || {
        let (s, _r) = bounded(1);
        s.send(1).unwrap();
        let _ = s.send(2);
    }),
    ("select a receive", || {
        let ((_s1, r1), (_s2, r2)) = (bounded::<u8>(0), bounded::<u8>(1));
        select! { recv(r1) -> _ => (), recv(r2) -> _ => () }
    }),
    ("select a send", || {
        let ((s1, _r1), (_s2, r2)) = (bounded(0), bounded::<u8>(1));
        select! { send(s1, 1) -> _ => (), recv(r2) -> _ => () }
    }),
];

/// A cancel that comes while the goroutine runs, and is seen by its worker then, ends its next wait.
fn asked_to_unwind_before() {
    for (way, wait) in WAYS {
        let (runs, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (r, a) = (runs.clone(), asked.clone());
        let waits = spawn(move || {
            shielded(|| {
                r.store(true, Ordering::Release);
                until("asked", || a.load(Ordering::Acquire));
            });
            wait();
            unreachable!("{way} ended");
        });
        until("it runs", || runs.load(Ordering::Acquire));
        waits.cancel();
        // Its worker sees the request while it cannot do anything about it.
        nap();
        asked.store(true, Ordering::Release);
        match waits.join_timeout(PATIENCE) {
            Ok(ended) => assert!(ended.is_err_and(|e| e.is::<Cancelled>()), "{way}"),
            Err(_) => panic!("{way}: it waits on"),
        }
    }
}

/// A shielded goroutine is not woken by a cancel, but by a peer; and it unwinds at its next wait.
fn shielded_meanwhile() {
    for cap in [0, 1] {
        let (s, r) = bounded(cap);
        let (other, never) = bounded::<u8>(0);
        let waits = spawn(move || {
            let got = shielded(|| r.recv().unwrap());
            let got =
                got + shielded(|| select! { recv(r) -> m => m.unwrap(), recv(never) -> _ => 0 });
            assert_eq!(got, 3);
            let _ = r.recv();
            unreachable!("it had been cancelled");
        });
        nap();
        waits.cancel();
        nap();
        s.send(1).unwrap();
        nap();
        s.send(2).unwrap();
        let ended = waits.join_timeout(PATIENCE).expect("it waits on");
        assert!(ended.is_err_and(|e| e.is::<Cancelled>()));
        drop((s, other));
    }
}

/// RH-1, PA-14: a destructor that waits in a channel while a panic unwinds does not show its panic to others on
/// the worker, and goes on with it.
fn unwinding_already() {
    for select in [false, true] {
        let ((s, r), (_other, never)) = (bounded(0), bounded::<u8>(0));
        let unwinding = spawn_local(move || {
            let _waits = OnDrop(|| {
                assert!(std::thread::panicking());
                let got = if select {
                    select! { recv(r) -> m => m.unwrap(), recv(never) -> m => m.unwrap() }
                } else {
                    r.recv().unwrap()
                };
                assert!(std::thread::panicking(), "its own state is back");
                assert_eq!(got, 5);
            });
            std::panic::resume_unwind(Box::new(7));
        });
        let mate = spawn_local(move || {
            for _ in 0..20 {
                assert!(!std::thread::panicking(), "a home-mate's panic shows here");
                yield_now();
            }
            s.send(5).unwrap();
        });
        mate.join().unwrap();
        let payload = unwinding.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7));
    }
}

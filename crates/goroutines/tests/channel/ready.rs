//! `Select::ready`: which operation could go on.

use crate::support::{nap, on_workers};
use goroutines::channel::{Select, after, bounded, never, unbounded};
use goroutines::{go, spawn, yield_now};
use std::time::Duration;

on_workers! {
    woken_by_each_kind_of_change
    many_watch_one_channel
    a_rendezvous_of_watchers
}

#[goroutines::test]
fn at_once() {
    let (s, r) = bounded(1);
    let mut sel = Select::new();
    let recv = sel.recv(&r);
    assert!(sel.try_ready().is_err());
    assert!(sel.ready_timeout(Duration::from_millis(2)).is_err());
    let send = sel.send(&s);
    assert_eq!(sel.ready(), send);
    s.send(1).unwrap();
    assert_eq!(sel.ready(), recv);
    // Nothing was taken.
    assert_eq!(sel.try_ready(), Ok(recv));
    assert_eq!(r.recv(), Ok(1));
    r.close();
    let (mut first, mut second) = (0, 0);
    for _ in 0..1_000 {
        match sel.ready() {
            i if i == recv => first += 1,
            _ => second += 1,
        }
    }
    assert!(first > 300 && second > 300);
}

fn woken_by_each_kind_of_change() {
    let wait = |sel: &mut Select<'_>| sel.ready_timeout(Duration::from_secs(60));
    // A value; a parked sender; a close; a timer.
    for kind in 0..4 {
        let (s, r) = if kind == 0 { unbounded() } else { bounded(0) };
        let timer = if kind == 3 {
            after(Duration::from_millis(5))
        } else {
            never()
        };
        let watcher = {
            let r = r.clone();
            spawn(move || {
                let mut sel = Select::new();
                sel.recv(&r);
                sel.recv(&timer);
                wait(&mut sel)
            })
        };
        nap();
        match kind {
            0 => s.send(1).unwrap(),
            1 => go!(move || s.send(1).unwrap()),
            2 => assert!(s.close()),
            _ => {}
        }
        assert_eq!(watcher.join().unwrap(), Ok(usize::from(kind == 3)));
        if kind < 2 {
            assert_eq!(r.recv(), Ok(1));
        }
    }
    // Room; a parked receiver; a close.
    for kind in 0..3 {
        let (s, r) = bounded(if kind == 0 { 1 } else { 0 });
        if kind == 0 {
            s.send(0).unwrap();
        }
        let watcher = {
            let s = s.clone();
            spawn(move || {
                let mut sel = Select::new();
                sel.send(&s);
                wait(&mut sel)
            })
        };
        nap();
        let mut receiver = None;
        match kind {
            0 => assert_eq!(r.recv(), Ok(0)),
            1 => receiver = Some(spawn(move || r.recv())),
            _ => drop(r),
        }
        assert_eq!(watcher.join().unwrap(), Ok(0));
        if let Some(receiver) = receiver {
            s.send(6).unwrap();
            assert_eq!(receiver.join().unwrap(), Ok(6));
        }
    }
}

fn many_watch_one_channel() {
    let (s, r) = unbounded();
    let watchers: Vec<_> = (0..20)
        .map(|_| {
            let r = r.clone();
            spawn(move || {
                let mut got = 0;
                let mut sel = Select::new();
                sel.recv(&r);
                loop {
                    sel.ready();
                    match r.try_recv() {
                        Ok(n) => got += n,
                        Err(e) if e.is_disconnected() => break got,
                        Err(_) => {}
                    }
                }
            })
        })
        .collect();
    for i in 0..1_000 {
        s.send(i).unwrap();
        if i % 50 == 0 {
            yield_now();
        }
    }
    drop(s);
    let sum: usize = watchers.into_iter().map(|h| h.join().unwrap()).sum();
    assert_eq!(sum, 999 * 1_000 / 2);
}

/// One watches and then sends, the other watches and then receives: nobody parks, so nobody is ever
/// ready, as in `crossbeam-channel`; with a plain one on one side they get on.
fn a_rendezvous_of_watchers() {
    let (s, r) = bounded::<usize>(0);
    let n = 200;
    let receiver = spawn(move || (0..n).map(|_| r.recv().unwrap()).sum::<usize>());
    let mut sel = Select::new();
    sel.send(&s);
    let mut sent = 0;
    while sent < n {
        sel.ready();
        if s.try_send(sent).is_ok() {
            sent += 1;
        }
    }
    assert_eq!(receiver.join().unwrap(), n * (n - 1) / 2);
}

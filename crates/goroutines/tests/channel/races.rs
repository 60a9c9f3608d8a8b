//! Many at once: CH-12, CH-29, R0.7, and the hard moments.

use crate::support::{Tally, on_workers, rounds};
use goroutines::channel::{Receiver, Select, Sender, bounded};
use goroutines::{Builder, select, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

on_workers! {
    ch_29_soak
    mm_6_a_channel_as_a_semaphore
    mm_3_4_what_was_done_before
    two_peers_for_one_select
    threads_and_goroutines
    selects_that_time_out
    everything_at_once
    from_one_worker_and_then_from_elsewhere
    one_that_moves_meets_others
}

/// CH-29: senders, receivers and selects over capacities 0, 1, 10 and 100: as many received as sent.
fn ch_29_soak() {
    let total = Arc::new(AtomicUsize::new(0));
    let mut tests = Vec::new();
    for cap in [0, 1, 10, 100] {
        let total = total.clone();
        tests.push(spawn(move || soak(cap, &total)));
    }
    tests.into_iter().for_each(|h| h.join().unwrap());
    assert_eq!(total.load(Ordering::SeqCst), 4 * 2 * 4 * 6 * 19);
}

/// Four channels, and on each of them: plain ones on both sides; then selects on one side or both.
fn soak(cap: usize, total: &AtomicUsize) {
    const EACH: usize = 19;
    for one_by_one in [true, false] {
        let mut handles = Vec::new();
        for channel in 0..4 {
            for pair in 0..6 {
                let (s, r) = bounded::<usize>(cap);
                handles.push(spawn(move || {
                    for i in 0..EACH {
                        if one_by_one || (channel + pair) % 2 == 0 {
                            s.send(i).unwrap();
                        } else {
                            select! { send(s, i) -> res => res.unwrap() }
                        }
                        yield_now();
                    }
                    0
                }));
                handles.push(spawn(move || {
                    let mut n = 0;
                    for i in 0..EACH {
                        let m = if one_by_one || pair % 2 == 0 {
                            r.recv()
                        } else {
                            select! { recv(r) -> m => m }
                        };
                        assert_eq!(m, Ok(i));
                        n += 1;
                    }
                    assert!(r.recv().is_err());
                    n
                }));
            }
        }
        let n: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
        total.fetch_add(n, Ordering::SeqCst);
    }
}

/// MM-6: a send is a `lock` that lets so many in, a receive the `unlock`.
fn mm_6_a_channel_as_a_semaphore() {
    for cap in [1, 3] {
        let (s, r) = bounded(cap);
        let inside = Arc::new(AtomicUsize::new(0));
        let count = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..8)
            .map(|_| {
                let (s, r) = (s.clone(), r.clone());
                let (inside, count) = (inside.clone(), count.clone());
                spawn(move || {
                    for _ in 0..rounds(200) {
                        s.send(()).unwrap();
                        assert!(inside.fetch_add(1, Ordering::Relaxed) < cap);
                        if cap == 1 {
                            // Nobody else is in here: this is not a race.
                            let n = count.load(Ordering::Relaxed);
                            yield_now();
                            count.store(n + 1, Ordering::Relaxed);
                        }
                        inside.fetch_sub(1, Ordering::Relaxed);
                        r.recv().unwrap();
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        if cap == 1 {
            assert_eq!(count.load(Ordering::Relaxed), 8 * rounds(200));
        }
    }
}

/// MM-3, MM-4: what was done before a send, or a close, is visible after the receive.
fn mm_3_4_what_was_done_before() {
    for cap in [0, 1, 7] {
        let data: Arc<[AtomicUsize; 100]> = Arc::new(std::array::from_fn(|_| AtomicUsize::new(0)));
        let (s, r) = bounded(cap);
        let writer = {
            let data = data.clone();
            move || {
                for (i, slot) in data.iter().enumerate() {
                    slot.store(i + 1, Ordering::Relaxed);
                    if i < 90 {
                        s.send(i).unwrap();
                    }
                }
                s.close();
            }
        };
        let thread = thread::spawn(writer);
        while let Ok(i) = r.recv() {
            assert_eq!(data[i].load(Ordering::Relaxed), i + 1);
        }
        assert!(
            data.iter()
                .enumerate()
                .all(|(i, slot)| slot.load(Ordering::Relaxed) == i + 1)
        );
        thread.join().unwrap();
    }
}

/// SE-8: two peers pick one select; the loser goes on to the next waiter, and its value is not lost.
fn two_peers_for_one_select() {
    let n = rounds(1_000);
    let (s1, r1) = bounded::<usize>(0);
    let (s2, r2) = bounded::<usize>(0);
    let sum = Arc::new(AtomicUsize::new(0));
    let mut handles = Vec::new();
    for s in [s1, s2] {
        let s = s.clone();
        handles.push(spawn(move || (0..n).for_each(|i| s.send(i).unwrap())));
    }
    for _ in 0..3 {
        let (r1, r2, sum) = (r1.clone(), r2.clone(), sum.clone());
        handles.push(spawn(move || {
            let (mut r1, mut r2) = (Some(r1), Some(r2));
            while r1.is_some() || r2.is_some() {
                select! {
                    recv(r1) -> m => match m {
                        Ok(i) => { sum.fetch_add(i, Ordering::Relaxed); }
                        Err(_) => r1 = None,
                    },
                    recv(r2) -> m => match m {
                        Ok(i) => { sum.fetch_add(i, Ordering::Relaxed); }
                        Err(_) => r2 = None,
                    },
                }
            }
        }));
    }
    drop((r1, r2));
    handles.into_iter().for_each(|h| h.join().unwrap());
    assert_eq!(sum.load(Ordering::Relaxed), n * (n - 1));
}

/// R0.7: threads and goroutines, plain and in selects, on both sides.
fn threads_and_goroutines() {
    let n = rounds(500);
    for cap in [0, 1, 4] {
        let (s, r) = bounded::<usize>(cap);
        let (other, others) = bounded::<usize>(cap);
        let sender = |s: Sender<usize>, other: Sender<usize>, kind: usize| {
            move || {
                for i in 0..n {
                    match kind {
                        0 => s.send(i).unwrap(),
                        _ => select! {
                            send(s, i) -> res => res.unwrap(),
                            send(other, i) -> res => res.unwrap(),
                        },
                    }
                }
            }
        };
        let receiver = |r: Receiver<usize>, others: Receiver<usize>| {
            move || {
                let (mut sum, mut open) = (0, 2);
                let (mut r, mut others) = (Some(r), Some(others));
                while open > 0 {
                    select! {
                        recv(r) -> m => match m {
                            Ok(i) => sum += i,
                            Err(_) => { r = None; open -= 1 }
                        },
                        recv(others) -> m => match m {
                            Ok(i) => sum += i,
                            Err(_) => { others = None; open -= 1 }
                        },
                    }
                }
                sum
            }
        };
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for kind in 0..2 {
            senders.push(spawn(sender(s.clone(), other.clone(), kind)));
            threads.push(thread::spawn(sender(s.clone(), other.clone(), kind)));
        }
        drop((s, other));
        let receivers = [
            spawn(receiver(r.clone(), others.clone())),
            spawn(receiver(r.clone(), others.clone())),
        ];
        let thread = thread::spawn(receiver(r, others));
        senders.into_iter().for_each(|h| h.join().unwrap());
        let mut sum: usize = receivers.into_iter().map(|h| h.join().unwrap()).sum();
        // They have all come to their end by now.
        threads.into_iter().for_each(|h| h.join().unwrap());
        sum += thread.join().unwrap();
        assert_eq!(sum, 4 * n * (n - 1) / 2);
    }
}

/// Selects with short deadlines against deliveries: every value is accounted for.
fn selects_that_time_out() {
    let n = rounds(2_000);
    let tally = Tally::default();
    let (s1, r1) = bounded(0);
    let (s2, r2) = bounded(1);
    let sender = {
        let tally = tally.clone();
        spawn(move || {
            let mut sent = 0;
            for i in 0..n {
                let timeout = Duration::from_micros(i as u64 % 5);
                select! {
                    send(s1, tally.one()) -> res => { res.unwrap(); sent += 1 }
                    send(s2, tally.one()) -> res => { res.unwrap(); sent += 1 }
                    default(timeout) => (),
                }
            }
            sent
        })
    };
    let mut received = 0;
    let (mut open1, mut open2) = (Some(r1), Some(r2));
    let mut i = 0;
    while open1.is_some() || open2.is_some() {
        i += 1;
        select! {
            recv(open1) -> m => if m.is_ok() { received += 1 } else { open1 = None },
            recv(open2) -> m => if m.is_ok() { received += 1 } else { open2 = None },
            default(Duration::from_micros(i % 7)) => (),
        }
    }
    assert_eq!(sender.join().unwrap(), received);
    assert_eq!(tally.alive(), 0);
}

/// CH-12: all operations on a few channels that others close and drop meanwhile, by goroutines and threads.
fn everything_at_once() {
    for round in 0..rounds(40) {
        let tally = Tally::default();
        let ends: [_; 3] = std::array::from_fn(bounded);
        let (mut handles, mut threads) = (Vec::new(), Vec::new());
        for k in 0..12 {
            let ends = ends.clone();
            let tally = tally.clone();
            let operate = move || {
                for i in 0..60 {
                    let (cap, (s, r)) = ((i + k) % 3, &ends[(i + k) % 3]);
                    let (t, u) = &ends[(i + k + 1) % 3];
                    assert_eq!((s.capacity(), r.capacity()), (Some(cap), Some(cap)));
                    assert!(s.len() <= cap && r.len() <= cap);
                    assert!(!s.is_closed() || r.is_closed());
                    match (i * 7 + k * 5 + round) % 11 {
                        0 => drop(s.try_send(tally.one())),
                        1 => drop(r.try_recv()),
                        2 => drop(s.send_timeout(tally.one(), Duration::from_micros(50))),
                        3 => drop(r.recv_timeout(Duration::from_micros(50))),
                        4 => select! {
                            send(s, tally.one()) -> res => drop(res),
                            recv(u) -> m => drop(m),
                            default(Duration::from_micros(30)) => (),
                        },
                        5 => select! {
                            recv(r) -> m => drop(m),
                            send(t, tally.one()) -> res => drop(res),
                            recv(u) -> m => drop(m),
                            default => (),
                        },
                        6 => {
                            let mut sel = Select::new();
                            let (a, _) = (sel.recv(r), sel.recv(u));
                            if let Ok(op) = sel.select_timeout(Duration::from_micros(20)) {
                                let r = if op.index() == a { r } else { u };
                                drop(op.recv(r));
                            }
                        }
                        7 => {
                            let mut sel = Select::new();
                            let (a, _) = (sel.send(s), sel.send(t));
                            if let Ok(op) = sel.try_select() {
                                let s = if op.index() == a { s } else { t };
                                yield_now();
                                drop(op.send(s, tally.one()));
                            }
                        }
                        8 => {
                            let mut sel = Select::new();
                            sel.send(s);
                            sel.recv(u);
                            let _ = sel.ready_timeout(Duration::from_micros(20));
                        }
                        9 if i == 50 => drop(s.close()),
                        _ => yield_now(),
                    }
                }
            };
            if k % 6 == 5 {
                threads.push(thread::spawn(operate));
            } else {
                handles.push(spawn(operate));
            }
        }
        drop(ends);
        handles.into_iter().for_each(|h| h.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(tally.alive(), 0);
    }
}

/// The lock of a channel that one worker uses for long leans to it (see README.md of the room). Then
/// plain threads come, while that worker goes on.
fn from_one_worker_and_then_from_elsewhere() {
    const THREADS: usize = 3;
    const EACH: usize = 200;
    for cap in [1, 4] {
        for _ in 0..rounds(20) {
            let (s, r) = bounded::<usize>(cap);
            for i in 0..400 {
                s.send(i).unwrap();
                assert_eq!(r.recv(), Ok(i));
            }
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let s = s.clone();
                    thread::spawn(move || (1..=EACH).for_each(|i| s.send(i).unwrap()))
                })
                .collect();
            let (quiet, never) = bounded::<usize>(0);
            let mut sum = 0;
            for i in 0..THREADS * EACH {
                sum += if i % 2 == 0 {
                    r.recv().unwrap()
                } else {
                    select! {
                        recv(r) -> value => value.unwrap(),
                        recv(never) -> _ => unreachable!(),
                    }
                };
            }
            drop(quiet);
            assert_eq!(sum, THREADS * EACH * (EACH + 1) / 2);
            assert!(r.is_empty());
            threads.into_iter().for_each(|t| t.join().unwrap());
        }
    }
}

/// An operation that does not wait for long waits all the same for a peer that takes its time. After that
/// a migratable goroutine may be on another worker, which is not the one to which a lock leans. (Debug
/// builds check that a lock knows where it is taken.)
fn one_that_moves_meets_others() {
    let n = rounds(30);
    let (s, r) = bounded::<usize>(0);
    let pickers: Vec<_> = (0..4)
        .map(|_| {
            let r = r.clone();
            spawn(move || {
                let mut sum = 0;
                for i in 0..n {
                    let mut sel = Select::new();
                    sel.recv(&r);
                    let operation = sel.select();
                    (0..3).for_each(|_| yield_now());
                    if i % 2 == 0 {
                        sum += operation.recv(&r).unwrap();
                    } else {
                        let dropped = catch_unwind(AssertUnwindSafe(|| drop(operation)));
                        assert!(dropped.is_err());
                    }
                }
                sum
            })
        })
        .collect();
    drop(r);
    let movers: Vec<_> = (0..4)
        .map(|_| {
            let s = s.clone();
            // SAFETY: nothing in it belongs to a thread.
            let mover = unsafe { Builder::new().migratable() };
            let run = move || {
                let mut sent = 0;
                loop {
                    match s.try_send(1) {
                        Ok(()) => sent += 1,
                        Err(e) if e.is_disconnected() => return sent,
                        Err(_) => yield_now(),
                    }
                }
            };
            mover.spawn(run).unwrap()
        })
        .collect();
    let received: usize = pickers.into_iter().map(|h| h.join().unwrap()).sum();
    let sent: usize = movers.into_iter().map(|h| h.join().unwrap()).sum();
    assert_eq!((received, sent), (4 * n.div_ceil(2), received));
}

//! `Condvar`: SEMANTICS CO-1 to CO-7 (CO-8: `types`).

use crate::support::{both, everybody, inside, moment, on_workers, rounds, until};
use goroutines::sync::{Condvar, Mutex, WaitGroup};
use goroutines::{go, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

// CO-1
#[test]
fn wait_releases_the_mutex_and_takes_it_again() {
    both(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let p = pair.clone();
        let mut guard = pair.0.lock().unwrap();
        let other = spawn(move || {
            let mut guard = p.0.lock().unwrap();
            *guard += 1;
            p.1.notify_one();
            // Not before this one lets go.
            yield_now();
            *guard += 1;
        });
        while *guard == 0 {
            guard = pair.1.wait(guard).unwrap();
        }
        assert_eq!(*guard, 2);
        assert!(pair.0.try_lock().is_err());
        drop(guard);
        other.join().unwrap();
    });
}

// CO-2
#[test]
fn no_spurious_wake_ups() {
    inside(|| {
        let pair = Arc::new((Mutex::new(()), Condvar::new()));
        let returned = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let (p, r) = (pair.clone(), returned.clone());
            go!(move || {
                drop(p.1.wait(p.0.lock().unwrap()).unwrap());
                r.fetch_add(1, Ordering::SeqCst);
            });
        }
        for n in 0..20 {
            moment();
            assert_eq!(returned.load(Ordering::SeqCst), n);
            pair.1.notify_one();
            until("one returns", || returned.load(Ordering::SeqCst) == n + 1);
        }
    });
}

// CO-3; Go's TestCondSignalGenerations
fn generations() {
    let n = 100;
    let pair = Arc::new((Mutex::new(0_usize), Condvar::new()));
    let awake = Arc::new(Mutex::new(Vec::new()));
    for i in 0..n {
        let (p, a) = (pair.clone(), awake.clone());
        go!(move || {
            let mut guard = p.0.lock().unwrap();
            *guard += 1;
            let guard = p.1.wait(guard).unwrap();
            a.lock().unwrap().push(i);
            drop(guard);
        });
        // In the queue before the next one starts.
        until("it waits", || *pair.0.lock().unwrap() == i + 1);
        if i > 0 {
            // Each waiter is woken by the signal after it; nobody passes.
            pair.1.notify_one();
            until("one wakes", || awake.lock().unwrap().len() == i);
        }
    }
    pair.1.notify_one();
    until("the last wakes", || awake.lock().unwrap().len() == n);
    assert_eq!(*awake.lock().unwrap(), Vec::from_iter(0..n));
}

// CO-3
#[test]
fn notify_one_wakes_the_one_that_waited_longest() {
    both(|| {
        let pair = Arc::new((Mutex::new((0, Vec::new())), Condvar::new()));
        let n = 50;
        let all: Vec<_> = (0..n)
            .map(|i| {
                let p = pair.clone();
                let waiter = spawn(move || {
                    let mut guard = p.0.lock().unwrap();
                    guard.0 += 1;
                    let mut guard = p.1.wait(guard).unwrap();
                    guard.1.push(i);
                });
                until("it waits", || pair.0.lock().unwrap().0 == i + 1);
                waiter
            })
            .collect();
        for i in 0..n {
            pair.1.notify_one();
            until("one wakes", || pair.0.lock().unwrap().1.len() == i + 1);
        }
        for one in all {
            one.join().unwrap();
        }
        assert_eq!(pair.0.lock().unwrap().1, Vec::from_iter(0..n));
    });
}

// CO-4; Go's TestCondSignalStealing
fn stealing() {
    for round in 0..rounds(100) {
        let pair = Arc::new((Mutex::new((false, false)), Condvar::new()));
        let p = pair.clone();
        // Waits before the signal.
        let first = spawn(move || {
            let mut guard = p.0.lock().unwrap();
            guard.0 = true;
            drop(p.1.wait(guard).unwrap());
        });
        until("it waits", || pair.0.lock().unwrap().0);
        let p = pair.clone();
        // Waits after the signal.
        let second = spawn(move || {
            let mut guard = p.0.lock().unwrap();
            p.1.notify_one();
            guard.1 = true;
            let (_guard, result) = p.1.wait_timeout(guard, Duration::from_millis(1)).unwrap();
            assert!(
                result.timed_out(),
                "round {round}: it took what was the first one's"
            );
        });
        first.join().unwrap();
        second.join().unwrap();
    }
}

// CO-5; Go's TestCondBroadcast
fn broadcast() {
    let n = 200;
    let pair = Arc::new((Mutex::new((0_usize, false)), Condvar::new()));
    let (awake, done) = (Arc::new(AtomicUsize::new(0)), WaitGroup::new());
    for _ in 0..n {
        let (p, a) = (pair.clone(), awake.clone());
        done.go(move || {
            let mut guard = p.0.lock().unwrap();
            while !guard.1 {
                guard.0 += 1;
                guard = p.1.wait(guard).unwrap();
                a.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for round in 0..rounds(50) {
        until("all wait", || pair.0.lock().unwrap().0 == n);
        let mut guard = pair.0.lock().unwrap();
        assert_eq!(
            awake.load(Ordering::SeqCst),
            round * n,
            "one woke by itself"
        );
        guard.0 = 0;
        pair.1.notify_all();
        drop(guard);
    }
    until("all wait", || pair.0.lock().unwrap().0 == n);
    pair.0.lock().unwrap().1 = true;
    pair.1.notify_all();
    done.wait();
}

// CO-6
#[test]
fn notifications_are_not_remembered() {
    both(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        condvar.notify_one();
        condvar.notify_all();
        let start = Instant::now();
        let guard = mutex.lock().unwrap();
        let (_guard, result) = condvar
            .wait_timeout(guard, Duration::from_millis(5))
            .unwrap();
        assert!(result.timed_out() && start.elapsed() >= Duration::from_millis(5));
    });
}

// CO-6, CO-7, MM-9: a signal without the mutex; what was done before it is seen, with nothing else in between.
fn notify_without_the_mutex() {
    let n = rounds(100);
    // Goroutine to goroutine, then to a thread and back.
    for (goroutines, waiter) in [(2, 0), (1, 0), (1, 1)] {
        let (mutex, condvar, data) = (Mutex::new(0), Condvar::new(), AtomicUsize::new(0));
        everybody(goroutines, 2 - goroutines, |i| {
            for round in 1..=n {
                if i == waiter {
                    let mut guard = mutex.lock().unwrap();
                    *guard = round;
                    drop(condvar.wait(guard).unwrap());
                    assert_eq!(data.load(Ordering::Relaxed), round);
                } else {
                    until("it waits", || *mutex.lock().unwrap() == round);
                    data.store(round, Ordering::Relaxed);
                    condvar.notify_one();
                }
            }
        });
    }
}

#[test]
fn timeouts() {
    both(|| {
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        let start = Instant::now();
        let tick = Duration::from_millis(5);
        let guard = mutex.lock().unwrap();
        let (guard, result) = condvar
            .wait_timeout_while(guard, tick, |n| *n == 0)
            .unwrap();
        assert!(result.timed_out() && start.elapsed() >= tick);
        let (guard, result) = condvar
            .wait_timeout_while(guard, tick, |n| *n != 0)
            .unwrap();
        assert!(!result.timed_out());
        let (guard, result) = condvar.wait_timeout(guard, Duration::ZERO).unwrap();
        assert!(result.timed_out());
        // What is so counts, however late it is.
        let (guard, result) = condvar
            .wait_timeout_while(guard, Duration::ZERO, |n| *n != 0)
            .unwrap();
        assert!(!result.timed_out());
        drop(guard);
        std::thread::scope(|_| ());
        goroutines::scope(|s| {
            s.spawn(|| {
                moment();
                *mutex.lock().unwrap() = 1;
                condvar.notify_one();
            });
            let guard = mutex.lock().unwrap();
            let (guard, result) = condvar
                .wait_timeout_while(guard, Duration::MAX, |n| *n == 0)
                .unwrap();
            assert!(!result.timed_out() && *guard == 1);
        });
    });
}

// A signal that races with timeouts wakes somebody, or nobody waits any more.
fn no_signal_is_lost_to_a_timeout() {
    let pair = (Mutex::new((0_usize, 0_usize)), Condvar::new());
    let n = rounds(300);
    everybody(8, 2, |i| {
        if i < 2 {
            for _ in 0..n {
                pair.0.lock().unwrap().0 += 1;
                pair.1.notify_one();
                yield_now();
            }
            return;
        }
        loop {
            let mut guard = pair.0.lock().unwrap();
            while guard.0 == 0 && guard.1 < 2 * n {
                let tick = Duration::from_micros(50 * (i as u64 % 4) + 1);
                guard = pair.1.wait_timeout(guard, tick).unwrap().0;
            }
            if guard.1 == 2 * n {
                return;
            }
            guard.0 -= 1;
            guard.1 += 1;
        }
    });
    assert_eq!(*pair.0.lock().unwrap(), (0, 2 * n));
}

#[goroutines::test(workers = 2)]
fn ten_thousand_waiters() {
    let n = 10_000;
    let pair = Arc::new((Mutex::new((0, false)), Condvar::new()));
    let done = WaitGroup::new();
    for _ in 0..n {
        let p = pair.clone();
        done.go(move || {
            let mut guard = p.0.lock().unwrap();
            guard.0 += 1;
            drop(p.1.wait_while(guard, |g| !g.1).unwrap());
        });
    }
    until("all wait", || pair.0.lock().unwrap().0 == n);
    let start = Instant::now();
    pair.0.lock().unwrap().1 = true;
    pair.1.notify_all();
    done.wait();
    println!("10,000 waiters woken in {:?}", start.elapsed());
    // One by one.
    *pair.0.lock().unwrap() = (0, false);
    for _ in 0..n {
        let p = pair.clone();
        done.go(move || {
            let mut guard = p.0.lock().unwrap();
            guard.0 += 1;
            drop(p.1.wait(guard).unwrap());
        });
    }
    until("all wait", || pair.0.lock().unwrap().0 == n);
    for _ in 0..n {
        pair.1.notify_one();
    }
    done.wait();
}

on_workers! { generations stealing broadcast notify_without_the_mutex no_signal_is_lost_to_a_timeout }

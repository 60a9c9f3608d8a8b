//! `after_func`: goroutines that start later.

use crate::support::{
    Dice, HOUR, PATIENCE, SHORT, both, everybody, inside, on_workers, rounds, until,
};
use goroutines::channel::{bounded, unbounded};
use goroutines::time::{after_func, sleep};
use goroutines::{spawn, yield_now};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

// TI-16: in a goroutine of its own, in time.
#[test]
fn runs_in_a_goroutine_of_its_own() {
    both(|| {
        let (s, r) = bounded(0);
        let start = Instant::now();
        let id = goroutines::current().id();
        let timer = after_func(SHORT, move || {
            s.send((goroutines::current().id(), Instant::now()))
                .unwrap();
        });
        let (theirs, at) = r.recv().unwrap();
        assert!(theirs != id && at >= start + SHORT);
        assert!(!timer.stop());
    });
}

// TI-16: one that blocks does not delay the others, also with one worker.
#[goroutines::test(workers = 1)]
fn one_that_blocks_delays_nobody() {
    let (s, r) = unbounded();
    let (hold, held) = bounded::<()>(0);
    after_func(Duration::ZERO, move || {
        let _ = held.recv();
    });
    for i in 0..10 {
        let s = s.clone();
        after_func(Duration::from_micros(i * 100), move || s.send(i).unwrap());
    }
    for _ in 0..10 {
        r.recv_timeout(PATIENCE).unwrap();
    }
    drop(hold);
}

// TI-17
#[test]
fn stop_and_reset() {
    both(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let theirs = count.clone();
        let timer = after_func(HOUR, move || {
            theirs.fetch_add(1, SeqCst);
        });
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(!timer.reset(HOUR));
        assert!(timer.reset(Duration::ZERO));
        until("it ran", || count.load(SeqCst) == 1);
        assert!(!timer.stop());
        assert!(!timer.reset(Duration::ZERO));
        until("it ran again", || count.load(SeqCst) == 2);
        timer.reset(Duration::MAX);
        assert!(timer.stop(), "for ever is running");
        sleep(SHORT);
        assert_eq!(count.load(SeqCst), 2);
    });
}

// TI-17: the runs may overlap.
#[test]
fn runs_may_overlap() {
    inside(|| {
        let (meet, met) = bounded(0);
        let here = Arc::new(AtomicUsize::new(0));
        let theirs = here.clone();
        let timer = after_func(Duration::ZERO, move || {
            theirs.fetch_add(1, SeqCst);
            meet.send(()).unwrap();
        });
        until("one is there", || here.load(SeqCst) == 1);
        assert!(!timer.reset(Duration::ZERO));
        until("both are there", || here.load(SeqCst) == 2);
        met.recv().unwrap();
        met.recv().unwrap();
    });
}

// TI-17: stop is true exactly if it does not run.
#[goroutines::test(workers = 2)]
fn stop_is_right() {
    for i in 0..rounds(3_000) {
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = ran.clone();
        let timer = after_func(Duration::from_micros(i as u64 % 20), move || {
            theirs.store(true, SeqCst);
        });
        for _ in 0..i % 7 {
            yield_now();
        }
        if timer.stop() {
            yield_now();
            assert!(!ran.load(SeqCst));
        } else {
            until("it runs", || ran.load(SeqCst));
        }
    }
}

// TI-18: beside two that are always ready.
#[goroutines::test(workers = 1)]
fn runs_beside_two_that_are_always_ready() {
    let stop = Arc::new(AtomicBool::new(false));
    let busy = [(); 2].map(|()| {
        let stop = stop.clone();
        spawn(move || {
            while !stop.load(SeqCst) {
                yield_now();
            }
        })
    });
    for _ in 0..20 {
        let (s, r) = bounded(1);
        after_func(Duration::from_micros(1), move || s.send(()).unwrap());
        r.recv_timeout(PATIENCE).unwrap();
    }
    stop.store(true, SeqCst);
    _ = busy.map(|b| b.join().unwrap());
}

// Armed from plain threads: an idle runtime wakes for it, also if it slept for something later.
#[test]
fn wakes_an_idle_runtime() {
    crate::support::start();
    let (s, r) = unbounded();
    let late = after_func(HOUR, || unreachable!());
    for i in 0..rounds(200) {
        if i % 10 == 0 {
            std::thread::sleep(Duration::from_millis(30)); // let the workers fall asleep
        }
        let (s, start) = (s.clone(), Instant::now());
        let d = Duration::from_micros(i as u64 % 300);
        after_func(d, move || s.send(start.elapsed()).unwrap());
        assert!(r.recv_timeout(PATIENCE).unwrap() >= d);
    }
    assert!(late.stop());
}

// Goroutines and threads that arm and stop beside workers that go to sleep and wake.
fn many_arm_and_stop() {
    let (done, started) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    everybody(3, 3, |_| {
        for i in 0..rounds(200) {
            let theirs = done.clone();
            let d = Duration::from_micros(i as u64 % 50);
            let timer = after_func(d, move || {
                theirs.fetch_add(1, SeqCst);
            });
            if i % 3 == 0 {
                sleep(d);
            }
            if i % 2 == 0 || !timer.stop() {
                started.fetch_add(1, SeqCst);
            }
        }
    });
    let started = started.into_inner();
    until("all that were not stopped ran", || {
        done.load(SeqCst) == started
    });
    sleep(SHORT);
    assert_eq!(done.load(SeqCst), started);
}

on_workers! { many_arm_and_stop }

// A panic in it is its own.
#[test]
fn a_panic_hurts_nobody() {
    inside(|| {
        let (s, r) = unbounded();
        let timer = after_func(Duration::ZERO, move || {
            s.send(()).unwrap();
            panic!("expected");
        });
        r.recv().unwrap();
        timer.reset(Duration::ZERO);
        r.recv().unwrap();
    });
}

// TI-11: dropped with what it owns, once it can run no more.
#[test]
fn is_dropped() {
    inside(|| {
        let own = Arc::new(());
        let (theirs, timer) = (own.clone(), after_func(HOUR, || ()));
        drop(timer);
        let timer = after_func(HOUR, move || drop(theirs.clone()));
        assert!(timer.stop());
        drop(timer);
        assert_eq!(Arc::strong_count(&own), 1);
        let theirs = own.clone();
        drop(after_func(Duration::ZERO, move || drop(theirs.clone())));
        until("it is dropped", || Arc::strong_count(&own) == 1);
    });
}

#[test]
fn types() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>(_: &T) {}
    crate::support::start();
    let timer = after_func(HOUR, || ());
    shared(&timer);
    assert!(format!("{timer:?}").starts_with("FuncTimer { site: "));
    timer.stop();
}

// Functions of timers that are due at the same look at the clock are called in the order of their moments.
#[goroutines::test(workers = 1)]
fn in_the_order_of_their_moments() {
    const TIMERS: u32 = 50;
    const APART: Duration = Duration::from_micros(50);
    let here = std::thread::current().id();
    let (mut dice, mut good) = (Dice(7), 0);
    let begun = Instant::now();
    while good < 10 {
        assert!(begun.elapsed() < PATIENCE, "the machine is too busy");
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut order: Vec<u32> = (0..TIMERS).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, dice.below(i as u64 + 1) as usize);
        }
        let (start, mut slow) = (Instant::now(), false);
        for i in order {
            let (called, set) = (called.clone(), Instant::now());
            after_func(start + APART * (i + TIMERS) - set, move || {
                let thread = std::thread::current().id();
                called.lock().unwrap().push((i, thread));
            });
            slow |= set.elapsed() >= APART;
        }
        // Not a wait: the worker is not to look before all of them are due.
        while start.elapsed() < APART * TIMERS * 2 {}
        until("all have been called", || {
            called.lock().unwrap().len() == TIMERS as usize
        });
        let called = called.lock().unwrap();
        // If the system took the processor away for a while, moments have moved, or a spare worker has helped.
        if !slow && called.iter().all(|&(_, thread)| thread == here) {
            assert!(called.iter().map(|&(i, _)| i).is_sorted(), "{called:?}");
            good += 1;
        }
    }
}

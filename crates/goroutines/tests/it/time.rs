//! `sleep` and `sleep_until`: never early, for ever, many at once.

use crate::support::{both, inside, rounds, until};
use goroutines::sync::WaitGroup;
use goroutines::{sleep, sleep_until, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Both kinds of sleep last as long as asked.
fn check(time: Duration) {
    let start = Instant::now();
    sleep(time);
    assert!(
        start.elapsed() >= time,
        "slept {:?} of {time:?}",
        start.elapsed()
    );
    let deadline = Instant::now() + time;
    sleep_until(deadline);
    assert!(Instant::now() >= deadline);
}

// TI-1
#[test]
fn never_early() {
    both(|| {
        for nanos in [1, 100, 999, 1_000, 10_001, 99_999, 1_000_000, 3_333_333] {
            for _ in 0..rounds(3) {
                check(Duration::from_nanos(nanos));
            }
        }
    });
}

// TI-1: the goroutine only.
#[goroutines::test(workers = 1)]
fn only_the_goroutine_sleeps() {
    let (turns, asleep) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(true)),
    );
    let (theirs, stop) = (turns.clone(), asleep.clone());
    let other = spawn(move || {
        while stop.load(Ordering::Relaxed) {
            theirs.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
    });
    sleep(Duration::from_millis(20));
    asleep.store(false, Ordering::Relaxed);
    assert!(turns.load(Ordering::Relaxed) > 100);
    other.join().unwrap();
}

// TI-2
#[goroutines::test(workers = 1)]
fn zero_returns_at_once_and_does_not_yield() {
    let ran = Arc::new(AtomicBool::new(false));
    let theirs = ran.clone();
    let other = spawn(move || theirs.store(true, Ordering::Relaxed));
    for _ in 0..1_000 {
        sleep(Duration::ZERO);
    }
    let now = Instant::now();
    sleep_until(now);
    sleep_until(now.checked_sub(Duration::from_secs(1)).unwrap_or(now));
    assert!(!ran.load(Ordering::Relaxed), "it let others run");
    other.join().unwrap();
}

// TI-3
#[test]
fn for_ever_is_for_ever_and_disturbs_nobody() {
    inside(|| {
        let woken = Arc::new(AtomicUsize::new(0));
        let ages = [
            Duration::MAX,
            Duration::from_nanos(i64::MAX as u64),
            Duration::from_nanos(u64::MAX),
            Duration::from_nanos(u64::MAX - 1_000_000_000),
            Duration::from_millis(u64::MAX),
            Duration::from_secs(u64::MAX),
        ];
        for time in ages {
            let woken = woken.clone();
            drop(spawn(move || {
                sleep(time);
                woken.fetch_add(1, Ordering::Relaxed);
            }));
        }
        let far = Instant::now() + Duration::from_secs(1 << 40);
        let theirs = woken.clone();
        drop(spawn(move || {
            sleep_until(far);
            theirs.fetch_add(1, Ordering::Relaxed);
        }));
        for _ in 0..20 {
            sleep(Duration::from_millis(1));
        }
        assert_eq!(woken.load(Ordering::Relaxed), 0);
    });
}

// TI-4
#[test]
fn thousands_of_tiny_sleeps() {
    both(|| {
        let start = Instant::now();
        for _ in 0..5_000 {
            sleep(Duration::from_micros(10));
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{:?}",
            start.elapsed()
        );
    });
}

// TI-4, and a million sleeping goroutines are fine: here are enough of them.
#[goroutines::test(workers = 2)]
fn a_hundred_thousand_sleepers() {
    const N: u64 = 100_000;
    let wg = WaitGroup::new();
    let early = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    for i in 0..N {
        let early = early.clone();
        wg.go(move || {
            let (time, start) = (Duration::from_micros(i * 7_919 % 100_000), Instant::now());
            sleep(time);
            if start.elapsed() < time {
                early.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    wg.wait();
    assert_eq!(early.load(Ordering::Relaxed), 0);
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(goroutines::num_goroutines(), 1);
}

// Many sleepers with deadlines far apart, woken early by tokens: the timers left behind do no harm.
#[test]
fn timers_of_ended_waits_wake_nobody() {
    inside(|| {
        for _ in 0..rounds(20) {
            let handles: Vec<_> = (0..100)
                .map(|i| {
                    spawn(move || {
                        goroutines::park_timeout(Duration::from_micros(i * 20));
                        // Were the timer above still there, it could end this wait.
                        let start = Instant::now();
                        sleep(Duration::from_millis(2));
                        assert!(start.elapsed() >= Duration::from_millis(2));
                    })
                })
                .collect();
            for handle in &handles {
                handle.goroutine().unpark();
            }
            for handle in handles {
                handle.join().unwrap();
            }
        }
    });
}

// FA-7, FA-11, TI-18: two that are always ready do not keep a sleeper from waking.
#[goroutines::test(workers = 1)]
fn a_sleeper_wakes_beside_two_that_are_always_ready() {
    let stop = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let stop = stop.clone();
            spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    yield_now();
                }
            })
        })
        .collect();
    let start = Instant::now();
    for _ in 0..20 {
        sleep(Duration::from_micros(1));
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    stop.store(true, Ordering::Relaxed);
    for handle in busy {
        handle.join().unwrap();
    }
}

// An idle runtime wakes for what a plain thread asks of it.
#[test]
fn an_idle_runtime_wakes_for_a_thread() {
    crate::support::start();
    for _ in 0..rounds(100) {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = done.clone();
        drop(spawn(move || {
            sleep(Duration::from_micros(100));
            theirs.store(true, Ordering::Release);
        }));
        until("it slept and woke", || done.load(Ordering::Acquire));
    }
}

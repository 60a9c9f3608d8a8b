//! `Semaphore`: SEMANTICS SM-1 to SM-6; Go's x/sync suite.

use crate::support::{both, everybody, inside, moment, on_workers, rounds, until};
use goroutines::sync::{Mutex, Semaphore};
use goroutines::{sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

// SM-1; Go's TestWeighted
fn hammer() {
    let size = 8;
    let semaphore = Semaphore::new(size);
    let held = AtomicUsize::new(0);
    everybody(16, 3, |i| {
        let n = i % size + 1;
        for round in 0..rounds(100) {
            let permit = match round % 3 {
                0 => semaphore.acquire(n),
                1 => match semaphore.try_acquire(n) {
                    Some(permit) => permit,
                    None => continue,
                },
                _ => match semaphore.acquire_timeout(n, Duration::from_micros(200)) {
                    Ok(permit) => permit,
                    Err(_) => continue,
                },
            };
            let now = held.fetch_add(n, Ordering::SeqCst) + n;
            assert!(now <= size, "{now} held");
            assert_eq!(permit.count(), n);
            yield_now();
            held.fetch_sub(n, Ordering::SeqCst);
        }
    });
    assert_eq!(semaphore.available(), size);
    assert_eq!(semaphore.acquire(size).count(), size);
}

// SM-1; Go's TestWeightedTryAcquire
#[test]
fn try_acquire() {
    both(|| {
        let semaphore = Semaphore::new(2);
        let first = semaphore.try_acquire(1);
        let second = semaphore.try_acquire(1);
        let third = semaphore.try_acquire(1);
        assert!(first.is_some() && second.is_some() && third.is_none());
        drop((first, second));
        assert!(semaphore.try_acquire(2).is_some());
        assert!(semaphore.try_acquire(0).is_some());
        assert_eq!((semaphore.size(), semaphore.available()), (2, 2));
    });
}

// SM-2
#[test]
fn first_come_first_served() {
    both(|| {
        let semaphore = Arc::new(Semaphore::new(3));
        let log = Arc::new(Mutex::new(Vec::new()));
        let one = semaphore.acquire(1);
        let waiters: Vec<_> = [3, 1, 2]
            .into_iter()
            .map(|n| {
                let (s, l) = (semaphore.clone(), log.clone());
                let waiter = spawn(move || {
                    let _permit = s.acquire(n);
                    l.lock().unwrap().push(n);
                    sleep(Duration::from_millis(2));
                });
                moment();
                waiter
            })
            .collect();
        // Two are free, and yet:
        assert_eq!(semaphore.available(), 2);
        assert!(semaphore.try_acquire(1).is_none());
        assert!(log.lock().unwrap().is_empty());
        drop(one);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        let log = log.lock().unwrap();
        assert_eq!(log[0], 3, "the large one was first");
    });
}

// SM-2; Go's TestLargeAcquireDoesntStarve
fn large_acquire_does_not_starve() {
    let n = 8;
    let semaphore = Semaphore::new(n);
    let stop = AtomicBool::new(false);
    everybody(n + 1, 0, |i| {
        if i < n {
            while !stop.load(Ordering::Relaxed) {
                let _one = semaphore.acquire(1);
                sleep(Duration::from_micros(50));
            }
        } else {
            for _ in 0..10 {
                let _all = semaphore.acquire(n);
                sleep(Duration::from_micros(50));
            }
            stop.store(true, Ordering::Relaxed);
        }
    });
}

// SM-3; Go's TestWeightedDoesntBlockIfTooBig
#[test]
fn more_than_there_are_waits_alone() {
    both(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let s = semaphore.clone();
        let (too_much, start) = (spawn(move || s.acquire(3).forget()), Instant::now());
        assert!(
            semaphore
                .acquire_timeout(3, Duration::from_millis(2))
                .is_err()
        );
        assert!(start.elapsed() >= Duration::from_millis(2));
        for _ in 0..10 {
            drop(semaphore.acquire(2));
        }
        assert!(!too_much.is_finished());
    });
}

// SM-4; Go's TestWeightedAcquireCanceled
#[test]
fn an_expired_deadline_fails_even_if_permits_are_free() {
    both(|| {
        let semaphore = Semaphore::new(2);
        assert!(semaphore.acquire_timeout(1, Duration::ZERO).is_err());
        let error = semaphore.acquire_deadline(1, Instant::now()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "timed out waiting for permits of a semaphore"
        );
        let later = Instant::now() + Duration::from_secs(60);
        assert!(semaphore.acquire_deadline(2, later).is_ok());
        assert_eq!(semaphore.available(), 2);
    });
}

// SM-4: permits that come to one whose time is over, or who was cancelled, are there for others.
#[test]
fn permits_that_come_too_late_are_given_back() {
    both(|| {
        for i in 0..rounds(20) {
            let semaphore = Arc::new(Semaphore::new(2));
            let held = semaphore.acquire(2);
            let s = semaphore.clone();
            let gives_up = spawn(move || s.acquire_timeout(2, Duration::from_micros(300)).is_ok());
            let s = semaphore.clone();
            let cancelled = spawn(move || drop(s.acquire(1)));
            if i % 2 == 0 {
                assert!(!gives_up.join().unwrap());
                cancelled.cancel();
                drop(held);
            } else {
                // At the same time: whoever gets them has them, and gives them back.
                sleep(Duration::from_micros(300));
                drop(held);
                cancelled.cancel();
                let _ = gives_up.join().unwrap();
            }
            let _ = cancelled.join();
            assert_eq!(semaphore.available(), 2);
        }
    });
}

// SM-5; Go's TestAllocCancelDoesntStarve
#[test]
fn a_head_that_gives_up_wakes_the_next() {
    both(|| {
        let semaphore = Arc::new(Semaphore::new(10));
        let one = semaphore.acquire(1);
        let s = semaphore.clone();
        // Wants all, and blocks the queue until it gives up.
        let head = spawn(move || s.acquire_timeout(10, Duration::from_millis(20)).is_err());
        until("it is queued", || semaphore.try_acquire(1).is_none());
        let start = Instant::now();
        let next = semaphore
            .acquire_timeout(1, Duration::from_secs(60))
            .unwrap();
        assert!(start.elapsed() < Duration::from_secs(50));
        assert!(head.join().unwrap());
        drop((one, next));
        assert_eq!(semaphore.available(), 10);
    });
}

// SM-6; Go's TestWeightedReleaseUnacquired
#[test]
fn releasing_too_much_panics() {
    both(|| {
        let semaphore = Semaphore::new(1);
        let caught = catch_unwind(AssertUnwindSafe(|| semaphore.release(1)));
        let text = *caught.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(text, "semaphore: released more than held");
        semaphore.acquire(1).forget();
        assert!(semaphore.try_acquire(1).is_none());
        semaphore.release(1);
        assert!(catch_unwind(AssertUnwindSafe(|| semaphore.release(usize::MAX))).is_err());
        assert!(semaphore.try_acquire(1).is_some());
    });
}

#[test]
fn sizes_at_the_edge() {
    inside(|| {
        static LARGE: Semaphore = Semaphore::new(Semaphore::MAX);
        let most = LARGE.acquire(Semaphore::MAX);
        assert!(LARGE.try_acquire(1).is_none());
        drop(most);
        let none = Semaphore::new(0);
        assert!(none.try_acquire(1).is_none());
        assert!(none.try_acquire(0).is_some());
        assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX + 1)).is_err());
    });
}

#[test]
fn a_panicking_holder_releases() {
    inside(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let s = semaphore.clone();
        let broken = spawn(move || {
            let _permit = s.acquire(1);
            crate::support::quiet_panic()
        });
        assert!(broken.join().is_err());
        assert_eq!(semaphore.available(), 1);
    });
}

on_workers! { hammer large_acquire_does_not_starve }

#[test]
fn permits_that_keep_the_semaphore() {
    both(|| {
        let semaphore = Arc::new(Semaphore::new(3));
        let two = semaphore.acquire_owned(2);
        assert_eq!((two.count(), semaphore.available()), (2, 1));
        assert!(semaphore.try_acquire_owned(2).is_none());
        let last = semaphore.try_acquire_owned(1).unwrap();
        // Another goroutine lets go of them, and wakes who waits.
        let waiter = semaphore.clone();
        let waiter = spawn(move || waiter.acquire_owned(3).count());
        drop(spawn(move || drop((two, last))).join());
        assert_eq!(waiter.join().unwrap(), 3);
        assert_eq!(semaphore.available(), 3);
        semaphore.acquire_owned(1).forget();
        assert_eq!(
            (semaphore.available(), Arc::strong_count(&semaphore)),
            (2, 1)
        );
    });
}

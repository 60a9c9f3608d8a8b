//! `Mutex`: SEMANTICS MU-1 to MU-12 (MU-4: `types`).

use crate::support::{both, everybody, inside, moment, on_workers, rounds, until};
use goroutines::sync::{Mutex, TryLockError};
use goroutines::{go, sleep, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static ORDER: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// For tests that look at the clock: one at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    ORDER
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

// MU-1
#[test]
fn new_is_unlocked_in_a_static() {
    static MUTEX: Mutex<u32> = Mutex::new(0);
    both(|| {
        *MUTEX.lock().unwrap() += 1;
        assert!(MUTEX.try_lock().is_ok());
    });
    assert_eq!(*MUTEX.try_lock().unwrap(), 2);
}

// MU-1, MM-7; Go's HammerMutex
fn hammer() {
    let n = rounds(1_000);
    let shared = Mutex::new((0_usize, 0_usize));
    everybody(10, 3, |_| {
        for i in 0..n {
            if i % 3 == 0 {
                if let Ok(mut guard) = shared.try_lock() {
                    guard.0 += 1;
                    guard.1 += 1;
                }
                continue;
            }
            let mut guard = shared.lock().unwrap();
            assert_eq!(guard.0, guard.1);
            guard.0 += 1;
            if i % 97 == 0 {
                yield_now();
            }
            guard.1 += 1;
        }
    });
    let (a, b) = shared.into_inner().unwrap();
    assert_eq!(a, b);
    assert!(a >= 13 * n * 6 / 10);
}

// MU-2
#[test]
fn is_not_reentrant() {
    both(|| {
        let mutex = Arc::new(Mutex::new(()));
        let again = Arc::new(AtomicBool::new(false));
        let guard = mutex.lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        let (m, a) = (mutex.clone(), again.clone());
        goroutines::spawn(move || {
            let _first = m.lock().unwrap();
            a.store(true, Ordering::SeqCst);
            let _second = m.lock().unwrap();
            unreachable!("locked twice");
        });
        drop(guard);
        until("the first lock", || again.load(Ordering::SeqCst));
        moment();
        assert!(mutex.try_lock().is_err());
    });
}

// MU-3
#[test]
fn a_guard_may_be_dropped_by_others() {
    inside(|| {
        let mutex: &'static Mutex<u32> = Box::leak(Box::default());
        let mut guard = mutex.lock().unwrap();
        *guard = 1;
        spawn(move || {
            *guard += 1;
            drop(guard);
        })
        .join()
        .unwrap();
        let guard = mutex.try_lock().unwrap();
        goroutines::blocking(|| std::thread::spawn(move || drop(guard)).join().unwrap());
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

// MU-5
#[test]
fn try_lock_never_waits() {
    both(|| {
        let mutex = Mutex::new(());
        let guard = mutex.lock().unwrap();
        for _ in 0..1_000 {
            assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        }
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    });
}

// MU-5, MU-7: in starvation mode nobody but the first in the queue gets it.
#[test]
fn nobody_passes_one_that_starves() {
    let _alone = alone();
    inside(|| {
        for _ in 0..rounds(20) {
            let mutex = Arc::new(Mutex::new(()));
            let starved = make_starving(&mutex);
            // The lock is held for us by `make_starving`'s hog until it is told to let go.
            let got = Arc::new(AtomicBool::new(false));
            let (m, g) = (mutex.clone(), got.clone());
            let waiter = spawn(move || {
                let _guard = m.lock().unwrap();
                g.store(true, Ordering::SeqCst);
            });
            until("the starving one gets it", || {
                assert!(!mutex.try_lock().is_ok_and(|_| !starved.is_finished()));
                starved.is_finished()
            });
            waiter.join().unwrap();
            assert!(got.load(Ordering::SeqCst));
        }
    });
}

/// A goroutine that wants the mutex, has waited for more than a millisecond, and missed it once.
fn make_starving(mutex: &Arc<Mutex<()>>) -> goroutines::JoinHandle<()> {
    let waiting = Arc::new(AtomicBool::new(false));
    let guard = mutex.lock().unwrap();
    let (m, w) = (mutex.clone(), waiting.clone());
    let starving = spawn(move || {
        w.store(true, Ordering::SeqCst);
        drop(m.lock().unwrap());
    });
    until("it runs", || waiting.load(Ordering::SeqCst));
    sleep(Duration::from_millis(3));
    // Wakes it, and takes the lock again before it can, so that it misses it.
    drop(guard);
    let guard = mutex.lock().unwrap();
    sleep(Duration::from_millis(1));
    drop(guard);
    starving
}

// MU-7; Go's TestMutexFairness
fn fairness() {
    let mutex = Arc::new(Mutex::new(()));
    let stop = Arc::new(AtomicBool::new(false));
    let (m, s) = (mutex.clone(), stop.clone());
    let hog = spawn(move || {
        while !s.load(Ordering::Relaxed) {
            let _guard = m.lock().unwrap();
            sleep(Duration::from_micros(100));
        }
    });
    let start = Instant::now();
    for _ in 0..10 {
        sleep(Duration::from_micros(100));
        drop(mutex.lock().unwrap());
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    stop.store(true, Ordering::Relaxed);
    hog.join().unwrap();
}

// MU-7, against a hog that never waits by itself: it is told to yield when its slice is over.
fn fairness_against_a_busy_hog() {
    let mutex = Arc::new(Mutex::new(0_u64));
    let stop = Arc::new(AtomicBool::new(false));
    let (m, s) = (mutex.clone(), stop.clone());
    let hog = spawn(move || {
        while !s.load(Ordering::Relaxed) {
            for _ in 0..1_000 {
                *m.lock().unwrap() += 1;
            }
            // Somebody must get in for the first time on a single worker.
            yield_now();
        }
    });
    let start = Instant::now();
    for _ in 0..10 {
        sleep(Duration::from_micros(100));
        drop(mutex.lock().unwrap());
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    stop.store(true, Ordering::Relaxed);
    hog.join().unwrap();
}

// MU-8; Go's TestSemaHandoff: with the starving lock goes the processor.
#[goroutines::test(workers = 1)]
fn hand_off_gives_the_processor_too() {
    let (mut tries, mut first) = (0, 0);
    for _ in 0..rounds(200) {
        let mutex = Arc::new(Mutex::new(()));
        let done = Arc::new(AtomicBool::new(false));
        let guard = mutex.lock().unwrap();
        let (m, d) = (mutex.clone(), done.clone());
        let waiter = spawn(move || {
            let _guard = m.lock().unwrap();
            d.store(true, Ordering::SeqCst);
        });
        yield_now();
        let until = Instant::now() + Duration::from_micros(1_100);
        while Instant::now() < until {}
        // It is woken, and misses the lock once.
        drop(guard);
        let guard = mutex.lock().unwrap();
        yield_now();
        // Unless a time slice was over in between, and it got the lock then.
        if !done.load(Ordering::SeqCst) {
            tries += 1;
            drop(guard);
            first += usize::from(done.load(Ordering::SeqCst));
        }
        waiter.join().unwrap();
    }
    assert!(tries > 0 && first * 3 >= tries * 2, "{first} of {tries}");
}

// MU-6, MU-9
#[test]
fn arrival_order() {
    let _alone = alone();
    both(|| {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().unwrap();
        let come = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..10)
            .map(|i| {
                let (m, c) = (mutex.clone(), come.clone());
                let waiter = spawn(move || {
                    c.store(i + 1, Ordering::SeqCst);
                    m.lock().unwrap().push(i);
                });
                until("it has come", || come.load(Ordering::SeqCst) > i);
                sleep(Duration::from_millis(3));
                waiter
            })
            .collect();
        drop(guard);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*mutex.lock().unwrap(), Vec::from_iter(0..10));
    });
}

// MU-10
#[goroutines::test(workers = 1)]
fn waiting_and_holding_leave_the_worker_to_others() {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.lock().unwrap();
    let m = mutex.clone();
    let waiter = spawn(move || drop(m.lock().unwrap()));
    let turns = Arc::new(AtomicUsize::new(0));
    let t = turns.clone();
    go!(move || {
        for _ in 0..100 {
            t.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
    });
    // The holder waits, the waiter waits, the third runs.
    until("the third has run", || turns.load(Ordering::Relaxed) == 100);
    assert!(!waiter.is_finished());
    drop(guard);
    waiter.join().unwrap();
}

// MU-11; Go's locklinear: the price of an operation does not grow with the number of waiters.
#[goroutines::test(workers = 1)]
fn cost_does_not_grow_with_waiters() {
    fn others(n: usize) -> Duration {
        let locks: Vec<_> = (0..n).map(|_| Arc::new(Mutex::new(()))).collect();
        let guards: Vec<_> = locks.iter().map(|m| m.lock().unwrap()).collect();
        let waiters: Vec<_> = locks
            .iter()
            .map(|m| {
                let m = m.clone();
                spawn(move || drop(m.lock().unwrap()))
            })
            .collect();
        yield_now();
        let start = Instant::now();
        drop(guards);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        start.elapsed()
    }
    fn same(n: usize) -> Duration {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().unwrap();
        let waiters: Vec<_> = (0..n)
            .map(|_| {
                let m = mutex.clone();
                spawn(move || drop(m.lock().unwrap()))
            })
            .collect();
        yield_now();
        let start = Instant::now();
        drop(guard);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        start.elapsed()
    }
    for f in [others, same] {
        let best = |n| (0..5).map(|_| f(n)).min().unwrap();
        best(500);
        let (one, two) = (best(500), best(16_000));
        // 32 times as much; a quadratic one would take a thousand times as long.
        assert!(two < one * 200, "{one:?} for 500 and {two:?} for 16,000");
    }
}

// MU-12, R0.1: a lock released by a destructor while the goroutine unwinds is free, and poisoned.
#[test]
fn a_panicking_holder_unlocks() {
    inside(|| {
        let mutex = Arc::new(Mutex::new(1));
        let m = mutex.clone();
        let waiter = {
            let guard = mutex.lock().unwrap();
            let waiter = spawn(move || m.lock().is_err_and(|e| *e.into_inner() == 2));
            moment();
            drop(guard);
            waiter
        };
        // Whoever was first: both of these see the same in the end.
        let m = mutex.clone();
        let _ = waiter.join().unwrap();
        let broken = spawn(move || {
            *m.lock().unwrap() = 2;
            let _guard = m.lock().unwrap();
            crate::support::quiet_panic()
        });
        assert!(broken.join().is_err());
        assert!(mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 2);
    });
}

on_workers! { hammer fairness fairness_against_a_busy_hog }

//! `RwLock`: SEMANTICS RW-1 to RW-7 (RW-5: `types`).

use crate::support::{both, everybody, inside, moment, on_workers, rounds, until};
use goroutines::sync::{Mutex, RwLock, RwLockWriteGuard, TryLockError};
use goroutines::{sleep, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

// RW-1; Go's HammerRWMutex
fn hammer() {
    for (readers, writers, threads) in [(1, 1, 0), (10, 1, 2), (10, 5, 0), (10, 10, 4), (3, 10, 0)]
    {
        hammer_with(readers, writers, threads, rounds(200));
    }
}

fn hammer_with(readers: usize, writers: usize, threads: usize, n: usize) {
    let lock = RwLock::new(());
    // A reader counts 1, a writer 10,000: they never mix.
    let activity = AtomicI32::new(0);
    everybody(readers + writers, threads, |i| {
        for round in 0..n {
            if i < readers || i % 2 == 1 {
                let _guard = lock.read().unwrap();
                let now = activity.fetch_add(1, Ordering::SeqCst) + 1;
                assert!((1..10_000).contains(&now), "{now}");
                if round % 10 == 0 {
                    yield_now();
                }
                activity.fetch_sub(1, Ordering::SeqCst);
            } else {
                let guard = lock.write().unwrap();
                let now = activity.fetch_add(10_000, Ordering::SeqCst) + 10_000;
                assert_eq!(now, 10_000);
                if round % 10 == 0 {
                    yield_now();
                }
                if round % 7 == 0 {
                    activity.fetch_sub(9_999, Ordering::SeqCst);
                    let _guard = RwLockWriteGuard::downgrade(guard);
                    let now = activity.load(Ordering::SeqCst);
                    assert!((1..10_000).contains(&now), "{now}");
                    yield_now();
                    activity.fetch_sub(1, Ordering::SeqCst);
                } else {
                    activity.fetch_sub(10_000, Ordering::SeqCst);
                    drop(guard);
                }
            }
        }
    });
    assert_eq!(activity.load(Ordering::SeqCst), 0);
    assert!(lock.try_write().is_ok());
}

// RW-1; Go's TestParallelReaders
#[test]
fn readers_share() {
    inside(|| {
        for n in [1, 3, 4] {
            let (lock, inside) = (RwLock::new(()), AtomicUsize::new(0));
            everybody(n, 1, |_| {
                let _guard = lock.read().unwrap();
                inside.fetch_add(1, Ordering::SeqCst);
                until("all are in", || inside.load(Ordering::SeqCst) == n + 1);
            });
        }
    });
}

// RW-2
#[test]
fn a_pending_writer_keeps_new_readers_out() {
    both(|| {
        let lock = Arc::new(RwLock::new(0));
        let first = lock.read().unwrap();
        let l = lock.clone();
        let writer = spawn(move || *l.write().unwrap() = 1);
        until("the writer is pending", || lock.try_read().is_err());
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        let l = lock.clone();
        let reader = spawn(move || *l.read().unwrap());
        moment();
        assert!(!reader.is_finished() && !writer.is_finished());
        drop(first);
        assert_eq!(
            reader.join().unwrap(),
            1,
            "the writer was before the reader"
        );
        writer.join().unwrap();
    });
}

// RW-3: `W R R R W2`, whatever the order of R2 and W2.
#[test]
fn after_a_writer_all_readers_that_came_get_in() {
    both(|| {
        let lock = Arc::new(RwLock::new(()));
        let log = Arc::new(Mutex::new(String::new()));
        let guard = lock.write().unwrap();
        let mut all = Vec::new();
        for who in ['R', 'W', 'R', 'R'] {
            let (lock, log) = (lock.clone(), log.clone());
            all.push(spawn(move || {
                if who == 'R' {
                    let _guard = lock.read().unwrap();
                    log.lock().unwrap().push(who);
                    sleep(Duration::from_millis(3));
                } else {
                    let _guard = lock.write().unwrap();
                    log.lock().unwrap().push(who);
                }
            }));
            moment();
        }
        drop(guard);
        for one in all {
            one.join().unwrap();
        }
        assert_eq!(*log.lock().unwrap(), "RRRW");
    });
}

// RW-2, RW-3: neither side starves the other.
fn nobody_starves() {
    let lock = RwLock::new(0_u64);
    let stop = AtomicBool::new(false);
    let (reads, writes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let enough = || {
        reads.load(Ordering::Relaxed) > rounds(100) && writes.load(Ordering::Relaxed) > rounds(100)
    };
    everybody(9, 1, |i| {
        if i == 0 {
            until("both get in", enough);
            return stop.store(true, Ordering::Relaxed);
        }
        while !stop.load(Ordering::Relaxed) {
            if i % 2 == 0 {
                let _guard = lock.read().unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
                yield_now();
            } else {
                *lock.write().unwrap() += 1;
                writes.fetch_add(1, Ordering::Relaxed);
                yield_now();
            }
        }
    });
}

// RW-4 (an extra of std's)
#[test]
fn downgrade_lets_readers_in_and_no_writer() {
    both(|| {
        let lock = Arc::new(RwLock::new(0));
        let mut guard = lock.write().unwrap();
        let l = lock.clone();
        let writer = spawn(move || *l.write().unwrap() = 9);
        moment();
        let l = lock.clone();
        let reader = spawn(move || *l.read().unwrap());
        moment();
        *guard = 1;
        let guard = RwLockWriteGuard::downgrade(guard);
        assert_eq!(reader.join().unwrap(), 1);
        assert!(!writer.is_finished());
        assert_eq!(*guard, 1);
        drop(guard);
        writer.join().unwrap();
        assert_eq!(*lock.read().unwrap(), 9);
        let guard = RwLockWriteGuard::downgrade(lock.write().unwrap());
        assert!(lock.try_read().is_ok() && lock.try_write().is_err());
        drop(guard);
    });
}

// RW-6
#[test]
fn guards_may_be_dropped_by_others() {
    inside(|| {
        let lock: &'static RwLock<u32> = Box::leak(Box::default());
        let guard = lock.write().unwrap();
        spawn(move || drop(guard)).join().unwrap();
        let guards = (lock.read().unwrap(), lock.read().unwrap());
        spawn(move || drop(guards)).join().unwrap();
        assert!(lock.try_write().is_ok());
    });
}

// RW-7, MM-7: what writers did before is there for readers, and what readers did for the next writer. (With data
// in cells: `loom_rwlock_*` in `models/`.)
fn each_sees_what_was_before() {
    let n = rounds(200);
    let lock = RwLock::new(());
    // Beside what is locked, and ordered by nothing but the lock.
    let written = [const { AtomicUsize::new(0) }; 2];
    let reading = [const { AtomicBool::new(false) }; 8];
    everybody(6, 2, |i| {
        for round in 0..n {
            if (i + round) % 3 == 0 {
                let guard = lock.write().unwrap();
                assert!(reading.iter().all(|r| !r.load(Ordering::Relaxed)));
                let [first, second] = written.each_ref();
                let next = first.load(Ordering::Relaxed) + 1;
                first.store(next, Ordering::Relaxed);
                if round % 16 == 0 {
                    yield_now();
                }
                second.store(next, Ordering::Relaxed);
                drop(guard);
            } else {
                let guard = lock.read().unwrap();
                reading[i].store(true, Ordering::Relaxed);
                let [first, second] = written.each_ref().map(|w| w.load(Ordering::Relaxed));
                assert_eq!(first, second);
                if round % 16 == 0 {
                    yield_now();
                }
                reading[i].store(false, Ordering::Relaxed);
                drop(guard);
            }
        }
    });
    let writes = (0..8).map(|i| (0..n).filter(|round| (i + round) % 3 == 0).count());
    assert_eq!(written[0].load(Ordering::Relaxed), writes.sum());
}

// RW-1
#[test]
fn try_write_needs_it_free() {
    both(|| {
        let lock = RwLock::new(0);
        {
            let _reader = lock.read().unwrap();
            assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
            assert!(lock.try_read().is_ok());
        }
        {
            let mut writer = lock.try_write().unwrap();
            *writer = 5;
            assert!(lock.try_read().is_err() && lock.try_write().is_err());
            assert!(format!("{lock:?}").contains("<locked>"));
        }
        assert_eq!(*lock.try_read().unwrap(), 5);
    });
}

on_workers! { hammer nobody_starves each_sees_what_was_before }

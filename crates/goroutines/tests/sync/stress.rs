//! Everything at once, on 1, 2 and 8 workers, with threads among the goroutines.

use crate::support::{everybody, on_workers, rounds};
use goroutines::sync::{Barrier, Condvar, Mutex, OnceLock, RwLock, Semaphore};
use goroutines::yield_now;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

// A bounded buffer of a mutex and two condvars: each value arrives once.
fn bounded_buffer() {
    let (producers, consumers, each, room) = (6, 7, rounds(300), 4);
    let total = producers * each;
    let buffer = Mutex::new((Vec::new(), 0_usize));
    let (not_full, not_empty) = (Condvar::new(), Condvar::new());
    let seen: Vec<AtomicUsize> = (0..total).map(|_| AtomicUsize::new(0)).collect();
    everybody(producers + consumers - 2, 2, |i| {
        if i % 2 == 0 && i / 2 < producers {
            for n in 0..each {
                let guard = buffer.lock().unwrap();
                let mut guard = not_full.wait_while(guard, |b| b.0.len() == room).unwrap();
                guard.0.push(i / 2 * each + n);
                drop(guard);
                not_empty.notify_one();
            }
        } else {
            loop {
                let guard = buffer.lock().unwrap();
                let more = |b: &mut (Vec<usize>, usize)| b.0.is_empty() && b.1 < total;
                let mut guard = not_empty.wait_while(guard, more).unwrap();
                let Some(value) = guard.0.pop() else { return };
                guard.1 += 1;
                let last = guard.1 == total;
                drop(guard);
                not_full.notify_one();
                if last {
                    not_empty.notify_all();
                }
                seen[value].fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert!(seen.iter().all(|n| n.load(Ordering::Relaxed) == 1));
}

// Locks in a fixed order, held across all kinds of waits.
fn holding_across_waits() {
    let n = 8;
    let forks: Vec<_> = (0..n).map(|_| Mutex::new(0_usize)).collect();
    let meals = rounds(50);
    everybody(n - 1, 1, |i| {
        let (a, b) = (i.min((i + 1) % n), i.max((i + 1) % n));
        for meal in 0..meals {
            let mut left = forks[a].lock().unwrap();
            if meal % 8 == 0 {
                goroutines::sleep(Duration::from_micros(20));
            } else {
                yield_now();
            }
            let mut right = forks[b].lock().unwrap();
            *left += 1;
            *right += 1;
        }
    });
    let total: usize = forks.into_iter().map(|f| f.into_inner().unwrap()).sum();
    assert_eq!(total, 2 * n * meals);
}

// A thousand goroutines on one lock, as the bench has it.
fn thousand_on_one_mutex() {
    let count = Mutex::new(0_usize);
    let each = rounds(100);
    everybody(1_000, 2, |_| {
        for _ in 0..each {
            *count.lock().unwrap() += 1;
        }
    });
    assert_eq!(count.into_inner().unwrap(), 1_002 * each);
}

fn everything_together() {
    let n = 12;
    let (barrier, semaphore) = (Barrier::new(n), Semaphore::new(3));
    let (lock, mutex) = (RwLock::new(0_usize), Mutex::new(0_usize));
    for _ in 0..rounds(20) {
        let cell = OnceLock::new();
        let inside = AtomicUsize::new(0);
        everybody(n - 3, 3, |i| {
            barrier.wait();
            let value = *cell.get_or_init(|| {
                yield_now();
                i
            });
            assert_eq!(cell.get(), Some(&value));
            let _permit = semaphore.acquire(1);
            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
            if i % 3 == 0 {
                let mut guard = lock.write().unwrap();
                yield_now();
                *guard += 1;
            } else {
                let guard = lock.read().unwrap();
                let mut count = mutex.lock().unwrap();
                *count += 1;
                yield_now();
                assert_eq!(*guard, *lock_peek(&guard));
            }
            inside.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let (writes, reads) = (lock.into_inner().unwrap(), mutex.into_inner().unwrap());
    assert_eq!(writes + reads, n * rounds(20));
}

fn lock_peek(guard: &usize) -> &usize {
    std::hint::black_box(guard)
}

on_workers! { bounded_buffer holding_across_waits thousand_on_one_mutex everything_together }

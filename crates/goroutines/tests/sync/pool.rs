//! `Pool`: SEMANTICS PO-1 to PO-4.

use crate::support::{both, everybody, on_workers, rounds};
use goroutines::sync::Pool;
use goroutines::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

// PO-1, PO-4
#[test]
fn what_was_put_in_comes_out() {
    both(|| {
        let made = AtomicUsize::new(0);
        let pool = Pool::new(|| made.fetch_add(1, Ordering::SeqCst) + 1_000);
        assert_eq!(pool.try_get(), None);
        assert_eq!(pool.get(), 1_000);
        pool.put(1);
        pool.put(2);
        let mut two = [pool.get(), pool.get()];
        two.sort_unstable();
        assert_eq!(two, [1, 2]);
        assert_eq!(
            made.load(Ordering::SeqCst),
            1,
            "made although there were some"
        );
        assert_eq!(pool.get(), 1_001);
    });
}

// PO-2, MM-9; Go's TestPoolStress: nobody else has it, and what was done to it before is done.
fn nobody_shares() {
    struct Item {
        taken: AtomicBool,
        // As many as there were users, in any order.
        users: [AtomicUsize; 2],
    }
    let all = std::sync::Mutex::new(Vec::new());
    let pool = Pool::new(|| {
        let item = Arc::new(Item {
            taken: AtomicBool::new(false),
            users: [const { AtomicUsize::new(0) }; 2],
        });
        all.lock().unwrap().push(item.clone());
        item
    });
    everybody(10, 3, |_| {
        for i in 0..rounds(500) {
            let item = pool.get();
            assert!(!item.taken.swap(true, Ordering::Relaxed), "two have it");
            let [first, second] = item.users.each_ref();
            let n = first.load(Ordering::Relaxed);
            assert_eq!(n, second.load(Ordering::Relaxed));
            first.store(n + 1, Ordering::Relaxed);
            if i % 16 == 0 {
                yield_now();
            }
            second.store(n + 1, Ordering::Relaxed);
            item.taken.store(false, Ordering::Relaxed);
            pool.put(item);
        }
    });
    let users = |item: &Arc<Item>| item.users[0].load(Ordering::Relaxed);
    let total: usize = all.lock().unwrap().iter().map(users).sum();
    assert_eq!(total, 13 * rounds(500));
}

on_workers! { nobody_shares }

struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

// PO-3
#[test]
fn the_number_is_bounded_and_each_is_dropped_once() {
    both(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let d = dropped.clone();
        let pool = Pool::new(move || Counts(d.clone()));
        let many: Vec<_> = (0..1_000).map(|_| pool.get()).collect();
        for one in many {
            pool.put(one);
        }
        let now = dropped.load(Ordering::SeqCst);
        assert!(now >= 1_000 - 64 * 8, "{now} dropped");
        drop(pool);
        assert_eq!(dropped.load(Ordering::SeqCst), 1_000);
    });
}

// PO-3: what is spare is trimmed.
#[test]
fn idle_values_go() {
    // On a plain thread, so that all are in one lane.
    let dropped = Arc::new(AtomicUsize::new(0));
    let d = dropped.clone();
    let pool = Pool::new(move || Counts(d.clone()));
    for one in (0..40).map(|_| pool.get()).collect::<Vec<_>>() {
        pool.put(one);
    }
    let use_one = || {
        for _ in 0..64 {
            pool.put(pool.get());
        }
    };
    use_one();
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    std::thread::sleep(Duration::from_millis(1_100));
    use_one();
    std::thread::sleep(Duration::from_millis(1_100));
    use_one();
    let now = dropped.load(Ordering::SeqCst);
    assert!(now >= 38, "{now} dropped: one is needed at a time");
}

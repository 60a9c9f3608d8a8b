//! `blocking`: borrowed captures, panics, many at once, more than the limit.

use crate::support::{Tally, alone, both, inside, rounds, text};
use goroutines::{blocking, scope, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

/// `f` gives the same through `blocking` as without.
fn check<T: PartialEq + std::fmt::Debug + Send>(f: impl Fn() -> T + Send + Sync) {
    both(|| assert_eq!(blocking(&f), f()));
}

#[test]
fn borrows_and_gives_back() {
    let text = String::from("borrowed");
    check(|| text.len());
    check(|| text.as_str());
    check(|| ());
    check(|| [7_u8; 5_000]);
    both(|| {
        let mut n = 1;
        let slice = &mut n;
        blocking(move || *slice += 1);
        assert_eq!(n, 2);
        let tally = Tally::default();
        let one = tally.one();
        let back = blocking(move || one);
        assert_eq!(tally.dropped(), 0);
        drop(back);
        assert_eq!(tally.dropped(), 1);
    });
}

#[test]
fn a_panic_travels_back() {
    both(|| {
        for _ in 0..rounds(5) {
            let caught = catch_unwind(|| blocking(|| panic!("expected: in the pool")));
            assert_eq!(text(&*caught.unwrap_err()), "expected: in the pool");
            let caught = catch_unwind(|| blocking(|| std::panic::resume_unwind(Box::new(5))));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&5));
            assert_eq!(blocking(|| 6), 6);
        }
    });
}

// Not on a worker: the worker runs others meanwhile, and there the call meets one that waits for it.
#[goroutines::test(workers = 1)]
fn the_worker_is_free_meanwhile() {
    let barrier = Arc::new(Barrier::new(2));
    let other = barrier.clone();
    let here = std::thread::current().id();
    let one = spawn(move || {
        blocking(|| {
            assert_ne!(std::thread::current().id(), here);
            other.wait();
        })
    });
    blocking(|| barrier.wait());
    one.join().unwrap();
    assert_eq!(std::thread::current().id(), here);
}

#[test]
fn a_thousand_at_once() {
    inside(|| {
        let sum = AtomicUsize::new(0);
        scope(|s| {
            for i in 0..1_000 {
                let sum = &sum;
                s.spawn(move || {
                    let n = blocking(|| i + 1);
                    sum.fetch_add(n, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(sum.into_inner(), 1_000 * 1_001 / 2);
    });
}

#[test]
fn more_than_the_limit_wait_their_turn() {
    let name = "blocking::more_than_the_limit_wait_their_turn";
    if !alone(
        name,
        &[("GOROUTINES_BLOCKING", "4"), ("GOROUTINES_MAXPROCS", "2")],
    ) {
        return;
    }
    inside(|| {
        let (now, most, ran) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        scope(|s| {
            for _ in 0..100 {
                s.spawn(|| {
                    blocking(|| {
                        most.fetch_max(now.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::AcqRel);
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                });
            }
        });
        assert_eq!(ran.into_inner(), 100);
        assert!(most.load(Ordering::Relaxed) <= 4, "{most:?} at once");
        assert!(goroutines::runtime::metrics().blocking_threads <= 4);
        assert_eq!(goroutines::runtime::metrics().blocking_queued, 0);
    });
}

// In the pool it is a plain thread, where `blocking` just calls, and every wait works.
#[test]
fn nested_and_waiting_inside() {
    both(|| {
        let n = blocking(|| {
            let inner = blocking(|| blocking(|| 1));
            goroutines::sleep(std::time::Duration::from_micros(100));
            yield_now();
            inner + spawn(|| blocking(|| 2)).join().unwrap() + goroutines::run(|| blocking(|| 3))
        });
        assert_eq!(n, 6);
    });
}

// The closure is not touched after the call has returned: the frame is used again at once.
#[test]
fn frames_may_go_as_soon_as_it_returns() {
    fn frame(n: usize) -> usize {
        let local = [n; 32];
        blocking(|| local.iter().sum())
    }
    both(|| {
        for n in 0..rounds(300) {
            assert_eq!(frame(n), 32 * n);
            std::hint::black_box([0_usize; 64]);
        }
    });
}

// A token for the goroutine does not end the wait: the closure borrows from its stack.
#[test]
fn a_token_does_not_end_the_wait() {
    inside(|| {
        let me = goroutines::current();
        for _ in 0..rounds(20) {
            let done = AtomicUsize::new(0);
            blocking(|| {
                me.unpark();
                std::thread::sleep(std::time::Duration::from_micros(200));
                done.store(1, Ordering::Relaxed);
            });
            assert_eq!(done.load(Ordering::Relaxed), 1);
        }
        assert!(catch_unwind(AssertUnwindSafe(goroutines::park)).is_ok());
    });
}

//! `scope`: borrowing, waiting for all, panics; the cases of `std::thread::scope`'s own tests and more.

use crate::support::{Tally, both, inside, rounds, text, until};
use goroutines::{Builder, Cancelled, scope, sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// `n` goroutines that borrow `look` and its counter run to their ends before the scope does.
fn check(n: usize, look: impl Fn(usize) + Sync) {
    let (mut sums, ended) = (vec![0; n], AtomicUsize::new(0));
    scope(|s| {
        for (i, sum) in sums.iter_mut().enumerate() {
            let (look, ended) = (&look, &ended);
            s.spawn(move || {
                look(i);
                *sum = i + 1;
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(ended.into_inner(), n);
    assert_eq!(sums, (1..=n).collect::<Vec<_>>());
}

// GO-15
#[test]
fn borrows_and_waits() {
    both(|| {
        check(0, |_| ());
        check(1, |_| ());
        check(100, |_| yield_now());
        check(1_000, |i| (0..i % 7).for_each(|_| yield_now()));
        check(10, |i| sleep(Duration::from_micros(i as u64 * 200)));
    });
}

#[test]
fn gives_its_closures_value_and_its_handles_results() {
    both(|| {
        let text = String::from("borrowed");
        let (a, b, c) = scope(|s| {
            let a = s.spawn(|| text.len());
            let b = s.spawn(|| text.as_str());
            let finished = s.spawn(|| ());
            until("it ended", || finished.is_finished());
            assert_eq!(a.goroutine(), a.thread());
            (a.join().unwrap(), b.join().unwrap(), 3)
        });
        assert_eq!((a, b, c), (8, "borrowed", 3));
    });
}

// GO-15
#[test]
fn an_unwinding_parent_waits() {
    both(|| {
        let ended = AtomicUsize::new(0);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                for _ in 0..10 {
                    s.spawn(|| {
                        (0..20).for_each(|_| yield_now());
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }
                panic!("expected: the parent");
            })
        }))
        .unwrap_err();
        assert_eq!(text(&*payload), "expected: the parent");
        assert_eq!(ended.into_inner(), 10);
    });
}

#[test]
fn an_unjoined_panic_comes_out_of_the_scope() {
    both(|| {
        let ended = AtomicUsize::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| panic!("expected: unjoined"));
                s.spawn(|| {
                    (0..20).for_each(|_| yield_now());
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            });
        }));
        assert_eq!(text(&*caught.unwrap_err()), "a scoped goroutine panicked");
        assert_eq!(ended.into_inner(), 1);
    });
}

#[test]
fn a_joined_panic_is_the_joiners() {
    both(|| {
        scope(|s| {
            let handle = s.spawn(|| panic!("expected: joined"));
            assert_eq!(text(&*handle.join().unwrap_err()), "expected: joined");
        });
        // The parent's own panic is the one that is seen.
        let payload = catch_unwind(|| {
            scope(|s| {
                s.spawn(|| panic!("expected: a child's"));
                panic!("expected: mine");
            })
        })
        .unwrap_err();
        assert_eq!(text(&*payload), "expected: mine");
    });
}

#[test]
fn handles_have_limits_and_cancel() {
    both(|| {
        let (ends, started) = (AtomicUsize::new(0), AtomicBool::new(false));
        scope(|s| {
            let one = s.spawn(|| {
                struct Ends<'a>(&'a AtomicUsize);
                impl Drop for Ends<'_> {
                    fn drop(&mut self) {
                        self.0.fetch_add(1, Ordering::Relaxed);
                    }
                }
                let _ends = Ends(&ends);
                started.store(true, Ordering::Release);
                sleep(Duration::MAX);
            });
            let one = one.join_timeout(Duration::from_millis(2)).unwrap_err();
            let one = one.join_deadline(Instant::now()).unwrap_err();
            until("it has started", || started.load(Ordering::Acquire));
            one.cancel();
            let end = one.join_timeout(Duration::MAX).unwrap();
            assert!(end.unwrap_err().is::<Cancelled>());
            assert_eq!(ends.load(Ordering::Relaxed), 1);
            // One that is not joined: its end is no panic of the scope's.
            s.spawn(|| sleep(Duration::MAX)).cancel();
            // A panic that somebody got is his.
            let panics = s.spawn(|| panic!("expected: joined with a limit"));
            assert!(panics.join_timeout(Duration::MAX).unwrap().is_err());
        });
    });
}

#[test]
fn scopes_nest() {
    both(|| {
        let total = AtomicUsize::new(0);
        scope(|outer| {
            for _ in 0..5 {
                outer.spawn(|| {
                    let local = AtomicUsize::new(0);
                    scope(|inner| {
                        for _ in 0..5 {
                            inner.spawn(|| local.fetch_add(1, Ordering::Relaxed));
                        }
                    });
                    total.fetch_add(local.into_inner(), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(total.into_inner(), 25);
    });
}

#[test]
fn a_scoped_goroutine_spawns_into_its_scope() {
    both(|| {
        let total = AtomicUsize::new(0);
        scope(|s| {
            s.spawn(|| {
                s.spawn(|| {
                    yield_now();
                    s.spawn(|| total.fetch_add(1, Ordering::Relaxed));
                    total.fetch_add(1, Ordering::Relaxed);
                });
                total.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(total.into_inner(), 3);
    });
}

// As std: results that nobody took are gone when the scope returns.
#[test]
fn results_are_dropped_before_the_scope_returns() {
    both(|| {
        for round in 0..rounds(50) {
            let (tally, late) = (Tally::default(), AtomicBool::new(false));
            scope(|s| {
                let one = tally.one();
                drop(s.spawn(move || one));
                let one = tally.one();
                let handle = s.spawn(move || one);
                if round % 2 == 0 {
                    until("it ended", || handle.is_finished());
                }
                drop(handle);
                s.spawn(|| late.store(true, Ordering::Relaxed));
            });
            assert_eq!((tally.made(), tally.dropped()), (2, 2));
            assert!(late.into_inner());
        }
    });
}

#[test]
fn the_builder_spawns_into_a_scope() {
    both(|| {
        let mut n = 0;
        scope(|s| {
            let builder = Builder::new().name("scoped".into()).stack_size(1 << 20);
            let handle = builder
                .spawn_scoped(s, || {
                    n += 1;
                    goroutines::current().name().map(String::from)
                })
                .unwrap();
            assert_eq!(handle.goroutine().name(), Some("scoped"));
            assert_eq!(handle.join().unwrap().as_deref(), Some("scoped"));
            assert!(
                Builder::new()
                    .stack_size(usize::MAX)
                    .spawn_scoped(s, || ())
                    .is_err()
            );
        });
        assert_eq!(n, 1);
    });
}

// The frame that they borrow from is used again at once: nobody may still look at it.
#[test]
fn frames_may_go_as_soon_as_the_scope_returns() {
    fn frame(n: usize) -> usize {
        let places: [AtomicUsize; 16] = Default::default();
        scope(|s| {
            for place in &places {
                s.spawn(move || place.store(n, Ordering::Relaxed));
            }
        });
        places.iter().map(|p| p.load(Ordering::Relaxed)).sum()
    }
    both(|| {
        for n in 0..rounds(200) {
            assert_eq!(frame(n), 16 * n);
            let trash = std::hint::black_box([n; 64]);
            assert_eq!(trash[n % 64], n);
        }
    });
}

// From a thread that runs no goroutine, and many at once.
#[test]
fn many_scopes_at_once() {
    crate::support::start();
    let total = Mutex::new(0);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for _ in 0..rounds(10) {
                    check(20, |_| *total.lock().unwrap() += 1);
                }
            });
        }
    });
    assert_eq!(*total.lock().unwrap(), 8 * rounds(10) * 20);
    inside(|| {
        let scopes: Vec<_> = (0..50)
            .map(|_| spawn(|| check(20, |i| (0..i).for_each(|_| yield_now()))))
            .collect();
        for handle in scopes {
            handle.join().unwrap();
        }
    });
}

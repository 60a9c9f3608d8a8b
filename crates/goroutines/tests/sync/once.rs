//! `Once`, `OnceLock`, `LazyLock`: SEMANTICS ON-1 to ON-6, with std's poisoning.

use crate::support::{both, everybody, inside, moment, on_workers, quiet_panic, rounds, until};
use goroutines::sync::{LazyLock, Once, OnceLock};
use goroutines::{exit, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// ON-1, MM-8
fn once_for_all() {
    for _ in 0..rounds(50) {
        let (once, calls, data) = (Once::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        everybody(10, 2, |_| {
            once.call_once(|| {
                calls.fetch_add(1, Ordering::Relaxed);
                yield_now();
                data.store(7, Ordering::Relaxed);
            });
            assert_eq!(data.load(Ordering::Relaxed), 7);
            assert!(once.is_completed());
        });
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

// ON-1: whatever is passed.
#[test]
fn only_the_first() {
    both(|| {
        let once = Once::new();
        assert!(!once.is_completed());
        let mut n = 0;
        once.call_once(|| n = 1);
        once.call_once(|| n = 2);
        once.call_once_force(|_| n = 3);
        once.wait();
        once.wait_force();
        assert_eq!(n, 1);
    });
}

// ON-2
#[test]
fn a_call_from_inside_waits_for_itself() {
    inside(|| {
        let entered = Arc::new(AtomicBool::new(false));
        let e = entered.clone();
        let stuck = spawn(move || {
            let once = Once::new();
            once.call_once(|| {
                e.store(true, Ordering::SeqCst);
                once.call_once(|| ());
            });
        });
        until("it runs", || entered.load(Ordering::SeqCst));
        moment();
        assert!(!stuck.is_finished());
    });
}

// ON-3, as std has it
#[test]
fn a_panic_poisons() {
    both(|| {
        let once = Once::new();
        assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| quiet_panic()))).is_err());
        assert!(!once.is_completed());
        assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| ()))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| once.wait())).is_err());
        let again = catch_unwind(AssertUnwindSafe(|| {
            once.call_once_force(|state| {
                assert!(state.is_poisoned());
                quiet_panic()
            })
        }));
        assert!(again.is_err());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        once.call_once(|| unreachable!());
        once.call_once_force(|_| unreachable!());
    });
}

#[test]
fn waiters_see_the_panic_of_the_one_that_runs() {
    inside(|| {
        let once = Arc::new(Once::new());
        let o = once.clone();
        let runs = spawn(move || {
            o.call_once(|| {
                goroutines::sleep(std::time::Duration::from_millis(50));
                quiet_panic()
            })
        });
        moment();
        let waiters: Vec<_> = (0..3)
            .map(|i| {
                let o = once.clone();
                spawn(move || match i {
                    0 => o.call_once(|| ()),
                    1 => o.wait(),
                    _ => o.wait_force(),
                })
            })
            .collect();
        assert!(runs.join().is_err());
        let mut waiters = waiters.into_iter();
        assert!(waiters.next().unwrap().join().is_err());
        assert!(waiters.next().unwrap().join().is_err());
        let forced = waiters.next().unwrap();
        moment();
        assert!(!forced.is_finished(), "wait_force waits on");
        once.call_once_force(|_| ());
        forced.join().unwrap();
    });
}

// ON-6
#[test]
fn an_exit_inside_is_not_tried_again() {
    inside(|| {
        let once = Arc::new(Once::new());
        let o = once.clone();
        let gone = spawn(move || o.call_once(|| exit()));
        assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
        assert!(!once.is_completed());
        let called = AtomicBool::new(false);
        let poisoned = catch_unwind(AssertUnwindSafe(|| {
            once.call_once(|| called.store(true, Ordering::Relaxed));
        }));
        assert!(poisoned.is_err() && !called.load(Ordering::Relaxed));
    });
}

#[test]
fn once_lock_like_std() {
    both(|| {
        let mut cell = OnceLock::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_mut(), None);
        assert_eq!(format!("{cell:?}"), "OnceLock(<uninit>)");
        assert_eq!(cell.clone(), cell);
        assert_eq!(cell.set(String::from("a")), Ok(()));
        assert_eq!(cell.set(String::from("b")), Err(String::from("b")));
        assert_eq!(cell.get_or_init(|| unreachable!()), "a");
        cell.get_mut().unwrap().push('!');
        assert_eq!(cell.wait(), "a!");
        assert_eq!(cell.clone(), OnceLock::from(String::from("a!")));
        assert_eq!(format!("{cell:?}"), "OnceLock(\"a!\")");
        assert_eq!(cell.take().as_deref(), Some("a!"));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| "c".into()), "c");
        assert_eq!(cell.into_inner().as_deref(), Some("c"));
        assert_eq!(OnceLock::<u8>::default().into_inner(), None);
    });
}

// A panicking initialiser leaves a cell empty, and who waited tries its own.
fn once_lock_retries_after_a_panic() {
    for _ in 0..rounds(20) {
        let (cell, tries) = (OnceLock::new(), AtomicUsize::new(0));
        everybody(8, 2, |i| {
            let made = catch_unwind(AssertUnwindSafe(|| {
                *cell.get_or_init(|| {
                    yield_now();
                    if tries.fetch_add(1, Ordering::SeqCst) < 5 {
                        quiet_panic();
                    }
                    i
                })
            }));
            if let Ok(n) = made {
                assert_eq!(cell.get(), Some(&n));
            }
        });
        assert_eq!(tries.load(Ordering::SeqCst), 6);
        assert!(cell.get().is_some());
    }
}

fn once_lock_set_races_and_waits() {
    for _ in 0..rounds(50) {
        let (cell, wins) = (OnceLock::new(), AtomicUsize::new(0));
        everybody(8, 3, |i| {
            if i % 5 == 0 {
                cell.wait();
            } else if cell.set(i).is_ok() {
                wins.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert_eq!(wins.load(Ordering::SeqCst), 1);
    }
}

// ON-4
fn lazy_lock_for_all() {
    for _ in 0..rounds(50) {
        let calls = AtomicUsize::new(0);
        let lazy = LazyLock::new(|| {
            yield_now();
            calls.fetch_add(1, Ordering::Relaxed) + 7
        });
        everybody(8, 2, |_| assert_eq!(*lazy, 7));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn values_are_dropped_once() {
    struct Counts<'a>(&'a AtomicUsize);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    both(|| {
        let n = &AtomicUsize::new(0);
        let dropped = || n.swap(0, Ordering::SeqCst);
        drop(OnceLock::<Counts<'_>>::new());
        assert_eq!(dropped(), 0);
        let cell = OnceLock::from(Counts(n));
        drop(cell.set(Counts(n)));
        assert_eq!(dropped(), 1);
        drop(cell);
        assert_eq!(dropped(), 1);
        // ON-5: an initialiser is dropped after its run, or with the value that was not made.
        let held = Counts(n);
        let lazy = LazyLock::new(move || {
            let _held = held;
            Counts(n)
        });
        assert_eq!(dropped(), 0);
        LazyLock::force(&lazy);
        assert_eq!(dropped(), 1);
        drop(lazy);
        assert_eq!(dropped(), 1);
        let held = Counts(n);
        drop(LazyLock::new(move || held));
        assert_eq!(dropped(), 1);
        let held = Counts(n);
        let lazy = LazyLock::new(move || -> u32 {
            let _held = &held;
            quiet_panic()
        });
        assert!(catch_unwind(AssertUnwindSafe(|| *lazy)).is_err());
        assert_eq!(dropped(), 1);
        drop(lazy);
        assert_eq!(dropped(), 0);
    });
}

// ON-4
#[test]
fn lazy_lock_like_std() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static LAZY: LazyLock<String> = LazyLock::new(|| {
        CALLS.fetch_add(1, Ordering::SeqCst);
        yield_now();
        "made".to_owned()
    });
    inside(|| {
        assert_eq!(format!("{LAZY:?}"), "LazyLock(<uninit>)");
        everybody(10, 2, |_| assert_eq!(*LAZY, "made"));
        assert_eq!(CALLS.load(Ordering::SeqCst), 1);
        assert_eq!(format!("{LAZY:?}"), "LazyLock(\"made\")");
        let broken = LazyLock::<u32>::new(|| quiet_panic());
        for _ in 0..3 {
            assert!(catch_unwind(AssertUnwindSafe(|| *broken)).is_err());
        }
        assert_eq!(*LazyLock::<u32>::default(), 0);
    });
}

on_workers! {
    once_for_all
    once_lock_retries_after_a_panic
    once_lock_set_races_and_waits
    lazy_lock_for_all
}

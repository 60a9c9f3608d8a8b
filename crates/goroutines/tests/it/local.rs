//! `goroutine_local!`: one value per goroutine or thread, made late, dropped at the end.

use crate::support::{Counted, Tally, both, inside, until};
use goroutines::{LocalKey, goroutine_local, sleep, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

goroutine_local! {
    static NUMBER: Cell<u64> = Cell::new(7);
    /// With an attribute, `pub`, and `const` initialisers in both spellings.
    pub(crate) static LIST: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// `f` runs in a goroutine and on a thread of its own, with fresh values in both.
fn check(f: impl Fn() + Copy + Send + Sync + 'static) {
    both(|| spawn(f).join().unwrap());
    crate::support::start();
    std::thread::spawn(f).join().unwrap();
}

#[test]
fn each_has_its_own() {
    check(|| {
        assert_eq!(NUMBER.get(), 7);
        NUMBER.set(8);
        let others: Vec<_> = (0..20)
            .map(|i| {
                spawn(move || {
                    assert_eq!(NUMBER.replace(i), 7);
                    for _ in 0..10 {
                        yield_now();
                        assert_eq!(NUMBER.get(), i);
                    }
                })
            })
            .collect();
        others.into_iter().for_each(|o| o.join().unwrap());
        assert_eq!(NUMBER.take(), 8);
        assert_eq!(NUMBER.get(), 0);
    });
}

#[test]
fn accessors() {
    check(|| {
        LIST.with_borrow_mut(|list| list.push(1));
        LIST.with(|list| list.borrow_mut().push(2));
        assert_eq!(LIST.with_borrow(Vec::len), 2);
        assert_eq!(LIST.replace(vec![3]), [1, 2]);
        assert_eq!(LIST.try_with(|list| list.borrow().len()), Ok(1));
        assert_eq!((LIST.take(), LIST.take()), (vec![3], vec![]));
        LIST.set(vec![4]);
        assert_eq!(LIST.with_borrow(|list| list[0]), 4);
    });
}

#[test]
fn made_at_the_first_use() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    goroutine_local! {
        static LAZY: usize = MADE.fetch_add(1, Ordering::Relaxed);
    }
    inside(|| {
        spawn(|| ()).join().unwrap();
        assert_eq!(MADE.load(Ordering::Relaxed), 0);
        let first = spawn(|| (LAZY.with(|n| *n), LAZY.with(|n| *n)))
            .join()
            .unwrap();
        assert_eq!(first, (0, 0));
        assert_eq!(spawn(|| LAZY.with(|n| *n)).join().unwrap(), 1);
    });
}

// An initialiser may wait, and may use other keys; one that panics is tried again.
#[test]
fn initialisers_are_ordinary_code() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    goroutine_local! {
        static WAITS: u64 = {
            yield_now();
            sleep(Duration::from_micros(100));
            NUMBER.get() + 1
        };
        static FAILS: usize = {
            assert!(TRIES.fetch_add(1, Ordering::Relaxed) % 2 == 1, "expected: an initialiser");
            6
        };
    }
    check(|| {
        assert_eq!(WAITS.with(|n| *n), 8);
        assert!(std::panic::catch_unwind(|| FAILS.with(|n| *n)).is_err());
        assert_eq!(FAILS.with(|n| *n), 6);
    });
}

thread_local! {
    static DUMMY: Cell<u8> = const { Cell::new(0) };
}

#[test]
fn dropped_at_the_end_before_the_joiner_goes_on() {
    static TALLY: Mutex<Option<Tally>> = Mutex::new(None);
    goroutine_local! {
        static KEPT: Counted = TALLY.lock().unwrap().as_ref().unwrap().one();
    }
    inside(|| {
        let tally = Tally::default();
        *TALLY.lock().unwrap() = Some(tally.clone());
        spawn(|| {
            KEPT.with(|_| ());
            yield_now();
            KEPT.with(|_| ());
        })
        .join()
        .unwrap();
        assert_eq!((tally.made(), tally.dropped()), (1, 1));
        // After a panic and after an exit, too.
        assert!(
            spawn(|| {
                KEPT.with(|_| ());
                panic!("expected: with a local");
            })
            .join()
            .is_err()
        );
        assert!(
            spawn(|| KEPT.with(|_| -> u8 { goroutines::exit() }))
                .join()
                .is_err()
        );
        assert_eq!((tally.made(), tally.dropped()), (3, 3));
    });
    // And at a thread's end.
    let tally = Tally::default();
    *TALLY.lock().unwrap() = Some(tally.clone());
    std::thread::spawn(|| KEPT.with(|_| ())).join().unwrap();
    tally.until_balanced();
    assert_eq!(tally.made(), 1);
    DUMMY.get();
}

#[test]
fn destructors_may_panic() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
            panic!("expected: a goroutine-local's destructor");
        }
    }
    goroutine_local! {
        static ONE: Loud = Loud;
        static TWO: Loud = Loud;
    }
    inside(|| {
        for i in 1..=10 {
            let handle = spawn(move || {
                ONE.with(|_| ());
                TWO.with(|_| ());
                i
            });
            assert_eq!(handle.join().unwrap(), i, "the result stands");
            assert_eq!(DROPS.load(Ordering::Relaxed), 2 * i);
        }
    });
}

#[test]
fn destructors_may_wait_and_use_other_keys() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            yield_now();
            sleep(Duration::from_micros(100));
            assert_eq!(spawn(|| NUMBER.get()).join().unwrap(), 7);
            NUMBER.set(NUMBER.get() + 1);
            LATE.with(|_| ());
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            yield_now();
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    goroutine_local! {
        static WAITS: Waits = Waits;
        static LATE: Late = Late;
    }
    inside(|| {
        spawn(|| WAITS.with(|_| ())).join().unwrap();
        assert_eq!(DROPS.load(Ordering::Relaxed), 2);
    });
    std::thread::spawn(|| WAITS.with(|_| ())).join().unwrap();
    // On a thread that ends, a value made by another's destructor may stay.
    assert!(DROPS.load(Ordering::Relaxed) >= 3);
}

// A destructor that uses its own key gets a new value, which is dropped too.
#[test]
fn a_destructor_may_use_its_own_key() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            if DROPS.fetch_add(1, Ordering::Relaxed) < 3 {
                AGAIN.with(|_| ());
            }
        }
    }
    goroutine_local! {
        static AGAIN: Again = Again;
    }
    inside(|| {
        spawn(|| AGAIN.with(|_| ())).join().unwrap();
        assert_eq!(DROPS.load(Ordering::Relaxed), 4);
    });
}

// One that always does comes to an end, and so does its goroutine or thread.
#[test]
fn a_destructor_that_never_stops_making_values() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Always;
    impl Drop for Always {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
            ALWAYS.with(|_| ());
            OTHER.with(|_| ());
        }
    }
    goroutine_local! {
        static ALWAYS: Always = Always;
        static OTHER: Always = Always;
    }
    inside(|| {
        for round in 1..=3 {
            assert_eq!(spawn(|| ALWAYS.with(|_| 5)).join().unwrap(), 5);
            let drops = DROPS.load(Ordering::Relaxed);
            assert!((2..=3_000 * round).contains(&drops), "{drops}");
        }
        assert_eq!(spawn(|| 6).join().unwrap(), 6);
    });
    DROPS.store(0, Ordering::Relaxed);
    std::thread::spawn(|| ALWAYS.with(|_| ())).join().unwrap();
    let drops = DROPS.load(Ordering::Relaxed);
    assert!((2..=3_000).contains(&drops), "{drops}");
}

// However many there are, all of them are dropped.
#[test]
fn many_values() {
    const MANY: usize = 3_000;
    fn made() -> Counted {
        TALLY.lock().unwrap().as_ref().unwrap().one()
    }
    static TALLY: Mutex<Option<Tally>> = Mutex::new(None);
    let tally = Tally::default();
    *TALLY.lock().unwrap() = Some(tally.clone());
    let keys: &'static [LocalKey<Counted>] =
        Vec::leak((0..MANY).map(|_| LocalKey::new(made)).collect());
    let use_all = || keys.iter().for_each(|key| key.with(|_| ()));
    inside(|| spawn(use_all).join().unwrap());
    assert_eq!((tally.made(), tally.dropped()), (MANY, MANY));
    std::thread::spawn(use_all).join().unwrap();
    tally.until_balanced();
    assert_eq!(tally.made(), 2 * MANY);
}

// A value made by the drop of the result, after the goroutine has ended for others: it is dropped on
// the goroutine, where its destructor may wait and panic. (Was: on the scheduler's own stack.)
#[test]
fn a_value_made_by_the_results_drop() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            yield_now();
            sleep(Duration::from_micros(100));
            DROPS.fetch_add(1, Ordering::Relaxed);
            panic!("expected: a goroutine-local made late");
        }
    }
    goroutine_local! {
        static LATE: Late = Late;
    }
    struct Uses;
    impl Drop for Uses {
        fn drop(&mut self) {
            LATE.with(|_| ());
        }
    }
    if !crate::support::alone("local::a_value_made_by_the_results_drop", &[]) {
        return;
    }
    inside(|| {
        let gate = Arc::new(AtomicBool::new(false));
        let theirs = gate.clone();
        drop(spawn(move || {
            until("the handle is gone", || theirs.load(Ordering::Acquire));
            Uses
        }));
        gate.store(true, Ordering::Release);
        goroutines::go!({
            yield_now();
            Uses
        });
        until("both dropped", || DROPS.load(Ordering::Relaxed) == 2);
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
    });
}

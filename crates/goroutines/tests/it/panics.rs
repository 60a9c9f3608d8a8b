//! Panics: what ends, who learns of it, what goes on. Messages on standard error are expected.

use crate::support::{OnDrop, Tally, both, inside, rounds, text, until};
use goroutines::{go, spawn, yield_now};
use std::any::Any;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// `f` panics in a goroutine; `right` looks at the payload that the joiner gets. The process lives.
fn check(
    f: impl Fn() + Copy + Send + Sync + 'static,
    right: impl Fn(&(dyn Any + Send)) -> bool + Sync + Send,
) {
    both(|| {
        let payload = spawn(f).join().unwrap_err();
        assert!(right(&*payload), "{}", text(&*payload));
        drop(spawn(f));
        go!(f());
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
        assert!(!std::thread::panicking());
    });
}

// R0.1, PA-2
#[test]
fn the_joiner_gets_the_payload() {
    check(
        || panic!("expected: text"),
        |p| p.downcast_ref() == Some(&"expected: text"),
    );
    check(
        || panic!("expected: {}", std::hint::black_box(1)),
        |p| p.downcast_ref() == Some(&String::from("expected: 1")),
    );
    check(|| panic_any(17_u8), |p| p.downcast_ref() == Some(&17_u8));
    check(
        || resume_unwind(Box::new([3; 100])),
        |p| p.downcast_ref() == Some(&[3; 100]),
    );
    check(
        || {
            yield_now();
            let nothing: Vec<u8> = Vec::new();
            std::hint::black_box(nothing[std::hint::black_box(3)]);
        },
        |p| text(p).contains("out of bounds"),
    );
}

// PA-2: nobody else can recover it.
#[test]
fn a_parent_does_not_catch_a_childs_panic() {
    both(|| {
        let caught = catch_unwind(|| {
            let handle = spawn(|| panic!("expected: a child's panic"));
            until("it ended", || handle.is_finished());
            handle
        });
        assert!(caught.expect("the parent did not panic").join().is_err());
    });
}

// PA-3
#[test]
fn catching_works_again_and_again_and_nested() {
    fn nest(depth: usize) -> usize {
        if depth == 0 {
            resume_unwind(Box::new(1_usize));
        }
        match catch_unwind(|| nest(depth - 1)) {
            Err(payload) => {
                yield_now();
                resume_unwind(Box::new(*payload.downcast::<usize>().unwrap() + 1))
            }
            Ok(n) => n,
        }
    }
    both(|| {
        let handle = spawn(|| {
            for i in 0..1_000_usize {
                let payload = catch_unwind(|| resume_unwind(Box::new(i))).unwrap_err();
                assert_eq!(*payload.downcast::<usize>().unwrap(), i);
            }
            yield_now();
            *catch_unwind(|| nest(40))
                .unwrap_err()
                .downcast::<usize>()
                .unwrap()
        });
        assert_eq!(handle.join().unwrap(), 41);
    });
}

// PA-1, R0.1: its destructors run, in order, before the joiner goes on.
#[test]
fn destructors_run_before_the_joiner_goes_on() {
    both(|| {
        let order = Arc::new(AtomicUsize::new(0));
        let theirs = order.clone();
        let handle = spawn(move || {
            let _last = OnDrop(|| assert_eq!(theirs.fetch_add(1, Ordering::Relaxed), 1));
            let _first = OnDrop(|| assert_eq!(theirs.fetch_add(1, Ordering::Relaxed), 0));
            panic!("expected: with destructors");
        });
        assert!(handle.join().is_err());
        assert_eq!(order.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn the_closures_own_drop_panics() {
    /// Makes a closure own what it is given.
    fn keep<T>(_: &T) {}
    struct Loud(Arc<AtomicUsize>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::AcqRel);
            panic!("expected: a capture's drop panics");
        }
    }
    both(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let loud = Loud(drops.clone());
        let payload = spawn(move || keep(&loud)).join().unwrap_err();
        assert_eq!(text(&*payload), "expected: a capture's drop panics");
        let loud = Loud(drops.clone());
        go!(move || keep(&loud));
        let loud = Loud(drops.clone());
        drop(spawn(move || keep(&loud)));
        until("all dropped", || drops.load(Ordering::Acquire) == 3);
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
    });
}

#[test]
fn the_payloads_drop_panics() {
    struct Loud(Arc<AtomicUsize>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::AcqRel);
            // Once more, from the payload of the payload's panic.
            if self.0.load(Ordering::Acquire) % 2 == 1 {
                panic_any(Loud(self.0.clone()));
            }
        }
    }
    both(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let (one, two) = (Loud(drops.clone()), Loud(drops.clone()));
        go!(|| panic_any(one));
        drop(spawn(move || panic_any(two)));
        until("dropped where nobody wants it", || {
            drops.load(Ordering::Acquire) >= 2
        });
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
    });
}

// Each payload is dropped once, joined or not.
#[test]
fn payloads_are_dropped_once() {
    both(|| {
        let tally = Tally::default();
        for round in 0..rounds(20) {
            let one = tally.one();
            let handle = spawn(move || resume_unwind(Box::new(one)));
            match round % 3 {
                0 => drop(handle.join().unwrap_err()),
                1 => drop(handle),
                _ => {
                    until("it ended", || handle.is_finished());
                    drop(handle);
                }
            }
        }
        tally.until_balanced();
    });
}

// R0.1: many at once.
#[test]
fn a_thousand_panics() {
    inside(|| {
        let handles: Vec<_> = (0..1_000_usize)
            .map(|i| {
                spawn(move || {
                    yield_now();
                    resume_unwind(Box::new(i))
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            let payload: Box<dyn Any + Send> = handle.join().unwrap_err();
            assert_eq!(*payload.downcast::<usize>().unwrap(), i);
        }
    });
}

// A panic in a deep stack, and one that is caught while others wait on the same worker.
#[test]
fn a_panic_from_far_below() {
    fn down(n: usize) -> usize {
        let big = std::hint::black_box([n; 32]);
        if n == 0 {
            resume_unwind(Box::new("deep"));
        }
        down(n - 1) + big[n % 32]
    }
    inside(|| {
        let handle = goroutines::Builder::new()
            .stack_size(8 << 20)
            .spawn(|| down(2_000))
            .unwrap();
        assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&"deep"));
    });
}

// The goroutine's own panicking state follows it, not its worker.
#[goroutines::test(workers = 1)]
fn a_worker_is_as_good_after_a_panic() {
    let flag = Arc::new(AtomicBool::new(false));
    for _ in 0..10 {
        assert!(spawn(|| panic!("expected: again")).join().is_err());
        let theirs = flag.clone();
        spawn(move || theirs.store(std::thread::panicking(), Ordering::Relaxed))
            .join()
            .unwrap();
        assert!(!flag.load(Ordering::Relaxed));
    }
}

/// `panicking` is about the caller: not about others on its thread, nor about unwinding without a panic.
#[test]
fn panicking_is_ones_own() {
    struct Asks(Arc<Mutex<Vec<(bool, bool)>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            // Others run meanwhile, on this thread too.
            goroutines::yield_now();
            let answers = (goroutines::panicking(), std::thread::panicking());
            self.0.lock().unwrap().push(answers);
        }
    }
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (asks, all) = (
        || Asks(answers.clone()),
        || std::mem::take(&mut *answers.lock().unwrap()),
    );
    inside(|| {
        let one = asks();
        spawn(move || drop(one)).join().unwrap();
        let one = asks();
        let panics = spawn(move || {
            let _one = one;
            let neighbour = goroutines::spawn_local(goroutines::panicking);
            std::panic::catch_unwind(|| panic!("expected: asks")).unwrap_err();
            assert!(!goroutines::panicking());
            assert!(!neighbour.join().unwrap());
            panic!("expected: asks");
        });
        assert!(panics.join().is_err());
        let one = asks();
        let exits = spawn(move || {
            let _one = one;
            goroutines::exit()
        });
        assert!(exits.join().is_err());
        let one = asks();
        let started = Arc::new(AtomicBool::new(false));
        let flag = started.clone();
        let cancelled = spawn(move || {
            let _one = one;
            flag.store(true, Ordering::Release);
            goroutines::park();
        });
        until("it has started", || started.load(Ordering::Acquire));
        cancelled.cancel();
        assert!(cancelled.join().is_err());
    });
    // Of a panic, of an exit, of a cancel.
    assert_eq!(
        all(),
        [(false, false), (true, true), (false, true), (false, true)]
    );
    let one = asks();
    let panics = std::thread::spawn(move || {
        let _one = one;
        panic!("expected: asks");
    });
    assert!(panics.join().is_err());
    assert_eq!(all(), [(true, true)]);
}

//! `run`: nested, from several threads, one after another, and what it leaves behind.

use crate::support::{alone, inside, text, until};
use goroutines::{run, runtime, sleep, spawn, yield_now};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// `f` gives this much in a `run`, called in a goroutine and on a thread.
fn check<T: Send + Sync + PartialEq + std::fmt::Debug>(
    expected: T,
    f: impl Fn() -> T + Send + Sync,
) {
    crate::support::both(|| assert_eq!(run(&f), expected));
}

#[test]
fn gives_the_result() {
    check(5, || 5);
    check(String::from("x"), || {
        spawn(|| String::from("x")).join().unwrap()
    });
    let text = String::from("borrowed");
    check("borrowed", || text.as_str());
}

#[test]
fn nested_it_just_calls() {
    inside(|| {
        let id = goroutines::current().id();
        assert_eq!(run(|| run(|| goroutines::current().id())), id);
    });
    check(3, || run(|| run(|| 3)));
}

#[test]
fn from_several_threads_at_once() {
    crate::support::start();
    std::thread::scope(|s| {
        for i in 0..16 {
            s.spawn(move || {
                for _ in 0..20 {
                    let n = run(move || {
                        yield_now();
                        spawn(move || i + 1).join().unwrap()
                    });
                    assert_eq!(n, i + 1);
                }
            });
        }
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    crate::support::both(|| {
        let payload = catch_unwind(|| run(|| panic!("expected: in a run"))).unwrap_err();
        assert_eq!(text(&*payload), "expected: in a run");
        assert_eq!(run(|| 1), 1);
    });
}

// Its stack is that of main.
#[test]
fn has_a_large_stack() {
    #[inline(never)]
    fn fill() -> usize {
        let large = std::hint::black_box([1_u8; 3 << 20]);
        large.iter().map(|&b| usize::from(b)).sum()
    }
    check(3 << 20, fill);
}

// No `run` lends its thread; what one leaves behind goes on; the next ones work as well.
#[test]
fn one_after_another() {
    if !alone("run::one_after_another", &[("GOROUTINES_MAXPROCS", "2")]) {
        return;
    }
    let here = std::thread::current().id();
    assert_ne!(run(|| std::thread::current().id()), here);
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = count.clone();
    // Left behind by a run, some of them unstarted.
    run(move || {
        for _ in 0..100 {
            let count = theirs.clone();
            drop(spawn(move || {
                sleep(Duration::from_millis(2));
                count.fetch_add(1, Ordering::Relaxed);
            }));
        }
    });
    until("those left behind ended", || {
        count.load(Ordering::Relaxed) == 100
    });
    for i in 0..50 {
        assert_eq!(run(move || spawn(move || i).join().unwrap()), i);
    }
    assert_eq!(run(|| runtime::metrics().goroutines), 1);
}

// Main panics: the caller gets it, and the next run works.
#[test]
fn after_one_that_panicked() {
    if !alone(
        "run::after_one_that_panicked",
        &[("GOROUTINES_MAXPROCS", "1")],
    ) {
        return;
    }
    assert!(catch_unwind(|| run(|| panic!("expected: main"))).is_err());
    assert!(!std::thread::panicking());
    assert_eq!(run(|| spawn(|| 2).join().unwrap()), 2);
}

// Two threads' runs at once: when the first returns, the other goes on. (Was: it had lent its thread,
// and whoever had started there hung.)
#[test]
fn the_end_of_one_leaves_the_others_running() {
    let name = "run::the_end_of_one_leaves_the_others_running";
    if !alone(name, &[("GOROUTINES_MAXPROCS", "1")]) {
        return;
    }
    let (first, second) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (f, s) = (first.clone(), second.clone());
    let lent = std::thread::spawn(move || {
        run(move || {
            f.store(true, Ordering::Release);
            until("the other has started", || s.load(Ordering::Acquire));
        });
    });
    while !first.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    let (done, theirs) = (Arc::new(AtomicBool::new(false)), second.clone());
    let over = done.clone();
    std::thread::spawn(move || {
        run(move || {
            theirs.store(true, Ordering::Release);
            sleep(Duration::from_millis(20));
        });
        over.store(true, Ordering::Release);
    });
    lent.join().unwrap();
    let start = std::time::Instant::now();
    while !done.load(Ordering::Acquire) {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the other run hangs"
        );
        std::thread::yield_now();
    }
}

// RT-1
#[goroutines::test(workers = 2)]
fn num_goroutines_counts_main_and_all_that_live() {
    assert_eq!(goroutines::num_goroutines(), 1);
    let stop = Arc::new(AtomicBool::new(false));
    let handles: Vec<_> = (0..500)
        .map(|i| {
            let stop = stop.clone();
            spawn(move || match i % 3 {
                0 => until("the end", || stop.load(Ordering::Relaxed)),
                1 => goroutines::park(),
                _ => {
                    while !stop.load(Ordering::Relaxed) {
                        yield_now();
                    }
                }
            })
        })
        .collect();
    assert_eq!(goroutines::num_goroutines(), 501);
    assert_eq!(runtime::metrics().goroutines, 501);
    assert_eq!(
        std::thread::spawn(goroutines::num_goroutines)
            .join()
            .unwrap(),
        501
    );
    stop.store(true, Ordering::Relaxed);
    for handle in handles {
        handle.goroutine().unpark();
        handle.join().unwrap();
    }
    assert_eq!(goroutines::num_goroutines(), 1);
    assert_eq!(
        goroutines::blocking(goroutines::num_goroutines),
        1,
        "the pool is not counted"
    );
    let m = runtime::metrics();
    assert_eq!((m.spawned, m.stacks_in_use), (501, 1));
}

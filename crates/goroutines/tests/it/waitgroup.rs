//! `WaitGroup`: SEMANTICS WG-1 to WG-11.

use crate::support::{both, inside, rounds, text, until};
use goroutines::sync::WaitGroup;
use goroutines::{exit, go, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// `n` goroutines made by `start` are waited for, by a goroutine and by a thread.
fn check(n: usize, start: impl Fn(&WaitGroup, Arc<AtomicUsize>) + Send + Sync) {
    both(|| {
        let (wg, ended) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..n {
            start(&wg, ended.clone());
        }
        wg.wait();
        assert_eq!(ended.load(Ordering::Relaxed), n, "wait returned too soon");
    });
}

// WG-1
#[test]
fn wait_at_zero_returns_at_once() {
    both(|| {
        WaitGroup::new().wait();
        let wg = WaitGroup::default();
        wg.wait();
        wg.add(0);
        wg.wait();
        wg.add(2);
        wg.add(-2);
        wg.wait();
        wg.wait();
    });
}

// WG-2, WG-7
#[test]
fn waits_for_all() {
    for n in [0, 1, 10, 1_000] {
        check(n, |wg, ended| {
            wg.add(1);
            let done = wg.clone();
            go!({
                yield_now();
                ended.fetch_add(1, Ordering::Relaxed);
                done.done();
            });
        });
        check(n, |wg, ended| {
            wg.go(move || {
                yield_now();
                ended.fetch_add(1, Ordering::Relaxed)
            });
        });
    }
}

// WG-2, WG-11
#[test]
fn all_waiters_are_released() {
    inside(|| {
        for _ in 0..rounds(20) {
            let (wg, released) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            wg.add(1);
            let waiters: Vec<_> = (0..50)
                .map(|_| {
                    let (wg, released) = (wg.clone(), released.clone());
                    spawn(move || {
                        wg.wait();
                        released.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        wg.wait();
                        released.fetch_add(1, Ordering::Relaxed);
                    });
                }
                (0..10).for_each(|_| yield_now());
                assert_eq!(released.load(Ordering::Relaxed), 0);
                wg.done();
                // The threads are joined below; this blocks our worker for as long as that takes.
                while released.load(Ordering::Relaxed) < 2 {
                    yield_now();
                }
                until("all", || released.load(Ordering::Relaxed) == 52);
            });
            for waiter in waiters {
                waiter.join().unwrap();
            }
        }
    });
}

// WG-3
#[test]
fn below_zero_is_a_panic_that_can_be_caught() {
    both(|| {
        let wg = WaitGroup::new();
        let payload = catch_unwind(AssertUnwindSafe(|| wg.done())).unwrap_err();
        assert!(text(&*payload).contains("negative WaitGroup counter"));
        wg.wait();
        wg.add(1);
        assert!(catch_unwind(AssertUnwindSafe(|| wg.add(-2))).is_err());
        wg.done();
        wg.wait();
        let payload = catch_unwind(AssertUnwindSafe(|| {
            wg.add(i32::MAX as isize);
            wg.add(1);
        }))
        .unwrap_err();
        assert!(text(&*payload).contains("overflow"));
        wg.add(-(i32::MAX as isize));
        assert!(catch_unwind(AssertUnwindSafe(|| wg.add(isize::MAX))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| wg.add(isize::MIN))).is_err());
        wg.wait();
    });
}

// WG-4: at a counter above zero anybody may add.
#[test]
fn workers_may_add_workers() {
    check(1, |wg, ended| {
        fn grow(wg: WaitGroup, depth: usize, sum: Arc<AtomicUsize>) {
            sum.fetch_add(1, Ordering::Relaxed);
            for _ in 0..if depth == 0 { 0 } else { 2 } {
                let (inner, sum) = (wg.clone(), sum.clone());
                wg.go(move || grow(inner, depth - 1, sum));
            }
        }
        let (inner, sum) = (wg.clone(), Arc::new(AtomicUsize::new(0)));
        let own = WaitGroup::new();
        let nested = own.clone();
        own.go(move || grow(nested, 8, sum));
        wg.go(move || {
            own.wait();
            ended.fetch_add(1, Ordering::Relaxed);
            drop(inner);
        });
    });
}

// WG-5: an `add` at zero beside a `wait` may be noticed. It is, or it came before, or after; and nobody is left
// waiting, nor let go while somebody is counted who came before.
#[test]
fn an_add_that_races_with_wait() {
    both(|| {
        for _ in 0..rounds(200) {
            let wg = WaitGroup::new();
            wg.add(1);
            let waiter = spawn({
                let wg = wg.clone();
                move || wg.wait()
            });
            yield_now();
            let adder = std::thread::spawn({
                let wg = wg.clone();
                move || match catch_unwind(AssertUnwindSafe(|| wg.add(1))) {
                    Ok(()) => wg.done(),
                    Err(payload) => assert!(text(&*payload).contains("misuse")),
                }
            });
            wg.done();
            goroutines::blocking(|| adder.join().unwrap());
            waiter.join().unwrap();
            wg.wait();
        }
    });
}

// WG-6
#[test]
fn two_groups_as_a_barrier_round_after_round() {
    both(|| {
        let (first, second) = (WaitGroup::new(), WaitGroup::new());
        for _ in 0..8 * rounds(5) {
            const N: usize = 16;
            let exited = Arc::new(AtomicUsize::new(0));
            first.add(N as isize);
            second.add(N as isize);
            for _ in 0..N {
                let (first, second, exited) = (first.clone(), second.clone(), exited.clone());
                go!({
                    first.done();
                    second.wait();
                    exited.fetch_add(1, Ordering::AcqRel);
                });
            }
            first.wait();
            for _ in 0..N {
                assert_eq!(exited.load(Ordering::Acquire), 0, "released too soon");
                yield_now();
                second.done();
            }
            until("all exited", || exited.load(Ordering::Acquire) == N);
        }
    });
}

// WG-7, MM-9: no spurious return, in 1,000 rounds.
#[test]
fn done_comes_before_wait_returns() {
    both(|| {
        for _ in 0..rounds(1_000) {
            let (wg, n) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            for _ in 0..2 {
                let (done, n) = (wg.clone(), n.clone());
                wg.add(1);
                go!({
                    n.fetch_add(1, Ordering::Relaxed);
                    done.done();
                });
            }
            wg.wait();
            assert_eq!(n.load(Ordering::Relaxed), 2);
        }
    });
}

// WG-8
#[test]
fn go_counts_before_the_goroutine_exists() {
    both(|| {
        for _ in 0..rounds(200) {
            let (wg, ran) = (WaitGroup::new(), Arc::new(AtomicBool::new(false)));
            let theirs = ran.clone();
            wg.go(move || theirs.store(true, Ordering::Relaxed));
            wg.wait();
            assert!(ran.load(Ordering::Relaxed));
        }
    });
}

// WG-8
#[test]
fn an_exit_is_an_end() {
    check(20, |wg, ended| {
        wg.go(move || {
            yield_now();
            ended.fetch_add(1, Ordering::Relaxed);
            exit()
        });
    });
}

// WG-9, PA-16: the group is released, and whoever waits learns of the panic.
#[test]
fn a_panic_releases_the_group_and_comes_out_of_wait() {
    both(|| {
        let wg = WaitGroup::new();
        let ended = Arc::new(AtomicUsize::new(0));
        for i in 0..20 {
            let ended = ended.clone();
            wg.go(move || {
                yield_now();
                ended.fetch_add(1, Ordering::Relaxed);
                assert!(i != 7, "expected: number {i}");
            });
        }
        let payload = catch_unwind(AssertUnwindSafe(|| wg.wait())).unwrap_err();
        assert_eq!(text(&*payload), "expected: number 7");
        assert_eq!(ended.load(Ordering::Relaxed), 20);
        let payload = catch_unwind(AssertUnwindSafe(|| wg.wait())).unwrap_err();
        assert!(
            text(&*payload).contains("expected: number 7"),
            "{}",
            text(&*payload)
        );
    });
}

// WG-9: the payload itself, of any type, to one waiter.
#[test]
fn the_payload_reaches_one_of_the_waiters() {
    inside(|| {
        let wg = WaitGroup::new();
        let gate = Arc::new(AtomicBool::new(false));
        let theirs = gate.clone();
        wg.go(move || {
            until("the gate", || theirs.load(Ordering::Acquire));
            std::panic::resume_unwind(Box::new(77_u64));
        });
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let wg = wg.clone();
                spawn(move || wg.wait())
            })
            .collect();
        yield_now();
        gate.store(true, Ordering::Release);
        let payloads: Vec<_> = waiters.into_iter().map(|w| w.join().unwrap_err()).collect();
        let whole = payloads
            .iter()
            .filter(|p| p.downcast_ref() == Some(&77_u64))
            .count();
        assert_eq!(whole, 1);
    });
}

// WG-10
#[test]
fn clones_share_the_counter() {
    both(|| {
        let wg = WaitGroup::new();
        wg.add(3);
        let clones = [wg.clone(), wg.clone(), wg.clone().clone()];
        assert!(format!("{wg:?}").contains('3'), "{wg:?}");
        let waiter = spawn({
            let wg = wg.clone();
            move || wg.wait()
        });
        for clone in clones {
            assert!(!waiter.is_finished());
            clone.done();
        }
        waiter.join().unwrap();
    });
}

// WG-11, WG-6: waiters of one round do not steal from the next.
#[test]
fn the_same_group_again_and_again() {
    both(|| {
        let wg = WaitGroup::new();
        for round in 0..rounds(300) {
            let ended = Arc::new(AtomicUsize::new(0));
            for _ in 0..round % 4 {
                let ended = ended.clone();
                wg.go(move || ended.fetch_add(1, Ordering::Relaxed));
            }
            wg.wait();
            assert_eq!(ended.load(Ordering::Relaxed), round % 4);
        }
    });
}

// RT-1: not counted any longer than by the group.
#[goroutines::test(workers = 2)]
fn num_goroutines_is_exact_after_wait() {
    for _ in 0..rounds(50) {
        let wg = WaitGroup::new();
        for _ in 0..50 {
            wg.go(yield_now);
        }
        wg.wait();
        assert_eq!(goroutines::num_goroutines(), 1);
    }
}

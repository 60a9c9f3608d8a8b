//! Starting goroutines: `spawn`, `go!`, `spawn_local`, their numbers.

use crate::support::{PATIENCE, Tally, both, inside, rounds, until};
use goroutines::sync::WaitGroup;
use goroutines::{Goroutine, GoroutineId, JoinHandle, go, spawn, spawn_local, yield_now};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

/// What `f` leaves in a goroutine, called from a goroutine and from a thread, and joined.
fn check<T: Send + 'static + PartialEq + std::fmt::Debug>(
    f: impl Fn() -> T + Send + Sync + Clone + 'static,
    expected: impl Fn() -> T + Send + Sync,
) {
    both(|| assert_eq!(spawn(f.clone()).join().unwrap(), expected()));
}

// GO-3
#[test]
fn gives_the_result_to_the_joiner() {
    check(|| (), || ());
    check(|| 42, || 42);
    check(|| vec![String::from("x"); 3], || vec![String::from("x"); 3]);
}

// GO-1
#[test]
fn go_evaluates_function_and_arguments_first() {
    both(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            order.lock().unwrap().push(what);
            what
        };
        let seen = Arc::new(OnceLock::new());
        type F = fn(&'static str, &'static str, usize, Arc<OnceLock<usize>>);
        let function = || -> F {
            note("function");
            |_, _, n, seen| seen.set(n).unwrap()
        };
        let mut n = 1;
        go!(function()(note("a"), note("b"), n, seen.clone()));
        note("after");
        n += 1;
        until("it ran", || seen.get().is_some());
        assert_eq!(
            (seen.get(), n),
            (Some(&1), 2),
            "assigned later, so not seen"
        );
        let order = order.lock().unwrap().clone();
        assert_eq!(order, ["function", "a", "b", "after"]);
    });
}

// GO-1
#[test]
fn go_takes_calls_methods_closures_and_blocks() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    struct Adder(usize);
    impl Adder {
        fn add(self, n: usize) -> usize {
            RAN.fetch_add(self.0 + n, Ordering::Relaxed)
        }
    }
    fn add(n: usize) {
        RAN.fetch_add(n, Ordering::Relaxed);
    }
    inside(|| {
        let owned = String::from("123");
        go!(add(1));
        go!(Adder(2).add(3));
        go!(|| add(4));
        go!(move || add(owned.len()));
        go!({
            add(5);
        });
        until("all ran", || RAN.load(Ordering::Relaxed) == 18);
    });
}

// GO-2: neither the start nor the end of the new goroutine is waited for.
#[goroutines::test(workers = 1)]
fn spawning_does_not_wait() {
    let started = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..1_000)
        .map(|_| {
            let started = started.clone();
            spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                goroutines::park();
            })
        })
        .collect();
    assert_eq!(
        started.load(Ordering::Relaxed),
        0,
        "one worker, and it is ours until we wait"
    );
    for handle in handles {
        handle.goroutine().unpark();
        handle.join().unwrap();
    }
}

// GO-4, MM-2, GO-5: the spawner's writes come before the goroutine, the goroutine's before the join.
#[test]
fn writes_are_handed_on_both_ways() {
    let slots: Vec<_> = (0..rounds(500))
        .map(|_| Arc::new(Mutex::new(0usize)))
        .collect();
    both(|| {
        for slot in &slots {
            // Relaxed and boxed: only the spawn and the join order these.
            let plain = Box::new([7u64; 16]);
            *slot.lock().unwrap() = 1;
            let theirs = slot.clone();
            let relaxed = Arc::new(AtomicUsize::new(0));
            relaxed.store(3, Ordering::Relaxed);
            let inner = relaxed.clone();
            let back = spawn(move || {
                assert_eq!(inner.load(Ordering::Relaxed), 3);
                assert_eq!(*plain, [7; 16]);
                *theirs.lock().unwrap() = 2;
                inner.store(4, Ordering::Relaxed);
                let mut plain = plain;
                plain[3] = 9;
                plain
            })
            .join()
            .unwrap();
            assert_eq!((back[3], relaxed.load(Ordering::Relaxed)), (9, 4));
            assert_eq!(*slot.lock().unwrap(), 2);
        }
    });
}

// GO-3: dropping the handle neither ends the goroutine nor waits for it.
#[test]
fn dropping_the_handle_detaches() {
    both(|| {
        let (gate, done) = (Arc::new(AtomicBool::new(false)), Tally::default());
        for _ in 0..rounds(100) {
            let (gate, one) = (gate.clone(), done.one());
            drop(spawn(move || {
                until("the gate", || gate.load(Ordering::Acquire));
                drop(one);
            }));
        }
        assert_eq!(
            done.dropped(),
            0,
            "dropping a handle waited, or ended the goroutine"
        );
        gate.store(true, Ordering::Release);
        done.until_balanced();
    });
}

// GO-11
#[test]
fn a_chain_of_10_000_joins_collapses() {
    both(|| {
        let mut last: JoinHandle<usize> = spawn(|| 0);
        for _ in 0..10_000 {
            let before = last;
            last = spawn(move || before.join().unwrap() + 1);
        }
        assert_eq!(last.join().unwrap(), 10_000);
    });
}

// GO-11
#[test]
fn a_chain_of_10_000_parked_on_their_neighbours_collapses() {
    inside(|| {
        let wg = WaitGroup::new();
        let (tail, mut right): (_, Goroutine) = (goroutines::current(), goroutines::current());
        let passed = Arc::new(AtomicUsize::new(0));
        for i in 0..10_000 {
            let (next, passed, done) = (right, passed.clone(), wg.clone());
            wg.add(1);
            right = spawn(move || {
                while passed.load(Ordering::Acquire) != 9_999 - i {
                    goroutines::park();
                }
                passed.fetch_add(1, Ordering::Release);
                next.unpark();
                done.done();
            })
            .goroutine()
            .clone();
        }
        right.unpark();
        wg.wait();
        assert_eq!(passed.load(Ordering::Relaxed), 10_000);
        drop(tail);
    });
}

// GO-12
#[test]
fn numbers_are_never_used_again() {
    both(|| {
        let mut seen: HashSet<GoroutineId> = HashSet::new();
        for _ in 0..rounds(20) {
            let ids: Vec<_> = (0..200)
                .map(|_| spawn(|| goroutines::current().id()))
                .collect();
            for handle in ids {
                let told = handle.goroutine().id();
                let id = handle.join().unwrap();
                assert_eq!(id, told);
                assert!(seen.insert(id), "{id} twice");
            }
        }
        assert!(!seen.contains(&goroutines::current().id()));
    });
}

// GO-12
#[goroutines::test(workers = 2)]
fn main_is_number_1() {
    assert_eq!(goroutines::current().id().as_u64(), 1);
    assert_eq!(goroutines::current().id().to_string(), "1");
    let other = spawn(|| goroutines::current().id().as_u64())
        .join()
        .unwrap();
    assert_ne!(other, 1);
}

// GO-13: in a destructor, during a panic, while exiting, in a thread's destructor, in `blocking`.
#[test]
fn spawning_works_anywhere() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    fn one() {
        let wg = WaitGroup::new();
        wg.go(|| RAN.fetch_add(1, Ordering::Relaxed));
        wg.wait();
        go!(RAN.fetch_add(1, Ordering::Relaxed));
    }
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            one();
        }
    }
    thread_local! {
        static AT_THREAD_END: Spawns = const { Spawns };
    }
    inside(|| drop(Spawns));
    inside(|| {
        assert!(
            spawn(|| {
                let _spawns = Spawns;
                panic!("expected: a panic that spawns");
            })
            .join()
            .is_err()
        );
    });
    inside(|| {
        assert!(
            spawn(|| {
                let _spawns = Spawns;
                goroutines::exit();
            })
            .join()
            .is_err()
        );
    });
    inside(|| goroutines::blocking(one));
    std::thread::spawn(|| AT_THREAD_END.with(|_| ()))
        .join()
        .unwrap();
    until("all of them ran", || RAN.load(Ordering::Relaxed) == 10);
}

/// Starts a tree of goroutines, each of which starts two.
fn tree(depth: usize, leaves: &Arc<AtomicUsize>) {
    if depth == 0 {
        leaves.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let children: Vec<_> = (0..2)
        .map(|_| {
            let leaves = leaves.clone();
            spawn(move || tree(depth - 1, &leaves))
        })
        .collect();
    for child in children {
        child.join().unwrap();
    }
}

// GO-14
#[goroutines::test(workers = 1)]
fn nested_spawning_needs_no_second_worker() {
    let leaves = Arc::new(AtomicUsize::new(0));
    tree(10, &leaves);
    assert_eq!(leaves.load(Ordering::Relaxed), 1_024);
}

// GO-14
#[goroutines::test(workers = 8)]
fn nested_spawning_on_8_workers() {
    let leaves = Arc::new(AtomicUsize::new(0));
    tree(10, &leaves);
    assert_eq!(leaves.load(Ordering::Relaxed), 1_024);
}

fn spreads_to(workers: usize) {
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let start = Instant::now();
    // One producer, which never waits; each of its goroutines keeps a worker busy for a while.
    while threads.lock().unwrap().len() < workers {
        assert!(
            start.elapsed() < PATIENCE,
            "{} of {workers}",
            threads.lock().unwrap().len()
        );
        let wg = WaitGroup::new();
        for _ in 0..64 {
            let threads = threads.clone();
            wg.go(move || {
                threads.lock().unwrap().insert(std::thread::current().id());
                let start = Instant::now();
                while start.elapsed().as_micros() < 200 {
                    std::hint::spin_loop();
                }
            });
        }
        wg.wait();
    }
}

// GO-14
#[goroutines::test(workers = 2)]
fn one_producer_spreads_to_2_workers() {
    spreads_to(2);
}

// GO-14
#[goroutines::test(workers = 8)]
fn one_producer_spreads_to_8_workers() {
    spreads_to(8);
}

// GO-14: endless self-respawn holds up nobody.
#[goroutines::test(workers = 1)]
fn endless_respawn_holds_up_nobody() {
    fn respawn(stop: Arc<AtomicBool>) {
        if !stop.load(Ordering::Relaxed) {
            go!(respawn(stop));
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    respawn(stop.clone());
    let seen = spawn(|| {
        for _ in 0..100 {
            yield_now();
        }
        1
    });
    goroutines::sleep(std::time::Duration::from_millis(5));
    assert_eq!(seen.join().unwrap(), 1);
    stop.store(true, Ordering::Relaxed);
}

// RH-3, RH-6
#[test]
fn what_is_not_send_may_live_on_its_stack() {
    inside(|| {
        let handles: Vec<_> = (0..100)
            .map(|i| {
                spawn(move || {
                    let shared = Rc::new(Cell::new(i));
                    let other = shared.clone();
                    for _ in 0..20 {
                        yield_now();
                        other.set(other.get() + 1);
                    }
                    shared.get()
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), i + 20);
        }
    });
}

#[test]
fn spawn_local_stays_on_its_thread_and_shares_what_is_not_send() {
    inside(|| {
        let here = std::thread::current().id();
        let log = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<JoinHandle<Rc<usize>>> = (0..100)
            .map(|i| {
                let log = log.clone();
                spawn_local(move || {
                    assert_eq!(std::thread::current().id(), here);
                    yield_now();
                    assert_eq!(std::thread::current().id(), here);
                    log.borrow_mut().push(i);
                    Rc::new(i)
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(*handle.join().unwrap(), i);
        }
        let mut log = log.borrow().clone();
        log.sort_unstable();
        assert_eq!(log, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn spawn_local_outside_a_goroutine_is_an_error_that_says_what_to_do() {
    crate::support::start();
    let error = goroutines::Builder::new().spawn_local(|| ()).unwrap_err();
    assert!(matches!(error, goroutines::SpawnError::NotInGoroutine));
    assert!(error.to_string().contains("goroutines::run"), "{error}");
    let panic = std::panic::catch_unwind(|| spawn_local(|| ())).unwrap_err();
    assert!(crate::support::text(&*panic).contains("spawn_local"));
    // A thread of the blocking pool is no goroutine either.
    inside(|| {
        let in_pool = goroutines::blocking(|| {
            goroutines::Builder::new()
                .spawn_local(|| ())
                .map(drop)
                .is_err()
        });
        assert!(in_pool);
    });
}

// A goroutine made by a thread runs, and its numbers differ from all others.
#[test]
fn many_threads_spawn_at_once() {
    crate::support::start();
    let tally = Tally::default();
    let ids: HashSet<GoroutineId> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                s.spawn(|| {
                    let mut ids = Vec::new();
                    for _ in 0..rounds(200) {
                        let one = tally.one();
                        let handle = spawn(move || drop(one));
                        ids.push(handle.goroutine().id());
                    }
                    ids
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 8 * rounds(200));
    tally.until_balanced();
}

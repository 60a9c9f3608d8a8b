//! `exit`, and destructors that wait while a panic or an exit unwinds.

use crate::support::{OnDrop, both, inside, rounds, spin_until, text, until};
use goroutines::sync::WaitGroup;
use goroutines::{Exited, exit, park, scope, sleep, spawn, spawn_local, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The ways to begin to unwind.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Panic,
    Resume,
    Exit,
}

impl Begin {
    fn begin(self) -> ! {
        match self {
            Begin::Panic => panic!("expected: it unwinds and waits"),
            Begin::Resume => std::panic::resume_unwind(Box::new("expected")),
            Begin::Exit => exit(),
        }
    }
}

/// `wait` is called in a destructor, however the goroutine unwinds, while others run on its worker and
/// find their thread in order; they lock `std` locks and panic themselves.
fn check(wait: impl Fn() + Copy + Send + 'static) {
    for begin in [Begin::Panic, Begin::Resume, Begin::Exit] {
        let (waiting, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let lock = Arc::new(Mutex::new(0));
        let (w, s) = (waiting.clone(), stop.clone());
        let unwinding = spawn_local(move || {
            let _second = OnDrop(|| {
                assert!(std::thread::panicking());
                wait();
                assert!(std::thread::panicking());
                s.store(true, Ordering::Release);
            });
            let _first = OnDrop(|| {
                assert!(std::thread::panicking(), "{begin:?}");
                w.fetch_add(1, Ordering::AcqRel);
                wait();
                assert!(std::thread::panicking(), "its own state is back");
            });
            begin.begin();
        });
        let mates: Vec<_> = (0..3)
            .map(|_| {
                let (waiting, stop, lock) = (waiting.clone(), stop.clone(), lock.clone());
                spawn_local(move || {
                    let mut looks = 0;
                    while !stop.load(Ordering::Acquire) {
                        assert!(!std::thread::panicking(), "a home-mate's panic shows here");
                        *lock.lock().unwrap() += 1;
                        let caught = catch_unwind(|| std::panic::resume_unwind(Box::new(())));
                        assert!(caught.is_err());
                        assert!(!std::thread::panicking());
                        looks += waiting.load(Ordering::Acquire);
                        yield_now();
                    }
                    looks
                })
            })
            .collect();
        let payload = unwinding.join().unwrap_err();
        assert_eq!(
            payload.is::<Exited>(),
            matches!(begin, Begin::Exit),
            "{begin:?}"
        );
        for mate in mates {
            // With more workers the wait may be over before they get to run.
            let looks = mate.join().unwrap();
            assert!(
                looks > 0 || goroutines::runtime::workers() > 1,
                "nobody ran meanwhile"
            );
        }
        assert!(!lock.is_poisoned());
        assert!(!std::thread::panicking());
    }
}

fn in_every_way() {
    check(|| sleep(Duration::from_millis(2)));
    check(|| (0..20).for_each(|_| yield_now()));
    check(|| {
        let me = goroutines::current();
        let other = spawn(move || {
            yield_now();
            me.unpark();
        });
        park();
        other.join().unwrap();
    });
    check(|| {
        assert_eq!(
            spawn(|| {
                yield_now();
                4
            })
            .join()
            .unwrap(),
            4
        )
    });
    check(|| {
        let wg = WaitGroup::new();
        for _ in 0..3 {
            wg.go(yield_now);
        }
        wg.wait();
    });
    check(|| goroutines::blocking(|| std::thread::sleep(Duration::from_millis(1))));
    check(|| {
        let mut n = 0;
        scope(|s| {
            s.spawn(|| {
                yield_now();
                n += 1;
            });
        });
        assert_eq!(n, 1);
    });
}

// PA-14, RH-1
#[goroutines::test(workers = 1)]
fn waiting_while_unwinding_on_1_worker() {
    in_every_way();
}

// PA-14, RH-1
#[goroutines::test(workers = 2)]
fn waiting_while_unwinding_on_2_workers() {
    in_every_way();
}

// PA-14, RH-1: many at once, which end in another order than they began.
#[goroutines::test(workers = 2)]
fn many_wait_while_they_unwind() {
    for _ in 0..rounds(2) {
        let lock = Arc::new(Mutex::new(0_usize));
        let handles: Vec<_> = (0..200_u64)
            .map(|i| {
                let lock = lock.clone();
                spawn(move || {
                    let _wait = OnDrop(|| {
                        sleep(Duration::from_micros(i * 7_919 % 3_000));
                        assert!(std::thread::panicking());
                    });
                    if i % 2 == 0 {
                        std::panic::resume_unwind(Box::new(i));
                    }
                    *lock.lock().unwrap() += 1;
                    exit()
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            let payload = handle.join().unwrap_err();
            assert_eq!(payload.downcast_ref(), (i % 2 == 0).then_some(&(i as u64)));
        }
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap(), 100);
        assert!(!std::thread::panicking());
    }
}

// PA-14: a panic in the middle of another's destructor, caught there, which waits too.
#[goroutines::test(workers = 1)]
fn waiting_in_a_panic_within_a_panic() {
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = stop.clone();
    let mate = spawn(move || {
        while !theirs.load(Ordering::Relaxed) {
            assert!(!std::thread::panicking());
            yield_now();
        }
    });
    let handle = spawn(|| {
        let _outer = OnDrop(|| {
            yield_now();
            let inner = catch_unwind(|| {
                let _inner = OnDrop(|| {
                    sleep(Duration::from_millis(1));
                    assert!(std::thread::panicking());
                });
                std::panic::resume_unwind(Box::new("inner"));
            });
            assert_eq!(inner.unwrap_err().downcast_ref(), Some(&"inner"));
            assert!(std::thread::panicking(), "the outer one is still going on");
            yield_now();
        });
        std::panic::resume_unwind(Box::new("outer"));
    });
    assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&"outer"));
    stop.store(true, Ordering::Relaxed);
    mate.join().unwrap();
    assert!(!std::thread::panicking());
}

// RH-6: on a plain thread a destructor blocks the thread.
#[test]
fn a_threads_destructor_may_wait() {
    crate::support::start();
    let thread = std::thread::spawn(|| {
        let _wait = OnDrop(|| {
            sleep(Duration::from_millis(1));
            assert_eq!(spawn(|| 2).join().unwrap(), 2);
        });
        panic!("expected: on a thread");
    });
    assert!(thread.join().is_err());
}

// RH-6: also in thread-local destructors, where nothing can park.
#[test]
fn a_thread_locals_destructor_may_wait() {
    struct Waits(Option<Arc<AtomicBool>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            sleep(Duration::from_millis(1));
            assert_eq!(spawn(|| 2).join().unwrap(), 2);
            goroutines::park_timeout(Duration::from_millis(1));
            if let Some(done) = self.0.take() {
                done.store(true, Ordering::Release);
            }
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<Waits>> = const { std::cell::RefCell::new(None) };
    }
    crate::support::start();
    for early in [false, true] {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = done.clone();
        std::thread::spawn(move || {
            if early {
                // The thread's own record is made first, and so dropped last or first.
                yield_now();
                goroutines::park_timeout(Duration::from_nanos(1));
            }
            LATE.set(Some(Waits(Some(theirs))));
        })
        .join()
        .unwrap();
        assert!(done.load(Ordering::Acquire));
    }
}

// PA-7
#[test]
fn exit_runs_destructors_and_ends_only_its_goroutine() {
    both(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let theirs = dropped.clone();
        let handle = spawn(move || -> u32 {
            let _one = OnDrop(|| {
                // It may wait, and nothing but `Exited` is there to be caught.
                yield_now();
                theirs.fetch_add(1, Ordering::Relaxed);
            });
            fn deep(n: usize) -> ! {
                let _here = OnDrop(|| ());
                if n == 0 { exit() } else { deep(n - 1) }
            }
            deep(20)
        });
        assert!(handle.join().unwrap_err().is::<Exited>());
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
        assert!(!std::thread::panicking());
    });
}

// GO-10: a plain thread cannot be ended by the exit of its `run`: it panics instead.
#[test]
fn exit_in_a_run_is_a_panic_of_its_caller() {
    crate::support::start();
    let payload = catch_unwind(|| goroutines::run(|| -> u8 { exit() })).unwrap_err();
    assert!(text(&*payload).contains("exit"), "{}", text(&*payload));
    assert!(!std::thread::panicking());
    assert_eq!(goroutines::run(|| 3), 3);
}

#[test]
fn exit_on_a_thread_is_a_panic() {
    crate::support::start();
    let payload = catch_unwind(|| -> u8 { exit() }).unwrap_err();
    assert!(text(&*payload).contains("exit"));
    let in_pool = inside(|| goroutines::blocking(|| catch_unwind(|| -> u8 { exit() }).is_err()));
    assert!(in_pool);
}

// PA-8: a panic after an exit that was caught is an ordinary panic.
#[test]
fn a_panic_after_exit_counts() {
    both(|| {
        let handle = spawn(|| {
            assert!(catch_unwind(|| -> u8 { exit() }).is_err());
            panic!("expected: after exit");
        });
        let payload = handle.join().unwrap_err();
        assert_eq!(text(&*payload), "expected: after exit");
    });
}

// PA-8: one that is caught is not, and the exit goes on.
#[test]
fn exit_goes_on_after_a_caught_panic() {
    both(|| {
        let handle = spawn(|| {
            assert!(catch_unwind(|| -> u8 { exit() }).is_err());
            assert!(catch_unwind(|| std::panic::resume_unwind(Box::new(1))).is_err());
            8
        });
        assert!(handle.join().unwrap_err().is::<Exited>());
    });
}

// PA-9: exit after a panic that was caught: an exit. (In a destructor of a panic it aborts.)
#[test]
fn exit_after_a_caught_panic_is_an_exit() {
    both(|| {
        let handle = spawn(|| -> u8 {
            assert!(catch_unwind(|| std::panic::resume_unwind(Box::new(1))).is_err());
            exit()
        });
        assert!(handle.join().unwrap_err().is::<Exited>());
    });
}

// PA-10: nothing recovers an exit: whatever waits or yields goes on with it.
#[test]
fn nothing_recovers_an_exit() {
    type Wait = fn();
    let waits: [Wait; 8] = [
        yield_now,
        park,
        || sleep(Duration::from_secs(3_600)),
        || drop(spawn(park).join()),
        || {
            let wg = WaitGroup::new();
            wg.add(1);
            wg.wait();
        },
        || goroutines::park_timeout(Duration::MAX),
        || goroutines::sleep_until(std::time::Instant::now() + Duration::from_secs(3_600)),
        || {
            for _ in 0..100 {
                // Caught again and again.
                let _ = catch_unwind(yield_now);
            }
        },
    ];
    both(|| {
        for wait in waits {
            let (before, after) = (
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicBool::new(false)),
            );
            let (b, a) = (before.clone(), after.clone());
            let handle = spawn(move || {
                let _ran = OnDrop(|| b.store(true, Ordering::Relaxed));
                let caught = catch_unwind(AssertUnwindSafe(|| -> u8 { exit() }));
                assert!(caught.unwrap_err().is::<Exited>());
                wait();
                // Only the one that catches gets here.
                yield_now();
                a.store(true, Ordering::Relaxed);
                5
            });
            assert!(handle.join().unwrap_err().is::<Exited>());
            assert!(before.load(Ordering::Relaxed));
            assert!(!after.load(Ordering::Relaxed), "the exit was recovered");
        }
    });
}

// PA-7, GO-15: the scope still waits for those who borrow.
#[test]
fn exit_leaves_a_scope_after_its_goroutines() {
    inside(|| {
        let handle = spawn(|| {
            let ended = AtomicUsize::new(0);
            let _look = OnDrop(|| assert_eq!(ended.load(Ordering::Relaxed), 4));
            scope(|s| -> u8 {
                for _ in 0..4 {
                    s.spawn(|| {
                        (0..50).for_each(|_| yield_now());
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }
                exit()
            })
        });
        assert!(handle.join().unwrap_err().is::<Exited>());
    });
}

// PA-7: a scoped goroutine that exits is no panic of the scope.
#[test]
fn a_scoped_goroutine_may_exit() {
    both(|| {
        let n = scope(|s| {
            s.spawn(|| exit());
            assert!(
                s.spawn(|| -> u8 { exit() })
                    .join()
                    .unwrap_err()
                    .is::<Exited>()
            );
            3
        });
        assert_eq!(n, 3);
    });
}

// PA-14 without waiting: others run on other workers while one unwinds for long.
#[goroutines::test(workers = 2)]
fn others_run_while_one_unwinds() {
    let go_on = Arc::new(AtomicBool::new(false));
    let theirs = go_on.clone();
    let handle = spawn(move || {
        let _spin = OnDrop(|| {
            let other = theirs.clone();
            let helper = spawn(move || other.store(true, Ordering::Release));
            spin_until("another worker runs it", || theirs.load(Ordering::Acquire));
            helper.join().unwrap();
        });
        std::panic::resume_unwind(Box::new(()));
    });
    until("it ended", || handle.is_finished());
    assert!(handle.join().is_err());
}

/// What a goroutine was given is dropped by it if it is cancelled before it begins. Its destructors wait to
/// the end, as they do when it unwinds.
#[test]
fn destructors_of_one_cancelled_before_it_begins_are_not_cut_short() {
    both(|| {
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..rounds(50) {
            let seen = done.clone();
            let given = OnDrop(move || {
                sleep(Duration::from_micros(100));
                seen.fetch_add(1, Ordering::SeqCst);
            });
            let goroutine = spawn(move || {
                let given = given;
                goroutines::shielded(|| drop(given));
            });
            goroutine.cancel();
            let _ = goroutine.join();
        }
        assert_eq!(done.load(Ordering::SeqCst), rounds(50));
    });
}

// One that catches it for ever does not take its worker with it.
#[goroutines::test(workers = 1)]
fn a_cancel_that_is_caught_for_ever() {
    let waits: [fn(); 4] = [
        || sleep(Duration::MAX),
        || park(),
        yield_now,
        || {
            let _ = goroutines::channel::never::<()>().recv();
        },
    ];
    for wait in waits {
        let begun = Arc::new(AtomicBool::new(false));
        let b = begun.clone();
        let catches = spawn(move || {
            b.store(true, Ordering::SeqCst);
            loop {
                let _ = catch_unwind(wait);
            }
        });
        until("it has begun", || begun.load(Ordering::SeqCst));
        catches.cancel();
        let Err(catches) = catches.join_timeout(Duration::from_millis(5)) else {
            panic!("it has ended")
        };
        drop(catches);
    }
    // The four of them go on, in turns with everybody else.
    assert_eq!(spawn(|| 1).join().unwrap(), 1);
}

// The same with `exit`.
#[goroutines::test(workers = 1)]
fn an_exit_that_is_caught_for_ever() {
    let catches = spawn(|| {
        loop {
            let _ = catch_unwind(|| -> u8 { exit() });
        }
    });
    sleep(Duration::from_millis(1));
    assert_eq!(spawn(|| 1).join().unwrap(), 1);
    assert!(!catches.is_finished());
}

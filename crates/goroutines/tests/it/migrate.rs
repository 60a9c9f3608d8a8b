//! Who stays on its thread and who moves: pinned goroutines, and `Builder::migratable`.
#![allow(
    unsafe_code,
    reason = "makes migratable goroutines, whose code keeps nothing of a thread"
)]

use crate::support::{inside, rounds, until};
use goroutines::{Builder, JoinHandle, park, sleep, spawn, yield_now};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// The thread we are on, asked anew each time.
#[inline(never)]
fn thread() -> ThreadId {
    std::hint::black_box(std::thread::current().id())
}

/// A goroutine that may move.
fn migratable<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: the closures of this room hold nothing of a thread across a wait; `thread` is not
    // inlined and asks anew.
    unsafe { Builder::new().migratable() }.spawn(f).unwrap()
}

/// Those made by `make`, which wait again and again by `wait` until they have seen two threads or
/// have had enough; says how many have seen two.
fn check(n: usize, wait: impl Fn() + Copy + Send + 'static, enough: Duration) -> usize {
    let handles: Vec<_> = (0..n)
        .map(|_| {
            migratable(move || {
                let (first, start) = (thread(), Instant::now());
                while start.elapsed() < enough {
                    wait();
                    if thread() != first {
                        return true;
                    }
                }
                false
            })
        })
        .collect();
    handles
        .into_iter()
        .map(|h| usize::from(h.join().unwrap()))
        .sum()
}

// RH-2: `n` that yield all the time, all started here: a worker with nothing to do takes some of them.
fn move_by_yielding(n: usize) {
    let (home, moved) = (thread(), Arc::new(AtomicBool::new(false)));
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let moved = moved.clone();
            migratable(move || {
                let (first, start) = (thread(), Instant::now());
                while first == home
                    && !moved.load(Ordering::Relaxed)
                    && start.elapsed() < Duration::from_secs(20)
                {
                    yield_now();
                    if thread() != first {
                        moved.store(true, Ordering::Relaxed);
                    }
                }
                first == home
            })
        })
        .collect();
    let here: usize = handles
        .into_iter()
        .map(|h| usize::from(h.join().unwrap()))
        .sum();
    // One that is alone has no reason to move.
    assert!(
        moved.load(Ordering::Relaxed) || here < 2,
        "none of {here} has ever moved by yielding"
    );
}

#[goroutines::test(workers = 2)]
fn one_of_many_migratable_ones_moves() {
    move_by_yielding(200);
}

// The queue is never long, and its head never old.
#[goroutines::test(workers = 2)]
fn one_of_a_few_migratable_ones_moves() {
    for _ in 0..rounds(20) {
        move_by_yielding(4);
    }
}

#[goroutines::test(workers = 4)]
fn a_migratable_one_moves_by_sleeping() {
    let moved = check(
        32,
        || sleep(Duration::from_micros(50)),
        Duration::from_secs(5),
    );
    assert!(moved > 0, "none of 32 has ever moved by sleeping");
}

// FA-1, R0.9: a busy worker does not hold up a migratable one.
#[goroutines::test(workers = 2)]
fn a_busy_worker_does_not_hold_it_up() {
    let (step, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (theirs, end) = (step.clone(), stop.clone());
    let handle = migratable(move || {
        while !end.load(Ordering::Acquire) {
            theirs.fetch_add(1, Ordering::AcqRel);
            yield_now();
        }
    });
    until("it has started", || step.load(Ordering::Acquire) > 10);
    // We spin on our worker, wherever it was; it must go on.
    for _ in 0..rounds(5) {
        let before = step.load(Ordering::Acquire);
        crate::support::spin_until("it goes on", || step.load(Ordering::Acquire) > before + 100);
        yield_now();
    }
    stop.store(true, Ordering::Release);
    handle.join().unwrap();
}

// MM-14: what it did before a wait is there after it, on whichever thread.
#[goroutines::test(workers = 4)]
fn its_own_writes_follow_it() {
    let handles: Vec<_> = (0..20)
        .map(|me| {
            migratable(move || {
                let (mut plain, mut heap) = ([0_usize; 32], vec![0_usize; 32]);
                for round in 0..rounds(300) {
                    let at = (round + me) % 32;
                    plain[at] += 1;
                    heap[at] += 1;
                    match round % 4 {
                        0 => sleep(Duration::from_micros(5)),
                        1 => goroutines::park_timeout(Duration::from_micros(5)),
                        _ => yield_now(),
                    }
                    assert_eq!(plain[..], heap[..]);
                }
                plain.iter().sum::<usize>()
            })
        })
        .collect();
    for handle in handles {
        assert_eq!(handle.join().unwrap(), rounds(300));
    }
}

// No wake is lost, though a third worker may find it while it still leaves its stack.
#[goroutines::test(workers = 4)]
fn migratable_ones_wake_each_other() {
    use crate::support::Ball;
    for players in [2, 7] {
        let ball = Ball::new(players);
        let handles: Vec<_> = (0..players)
            .map(|me| {
                let ball = ball.clone();
                migratable(move || {
                    ball.enter(me);
                    for _ in 0..rounds(500) {
                        ball.take(me);
                        ball.pass();
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
    }
}

#[goroutines::test(workers = 4)]
fn threads_and_migratable_ones_wake_each_other() {
    let n = rounds(500);
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = count.clone();
    let handle = migratable(move || {
        for i in 0..n {
            while theirs.load(Ordering::Acquire) <= i {
                park();
            }
        }
    });
    let goroutine = handle.goroutine().clone();
    let thread = std::thread::spawn(move || {
        for _ in 0..n {
            count.fetch_add(1, Ordering::AcqRel);
            goroutine.unpark();
        }
    });
    handle.join().unwrap();
    goroutines::blocking(|| thread.join().unwrap());
}

// Pinned ones and migratable ones join, block and panic alike.
#[goroutines::test(workers = 2)]
fn a_migratable_one_does_all_the_rest() {
    let handle = migratable(|| {
        let inner = migratable(|| spawn(|| 1).join().unwrap() + 1);
        let n = goroutines::blocking(|| 3) + inner.join().unwrap();
        goroutines::scope(|s| s.spawn(|| n).join().unwrap())
    });
    assert_eq!(handle.join().unwrap(), 5);
    let gone = migratable(|| {
        let _wait = crate::support::OnDrop(|| sleep(Duration::from_micros(10)));
        yield_now();
        goroutines::exit()
    });
    assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
    let payload = migratable(|| {
        let _wait = crate::support::OnDrop(|| {
            (0..50).for_each(|_| yield_now());
            assert!(std::thread::panicking());
        });
        std::panic::resume_unwind(Box::new(3));
    })
    .join()
    .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&3));
    for worker in 0..20 {
        assert!(!spawn(std::thread::panicking).join().unwrap(), "{worker}");
    }
}

thread_local! {
    static SHARED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

// RH-2: pinned ones stay, so a `RefCell` in a `thread_local!` is what its crate thinks it is.
#[goroutines::test(workers = 4)]
fn pinned_ones_stay_on_their_thread() {
    let handles: Vec<_> = (0..200_u64)
        .map(|me| {
            spawn(move || {
                let home = thread();
                let slot = SHARED.with_borrow_mut(|list| {
                    list.push(0);
                    list.len() - 1
                });
                // The address is the same for ever; a `LocalKey::with` of ours lasts across waits.
                SHARED.with(|cell| {
                    for round in 1..=(rounds(20) as u64) {
                        cell.borrow_mut()[slot] = me * 1_000 + round;
                        match round % 4 {
                            0 => sleep(Duration::from_micros(round % 50)),
                            1 => goroutines::park_timeout(Duration::from_micros(1)),
                            2 => drop(spawn(yield_now).join()),
                            _ => yield_now(),
                        }
                        assert_eq!(thread(), home);
                        assert_eq!(cell.borrow()[slot], me * 1_000 + round);
                        assert_eq!(SHARED.with_borrow(|list| list[slot]), me * 1_000 + round);
                    }
                });
            })
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
}

// spawn_local wins over migratable.
#[test]
fn a_local_one_does_not_move() {
    inside(|| {
        let here = thread();
        // SAFETY: as in `migratable`.
        let builder = unsafe { Builder::new().migratable() };
        let handle = builder
            .spawn_local(move || {
                for _ in 0..1_000 {
                    yield_now();
                    assert_eq!(thread(), here);
                }
            })
            .unwrap();
        handle.join().unwrap();
    });
}

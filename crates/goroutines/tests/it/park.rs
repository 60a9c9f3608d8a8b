//! `park`, `park_timeout`, `unpark`, `yield_now`: one token, in goroutines and on threads.

use crate::support::{Ball, both, inside, rounds, until};
use goroutines::{Goroutine, park, park_timeout, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(5);

/// Whether `f` returned before its time was over; `f` gets the time.
fn check(ends_early: bool, f: impl Fn(Duration) + Send + Sync) {
    both(|| {
        let start = Instant::now();
        if ends_early {
            f(LONG);
            assert!(
                start.elapsed() < LONG / 2,
                "it had its token and did not take it"
            );
        } else {
            f(SHORT);
            assert!(
                start.elapsed() >= SHORT,
                "it returned early, without a token"
            );
        }
    });
}

fn unpark_me() {
    goroutines::current().unpark();
}

#[test]
fn a_token_before_the_park_counts() {
    check(true, |time| {
        unpark_me();
        park_timeout(time);
    });
    both(|| {
        unpark_me();
        park();
    });
}

#[test]
fn a_token_counts_when_the_time_is_over() {
    check(false, |time| {
        unpark_me();
        park_timeout(Duration::ZERO);
        // It is used up.
        park_timeout(time);
    });
}

#[test]
fn several_tokens_are_one() {
    check(false, |time| {
        for _ in 0..3 {
            unpark_me();
        }
        park();
        park_timeout(time);
    });
}

#[test]
fn without_a_token_it_waits_out_its_time() {
    check(false, park_timeout);
    check(true, |_| park_timeout(Duration::ZERO));
}

#[test]
fn a_token_does_not_end_a_sleep_or_a_join() {
    check(false, |time| {
        unpark_me();
        goroutines::sleep(time);
        park();
    });
    both(|| {
        let me = goroutines::current();
        let handle = spawn(move || {
            me.unpark();
            yield_now();
            me.unpark();
            3
        });
        assert_eq!(handle.join().unwrap(), 3);
        park();
    });
}

// TI-3: for ever, but for a token.
#[test]
fn park_timeout_max_is_for_ever_but_for_a_token() {
    for time in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_nanos(u64::MAX),
    ] {
        both(|| {
            let done = Arc::new(AtomicBool::new(false));
            let theirs = done.clone();
            let handle = spawn(move || {
                park_timeout(time);
                theirs.store(true, Ordering::Release);
            });
            goroutines::sleep(SHORT);
            assert!(!done.load(Ordering::Acquire), "{time:?} was over soon");
            handle.goroutine().unpark();
            handle.join().unwrap();
        });
    }
}

#[test]
fn threads_and_goroutines_wake_each_other() {
    crate::support::start();
    let thread = goroutines::current();
    let handle = spawn(move || {
        thread.unpark();
        park();
        thread.unpark();
    });
    park();
    handle.goroutine().unpark();
    park();
    handle.join().unwrap();
    // A thread that other threads unpark.
    let me = goroutines::current();
    assert_eq!(me, goroutines::current(), "a thread is one and the same");
    std::thread::scope(|s| {
        s.spawn(|| me.unpark());
        park();
    });
}

#[test]
fn a_stale_handle_is_harmless() {
    both(|| {
        let stale: Vec<Goroutine> = (0..100)
            .map(|_| {
                let handle = spawn(|| ());
                let goroutine = handle.goroutine().clone();
                handle.join().unwrap();
                goroutine
            })
            .collect();
        // Those that come after them must not feel it, whatever records they have.
        let woken = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let parked: Vec<_> = (0..100)
            .map(|_| {
                let (woken, stop) = (woken.clone(), stop.clone());
                spawn(move || {
                    while !stop.load(Ordering::Acquire) {
                        park();
                        woken.fetch_add(1, Ordering::AcqRel);
                    }
                })
            })
            .collect();
        for goroutine in &stale {
            goroutine.unpark();
            assert_eq!(goroutine.name(), None);
        }
        goroutines::sleep(SHORT);
        assert_eq!(
            woken.load(Ordering::Acquire),
            0,
            "a stale handle woke a stranger"
        );
        stop.store(true, Ordering::Release);
        for handle in parked {
            handle.goroutine().unpark();
            handle.join().unwrap();
        }
        for goroutine in &stale {
            goroutine.unpark();
        }
        assert_eq!(goroutine_ids(&stale), 100);
    });
}

fn goroutine_ids(of: &[Goroutine]) -> usize {
    of.iter()
        .map(Goroutine::id)
        .collect::<std::collections::HashSet<_>>()
        .len()
}

#[test]
fn a_handle_outlives_its_thread() {
    crate::support::start();
    let gone = std::thread::spawn(goroutines::current).join().unwrap();
    gone.unpark();
    let next = std::thread::spawn(move || {
        let me = goroutines::current();
        assert_ne!(me, gone);
        gone.unpark();
        let start = Instant::now();
        park_timeout(SHORT);
        assert!(start.elapsed() >= SHORT);
    });
    next.join().unwrap();
}

/// A ball goes round; every lost wake stops it.
fn passes(players: usize, times: usize) {
    let ball = Ball::new(players);
    let handles: Vec<_> = (0..players)
        .map(|me| {
            let ball = ball.clone();
            spawn(move || {
                ball.enter(me);
                for _ in 0..times {
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

#[test]
fn a_ball_goes_round() {
    both(|| {
        passes(2, rounds(5_000));
        passes(10, rounds(500));
        passes(1_000, rounds(5));
    });
}

#[goroutines::test(workers = 1)]
fn a_ball_goes_round_on_1_worker() {
    passes(2, rounds(20_000));
    passes(1_000, rounds(10));
}

#[goroutines::test(workers = 8)]
fn a_ball_goes_round_on_8_workers() {
    passes(2, rounds(2_000));
    passes(100, rounds(20));
}

/// `rounds` of an unpark that races with the end of a `park_timeout`: no wake is lost, and each
/// round sees what the waker did.
fn race(rounds: usize, waker: impl FnOnce(Goroutine, Arc<AtomicUsize>) + Send) {
    let (number, me) = (Arc::new(AtomicUsize::new(0)), goroutines::current());
    let theirs = number.clone();
    std::thread::scope(|s| {
        s.spawn(move || waker(me, theirs));
        for round in 1..=rounds {
            let start = Instant::now();
            // Odd rounds time out most of the time; even ones wait for the waker only.
            let time = if round % 2 == 1 {
                Duration::from_nanos((round % 900) as u64)
            } else {
                LONG
            };
            while number.load(Ordering::Acquire) < round {
                park_timeout(time);
                assert!(start.elapsed() < LONG, "a wake was lost in round {round}");
            }
            number.fetch_add(1 << 32, Ordering::AcqRel);
            while number.load(Ordering::Acquire) >> 32 != 0 {
                yield_now();
            }
        }
    });
}

/// Ends the waits of [`race`], from a thread.
fn wake_each_round(rounds: usize) -> impl FnOnce(Goroutine, Arc<AtomicUsize>) {
    move |goroutine, number| {
        for round in 1..=rounds {
            number.store(round, Ordering::Release);
            goroutine.unpark();
            crate::support::until("the other side", || {
                number.load(Ordering::Acquire) >> 32 == 1
            });
            number.store(round, Ordering::Release);
        }
    }
}

#[test]
fn unpark_races_with_the_end_of_the_time() {
    let n = rounds(300);
    both(|| race(n, wake_each_round(n)));
}

// 100,000 rounds: the waker never waits for the sleeper, so that they meet at every step.
#[test]
fn no_wake_is_lost_in_100_000_rounds() {
    const ROUNDS: usize = 100_000;
    inside(|| {
        let number = Arc::new(AtomicUsize::new(0));
        let (theirs, seen) = (number.clone(), Arc::new(AtomicUsize::new(0)));
        let report = seen.clone();
        let sleeper = spawn(move || {
            let mut last = 0;
            while last < ROUNDS {
                let start = Instant::now();
                while number.load(Ordering::Acquire) == last {
                    let time = if last % 3 == 0 {
                        Duration::from_nanos(50)
                    } else {
                        LONG
                    };
                    park_timeout(time);
                    assert!(start.elapsed() < LONG, "a wake was lost after {last}");
                }
                last = number.load(Ordering::Acquire);
                report.store(last, Ordering::Release);
            }
        });
        let goroutine = sleeper.goroutine().clone();
        let waker = std::thread::spawn(move || {
            for round in 1..=ROUNDS {
                theirs.store(round, Ordering::Release);
                goroutine.unpark();
                if round % 64 == 0 {
                    while seen.load(Ordering::Acquire) < round {
                        std::thread::yield_now();
                    }
                }
            }
        });
        sleeper.join().unwrap();
        goroutines::blocking(|| waker.join().unwrap());
    });
}

// RT-2: everything that had started and was ready runs before the yielder goes on.
#[goroutines::test(workers = 1)]
fn yield_lets_all_that_are_ready_run() {
    let (turns, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..5)
        .map(|_| {
            let (turns, stop, started) = (turns.clone(), stop.clone(), started.clone());
            spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    turns.fetch_add(1, Ordering::Relaxed);
                    yield_now();
                }
            })
        })
        .collect();
    until("all have started", || started.load(Ordering::Relaxed) == 5);
    yield_now();
    for _ in 0..rounds(100) {
        let before = turns.load(Ordering::Relaxed);
        yield_now();
        assert_eq!(turns.load(Ordering::Relaxed), before + 5);
    }
    stop.store(true, Ordering::Relaxed);
    for other in others {
        other.join().unwrap();
    }
}

// RT-2, RT-3
#[goroutines::test(workers = 1)]
fn yielding_in_a_loop_sees_what_others_do() {
    for _ in 0..rounds(100) {
        let handle = spawn(yield_now);
        let mut turns = 0;
        while !handle.is_finished() {
            yield_now();
            turns += 1;
            assert!(
                turns < 1_000,
                "yielded 1,000 times, and the other did not run"
            );
        }
        // A thread outside, too.
        let me = goroutines::current();
        let thread = std::thread::spawn(move || {
            let theirs = spawn(move || me.unpark());
            theirs.join().unwrap();
        });
        while !thread.is_finished() {
            yield_now();
        }
        park();
    }
}

// On a thread, and alone in a goroutine, yielding just returns.
#[test]
fn yielding_alone_returns() {
    both(|| (0..10_000).for_each(|_| yield_now()));
}

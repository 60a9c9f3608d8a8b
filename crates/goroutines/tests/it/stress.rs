//! Everything at once, for as many rounds as `GOROUTINES_STRESS` asks for, on 1, 2 and 8 workers.

use crate::support::{OnDrop, Tally, rounds, until};
use goroutines::sync::WaitGroup;
use goroutines::{Goroutine, blocking, park_timeout, scope, sleep, spawn, yield_now};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A small generator of numbers: the test's own, so that a seed repeats.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// One goroutine's mixture: waits, children, panics, exits, wakes of strangers.
fn mixture(seed: u64, depth: usize, tally: &Tally, others: &'static Mutex<Vec<Goroutine>>) {
    let _one = tally.one();
    let mut numbers = Numbers(seed | 1);
    others.lock().unwrap().push(goroutines::current());
    let mut children = Vec::new();
    let wg = WaitGroup::new();
    for _ in 0..8 {
        let seed = numbers.below(u64::MAX);
        let (inner, one) = (tally.clone(), tally.one());
        match numbers.below(12) {
            0 => sleep(Duration::from_micros(numbers.below(200))),
            1 => park_timeout(Duration::from_micros(numbers.below(200))),
            2 | 3 => yield_now(),
            4 if depth > 0 => wg.go(move || mixture(seed, depth - 1, &inner, others)),
            5 | 6 if depth > 0 => children.push(spawn(move || {
                mixture(seed, depth - 1, &inner, others);
                one
            })),
            7 if depth > 0 => drop(spawn(move || {
                mixture(seed, depth - 1, &inner, others);
                one
            })),
            8 => {
                let handle = spawn(move || {
                    let _wait = OnDrop(|| sleep(Duration::from_micros(seed % 100)));
                    let _one = one;
                    if seed.is_multiple_of(2) {
                        goroutines::exit()
                    }
                    std::panic::resume_unwind(Box::new(inner.one()))
                });
                if seed.is_multiple_of(3) {
                    assert!(handle.join().is_err());
                }
            }
            9 => blocking(|| drop(one)),
            10 => scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| drop(tally.one()));
                }
            }),
            _ => {
                let list = others.lock().unwrap();
                let at = numbers.below(list.len() as u64) as usize;
                let stranger = list[at].clone();
                drop(list);
                stranger.unpark();
            }
        }
        assert!(!std::thread::panicking());
    }
    for child in children {
        if numbers.below(3) > 0 {
            drop(child.join().unwrap());
        }
    }
    wg.wait();
}

fn storm(seed: u64) {
    static OTHERS: Mutex<Vec<Goroutine>> = Mutex::new(Vec::new());
    for round in 0..rounds(3) as u64 {
        let tally = Tally::default();
        let theirs = tally.clone();
        let wg = WaitGroup::new();
        for i in 0..20 {
            let tally = tally.clone();
            wg.go(move || mixture(seed ^ (round << 32) ^ (i * 7_919), 3, &tally, &OTHERS));
        }
        // Threads take part.
        std::thread::scope(|s| {
            let threads: Vec<_> = (0..2)
                .map(|i| {
                    let tally = theirs.clone();
                    s.spawn(move || mixture(seed ^ (i + 99), 1, &tally, &OTHERS))
                })
                .collect();
            blocking(|| threads.into_iter().for_each(|t| t.join().unwrap()));
        });
        wg.wait();
        until("all have ended", || goroutines::num_goroutines() == 1);
        drop(theirs);
        tally.until_balanced();
        OTHERS.lock().unwrap().clear();
        assert!(!OTHERS.is_poisoned());
    }
}

#[goroutines::test(workers = 1)]
fn a_storm_on_1_worker() {
    storm(1);
}

#[goroutines::test(workers = 2)]
fn a_storm_on_2_workers() {
    storm(2);
}

#[goroutines::test(workers = 8)]
fn a_storm_on_8_workers() {
    storm(3);
}

/// Handles joined, dropped and looked at while their goroutines end, from both sides.
fn ends(workers: usize) {
    for round in 0..rounds(200) {
        let tally = Tally::default();
        let handles: Vec<_> = (0..workers * 4)
            .map(|_| {
                let one = tally.one();
                spawn(move || one)
            })
            .collect();
        let joined = AtomicUsize::new(0);
        scope(|s| {
            for (i, handle) in handles.into_iter().enumerate() {
                let joined = &joined;
                s.spawn(move || match (i + round) % 4 {
                    0 => drop(handle),
                    1 => {
                        while !handle.is_finished() {
                            yield_now();
                        }
                        drop(handle);
                    }
                    _ => {
                        drop(handle.join().unwrap());
                        joined.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(joined.into_inner(), workers * 2);
        tally.until_balanced();
    }
}

#[goroutines::test(workers = 1)]
fn ends_and_joins_on_1_worker() {
    ends(1);
}

#[goroutines::test(workers = 2)]
fn ends_and_joins_on_2_workers() {
    ends(2);
}

#[goroutines::test(workers = 8)]
fn ends_and_joins_on_8_workers() {
    ends(8);
}

/// Waits with deadlines that are all about to pass while they are woken.
fn wakes() {
    for _ in 0..rounds(20) {
        let handles: Vec<_> = (0..100_u64)
            .map(|i| {
                spawn(move || {
                    for j in 0..5 {
                        park_timeout(Duration::from_micros((i * 31 + j * 17) % 90));
                    }
                })
            })
            .collect();
        let goroutines: Vec<_> = handles.iter().map(|h| h.goroutine().clone()).collect();
        let (all, thread) = (goroutines.clone(), goroutines);
        let outside = std::thread::spawn(move || thread.iter().for_each(Goroutine::unpark));
        let inside = spawn(move || {
            for goroutine in all.iter().rev() {
                goroutine.unpark();
                yield_now();
            }
        });
        for handle in handles {
            handle.join().unwrap();
        }
        inside.join().unwrap();
        blocking(|| outside.join().unwrap());
    }
}

#[goroutines::test(workers = 1)]
fn wakes_and_deadlines_on_1_worker() {
    wakes();
}

#[goroutines::test(workers = 2)]
fn wakes_and_deadlines_on_2_workers() {
    wakes();
}

#[goroutines::test(workers = 8)]
fn wakes_and_deadlines_on_8_workers() {
    wakes();
}

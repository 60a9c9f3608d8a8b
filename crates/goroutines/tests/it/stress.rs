//! Everything at once, for as many rounds as `GOROUTINES_STRESS` asks for, on 1, 2 and 8 workers.

use crate::support::{Ball, Dice, OnDrop, Tally, everybody, on_workers, rounds, until};
use goroutines::channel::{Receiver, after, bounded};
use goroutines::sync::{Condvar, Mutex, OnceLock, RwLock, Semaphore, WaitGroup};
use goroutines::{
    Goroutine, JoinHandle, blocking, park_timeout, scope, select, sleep, spawn, yield_now,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_workers! {
    a_storm
    ends_and_joins
    cancels
    wakes_and_deadlines
    balls
    scopes
    groups
}

/// One goroutine's mixture: waits, children, panics, exits, wakes of strangers.
fn mixture(
    seed: u64,
    depth: usize,
    tally: &Tally,
    others: &'static std::sync::Mutex<Vec<Goroutine>>,
) {
    let _one = tally.one();
    let mut numbers = Dice(seed);
    others.lock().unwrap().push(goroutines::current());
    let mut children = Vec::new();
    let wg = WaitGroup::new();
    for _ in 0..8 {
        let seed = numbers.below(1 << 31);
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

fn a_storm() {
    let seed = goroutines::runtime::metrics().workers.len() as u64;
    static OTHERS: std::sync::Mutex<Vec<Goroutine>> = std::sync::Mutex::new(Vec::new());
    for round in 0..rounds(20) as u64 {
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

/// Handles joined, dropped and looked at while their goroutines end, from all sides.
fn ends_and_joins() {
    const N: usize = 24;
    for round in 0..rounds(100) {
        let tally = Tally::default();
        let handles: Vec<_> = (0..N)
            .map(|_| {
                let one = tally.one();
                spawn(move || one)
            })
            .collect();
        let handles = std::sync::Mutex::new(handles);
        let joined = AtomicUsize::new(0);
        everybody(4, 2, |_| {
            let next = || {
                let mut handles = handles.lock().unwrap();
                Some((handles.pop()?, handles.len()))
            };
            while let Some((handle, i)) = next() {
                match (i + round) % 4 {
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
                }
            }
        });
        assert_eq!(joined.into_inner(), N / 2);
        tally.until_balanced();
    }
}

/// What goroutines wait for until it is opened.
struct Gates {
    group: WaitGroup,
    closed: Receiver<()>,
    cell: OnceLock<()>,
    flag: Mutex<bool>,
    changed: Condvar,
    lock: Mutex<()>,
    shared: RwLock<()>,
    permits: Semaphore,
}

const WAITS: usize = 14;

/// Waits in one of so many ways for these gates, or for a time.
fn wait(kind: usize, gates: &Arc<Gates>) {
    let soon = Duration::from_micros(100);
    let closed = &gates.closed;
    match kind {
        0 => sleep(soon),
        1 => park_timeout(soon),
        2 => gates.group.wait(),
        3 => assert!(closed.recv().is_err()),
        4 => select! {
            recv(closed) -> value => assert!(value.is_err()),
            recv(after(soon)) -> at => assert!(at.is_ok()),
        },
        5 => *gates.cell.wait(),
        6 => {
            let flag = gates.flag.lock().unwrap();
            let flag = gates.changed.wait_while(flag, |open| !*open).unwrap();
            assert!(*flag);
        }
        7 => *gates.lock.lock().unwrap(),
        8 => *gates.shared.read().unwrap(),
        9 => *gates.shared.write().unwrap(),
        10 => assert_eq!(gates.permits.acquire(1).count(), 1),
        11 => {
            let theirs = gates.clone();
            spawn(move || theirs.group.wait()).join().unwrap();
        }
        12 => scope(|s| {
            s.spawn(|| gates.group.wait());
            s.spawn(|| assert!(closed.recv().is_err()));
        }),
        WAITS.. => unreachable!(),
        _ => assert!(goroutines::block_on(closed.recv_async()).is_err()),
    }
}

/// Cancelled in all kinds of waits, from all sides, just as these end: a goroutine either gets what it waited
/// for or is unwound, and leaves nothing behind.
fn cancels() {
    for round in 0..rounds(20) as u64 {
        let (tally, ended) = (Tally::default(), AtomicUsize::new(0));
        let (open, closed) = bounded(0);
        let gates = Arc::new(Gates {
            group: WaitGroup::new(),
            closed,
            cell: OnceLock::new(),
            flag: Mutex::new(false),
            changed: Condvar::new(),
            lock: Mutex::new(()),
            shared: RwLock::new(()),
            permits: Semaphore::new(1),
        });
        gates.group.add(1);
        let held = (
            gates.lock.lock(),
            gates.shared.write(),
            gates.permits.acquire(1),
        );
        let victims: Vec<_> = (0..3 * WAITS)
            .map(|i| {
                let (gates, one) = (gates.clone(), tally.one());
                spawn(move || {
                    wait(i % WAITS, &gates);
                    one
                })
            })
            .collect();
        let goroutines: Vec<_> = (0..3).map(|_| std::sync::Mutex::new(Vec::new())).collect();
        for (i, victim) in victims.into_iter().enumerate() {
            // Each kind is cancelled by each of them.
            goroutines[i / WAITS].lock().unwrap().push(victim);
        }
        let mut dice = Dice(round);
        (0..dice.below(40)).for_each(|_| yield_now());
        let cancel = |i: usize| {
            let mut dice = Dice(round * 3 + i as u64);
            let victims: Vec<JoinHandle<_>> = std::mem::take(&mut *goroutines[i].lock().unwrap());
            for victim in &victims {
                (0..dice.below(3)).for_each(|_| yield_now());
                victim.cancel();
            }
            for victim in victims {
                match victim.join() {
                    Ok(one) => drop(one),
                    Err(payload) => assert!(payload.is::<goroutines::Cancelled>()),
                }
                ended.fetch_add(1, Ordering::Relaxed);
            }
        };
        scope(|s| {
            s.spawn(|| everybody(2, 1, cancel));
            (0..dice.below(20)).for_each(|_| yield_now());
            drop(open);
            gates.group.done();
            gates.cell.set(()).unwrap();
            *gates.flag.lock().unwrap() = true;
            gates.changed.notify_all();
            drop(held);
        });
        assert_eq!(ended.into_inner(), 3 * WAITS);
        tally.until_balanced();
        until("all have ended", || goroutines::num_goroutines() == 1);
        assert!(gates.lock.try_lock().is_ok() && gates.shared.try_write().is_ok());
        assert_eq!(gates.permits.available(), 1);
    }
}

/// Waits with deadlines that are all about to pass while they are woken.
fn wakes_and_deadlines() {
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

/// Balls that goroutines and threads hand each other by `park` and `unpark`.
fn balls() {
    for players in [2, 3, 12] {
        let (ball, n) = (Ball::new(players), rounds(100));
        everybody(players - 1, 1, |me| {
            ball.enter(me);
            for _ in 0..n {
                ball.take(me);
                ball.pass();
            }
        });
    }
}

/// Scopes in scopes, of goroutines and of threads, that borrow what is gone afterwards.
fn scopes() {
    let total = AtomicUsize::new(0);
    everybody(6, 3, |_| {
        for round in 0..rounds(30) {
            let places: [AtomicUsize; 4] = Default::default();
            scope(|s| {
                for place in &places {
                    let add = || place.fetch_add(round, Ordering::Relaxed);
                    s.spawn(move || {
                        scope(|s| {
                            s.spawn(add);
                            s.spawn(add);
                        });
                        add();
                    });
                }
            });
            for place in places {
                assert_eq!(place.into_inner(), 3 * round);
            }
            total.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(total.into_inner(), 9 * rounds(30));
}

/// WG-6, WG-7, WG-11: one group, used again and again, with those who wait and those who are waited for on
/// both sides.
fn groups() {
    let group = WaitGroup::new();
    for _ in 0..rounds(100) {
        let done = AtomicUsize::new(0);
        group.add(6);
        everybody(9, 3, |i| {
            if i % 2 == 0 {
                done.fetch_add(1, Ordering::Relaxed);
                group.done();
            } else {
                group.wait();
                assert_eq!(done.load(Ordering::Relaxed), 6);
            }
        });
        group.wait();
    }
}

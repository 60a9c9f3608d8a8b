//! `SingleFlight`: SEMANTICS SF-1 to SF-6, but SF-4: there is no form with a channel, see README.md of the room.

use crate::support::{both, everybody, inside, moment, on_workers, quiet_panic, rounds, until};
use goroutines::sync::{Flight, SingleFlight};
use goroutines::{exit, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// SF-1, SF-3
#[test]
fn one_call_at_a_time_and_nothing_is_kept() {
    both(|| {
        let flights = SingleFlight::new();
        for n in 0..3 {
            let flight = flights.run("key", || n).unwrap();
            assert_eq!(
                flight,
                Flight {
                    value: n,
                    shared: false
                }
            );
        }
    });
}

// SF-1, SF-2; Go's TestDoDupSuppress
#[test]
fn duplicates_share() {
    inside(|| {
        let flights = Arc::new(SingleFlight::new());
        let (free, calls) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let runs: Vec<_> = (0..10)
            .map(|i| {
                let (flights, free, calls) = (flights.clone(), free.clone(), calls.clone());
                let run = move || {
                    flights.run("key".to_owned(), || {
                        calls.fetch_add(1, Ordering::SeqCst);
                        until("told", || free.load(Ordering::SeqCst));
                        i
                    })
                };
                let run = spawn(run);
                moment();
                run
            })
            .collect();
        // Another key has nothing to do with it.
        assert_eq!(flights.run("other".to_owned(), || 99).unwrap().value, 99);
        free.store(true, Ordering::SeqCst);
        let values: Vec<_> = runs
            .into_iter()
            .map(|r| r.join().unwrap().unwrap())
            .collect();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(
            values
                .iter()
                .all(|f| f.shared && f.value == values[0].value)
        );
    });
}

fn many_keys_many_callers() {
    let flights = SingleFlight::new();
    let inside: [AtomicUsize; 4] = Default::default();
    everybody(16, 4, |i| {
        for _ in 0..rounds(50) {
            let key = i % 4;
            let flight = flights.run(key, || {
                assert_eq!(inside[key].fetch_add(1, Ordering::SeqCst), 0);
                yield_now();
                inside[key].fetch_sub(1, Ordering::SeqCst);
                key * 10
            });
            assert_eq!(flight.unwrap().value, key * 10);
        }
    });
}

on_workers! {
    many_keys_many_callers
    leaders_are_cancelled
}

// SF-5; Go's TestForget
#[test]
fn forget_starts_anew() {
    inside(|| {
        let flights = Arc::new(SingleFlight::new());
        let free = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let start = |which: usize| {
            let (fl, free) = (flights.clone(), free.clone());
            let run = spawn(move || {
                fl.run(1, || {
                    until("told", || free[which].load(Ordering::SeqCst));
                    which
                })
            });
            moment();
            run
        };
        let old = start(0);
        let old_too = start(0);
        flights.forget(&1);
        let new = start(1);
        free[0].store(true, Ordering::SeqCst);
        assert_eq!(
            old.join().unwrap().unwrap(),
            Flight {
                value: 0,
                shared: true
            }
        );
        assert_eq!(old_too.join().unwrap().unwrap().value, 0);
        // The old one's end has not taken the new entry away.
        let joins = start(0);
        free[1].store(true, Ordering::SeqCst);
        assert_eq!(
            new.join().unwrap().unwrap(),
            Flight {
                value: 1,
                shared: true
            }
        );
        assert_eq!(joins.join().unwrap().unwrap().value, 1);
        flights.forget(&7);
    });
}

// SF-6; Go's TestPanicDo
#[test]
fn a_panic_reaches_all() {
    inside(|| {
        let flights = Arc::new(SingleFlight::<u32, u32>::new());
        let runs: Vec<_> = (0..5)
            .map(|_| {
                let flights = flights.clone();
                let run = spawn(move || {
                    flights.run(1, || {
                        goroutines::sleep(std::time::Duration::from_millis(50));
                        quiet_panic()
                    })
                });
                moment();
                run
            })
            .collect();
        for run in runs {
            let error = run.join().unwrap().unwrap_err();
            assert_eq!(error.message(), "quiet");
            assert_eq!(error.to_string(), "the shared call panicked: quiet");
        }
        assert_eq!(flights.run(1, || 5).unwrap().value, 5);
    });
}

// SF-6; Go's TestGoexitDo
#[test]
fn an_exit_leaves_nobody_waiting() {
    inside(|| {
        let flights = Arc::new(SingleFlight::<u32, u32>::new());
        let fl = flights.clone();
        let gone = spawn(move || {
            fl.run(1, || {
                goroutines::sleep(std::time::Duration::from_millis(20));
                exit()
            })
        });
        moment();
        let fl = flights.clone();
        let joined = spawn(move || fl.run(1, || unreachable!()));
        assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
        assert_eq!(
            joined.join().unwrap().unwrap_err().message(),
            "its goroutine exited"
        );
        assert_eq!(flights.run(1, || 5).unwrap().value, 5);
    });
}

// A leader that is cancelled finds the lock taken, and still tells that it has gone.
fn leaders_are_cancelled() {
    let flights = SingleFlight::new();
    let stop = AtomicBool::new(false);
    everybody(5, 1, |i| {
        if i > 0 {
            while !stop.load(Ordering::Relaxed) {
                for key in 0..20 {
                    let _ = flights.run(i * 100 + key, || ());
                }
                yield_now();
            }
            return;
        }
        for _ in 0..rounds(300) {
            goroutines::scope(|s| {
                let leads = s.spawn(|| {
                    let _ = flights.run(1, yield_now);
                });
                yield_now();
                leads.cancel();
                let _ = leads.join();
            });
            assert!(flights.run(1, || ()).is_ok());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

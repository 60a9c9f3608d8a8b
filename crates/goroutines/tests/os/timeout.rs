//! `time::timeout`.

use crate::support::{HOUR, Tally, both, everybody, inside, on_workers, rounds, until};
use goroutines::channel::bounded;
use goroutines::time::{sleep, timeout};
use goroutines::{num_goroutines, spawn};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Counts when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_result_in_time() {
    both(|| {
        assert_eq!(timeout(HOUR, || "done"), Ok("done"));
        assert_eq!(timeout(Duration::MAX, || "done"), Ok("done"));
    });
}

#[test]
fn too_late_and_unwound() {
    both(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let dropped = Dropped(count.clone());
        let late = timeout(Duration::from_millis(2), move || {
            let _dropped = dropped;
            sleep(HOUR);
        });
        assert_eq!(late.unwrap_err().to_string(), "the time is over");
        until("the call is unwound", || count.load(SeqCst) == 1);
    });
}

#[test]
fn it_does_not_wait_for_what_cannot_be_cancelled() {
    both(|| {
        let (release, held) = bounded::<()>(0);
        let (done, seen) = bounded(1);
        let late = timeout(Duration::from_millis(2), move || {
            goroutines::blocking(|| held.recv().unwrap_err());
            done.send(()).unwrap();
            sleep(HOUR);
        });
        assert!(late.is_err());
        drop(release);
        // It goes on to its next wait; whether the send is one depends on the moment.
        let _ = seen.recv();
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    both(|| {
        let payload = catch_unwind(|| timeout(HOUR, || std::panic::panic_any(7))).unwrap_err();
        assert_eq!(*payload.downcast::<i32>().unwrap(), 7);
    });
}

#[test]
fn a_cancelled_caller_cancels_the_call() {
    inside(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let dropped = Dropped(count.clone());
        let (begun, started) = bounded::<()>(0);
        let caller = spawn(move || {
            timeout(HOUR, move || {
                let _dropped = dropped;
                begun.send(()).unwrap();
                sleep(HOUR);
            })
        });
        started.recv().unwrap();
        caller.cancel();
        assert!(caller.join().unwrap_err().is::<goroutines::Cancelled>());
        until("the call is unwound", || count.load(SeqCst) == 1);
    });
}

/// Calls that end at about the time that is over: each value is given to one, or dropped once.
fn at_the_last_moment() {
    let tally = Tally::default();
    everybody(4, 2, |_| {
        for round in 0..rounds(150) {
            let value = tally.one();
            let time = Duration::from_micros(round as u64 % 150);
            let result = timeout(time, move || {
                if round % 3 == 0 {
                    sleep(time);
                }
                value
            });
            drop(result);
        }
    });
    tally.until_balanced();
    until("all gone", || num_goroutines() == 1);
}

on_workers!(at_the_last_moment);

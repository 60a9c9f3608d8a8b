//! Join handles as futures.

use super::support::{Tally, Wakes, on_workers, poll_once, rounds, until};
use futures::future::join_all;
use goroutines::channel::bounded;
use goroutines::{Cancelled, Exited, JoinHandle, block_on, spawn, yield_now};
use std::pin::Pin;
use std::task::{Context, Poll};

on_workers! {
    many
    dropped_after_a_poll
    joined_after_a_poll
    polled_with_one_waker_after_the_other
    races_with_the_end
}

fn many() {
    let handles: Vec<JoinHandle<usize>> = (0..1_000)
        .map(|i| {
            spawn(move || {
                if i % 3 == 0 {
                    yield_now();
                }
                i
            })
        })
        .collect();
    let sum: usize = block_on(join_all(handles))
        .into_iter()
        .map(Result::unwrap)
        .sum();
    assert_eq!(sum, 499_500);
}

#[goroutines::test]
fn what_it_left_is_an_error() {
    let panicked = block_on(spawn(|| -> u32 { panic!("mine") }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "mine");
    let exited = block_on(spawn(|| -> u32 { goroutines::exit() }));
    assert!(exited.unwrap_err().is::<Exited>());
    let (_s, r) = bounded::<()>(0);
    let sleeper = spawn(move || r.recv().is_ok());
    sleeper.cancel();
    assert!(block_on(sleeper).unwrap_err().is::<Cancelled>());
}

/// A goroutine that returns when it is told to.
fn waits(
    tally: &Tally,
) -> (
    goroutines::channel::Sender<()>,
    JoinHandle<super::support::Counted>,
) {
    let (s, r) = bounded::<()>(0);
    let counted = tally.one();
    let handle = spawn(move || {
        r.recv().unwrap();
        counted
    });
    (s, handle)
}

fn dropped_after_a_poll() {
    let tally = Tally::default();
    let (s, mut handle) = waits(&tally);
    let (wakes, waker) = Wakes::new();
    assert!(
        Pin::new(&mut handle)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(handle);
    drop(waker);
    assert_eq!(
        std::sync::Arc::strong_count(&wakes),
        1,
        "its waker has gone"
    );
    s.send(()).unwrap();
    until("the result is dropped", || tally.alive() == 0);
    assert_eq!(wakes.count(), 0);
}

fn joined_after_a_poll() {
    let tally = Tally::default();
    let (s, mut handle) = waits(&tally);
    assert!(poll_once(&mut handle).is_pending());
    s.send(()).unwrap();
    drop(handle.join().unwrap());
    assert_eq!(tally.alive(), 0);
}

fn polled_with_one_waker_after_the_other() {
    let tally = Tally::default();
    let (s, mut handle) = waits(&tally);
    let (first, waker) = Wakes::new();
    for _ in 0..3 {
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut handle).poll(&mut cx).is_pending());
    }
    let (second, waker) = Wakes::new();
    assert!(
        Pin::new(&mut handle)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    s.send(()).unwrap();
    until("it is woken", || second.count() == 1);
    assert_eq!(first.count(), 0);
    assert!(handle.is_finished());
    let Poll::Ready(result) = poll_once(&mut handle) else {
        panic!("it has ended")
    };
    assert!(handle.is_finished(), "as before");
    drop(handle);
    assert_eq!(tally.alive(), 1, "the result is ours");
    drop(result.unwrap());
    assert_eq!(tally.alive(), 0);
}

/// Polls, joins and drops while the goroutine ends.
fn races_with_the_end() {
    let tally = Tally::default();
    for round in 0..rounds(3_000) {
        let counted = tally.one();
        let mut handle = spawn(move || counted);
        if round % 2 == 0 {
            yield_now();
        }
        match (poll_once(&mut handle), round % 3) {
            (Poll::Ready(result), _) => drop(result.unwrap()),
            (_, 0) => drop(handle),
            (_, 1) => drop(handle.join().unwrap()),
            _ => drop(block_on(handle).unwrap()),
        }
    }
    until("all results are dropped", || tally.alive() == 0);
}

#[goroutines::test]
fn a_result_is_given_once() {
    for joins in [false, true] {
        let mut handle = spawn(|| 1);
        assert_eq!(block_on(&mut handle).unwrap(), 1);
        let again = spawn(move || {
            if joins {
                drop(handle.join());
            } else {
                drop(poll_once(&mut handle));
            }
        });
        let message = *again.join().unwrap_err().downcast::<&str>().unwrap();
        assert!(
            message.contains("after it had given its result"),
            "{message}"
        );
    }
}

/// A waker that panics is its own problem.
#[goroutines::test]
fn a_waker_that_panics() {
    struct Bad;
    impl std::task::Wake for Bad {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("a bad waker");
        }
    }
    let tally = Tally::default();
    let (s, mut handle) = waits(&tally);
    let waker = std::sync::Arc::new(Bad).into();
    assert!(
        Pin::new(&mut handle)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    s.send(()).unwrap();
    drop(handle.join().unwrap());
}

use std::future::Future;

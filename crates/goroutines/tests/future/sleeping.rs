//! `sleep` as a future.

use super::support::{Wakes, on_workers, poll_once, turns};
use futures::future::{Either, join_all, select};
use goroutines::{block_on, future, spawn};
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::thread;
use std::time::{Duration, Instant};

on_workers! {
    never_early
    many_go_away
    the_earlier_one_is_first
}

fn never_early() {
    let all = (0..200).map(|i| {
        future::spawn(async move {
            let (start, nap) = (Instant::now(), Duration::from_micros(i * 50));
            future::sleep(nap).await;
            assert!(start.elapsed() >= nap);
        })
    });
    block_on(join_all(all)).into_iter().for_each(Result::unwrap);
}

fn many_go_away() {
    for i in 0..2_000 {
        let far = future::sleep(Duration::from_secs(3_600));
        let left = block_on(select(far, turns(i % 3)));
        assert!(matches!(left, Either::Right(_)));
    }
    // While they are due.
    for i in 0..500 {
        let near = future::sleep(Duration::from_micros(i % 50));
        drop(block_on(select(near, turns(i as usize % 20))));
    }
}

fn the_earlier_one_is_first() {
    let far = future::sleep(Duration::from_secs(3_600));
    let near = future::sleep(Duration::from_millis(2));
    assert!(matches!(block_on(select(far, near)), Either::Right(_)));
}

#[goroutines::test]
fn reset() {
    let (wakes, waker) = Wakes::new();
    let mut sleep = future::sleep(Duration::from_secs(3_600));
    assert!(
        Pin::new(&mut sleep)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    sleep.reset(Instant::now() + Duration::from_millis(1));
    block_on(&mut sleep);
    assert_eq!(wakes.count(), 0);
    sleep.reset(Instant::now() + Duration::from_secs(3_600));
    assert!(poll_once(&mut sleep).is_pending(), "it can be used again");
    assert!(poll_once(&mut future::sleep(Duration::MAX)).is_pending());
    assert!(poll_once(&mut future::sleep(Duration::ZERO)).is_ready());
}

#[test]
fn on_plain_threads() {
    let threads = (1..=4).map(|i| {
        thread::spawn(move || {
            let (start, nap) = (Instant::now(), Duration::from_millis(i));
            block_on(future::sleep(nap));
            block_on(future::sleep_until(start + 2 * nap));
            assert!(start.elapsed() >= 2 * nap);
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// A cancelled goroutine takes its timer with it.
#[goroutines::test]
fn cancelled() {
    let sleeper = spawn(|| block_on(future::sleep(Duration::from_secs(3_600))));
    block_on(turns(3));
    sleeper.cancel();
    assert!(sleeper.join().unwrap_err().is::<goroutines::Cancelled>());
}

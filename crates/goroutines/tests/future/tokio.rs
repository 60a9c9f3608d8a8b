//! Futures that run on tokio.

use super::support::{Tally, on_workers, until};
use goroutines::channel::bounded;
use goroutines::{Cancelled, spawn};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

on_workers! {
    results
    a_cancel_aborts
}

fn results() {
    let all: Vec<_> = (0..100_u64)
        .map(|i| {
            spawn(move || {
                goroutines::tokio::run(async move {
                    tokio::time::sleep(Duration::from_micros(i)).await;
                    tokio::spawn(async move { i }).await.unwrap()
                })
            })
        })
        .collect();
    let sum: u64 = all.into_iter().map(|h| h.join().unwrap()).sum();
    assert_eq!(sum, 4_950);
}

fn a_cancel_aborts() {
    let tally = Tally::default();
    let counted = tally.one();
    let (s, r) = bounded(0);
    let waits = spawn(move || {
        goroutines::tokio::run(async move {
            let _counted = counted;
            s.send_async(()).await.unwrap();
            pending::<()>().await;
        })
    });
    r.recv().unwrap();
    waits.cancel();
    assert!(waits.join().unwrap_err().is::<Cancelled>());
    until("tokio has dropped it", || tally.alive() == 0);
}

#[goroutines::test]
fn a_panic_goes_on() {
    let run = || goroutines::tokio::run(async { panic!("mine") });
    let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "mine");
}

#[test]
fn from_a_plain_thread_and_with_another_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let name = goroutines::tokio::run_on(runtime.handle(), async {
        std::thread::current().name().map(str::to_owned)
    });
    assert!(name.is_some_and(|n| n.contains("tokio")));
    assert_eq!(goroutines::tokio::run(async { 1 }), 1);
    assert!(goroutines::tokio::set_handle(runtime.handle().clone()).is_err());
}

/// Our channels and goroutines, awaited by tokio's tasks.
#[goroutines::test]
fn tokio_awaits_goroutines() {
    let (s, r) = bounded(0);
    let sends = spawn(move || (0..100).for_each(|i| s.send(i).unwrap()));
    let sum = goroutines::tokio::run(async move {
        let mut sum = 0;
        while let Ok(n) = r.recv_async().await {
            sum += n;
        }
        sends.await.unwrap();
        goroutines::future::sleep(Duration::from_millis(1)).await;
        sum
    });
    assert_eq!(sum, 4_950);
}

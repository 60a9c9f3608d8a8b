//! Tasks on the workers.

use super::support::{Tally, on_workers, rounds, turns, until};
use futures::future::join_all;
use goroutines::channel::{bounded, unbounded};
use goroutines::future::{self, Task};
use goroutines::{Cancelled, Exited, block_on, go, spawn};
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

on_workers! {
    a_hundred_thousand
    tasks_that_park
    detached
    cancelled
    woken_from_threads
    one_that_wakes_itself_lets_others_run
    a_chain
}

fn a_hundred_thousand() {
    let (s, r) = unbounded::<()>();
    let tasks: Vec<Task<usize>> = (0..100_000)
        .map(|i| {
            let r = (i % 1_000 == 0).then(|| r.clone());
            future::spawn(async move {
                turns(i % 3).await;
                if let Some(r) = r {
                    assert!(r.recv_async().await.is_err());
                }
                i
            })
        })
        .collect();
    drop(s);
    let mut sum = 0;
    block_on(async {
        for task in tasks {
            sum += task.await.unwrap();
        }
    });
    assert_eq!(sum, 4_999_950_000);
}

/// What blocks a goroutine inside a poll blocks that goroutine: other tasks go on.
fn tasks_that_park() {
    let (s, r) = bounded::<usize>(0);
    let parked: Vec<Task<usize>> = (0..100)
        .map(|_| {
            let r = r.clone();
            future::spawn(async move { r.recv().unwrap() })
        })
        .collect();
    block_on(join_all((0..100).map(|i| future::spawn(turns(i % 5)))));
    assert!(parked.iter().all(|task| !task.is_finished()));
    let sends = future::spawn(async move {
        for i in 0..100 {
            s.send(i).unwrap();
        }
    });
    let sum: usize = parked.into_iter().map(|task| task.join().unwrap()).sum();
    sends.join().unwrap();
    assert_eq!(sum, 4_950);
}

fn detached() {
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let count = count.clone();
        drop(future::spawn(async move {
            turns(2).await;
            count.fetch_add(1, Ordering::SeqCst);
        }));
    }
    until("all have run", || count.load(Ordering::SeqCst) == 1_000);
}

fn cancelled() {
    let tally = Tally::default();
    for round in 0..rounds(300) {
        let counted = tally.one();
        let task = future::spawn(async move {
            let _counted = counted;
            turns(round % 5).await;
            pending::<()>().await;
        });
        if round % 2 == 0 {
            block_on(turns(round % 3));
        }
        assert!(block_on(task.cancel()).is_none());
        assert_eq!(tally.alive(), 0, "its future has gone");
    }
    let task = future::spawn(async { 5 });
    until("it ends", || task.is_finished());
    assert_eq!(block_on(task.cancel()).unwrap().unwrap(), 5);
}

#[goroutines::test]
fn what_it_left_is_an_error() {
    let panicked = future::spawn(async { panic!("mine") });
    let payload = panicked.join().unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "mine");
    let exited = future::spawn(async { goroutines::exit() });
    assert!(exited.join().unwrap_err().is::<Exited>());
}

#[goroutines::test]
fn a_result_is_given_once() {
    let mut task = future::spawn(async { 1 });
    assert_eq!(block_on(&mut task).unwrap(), 1);
    assert!(task.is_finished());
    assert!(block_on(&mut task).unwrap_err().is::<Cancelled>());
}

fn woken_from_threads() {
    let (give, wakers) = std::sync::mpsc::channel::<Waker>();
    let give = Arc::new(Mutex::new(give));
    let tasks: Vec<_> = (0..rounds(2_000))
        .map(|_| {
            let give = give.clone();
            let mut first = true;
            future::spawn(poll_fn(move |cx| {
                if std::mem::take(&mut first) {
                    give.lock().unwrap().send(cx.waker().clone()).unwrap();
                    return Poll::Pending;
                }
                Poll::Ready(())
            }))
        })
        .collect();
    drop(give);
    let waking = thread::spawn(move || {
        wakers.iter().for_each(|waker| {
            waker.wake_by_ref();
            waker.wake();
        });
    });
    block_on(join_all(tasks))
        .into_iter()
        .for_each(Result::unwrap);
    waking.join().unwrap();
}

fn one_that_wakes_itself_lets_others_run() {
    let stop = Arc::new(AtomicBool::new(false));
    let stops = stop.clone();
    let busy = future::spawn(poll_fn(move |cx| {
        if stop.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let (s, r) = bounded(0);
    go!(move || s.send(()).unwrap());
    r.recv().unwrap();
    let other = future::spawn(async move {
        turns(3).await;
        stops.store(true, Ordering::SeqCst);
    });
    other.join().unwrap();
    busy.join().unwrap();
}

/// No task is polled twice before each of the others has been.
#[goroutines::test(workers = 1)]
fn in_turn() {
    const TASKS: usize = 100;
    let polled = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..TASKS)
        .map(|i| {
            let (polled, mut more) = (polled.clone(), turns(5));
            future::spawn(poll_fn(move |cx| {
                polled.lock().unwrap().push(i);
                std::pin::Pin::new(&mut more).poll(cx)
            }))
        })
        .collect();
    block_on(join_all(tasks));
    let polled = polled.lock().unwrap();
    for round in polled.chunks(TASKS) {
        assert!(round.iter().copied().eq(0..TASKS), "{round:?}");
    }
}

/// Tasks that are always ready do not keep goroutines from starting.
#[goroutines::test(workers = 1)]
fn busy_tasks_and_new_goroutines() {
    let (stop, polls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let busy: Vec<_> = (0..100)
        .map(|_| {
            let (stop, polls) = (stop.clone(), polls.clone());
            future::spawn(poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }))
        })
        .collect();
    until("they are under way", || {
        polls.load(Ordering::SeqCst) > 1_000
    });
    for _ in 0..100 {
        let before = polls.load(Ordering::SeqCst);
        spawn(|| ()).join().unwrap();
        let between = polls.load(Ordering::SeqCst) - before;
        assert!(
            between < 1_000,
            "{between} polls before it had started and ended"
        );
    }
    stop.store(true, Ordering::SeqCst);
    block_on(join_all(busy));
}

/// Goroutines and tasks hand a value on.
fn a_chain() {
    let (first, mut last) = bounded(0);
    for i in 0..200 {
        let (s, r) = bounded(0);
        let before = std::mem::replace(&mut last, r);
        if i % 2 == 0 {
            drop(future::spawn(async move {
                while let Ok(n) = before.recv_async().await {
                    s.send_async(n + 1).await.unwrap();
                }
            }));
        } else {
            go!(move || before.iter().for_each(|n: i32| s.send(n + 1).unwrap()));
        }
    }
    go!(move || (0..10).for_each(|i| first.send(i).unwrap()));
    assert!(last.iter().eq(200..210));
}

#[test]
fn from_plain_threads() {
    let task = future::spawn(async { spawn(|| 2).await.unwrap() * 2 });
    assert_eq!(task.join().unwrap(), 4);
    let tasks: Vec<_> = (0..4)
        .map(|i| thread::spawn(move || future::spawn(turns(i)).join().unwrap()))
        .collect();
    tasks.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn what_may_be_sent() {
    fn both<T: Send + Sync + Unpin>() {}
    both::<Task<i32>>();
    both::<Task<std::cell::Cell<i32>>>();
    fn is<F: Future<Output = goroutines::Result<i32>>>() {}
    is::<Task<i32>>();
    is::<goroutines::JoinHandle<i32>>();
}

/// Waits in its destructor.
struct Lingers(Arc<AtomicUsize>);

impl Drop for Lingers {
    fn drop(&mut self) {
        goroutines::sleep(std::time::Duration::from_millis(1));
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Calls `exit` when it is polled.
struct Exits(#[allow(dead_code, reason = "for its destructor")] Lingers);

impl Future for Exits {
    type Output = ();
    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
        goroutines::exit()
    }
}

// What the destructors of a future wait for is not cut short by its exit.
#[test]
fn destructors_wait_after_an_exit() {
    goroutines::run(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let task = future::spawn(Exits(Lingers(dropped.clone())));
        assert!(task.join().unwrap_err().is::<Exited>());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        let (a, b) = (Exits(Lingers(dropped.clone())), pending::<()>());
        let task = future::spawn(futures::future::join(a, b));
        assert!(task.join().unwrap_err().is::<Exited>());
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    });
}

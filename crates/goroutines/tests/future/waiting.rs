//! `block_on`: polls, wakes, cancels.

use super::support::{PATIENCE, Tally, on_workers, rounds, turns, until};
use goroutines::channel::{bounded, unbounded};
use goroutines::{Cancelled, block_on, go, spawn, yield_now};
use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

on_workers! {
    nested
    woken_during_the_poll
    woken_from_threads
    a_late_waker_disturbs_nothing
    a_cancel_drops_the_future
    one_that_wakes_itself_lets_others_run
    many_wait_at_once
}

fn nested() {
    let sum = block_on(async {
        turns(3).await;
        let inner = block_on(async {
            let (s, r) = bounded(0);
            go!(move || s.send(1).unwrap());
            turns(3).await;
            r.recv_async().await.unwrap() + block_on(ready(2))
        });
        // What woke the outer one meanwhile is not lost.
        turns(1).await;
        inner + spawn(|| 4).await.unwrap()
    });
    assert_eq!(sum, 7);
}

/// A wake that comes for the outer future while the inner one is waited for.
#[goroutines::test]
fn a_wake_for_the_outer_one_while_the_inner_one_waits() {
    let (s, r) = bounded::<()>(0);
    let (t, u) = bounded::<()>(0);
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        let (waker, s, u) = (cx.waker().clone(), s.clone(), u.clone());
        go!(move || {
            waker.wake();
            s.send(()).unwrap();
            u.recv().unwrap();
        });
        block_on(async {
            r.recv_async().await.unwrap();
            t.send_async(()).await.unwrap();
        });
        Poll::Pending
    }));
    assert_eq!(polls, 2);
}

fn woken_during_the_poll() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls > 1_000 {
            return Poll::Ready(());
        }
        // Any number of rings between two polls is one.
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(polls, 1_001);
}

/// Each poll waits for a wake by another thread, which comes before, while and after it parks.
fn woken_from_threads() {
    let (give, wakers) = std::sync::mpsc::channel::<Waker>();
    let waking = thread::spawn(move || wakers.iter().for_each(Waker::wake));
    for _ in 0..rounds(2_000) {
        let mut first = true;
        block_on(poll_fn(|cx| {
            if std::mem::take(&mut first) {
                give.send(cx.waker().clone()).unwrap();
                return Poll::Pending;
            }
            Poll::Ready(())
        }));
    }
    drop(give);
    waking.join().unwrap();
}

fn a_late_waker_disturbs_nothing() {
    let kept = Mutex::new(None);
    block_on(poll_fn(|cx| {
        *kept.lock().unwrap() = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    let waker = kept.into_inner().unwrap().unwrap();
    let waking = thread::spawn(move || {
        for _ in 0..1_000_000 {
            waker.wake_by_ref();
        }
    });
    // This goroutine waits for other things now, which none of those must end.
    let (s, r) = bounded(0);
    go!(move || {
        for i in 0..2_000 {
            s.send(i).unwrap();
            block_on(turns(1));
        }
    });
    for i in 0..2_000 {
        assert_eq!(r.recv(), Ok(i));
        block_on(turns(2));
    }
    waking.join().unwrap();
}

fn a_cancel_drops_the_future() {
    let tally = Tally::default();
    let counted = tally.one();
    let (s, r) = bounded(0);
    let stuck = spawn(move || {
        block_on(async {
            let _counted = counted;
            s.send_async(()).await.unwrap();
            pending::<()>().await;
        });
    });
    r.recv().unwrap();
    assert_eq!(tally.alive(), 1);
    stuck.cancel();
    assert!(stuck.join().unwrap_err().is::<Cancelled>());
    assert_eq!(tally.alive(), 0);
    // The future held the sender, too.
    assert!(r.recv().is_err());
}

fn one_that_wakes_itself_lets_others_run() {
    let stop = Arc::new(AtomicBool::new(false));
    let stops = stop.clone();
    go!(move || stops.store(true, Ordering::SeqCst));
    block_on(poll_fn(|cx| {
        if stop.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
}

fn many_wait_at_once() {
    let (s, r) = unbounded();
    let sum = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let (r, sum) = (r.clone(), sum.clone());
        go!(move || {
            let n = block_on(r.recv_async()).unwrap();
            sum.fetch_add(n, Ordering::SeqCst);
        });
    }
    for i in 0..1_000 {
        s.send(i).unwrap();
        if i % 10 == 0 {
            yield_now();
        }
    }
    until("all have received", || {
        sum.load(Ordering::SeqCst) == 499_500
    });
}

#[test]
fn on_plain_threads() {
    let (s, r) = bounded(0);
    let other = thread::spawn(move || {
        block_on(async move {
            for i in 0..1_000 {
                s.send_async(i).await.unwrap();
            }
        });
    });
    block_on(async {
        for i in 0..1_000 {
            assert_eq!(r.recv_async().await, Ok(i));
        }
        assert!(r.recv_async().await.is_err());
    });
    other.join().unwrap();
    assert_eq!(block_on(spawn(|| 5)).unwrap(), 5);
}

#[goroutines::test]
fn a_panic_goes_on() {
    let payload = spawn(|| block_on(async { panic!("mine") })).join();
    assert_eq!(*payload.unwrap_err().downcast::<&str>().unwrap(), "mine");
}

/// A destructor that waits for a future while a panic unwinds.
#[goroutines::test]
fn in_a_destructor_during_a_panic() {
    struct Waits(goroutines::channel::Receiver<i32>);
    impl Drop for Waits {
        fn drop(&mut self) {
            assert_eq!(block_on(self.0.recv_async()), Ok(3));
        }
    }
    let (s, r) = bounded(0);
    let panics = spawn(move || {
        let _waits = Waits(r);
        panic!("as it should");
    });
    assert!(s.send_timeout(3, PATIENCE).is_ok());
    assert!(panics.join().is_err());
}

/// One that exits inside a poll is not asked again.
#[goroutines::test]
fn exit_in_a_poll() {
    let gone = spawn(|| block_on(async { goroutines::exit() }));
    assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
}

//! The async ends of channels, one step at a time.

use super::support::{Tally, Wakes, on_workers, poll_once, turns, until};
use futures::StreamExt;
use goroutines::channel::{
    RecvError, Select, SendError, TryRecvError, TrySendError, after, at, bounded, never, tick,
    unbounded,
};
use goroutines::{block_on, go, spawn};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

on_workers! {
    two_futures_meet
    blocking_and_async_meet
    a_future_that_goes_away_leaves_nothing
    closing_ends_all_waits
    many_receivers_one_value
}

fn two_futures_meet() {
    for cap in [0, 1, 3] {
        let (s, r) = bounded(cap);
        let sends = goroutines::future::spawn(async move {
            for i in 0..500 {
                s.send_async(i).await.unwrap();
            }
        });
        block_on(async {
            for i in 0..500 {
                assert_eq!(r.recv_async().await, Ok(i));
            }
            assert_eq!(r.recv_async().await, Err(RecvError));
            sends.await.unwrap();
        });
        // Both in one task: the receiver is polled first, then the sender.
        let (s, r) = bounded(cap);
        let both = futures::future::join(r.recv_async(), s.send_async(7));
        assert_eq!(block_on(both), (Ok(7), Ok(())));
        let both = futures::future::join(s.send_async(8), r.recv_async());
        assert_eq!(block_on(both), (Ok(()), Ok(8)));
    }
}

fn blocking_and_async_meet() {
    for cap in [0, 1] {
        let (s, r) = bounded(cap);
        let t = s.clone();
        go!(move || (0..500).for_each(|i| t.send(i).unwrap()));
        block_on(async {
            for i in 0..500 {
                assert_eq!(r.recv_async().await, Ok(i));
            }
        });
        let receives = spawn(move || r.iter().sum::<i32>());
        block_on(async {
            for i in 0..500 {
                s.send_async(i).await.unwrap();
            }
        });
        drop(s);
        assert_eq!(receives.join().unwrap(), 124_750);
    }
}

/// CH-9, CH-10: futures wait in line with those who block, from their first poll on.
#[goroutines::test]
fn senders_are_served_in_order() {
    let (s, r) = bounded(1);
    s.send(0).unwrap();
    let mut first = s.send_async(1);
    assert!(poll_once(&mut first).is_pending());
    let t = s.clone();
    let second = spawn(move || t.send(2).unwrap());
    // It is in line as soon as it parks; that it is later than the first is all that matters.
    let mut third = s.send_async(3);
    let unpolled = s.send_async(9);
    assert_eq!(r.recv(), Ok(0));
    assert_eq!(r.recv(), Ok(1), "it was first in line");
    assert_eq!(poll_once(&mut first), Poll::Ready(Ok(())));
    assert_eq!(r.recv(), Ok(2));
    second.join().unwrap();
    assert_eq!(poll_once(&mut third), Poll::Ready(Ok(())));
    assert_eq!(r.recv(), Ok(3));
    drop(unpolled);
    assert!(r.is_empty());
}

/// R0.4: a value is dropped with its future, or delivered.
fn a_future_that_goes_away_leaves_nothing() {
    let tally = Tally::default();
    for cap in [0, 1] {
        let (s, r) = bounded(cap);
        (0..cap).for_each(|_| s.send(tally.one()).unwrap());
        let mut kept = s.send_async(tally.one());
        let mut gone = s.send_async(tally.one());
        assert!(poll_once(&mut kept).is_pending());
        assert!(poll_once(&mut gone).is_pending());
        drop(gone);
        assert_eq!(tally.alive(), cap + 1);
        (0..=cap).for_each(|_| drop(r.recv().unwrap()));
        assert!(matches!(poll_once(&mut kept), Poll::Ready(Ok(()))));
        assert!(r.try_recv().is_err());
        drop(kept);
        assert_eq!(tally.alive(), 0);
        // Of receivers that went away nothing is left either.
        let mut waits = r.recv_async();
        assert!(poll_once(&mut waits).is_pending());
        drop(waits);
        let sent = s.try_send(tally.one());
        assert_eq!(sent.is_ok(), cap == 1);
        drop(sent);
        assert_eq!(tally.alive(), cap);
        drop(r);
        assert_eq!(tally.alive(), 0);
    }
}

/// A receiver that has been told that there is a value goes away: the value is for the others.
#[goroutines::test]
fn a_receiver_that_was_told_and_went_away() {
    let (s, r) = unbounded();
    let (wakes, waker) = Wakes::new();
    let mut first = r.recv_async();
    let mut second = r.recv_async();
    for future in [&mut first, &mut second] {
        assert!(
            Pin::new(future)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    s.send(1).unwrap();
    assert_eq!(wakes.count(), 1, "one for one value");
    drop(first);
    assert_eq!(wakes.count(), 2, "it is for the next one");
    let mut third = r.recv_async();
    assert_eq!(poll_once(&mut second), Poll::Ready(Ok(1)));
    assert!(
        Pin::new(&mut third)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(wakes.count(), 2, "one for one value");
    drop(third);
    assert!(poll_once(&mut second).is_pending(), "it may receive again");
    s.send(2).unwrap();
    assert_eq!(r.recv(), Ok(2));
    assert!(poll_once(&mut second).is_pending(), "somebody was quicker");
    s.send(3).unwrap();
    assert_eq!(poll_once(&mut second), Poll::Ready(Ok(3)));
}

fn closing_ends_all_waits() {
    let (s, r) = bounded::<i32>(0);
    let receives: Vec<_> = (0..50)
        .map(|_| {
            let r = r.clone();
            goroutines::future::spawn(async move { r.recv_async().await })
        })
        .collect();
    let (t, u) = bounded::<i32>(0);
    let sends: Vec<_> = (0..50)
        .map(|i| {
            let t = t.clone();
            goroutines::future::spawn(async move { t.send_async(i).await })
        })
        .collect();
    block_on(turns(20));
    drop(s);
    u.close();
    block_on(async {
        for receive in receives {
            assert_eq!(receive.await.unwrap(), Err(RecvError));
        }
        for (i, send) in sends.into_iter().enumerate() {
            assert_eq!(send.await.unwrap(), Err(SendError(i as i32)));
        }
    });
}

fn many_receivers_one_value() {
    let (s, r) = bounded::<usize>(4);
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let r = r.clone();
            goroutines::future::spawn(async move { r.stream().fold(0, async |a, b| a + b).await })
        })
        .collect();
    drop(r);
    (0..2_000).for_each(|i| s.send(i).unwrap());
    drop(s);
    let sum: usize = tasks.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(sum, 1_999_000);
}

#[goroutines::test]
fn a_waker_is_replaced() {
    let (s, r) = bounded(0);
    let ((first, one), (second, two)) = (Wakes::new(), Wakes::new());
    let mut send = s.send_async(5);
    assert!(
        Pin::new(&mut send)
            .poll(&mut Context::from_waker(&one))
            .is_pending()
    );
    assert!(
        Pin::new(&mut send)
            .poll(&mut Context::from_waker(&two))
            .is_pending()
    );
    assert_eq!(r.recv(), Ok(5));
    assert_eq!((first.count(), second.count()), (0, 1));
    assert_eq!(poll_once(&mut send), Poll::Ready(Ok(())));
    let mut receive = r.recv_async();
    assert!(
        Pin::new(&mut receive)
            .poll(&mut Context::from_waker(&one))
            .is_pending()
    );
    assert!(
        Pin::new(&mut receive)
            .poll(&mut Context::from_waker(&two))
            .is_pending()
    );
    s.close();
    assert_eq!((first.count(), second.count()), (0, 2));
    assert_eq!(poll_once(&mut receive), Poll::Ready(Err(RecvError)));
}

/// A waker that uses the channel which calls it.
#[goroutines::test]
fn a_waker_that_looks_at_the_channel() {
    use goroutines::channel::{Receiver, Sender};
    use std::sync::Arc;
    struct Looks(Sender<i32>, Receiver<i32>);
    impl std::task::Wake for Looks {
        fn wake(self: Arc<Self>) {
            let _ = (self.0.try_send(1), self.1.try_recv(), self.0.is_full());
            let mut receive = self.1.recv_async();
            let _ = poll_once(&mut receive);
        }
    }
    let (s, r) = bounded(1);
    let waker = Arc::new(Looks(s.clone(), r.clone())).into();
    s.send(0).unwrap();
    let mut send = s.send_async(2);
    assert!(
        Pin::new(&mut send)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(r.recv(), Ok(0));
    assert!(poll_once(&mut send).is_ready());
    while r.try_recv().is_ok() {}
    let mut receive = r.recv_async();
    assert!(
        Pin::new(&mut receive)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    s.send(3).unwrap();
    drop(receive);
    while r.try_recv().is_ok() {}
    s.send(0).unwrap();
    let mut send = s.send_async(4);
    assert!(
        Pin::new(&mut send)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    s.close();
    assert_eq!(poll_once(&mut send), Poll::Ready(Err(SendError(4))));
}

/// A waker ought not to wait. One that does is called by a goroutine which is about to park itself, and
/// must not disturb that.
#[goroutines::test]
fn a_waker_that_waits() {
    use goroutines::channel::Receiver;
    struct Waits(Receiver<()>);
    impl std::task::Wake for Waits {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.recv().unwrap();
        }
    }
    let (give, take) = bounded(0);
    let gives = std::thread::spawn(move || give.send(()).unwrap());
    let (s, r) = bounded(0);
    let mut receive = r.recv_async();
    let waker = std::sync::Arc::new(Waits(take)).into();
    assert!(
        Pin::new(&mut receive)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    // It parks, and on its way tells the future that there is somebody to meet.
    let sends = spawn(move || s.send(8));
    gives.join().unwrap();
    assert_eq!(block_on(receive), Ok(8));
    assert_eq!(sends.join().unwrap(), Ok(()));
}

/// R0.10: a select that has chosen a sender's future, which goes away before the select completes.
#[goroutines::test]
fn a_chosen_future_goes_away() {
    let tally = Tally::default();
    for completes in [true, false] {
        let (s, r) = bounded(0);
        let mut send = s.send_async(tally.one());
        let (wakes, waker) = Wakes::new();
        assert!(
            Pin::new(&mut send)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let mut select = Select::new();
        select.recv(&r);
        let chosen = select.select();
        drop(send);
        assert_eq!(tally.alive(), 1, "it is promised to the select");
        if completes {
            drop(chosen.recv(&r).unwrap());
        } else {
            assert!(spawn_drop(chosen));
        }
        assert_eq!(tally.alive(), 0);
        assert_eq!(wakes.count(), 0, "there is nobody to wake");
    }
}

/// A chosen operation that is dropped panics; its channel is none the worse.
fn spawn_drop(chosen: goroutines::channel::SelectedOperation<'_>) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(chosen))).is_err()
}

#[goroutines::test]
fn a_select_meets_futures() {
    let (s, r) = bounded(0);
    // A select that sends waits where the future sees it.
    let t = s.clone();
    let sends = spawn(move || {
        goroutines::select! {
            send(t, 1) -> sent => sent.unwrap(),
        }
    });
    assert_eq!(block_on(r.recv_async()), Ok(1));
    sends.join().unwrap();
    let receives = spawn(move || {
        goroutines::select! {
            recv(r) -> msg => (msg, r),
        }
    });
    assert!(block_on(s.send_async(2)).is_ok());
    let (msg, r) = receives.join().unwrap();
    assert_eq!(msg, Ok(2));
    // Without waiting there is nobody to be seen: documented.
    let mut receive = r.recv_async();
    assert!(poll_once(&mut receive).is_pending());
    assert_eq!(s.try_send(3), Err(TrySendError::Full(3)));
}

#[goroutines::test]
fn streams() {
    let (s, r) = bounded(2);
    go!(move || (0..100).for_each(|i| s.send(i).unwrap()));
    let all: Vec<i32> = block_on(r.into_stream().collect());
    assert!(all.into_iter().eq(0..100));
    let (_, closed) = unbounded::<i32>();
    assert_eq!(block_on(closed.stream().next()), None);
}

/// TI-5, TI-20: timers that look like channels.
#[goroutines::test]
fn timers() {
    let start = Instant::now();
    let due = block_on(after(Duration::from_millis(3)).recv_async()).unwrap();
    assert!(due >= start + Duration::from_millis(3) && Instant::now() >= due);
    assert_eq!(block_on(at(start).recv_async()), Ok(start));
    let period = Duration::from_millis(2);
    let ticks: Vec<Instant> = block_on(tick(period).stream().take(3).collect());
    assert!(ticks.windows(2).all(|w| w[1] >= w[0] + period));
    assert!(poll_once(&mut never::<i32>().recv_async()).is_pending());
    // One that is not due goes away with its future.
    let far = after(Duration::from_secs(3_600));
    assert!(poll_once(&mut far.recv_async()).is_pending());
    // One that is set to an earlier moment ends the wait.
    let timer = goroutines::time::Timer::new(Duration::from_secs(3_600));
    let c = timer.c().clone();
    let waits = goroutines::future::spawn(async move { c.recv_async().await.is_ok() });
    block_on(turns(3));
    timer.reset(Duration::from_millis(1));
    assert!(waits.join().unwrap());
}

#[test]
fn what_may_be_sent() {
    fn send<T: Send>(_: &T) {}
    let (s, r) = bounded::<i32>(0);
    send(&s.send_async(1));
    send(&r.recv_async());
    send(&r.stream());
    send(&r.into_stream());
    // What may not be sent works where it is.
    let (s, r) = bounded(0);
    let both = futures::future::join(s.send_async(std::rc::Rc::new(1)), r.recv_async());
    assert_eq!(block_on(both).1.map(|rc| *rc), Ok(1));
}

#[goroutines::test]
#[should_panic(expected = "a send was polled after it had ended")]
fn a_send_that_is_polled_again() {
    let (s, _r) = unbounded();
    let mut send = s.send_async(1);
    assert!(poll_once(&mut send).is_ready());
    let _ = poll_once(&mut send);
}

/// Forgotten futures leak; what they hang in goes on working.
#[goroutines::test]
fn forgotten() {
    let (s, r) = bounded(0);
    let (mut send, mut receive) = (s.send_async(1), r.recv_async());
    assert!(poll_once(&mut send).is_pending());
    std::mem::forget(send);
    assert_eq!(poll_once(&mut receive), Poll::Ready(Ok(1)));
    assert!(poll_once(&mut receive).is_pending());
    std::mem::forget(receive);
    go!(move || s.send(2).unwrap());
    assert_eq!(r.recv(), Ok(2));
    until("the sender has gone", || {
        r.try_recv() == Err(TryRecvError::Disconnected)
    });
}

//! One channel: CH-1 … CH-24.

use crate::support::{make, nap, on_workers, until};
use goroutines::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded, never, unbounded,
};
use goroutines::{go, spawn, yield_now};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

on_workers! {
    ch_5_what_blocks_and_what_does_not
    ch_6_a_rendezvous_is_one
    ch_7_first_in_first_out
    ch_8_each_value_once
    ch_8_many_consumers
    ch_9_parked_ones_are_served_in_order
    ch_10_newcomers_do_not_overtake
    ch_16_never_empty_in_between
    ch_17_to_20_close
    ch_18_19_close_wakes_all
    ch_24_many_iterate
    a_thread_and_a_goroutine
    timeouts
}

#[test]
fn ch_1_capacity() {
    assert_eq!(bounded::<u8>(0).0.capacity(), Some(0));
    assert_eq!(bounded::<u8>(7).1.capacity(), Some(7));
    assert_eq!(unbounded::<u8>().0.capacity(), None);
    for absurd in [usize::MAX, usize::MAX / 8, isize::MAX as usize] {
        let made = catch_unwind(|| bounded::<[u64; 2]>(absurd));
        let message = *made.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("too large"), "{message}");
    }
    // No size, no memory.
    assert_eq!(bounded::<()>(usize::MAX).0.capacity(), Some(usize::MAX));
}

#[goroutines::test]
fn ch_2_length() {
    let (s, r) = bounded(3);
    assert!(s.is_empty() && r.is_empty() && !s.is_full() && !r.is_full());
    for i in 0..3 {
        assert_eq!((s.len(), r.len()), (i, i));
        s.send(i).unwrap();
    }
    assert!(s.is_full() && r.is_full() && !s.is_empty());
    // A parked sender does not count.
    let parked = {
        let s = s.clone();
        spawn(move || s.send(3))
    };
    nap();
    assert_eq!(s.len(), 3);
    r.recv().unwrap();
    parked.join().unwrap().unwrap();
    assert_eq!(s.len(), 3);
    s.close();
    for left in (0..3).rev() {
        r.recv().unwrap();
        assert_eq!(r.len(), left);
    }
    let (s, r) = bounded::<u8>(0);
    go!(move || s.send(1).unwrap());
    nap();
    assert!(r.is_empty() && r.is_full());
    assert_eq!(r.len(), 0);
    r.recv().unwrap();
}

#[goroutines::test]
fn ch_4_huge_values() {
    let big = |i: u8| Box::new([i; 8_000]);
    for cap in [Some(0), Some(1), Some(3), None] {
        let (s, r) = make::<[u8; 8_000]>(cap);
        go!(move || (0..10).for_each(|i| s.send(*big(i)).unwrap()));
        for i in 0..10 {
            assert!(r.recv().unwrap().iter().all(|&b| b == i));
        }
        assert!(r.recv().is_err());
    }
}

fn ch_5_what_blocks_and_what_does_not() {
    for cap in (0..=200).step_by(7).chain([1, 2, 199]) {
        let (s, r) = bounded(cap);
        // A receive on an empty channel blocks, with and without a value for it to come.
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        let received = Arc::new(AtomicBool::new(false));
        let waiter = {
            let (r, received) = (r.clone(), received.clone());
            spawn(move || {
                let value = r.recv();
                received.store(true, Ordering::SeqCst);
                value
            })
        };
        nap();
        assert!(!received.load(Ordering::SeqCst));
        // With a parked receiver a send does not block.
        assert_eq!(s.try_send(usize::MAX), Ok(()));
        assert_eq!(waiter.join().unwrap(), Ok(usize::MAX));
        // Nor with room.
        for i in 0..cap {
            assert_eq!(s.try_send(i), Ok(()));
        }
        assert_eq!(s.try_send(cap), Err(TrySendError::Full(cap)));
        let sent = Arc::new(AtomicBool::new(false));
        let waiter = {
            let (s, sent) = (s.clone(), sent.clone());
            spawn(move || {
                s.send(cap).unwrap();
                sent.store(true, Ordering::SeqCst);
            })
        };
        nap();
        assert!(!sent.load(Ordering::SeqCst));
        // With a parked sender a receive does not block.
        assert_eq!(r.try_recv(), Ok(0));
        waiter.join().unwrap();
        assert_eq!(
            r.try_iter().collect::<Vec<_>>(),
            (1..=cap).collect::<Vec<_>>()[..]
        );
    }
}

fn ch_6_a_rendezvous_is_one() {
    let (s, r) = bounded(0);
    let step = Arc::new(AtomicUsize::new(0));
    let sender = {
        let step = step.clone();
        spawn(move || {
            for i in 0..100 {
                s.send(i).unwrap();
                // MM-5: what the receiver did before it received is visible.
                assert!(step.load(Ordering::Relaxed) > i);
            }
        })
    };
    for i in 0..100 {
        if i % 10 == 0 {
            nap();
        }
        step.store(i + 1, Ordering::Relaxed);
        assert_eq!(r.recv(), Ok(i));
    }
    sender.join().unwrap();
}

fn ch_7_first_in_first_out() {
    for cap in (0..=200)
        .step_by(11)
        .map(Some)
        .chain([Some(1), Some(2), None])
    {
        let (s, r) = make(cap);
        go!(move || (0..500).for_each(|i| s.send(i).unwrap()));
        assert!(r.iter().eq(0..500), "{cap:?}");
    }
}

fn ch_8_each_value_once() {
    for cap in [Some(0), Some(1), Some(10), None] {
        let (s, r) = make(cap);
        for _ in 0..4 {
            let s = s.clone();
            go!(move || (0..1_000).for_each(|i| s.send(i).unwrap()));
        }
        drop(s);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let r = r.clone();
                spawn(move || r.iter().collect::<Vec<usize>>())
            })
            .collect();
        let mut seen = [0; 1_000];
        for receiver in receivers {
            receiver
                .join()
                .unwrap()
                .into_iter()
                .for_each(|i| seen[i] += 1);
        }
        assert!(seen.iter().all(|&n| n == 4));
    }
}

fn ch_8_many_consumers() {
    const ITEMS: usize = 27_182;
    let (work, from) = bounded(23);
    let (to, done) = bounded(42);
    for _ in 0..23 {
        let (from, to) = (from.clone(), to.clone());
        go!(move || {
            for item in from {
                if item % 7 == 0 {
                    yield_now();
                }
                to.send(item).unwrap();
            }
        });
    }
    drop((from, to));
    go!(move || (0..ITEMS).for_each(|i| work.send(i).unwrap()));
    let (mut count, mut sum) = (0, 0);
    for item in &done {
        count += 1;
        sum += item;
    }
    assert_eq!((count, sum), (ITEMS, ITEMS * (ITEMS - 1) / 2));
}

fn ch_9_parked_ones_are_served_in_order() {
    const N: usize = 20;
    let (s, r) = bounded(0);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let receivers: Vec<_> = (0..N)
        .map(|i| {
            let (r, order) = (r.clone(), order.clone());
            let receiver = spawn(move || {
                let value = r.recv().unwrap();
                order.lock().unwrap().push((i, value));
            });
            // Only now the next one.
            nap();
            receiver
        })
        .collect();
    (0..N).for_each(|i| s.send(i).unwrap());
    receivers.into_iter().for_each(|h| h.join().unwrap());
    assert!(
        order
            .lock()
            .unwrap()
            .iter()
            .all(|&(who, value)| who == value)
    );

    let senders: Vec<_> = (0..N)
        .map(|i| {
            let s = s.clone();
            let sender = spawn(move || s.send(i).unwrap());
            nap();
            sender
        })
        .collect();
    (0..N).for_each(|i| assert_eq!(r.recv(), Ok(i)));
    senders.into_iter().for_each(|h| h.join().unwrap());
}

fn ch_10_newcomers_do_not_overtake() {
    for _ in 0..20 {
        let (s, r) = bounded(1);
        s.send(0).unwrap();
        let parked = {
            let s = s.clone();
            spawn(move || s.send(1).unwrap())
        };
        nap();
        // One critical section takes the head and moves the parked value in: there is no room.
        assert_eq!(r.try_recv(), Ok(0));
        assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(r.len(), 1);
        assert_eq!(r.try_recv(), Ok(1));
        parked.join().unwrap();
        // A value for a parked receiver does not pass through the buffer.
        let parked = {
            let r = r.clone();
            spawn(move || r.recv())
        };
        nap();
        s.send(3).unwrap();
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(r.len(), 0);
        assert_eq!(parked.join().unwrap(), Ok(3));
    }
}

#[goroutines::test]
fn ch_14_channels_of_channels() {
    let (s, r) = bounded::<Sender<u32>>(1);
    let (answer, answers) = bounded(0);
    go!(move || r.recv().unwrap().send(7).unwrap());
    s.send(answer).unwrap();
    assert_eq!(answers.recv(), Ok(7));

    // Its own sender in a channel: gone with the last receiver.
    struct Cycle(#[allow(dead_code)] Sender<Cycle>);
    let (s, r) = bounded::<Cycle>(2);
    s.send(Cycle(s.clone())).unwrap();
    drop(s);
    assert!(!r.is_closed());
    drop(r);
    // Its own receiver in a channel: kept until somebody takes it out.
    struct Other(#[allow(dead_code)] Receiver<Other>);
    let (s, r) = unbounded::<Other>();
    s.send(Other(r.clone())).unwrap();
    drop(r);
    assert!(s.send(Other(never())).is_ok());
    drop(s);

    let (a, b) = (bounded::<u8>(1), bounded::<u8>(1));
    assert!(a.0.same_channel(&a.0.clone()) && a.1.same_channel(&a.1.clone()));
    assert!(!a.0.same_channel(&b.0) && !a.1.same_channel(&b.1) && !a.1.same_channel(&never()));
}

fn ch_16_never_empty_in_between() {
    for _ in 0..1_000 {
        let (s, r) = bounded(1);
        s.send(1).unwrap();
        let other = {
            let r = r.clone();
            spawn(move || r.try_recv() != Err(TryRecvError::Empty))
        };
        s.close();
        let _ = r.recv();
        assert!(other.join().unwrap());
    }
}

fn ch_17_to_20_close() {
    for cap in [Some(0), Some(1), Some(2), Some(5), None] {
        let (s, r) = make(cap);
        let n = cap.unwrap_or(3);
        (0..n).for_each(|i| s.send(i).unwrap());
        assert!(!s.is_closed() && !r.is_closed());
        assert!(if n % 2 == 0 { s.close() } else { r.close() });
        // CH-21, CH-22: once, and for ever.
        assert!(!s.close() && !r.close());
        assert!(s.is_closed() && r.is_closed());
        // CH-20: even if there is room, nothing comes in.
        r.try_recv().map_or_else(
            |e| assert_eq!(e, TryRecvError::Disconnected),
            |v| assert_eq!(v, 0),
        );
        assert_eq!(s.try_send(9), Err(TrySendError::Disconnected(9)));
        assert_eq!(s.send(9), Err(SendError(9)));
        let late = s.send_timeout(9, Duration::from_secs(9));
        assert_eq!(late, Err(SendTimeoutError::Disconnected(9)));
        // CH-17: what was in it comes out.
        for i in 1..n {
            assert_eq!(r.recv(), Ok(i));
        }
        for _ in 0..3 {
            assert_eq!(r.recv(), Err(RecvError));
            assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
            let late = r.recv_timeout(Duration::from_secs(9));
            assert_eq!(late, Err(RecvTimeoutError::Disconnected));
        }
    }
}

fn ch_18_19_close_wakes_all() {
    for by_receiver in [false, true] {
        let (s, r) = bounded::<usize>(0);
        let receivers: Vec<_> = (0..100)
            .map(|_| {
                let r = r.clone();
                spawn(move || r.recv())
            })
            .collect();
        nap();
        assert!(if by_receiver { r.close() } else { s.close() });
        receivers
            .into_iter()
            .for_each(|h| assert_eq!(h.join().unwrap(), Err(RecvError)));

        let (s, r) = bounded(2);
        s.send(1_000).unwrap();
        s.send(1_001).unwrap();
        let senders: Vec<_> = (0..100)
            .map(|i| {
                let s = s.clone();
                spawn(move || s.send(i))
            })
            .collect();
        nap();
        assert!(if by_receiver { r.close() } else { s.close() });
        // Their values come back, and are not delivered; the buffered ones are.
        for (i, sender) in senders.into_iter().enumerate() {
            assert_eq!(sender.join().unwrap(), Err(SendError(i)));
        }
        assert!(r.iter().eq([1_000, 1_001]));
    }
}

#[goroutines::test(workers = 2)]
fn r0_3_dropping_an_end_wakes_the_other() {
    let (s, r) = bounded::<u8>(0);
    let receiver = spawn(move || r.recv());
    nap();
    drop(s.clone());
    nap();
    drop(s);
    assert_eq!(receiver.join().unwrap(), Err(RecvError));

    let (s, r) = bounded::<u8>(0);
    let sender = spawn(move || s.send(3));
    nap();
    drop(r.clone());
    nap();
    drop(r);
    assert_eq!(sender.join().unwrap(), Err(SendError(3)));

    // R0.11
    let (s, r) = bounded::<u8>(1);
    drop(r);
    assert!(!s.close() && s.is_closed());
    let (s, r) = bounded::<u8>(1);
    drop(s);
    assert!(!r.close() && r.is_closed());
}

#[goroutines::test(workers = 2)]
fn ch_23_never() {
    let r = never::<u8>();
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(
        r.recv_timeout(Duration::from_millis(3)),
        Err(RecvTimeoutError::Timeout)
    );
    assert_eq!(
        (r.len(), r.capacity(), r.is_closed(), r.close()),
        (0, Some(0), false, false)
    );
    assert!(r.same_channel(&r.clone()));
    let stuck = spawn(move || r.recv());
    nap();
    assert!(!stuck.is_finished());
    stuck.cancel();
    assert!(stuck.join().unwrap_err().is::<goroutines::Cancelled>());
}

fn ch_24_many_iterate() {
    let (s, r) = bounded(5);
    let receivers: Vec<_> = (0..5)
        .map(|i| {
            let r = r.clone();
            spawn(move || {
                if i % 2 == 0 {
                    r.into_iter().count()
                } else {
                    (&r).into_iter().count()
                }
            })
        })
        .collect();
    (0..1_000).for_each(|i| s.send(i).unwrap());
    drop(s);
    assert_eq!(
        receivers
            .into_iter()
            .map(|h| h.join().unwrap())
            .sum::<usize>(),
        1_000
    );
    assert_eq!(r.iter().next(), None);
}

/// R0.7: all of it on plain threads too.
fn a_thread_and_a_goroutine() {
    for cap in [Some(0), Some(1), Some(8), None] {
        let (s, r) = make(cap);
        let (back, backs) = make(cap);
        let thread = std::thread::spawn(move || {
            for i in r {
                back.send(i + 1).unwrap();
            }
        });
        for i in 0..200 {
            s.send(i).unwrap();
            assert_eq!(backs.recv(), Ok(i + 1));
        }
        drop(s);
        assert!(backs.recv().is_err());
        thread.join().unwrap();
    }
}

fn timeouts() {
    let (s, r) = bounded::<u8>(0);
    for timeout in [Duration::ZERO, Duration::from_millis(2)] {
        let start = std::time::Instant::now();
        assert_eq!(r.recv_timeout(timeout), Err(RecvTimeoutError::Timeout));
        assert_eq!(
            s.send_timeout(1, timeout),
            Err(SendTimeoutError::Timeout(1))
        );
        assert!(start.elapsed() >= 2 * timeout);
        assert_eq!(r.recv_deadline(start), Err(RecvTimeoutError::Timeout));
        assert_eq!(s.send_deadline(1, start), Err(SendTimeoutError::Timeout(1)));
    }
    // Too far away to be a moment: for ever.
    let sender = {
        let s = s.clone();
        spawn(move || s.send_timeout(5, Duration::MAX))
    };
    assert_eq!(r.recv_timeout(Duration::MAX), Ok(5));
    assert_eq!(sender.join().unwrap(), Ok(()));
    // In time.
    let receiver = spawn(move || r.recv_timeout(Duration::from_secs(60)));
    nap();
    assert_eq!(s.send_timeout(6, Duration::from_secs(60)), Ok(()));
    assert_eq!(receiver.join().unwrap(), Ok(6));
    until("the receiver is gone", || s.is_closed());
}

//! One channel: CH-1 … CH-24, CH-28.

use crate::support::{PATIENCE, make, nap, on_workers, until, watched};
use goroutines::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded, never, unbounded,
};
use goroutines::{go, runtime, scope, select, spawn, yield_now};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_workers! {
    ch_5_what_blocks_and_what_does_not
    ch_6_a_rendezvous_is_one
    ch_7_first_in_first_out
    ch_8_each_value_once
    ch_8_many_consumers
    ch_9_parked_ones_are_served_in_order
    ch_10_newcomers_do_not_overtake
    ch_13_only_goroutines_wait
    ch_16_never_empty_in_between
    ch_17_to_20_close
    ch_18_19_close_wakes_all
    ch_24_many_iterate
    ch_28_values_and_waiters_in_frames
    a_thread_and_a_goroutine
    timeouts
}

/// CH-1: it is what was asked for; what cannot be had is a panic before any memory is.
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

/// CH-2: the values in the buffer, never those of parked senders; what is left counts after a close.
#[goroutines::test]
fn ch_2_length() {
    let (s, r) = bounded(3);
    assert!(s.is_empty() && r.is_empty() && !s.is_full() && !r.is_full());
    for i in 0..3 {
        assert_eq!((s.len(), r.len()), (i, i));
        s.send(i).unwrap();
    }
    assert!(s.is_full() && r.is_full() && !s.is_empty());
    let parked = {
        let s = s.clone();
        watched(move || s.send(3))
    };
    assert_eq!((s.len(), r.len(), s.capacity()), (3, 3, Some(3)));
    r.recv().unwrap();
    parked.handle.join().unwrap().unwrap();
    assert_eq!(s.len(), 3);
    s.close();
    for left in (0..3).rev() {
        r.recv().unwrap();
        assert_eq!((s.len(), r.len()), (left, left));
    }
    let (s, r) = bounded::<u8>(0);
    let parked = {
        let s = s.clone();
        watched(move || s.send(1))
    };
    assert!(r.is_empty() && r.is_full() && s.is_empty() && s.is_full());
    assert_eq!((s.len(), r.len(), s.capacity()), (0, 0, Some(0)));
    r.recv().unwrap();
    parked.handle.join().unwrap().unwrap();
}

/// CH-4: any size.
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

/// CH-5: a receive from an empty channel waits, and a send to a full one; a send with room or with a parked
/// receiver does not, nor a receive with a value or a parked sender. Of each capacity up to 200.
fn ch_5_what_blocks_and_what_does_not() {
    for cap in 0..=200 {
        let (s, r) = bounded(cap);
        let waits = cap < 3 || cap % 25 == 0;
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        if waits {
            let receiver = {
                let r = r.clone();
                watched(move || r.recv())
            };
            assert!(!receiver.handle.is_finished());
            assert_eq!(s.try_send(usize::MAX), Ok(()));
            assert_eq!(receiver.handle.join().unwrap(), Ok(usize::MAX));
        }
        for i in 0..cap {
            assert_eq!(s.try_send(i), Ok(()));
        }
        assert_eq!(s.try_send(cap), Err(TrySendError::Full(cap)));
        if waits {
            let sender = {
                let s = s.clone();
                watched(move || s.send(cap))
            };
            assert!(!sender.handle.is_finished());
            assert_eq!(r.try_recv(), Ok(0));
            assert_eq!(sender.handle.join().unwrap(), Ok(()));
            assert!(r.try_iter().eq(1..=cap));
        } else {
            assert!(r.try_iter().eq(0..cap));
        }
    }
}

/// CH-6, MM-5: a send ends when a receiver has come and taken the value, whoever sends and however: with a
/// place for the value somewhere the sender would run ahead. What the receiver did before is visible.
fn ch_6_a_rendezvous_is_one() {
    const N: usize = 30;
    for (kind, on_thread) in [(0, false), (0, true), (1, false), (2, false), (2, true)] {
        let (s, r) = bounded(0);
        let step = Arc::new(AtomicUsize::new(0));
        let theirs = step.clone();
        let sends = move || {
            for i in 0..N {
                match kind {
                    0 => s.send(i).unwrap(),
                    1 => s.send_timeout(i, PATIENCE).unwrap(),
                    _ => select! { send(s, i) -> res => res.unwrap() },
                }
                assert!(theirs.load(Ordering::Relaxed) > i);
            }
        };
        let sender = if on_thread {
            Err(std::thread::spawn(sends))
        } else {
            Ok(spawn(sends))
        };
        for i in 0..N {
            if i % 10 == 0 {
                nap();
            }
            step.store(i + 1, Ordering::Relaxed);
            let received = match i % 2 {
                0 => r.recv(),
                _ => select! { recv(r) -> m => m },
            };
            assert_eq!(received, Ok(i));
        }
        match sender {
            Ok(goroutine) => goroutine.join().unwrap(),
            Err(thread) => thread.join().unwrap(),
        }
    }
}

/// CH-7: of one sender and one receiver, with any capacity. (Of many: `ch_8_each_value_once`.)
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

/// CH-7, CH-8: each value comes out once, and no receiver sees two of one sender in the wrong order; with
/// threads among both.
fn ch_8_each_value_once() {
    const EACH: usize = 1_000;
    for cap in [Some(0), Some(1), Some(10), None] {
        let (s, r) = make(cap);
        let sends = |s: &Sender<_>, sender: usize| {
            let s = s.clone();
            move || (0..EACH).for_each(|i| s.send((sender, i)).unwrap())
        };
        let receives = |r: &Receiver<_>| {
            let r = r.clone();
            move || {
                let mut next = [0; 4];
                r.iter()
                    .inspect(|&(sender, i)| {
                        assert!(i >= next[sender], "{i} of {sender} after a later one");
                        next[sender] = i + 1;
                    })
                    .collect::<Vec<_>>()
            }
        };
        (0..3).for_each(|i| drop(spawn(sends(&s, i))));
        let sender = std::thread::spawn(sends(&s, 3));
        let receivers: Vec<_> = (0..3).map(|_| spawn(receives(&r))).collect();
        let receiver = std::thread::spawn(receives(&r));
        drop((s, r));
        let mut all: Vec<_> = receivers
            .into_iter()
            .flat_map(|h| h.join().unwrap())
            .collect();
        // All have been sent by now, or the others would not have come to an end.
        sender.join().unwrap();
        all.extend(receiver.join().unwrap());
        all.sort_unstable();
        let sent = (0..4).flat_map(|sender| (0..EACH).map(move |i| (sender, i)));
        assert!(all.into_iter().eq(sent), "{cap:?}");
    }
}

/// CH-8, CH-24: Go's TestMultiConsumer.
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

/// CH-9
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

/// CH-10
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

/// CH-13: five hundred wait in each of five ways, on as many threads as before.
fn ch_13_only_goroutines_wait() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let started = Arc::new(AtomicUsize::new(0));
    let (s, r) = bounded::<u8>(0);
    let (t, u) = bounded::<u8>(0);
    let crowd = |n: usize| {
        (0..n).map(|i| {
            let (r, t, started) = (r.clone(), t.clone(), started.clone());
            spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                match i % 5 {
                    0 => r.recv().is_ok(),
                    1 => t.send(1).is_ok(),
                    2 => r.recv_timeout(PATIENCE).is_ok(),
                    3 => r.iter().next().is_some(),
                    _ => select! { recv(r) -> m => m.is_ok(), send(t, 1) -> res => res.is_ok() },
                }
            })
        })
    };
    let mut all: Vec<_> = crowd(50).collect();
    until("some have started", || {
        started.load(Ordering::Relaxed) == 50
    });
    let before = threads();
    all.extend(crowd(450));
    until("all have started", || {
        started.load(Ordering::Relaxed) == 500
    });
    nap();
    // And others run.
    spawn(|| ()).join().unwrap();
    assert!(all.iter().all(|h| !h.is_finished()));
    // A spare worker may have come, if this machine is busy.
    let now = threads();
    assert!(now <= before + 2, "{before} threads, and then {now}");
    s.close();
    u.close();
    all.into_iter().for_each(|h| assert!(!h.join().unwrap()));
}

/// CH-14: they can be compared, kept and sent, through themselves as well.
#[goroutines::test]
fn ch_14_channels_of_channels() {
    let (s, r) = bounded::<Sender<u32>>(1);
    let (answer, answers) = bounded(0);
    let same = answer.clone();
    go!(move || {
        let received = r.recv().unwrap();
        assert!(received.same_channel(&same));
        received.send(7).unwrap();
    });
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

/// CH-16: Go's TestNonblockRecvRace. (All orders: `loom_a_value_or_closed` in `models/`.)
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

/// CH-17, CH-20 to CH-22.
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

/// CH-18, CH-19, SE-14: `close` wakes all who are parked, however they wait; the values of senders come back
/// and are not delivered, those in the buffer are.
fn ch_18_19_close_wakes_all() {
    for by_receiver in [false, true] {
        let (s, r) = bounded::<usize>(0);
        let receive = |i: usize| {
            let r = r.clone();
            move || match i % 4 {
                0 => r.recv(),
                1 => r.recv_timeout(PATIENCE).map_err(|e| {
                    assert!(e.is_disconnected());
                    RecvError
                }),
                2 => select! { recv(r) -> m => m, recv(never::<u8>()) -> _ => unreachable!() },
                _ => r.iter().next().ok_or(RecvError),
            }
        };
        let receivers: Vec<_> = (0..20).map(|i| watched(receive(i))).collect();
        let threads: Vec<_> = (0..4).map(|i| std::thread::spawn(receive(i))).collect();
        nap();
        assert!(receivers.iter().all(|w| !w.handle.is_finished()));
        assert!(if by_receiver { r.close() } else { s.close() });
        let ends = receivers.into_iter().map(|w| w.handle.join().unwrap());
        ends.for_each(|end| assert_eq!(end, Err(RecvError)));
        let ends = threads.into_iter().map(|t| t.join().unwrap());
        ends.for_each(|end| assert_eq!(end, Err(RecvError)));

        let (s, r) = bounded(2);
        s.send(1_000).unwrap();
        s.send(1_001).unwrap();
        let send = |i: usize| {
            let s = s.clone();
            move || match i % 3 {
                0 => s.send(i),
                1 => s
                    .send_timeout(i, PATIENCE)
                    .map_err(|e| SendError(e.into_inner())),
                _ => {
                    select! { send(s, i) -> res => res, recv(never::<u8>()) -> _ => unreachable!() }
                }
            }
        };
        let senders: Vec<_> = (0..20).map(|i| watched(send(i))).collect();
        let threads: Vec<_> = (20..23).map(|i| std::thread::spawn(send(i))).collect();
        nap();
        assert!(senders.iter().all(|w| !w.handle.is_finished()));
        assert!(if by_receiver { r.close() } else { s.close() });
        let ends = senders.into_iter().map(|w| w.handle.join().unwrap());
        let ends = ends.chain(threads.into_iter().map(|t| t.join().unwrap()));
        ends.enumerate()
            .for_each(|(i, end)| assert_eq!(end, Err(SendError(i))));
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

/// CH-23: what Go's nil channel is for receivers. (For senders it is `None` in a select, see SE-9. There is
/// no report when all are asleep: CAVEATS.md.)
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
    let forever: [fn(Receiver<u8>); 4] = [
        |r| {
            let _ = r.recv();
        },
        |r| r.into_iter().for_each(drop),
        |r| r.iter().for_each(drop),
        |r| select! { recv(r) -> _ => {} },
    ];
    for waits in forever {
        let r = r.clone();
        let stuck = watched(move || waits(r));
        assert!(!stuck.handle.is_finished());
        stuck.handle.cancel();
        let end = stuck.handle.join().unwrap_err();
        assert!(end.is::<goroutines::Cancelled>());
    }
}

/// CH-24
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

/// CH-28: what is on the stack of one that waits stays there, also when the pages below are given back: a value,
/// what it points to, the place for one. And who has stopped waiting is in no queue: its frame is used again.
fn ch_28_values_and_waiters_in_frames() {
    /// Writes to the stack below the caller, in frames of two sizes, so that one leaves no gap of the other.
    fn scribble() {
        fn frames<const N: usize>(bytes: usize) -> u8 {
            let frame = std::hint::black_box([3_u8; N]);
            if bytes > N {
                return frames::<N>(bytes - N) | frame[7];
            }
            frame[9]
        }
        frames::<1_024>(60_000);
        frames::<40>(8_000);
    }
    // In frames of their own, which are gone when they return.
    #[inline(never)]
    fn select_send<T>(s: &Sender<T>, value: T) {
        select! { send(s, value) -> _ => unreachable!(), default(SHORT) => {} }
    }
    #[inline(never)]
    fn select_recv<T>(r: &Receiver<T>) {
        select! { recv(r) -> _ => unreachable!(), default(SHORT) => {} }
    }
    const SHORT: Duration = Duration::from_micros(100);
    type Big<'a> = (&'a [u8; 3_000], [u8; 3_000]);
    for kind in 0..4 {
        let test = spawn(move || {
            scribble();
            let mine = std::hint::black_box([kind; 3_000]);
            let (s, r) = bounded::<Big<'_>>(0);
            let value = (&mine, [kind + 1; 3_000]);
            let whole = |m: Big<'_>| m == (&[kind; 3_000], [kind + 1; 3_000]);
            scope(|scope| {
                let peer = scope.spawn(|| {
                    (0..10).for_each(|_| yield_now());
                    runtime::scavenge();
                    yield_now();
                    match kind {
                        0 => whole(r.recv().unwrap()),
                        1 => select! { recv(r) -> m => whole(m.unwrap()) },
                        _ => s.send(value).is_ok(),
                    }
                });
                match kind {
                    0 => s.send(value).unwrap(),
                    1 => select! { send(s, value) -> res => res.unwrap() },
                    2 => assert!(whole(r.recv().unwrap())),
                    _ => select! { recv(r) -> m => assert!(whole(m.unwrap())) },
                }
                assert!(peer.join().unwrap());
            });
            // They end their wait and use the stack for something else.
            assert!(s.send_timeout(value, SHORT).is_err());
            scribble();
            assert!(r.try_recv().is_err());
            assert!(r.recv_timeout(SHORT).is_err());
            scribble();
            assert!(s.try_send(value).is_err());
            select_send(&s, value);
            scribble();
            assert!(r.try_recv().is_err());
            select_recv(&r);
            scribble();
            assert!(s.try_send(value).is_err());
        });
        test.join().unwrap();
    }
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

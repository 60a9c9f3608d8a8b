//! Selects: SE-1 … SE-22.

use crate::support::{nap, on_workers, watched};
use goroutines::channel::{
    Receiver, RecvError, Select, SendError, Sender, after, bounded, never, unbounded,
};
use goroutines::{go, select, select_biased, spawn, yield_now};
use std::cell::RefCell;
use std::time::Duration;

on_workers! {
    se_2_uniform
    se_2_uniform_when_all_are_closed
    se_2_pseudo_random_send
    se_4_never_default_while_one_is_ready
    se_4_never_default_while_one_is_ready_2
    se_5_exactly_one
    se_6_the_others_are_untouched
    se_7_the_last_in_the_queue
    se_11_the_same_channel_twice
    se_12_not_with_itself
    se_14_close_wakes
    se_17_any_order
}

/// SE-1, R0.10: channels once, in the order of the source; the value only if its arm is chosen.
#[goroutines::test]
fn se_1_evaluation() {
    let trace = RefCell::new(Vec::new());
    let note = |what| trace.borrow_mut().push(what);
    let (s, r) = bounded(1);
    let (full, _kept) = bounded(1);
    full.send(0).unwrap();
    select! {
        send({ note("full"); &full }, { note("value 1"); 1 }) -> _ => unreachable!(),
        recv({ note("never"); never::<i32>() }) -> _ => unreachable!(),
        send({ note("s"); &s }, { note("value 2"); 2 }) -> res => { note("body"); res.unwrap() },
        recv({ note("r"); &r }) -> _ => unreachable!(),
        default({ note("timeout"); Duration::from_secs(1) }) => unreachable!(),
    }
    assert_eq!(
        *trace.borrow(),
        ["full", "never", "s", "r", "timeout", "value 2", "body"]
    );
    assert_eq!(r.recv(), Ok(2));
}

/// SE-2: Go's TestSelectFairness: 10,000 trials, two of four ready.
fn se_2_uniform() {
    const TRIALS: u32 = 10_000;
    let (a, b) = (unbounded(), unbounded());
    let (c, d) = (bounded::<u8>(0), bounded::<u8>(0));
    (0..=TRIALS).for_each(|_| (a.0.send(1).unwrap(), b.0.send(2).unwrap()).1);
    let (mut first, mut second) = (0, 0);
    for _ in 0..TRIALS {
        select! {
            recv(c.1) -> _ => unreachable!(),
            recv(a.1) -> _ => first += 1,
            recv(d.1) -> _ => unreachable!(),
            recv(b.1) -> _ => second += 1,
        }
    }
    // Ten times the standard deviation, which is 50.
    assert!(i32::abs(first - second) <= 1_000, "{first} and {second}");
}

/// SE-2, SE-13: also when all are closed, by the macro and at run time.
fn se_2_uniform_when_all_are_closed() {
    let ends: [_; 4] = std::array::from_fn(|_| bounded::<u8>(1));
    ends.iter().for_each(|(s, _)| assert!(s.close()));
    let mut counts = [0; 4];
    for _ in 0..4_000 {
        let i = select! {
            recv(ends[0].1) -> m => { assert_eq!(m, Err(RecvError)); 0 }
            send(ends[1].0, 7) -> res => { assert_eq!(res, Err(SendError(7))); 1 }
            recv(ends[2].1) -> _ => 2,
            send(ends[3].0, 7) -> _ => 3,
        };
        counts[i] += 1;
    }
    assert!(
        counts.iter().all(|&n| (700..1_300).contains(&n)),
        "{counts:?}"
    );
    let mut dynamic = [0; 4];
    let mut sel = Select::new();
    ends.iter().for_each(|(_, r)| assert!(sel.recv(r) < 4));
    for _ in 0..4_000 {
        let operation = sel.select();
        let i = operation.index();
        assert_eq!(operation.recv(&ends[i].1), Err(RecvError));
        dynamic[i] += 1;
    }
    assert!(
        dynamic.iter().all(|&n| (700..1_300).contains(&n)),
        "{dynamic:?}"
    );
}

/// SE-2, SE-11: Go's TestPseudoRandomSend: the same channel in two arms.
fn se_2_pseudo_random_send() {
    for cap in [0, 100] {
        let (s, r) = bounded(cap);
        let receiver = spawn(move || {
            yield_now();
            (0..100).map(|_| r.recv().unwrap()).collect::<Vec<u8>>()
        });
        for _ in 0..100 {
            select! { send(s, 0) -> r => r.unwrap(), send(s, 1) -> r => r.unwrap() }
        }
        let ones = receiver.join().unwrap().iter().filter(|&&b| b == 1).count();
        assert!((10..=90).contains(&ones), "{ones}");
    }
}

/// SE-3, SE-13, CH-15: what can proceed is chosen, and nothing else: by the macro and at run time.
#[goroutines::test]
fn se_3_se_13_what_can_proceed() {
    for dynamic in [false, true] {
        let poll = |r: &Receiver<u8>| {
            if !dynamic {
                return select! { recv(r) -> m => Some(m), default => None };
            }
            let mut sel = Select::new();
            sel.recv(r);
            sel.try_select().ok().map(|operation| operation.recv(r))
        };
        let offer = |s: &Sender<u8>, v| {
            if !dynamic {
                return select! { send(s, v) -> res => Some(res), default => None };
            }
            let mut sel = Select::new();
            sel.send(s);
            sel.try_select().ok().map(|operation| operation.send(s, v))
        };
        // A buffered value; closed with data; closed without.
        let (s, r) = bounded(2);
        assert_eq!(poll(&r), None);
        assert_eq!(offer(&s, 1), Some(Ok(())));
        assert_eq!(offer(&s, 2), Some(Ok(())));
        assert_eq!(offer(&s, 3), None);
        s.close();
        // CH-20: a send on a closed channel is ready, and never default.
        assert_eq!(offer(&s, 3), Some(Err(SendError(3))));
        assert_eq!(poll(&r), Some(Ok(1)));
        assert_eq!(offer(&s, 3), Some(Err(SendError(3))));
        assert_eq!(poll(&r), Some(Ok(2)));
        for _ in 0..3 {
            assert_eq!(poll(&r), Some(Err(RecvError)));
        }
        // A parked peer, and none.
        let (s, r) = bounded(0);
        assert_eq!((poll(&r), offer(&s, 4)), (None, None));
        let sender = {
            let s = s.clone();
            watched(move || s.send(4))
        };
        assert_eq!(offer(&s, 9), None);
        assert_eq!(poll(&r), Some(Ok(4)));
        sender.handle.join().unwrap().unwrap();
        let receiver = {
            let r = r.clone();
            watched(move || r.recv())
        };
        assert_eq!(poll(&r), None);
        assert_eq!(offer(&s, 5), Some(Ok(())));
        assert_eq!(receiver.handle.join().unwrap(), Ok(5));
        r.close();
        assert_eq!(poll(&r), Some(Err(RecvError)));
        assert_eq!(offer(&s, 6), Some(Err(SendError(6))));
    }
}

/// SE-4: Go's TestNonblockSelectRace. At each moment one of the two is ready: first `a`, then both, then `b`.
fn se_4_never_default_while_one_is_ready() {
    for _ in 0..crate::support::rounds(2_000) {
        let (a, b) = (bounded(1), bounded(1));
        a.0.send(1).unwrap();
        let (ra, rb) = (a.1.clone(), b.1.clone());
        let other = spawn(move || {
            select! {
                recv(ra) -> _ => true,
                recv(rb) -> _ => true,
                default => false,
            }
        });
        b.0.send(1).unwrap();
        select! { recv(a.1) -> _ => (), default => () }
        assert!(other.join().unwrap());
    }
}

/// SE-4: the same with a close.
fn se_4_never_default_while_one_is_ready_2() {
    for _ in 0..crate::support::rounds(2_000) {
        let (a, b) = (bounded(1), bounded::<u8>(0));
        a.0.send(1).unwrap();
        let (ra, rb) = (a.1.clone(), b.1.clone());
        let other = spawn(move || {
            select! {
                recv(ra) -> _ => true,
                recv(rb) -> _ => true,
                default => false,
            }
        });
        b.0.close();
        select! { recv(a.1) -> _ => (), default => () }
        assert!(other.join().unwrap());
    }
}

/// SE-4: a token wanders between two channels while others poll both: it is always somewhere.
#[goroutines::test(workers = 8)]
fn se_4_a_wandering_token() {
    let ends: [_; 2] = std::array::from_fn(|_| bounded::<()>(2));
    ends[1].0.send(()).unwrap();
    let (full, _kept) = bounded::<()>(1);
    full.send(()).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let pollers: Vec<_> = (0..3)
        .map(|_| {
            let (ends, full, stop) = (ends.clone(), full.clone(), stop.clone());
            spawn(move || {
                let mut polls = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let mut all = Select::new();
                    ends.iter().for_each(|(_, r)| assert!(all.recv(r) < 2));
                    assert!(all.try_ready().is_ok(), "poll {polls}");
                    select! {
                        send(full, panic_now()) -> _ => unreachable!(),
                        recv(never::<()>()) -> _ => unreachable!(),
                        default => (),
                    }
                    polls += 1;
                    yield_now();
                }
            })
        })
        .collect();
    for i in 0..crate::support::rounds(20_000) {
        // First where it goes, then from where it was.
        let (to, from) = (i % 2, (i + 1) % 2);
        ends[to].0.send(()).unwrap();
        ends[from].1.recv().unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    pollers.into_iter().for_each(|h| h.join().unwrap());
}

fn panic_now() {
    panic!("evaluated although it was not chosen");
}

/// SE-5: Go's doubleselect.
fn se_5_exactly_one() {
    let n = crate::support::rounds(2_500);
    let ends: [_; 4] = std::array::from_fn(|_| bounded::<usize>(0));
    let (merged, all) = bounded(0);
    let [s0, s1, s2, s3] = ends.each_ref().map(|e| e.0.clone());
    go!(move || {
        for i in 0..n {
            select! {
                send(s0, i) -> r => r.unwrap(),
                send(s1, i) -> r => r.unwrap(),
                send(s2, i) -> r => r.unwrap(),
                send(s3, i) -> r => r.unwrap(),
            }
        }
        [s0, s1, s2, s3].iter().for_each(|s| assert!(s.close()));
    });
    for (_, r) in ends {
        let merged = merged.clone();
        go!(move || r.iter().for_each(|i| merged.send(i).unwrap()));
    }
    drop(merged);
    let mut seen = vec![false; n];
    for i in all {
        assert!(!std::mem::replace(&mut seen[i], true), "{i} twice");
    }
    assert!(seen.into_iter().all(|s| s));
}

/// SE-6, MM-12: of the arms that are not chosen nothing is sent and nothing taken: not of those that could
/// have been, nor of those that a select waited in.
fn se_6_the_others_are_untouched() {
    let (s, r) = bounded::<u8>(100);
    let (t, u) = bounded::<u8>(100);
    (0..100).for_each(|i| s.send(i).unwrap());
    let mut taken = 0;
    let mut dynamic = Select::new();
    dynamic.recv(&r);
    dynamic.send(&t);
    while t.len() < 100 && !r.is_empty() {
        let received = if taken % 2 == 0 {
            select! { recv(r) -> m => Some(m), send(t, 1) -> res => { res.unwrap(); None } }
        } else {
            let operation = dynamic.select();
            match operation.index() {
                0 => Some(operation.recv(&r)),
                _ => operation.send(&t, 1).map(|()| None).unwrap(),
            }
        };
        if let Some(m) = received {
            assert_eq!(m, Ok(taken));
            taken += 1;
        }
        assert_eq!(r.len(), 100 - usize::from(taken));
    }
    // As many as were sent, and what they were.
    let sent = t.len();
    assert_eq!(u.try_iter().filter(|&v| v == 1).count(), sent);

    for chosen in 0..4 {
        let (s1, r1) = bounded::<u8>(0);
        let (s2, r2) = bounded::<u8>(0);
        let (s3, r3) = bounded::<u8>(0);
        let (s4, r4) = bounded::<u8>(1);
        s4.send(0).unwrap();
        let selector = {
            let (r1, r2, s3, s4) = (r1.clone(), r2.clone(), s3.clone(), s4.clone());
            watched(move || {
                select! {
                    recv(r1) -> m => { m.unwrap(); 0 }
                    recv(r2) -> m => { m.unwrap(); 1 }
                    send(s3, 3) -> res => { res.unwrap(); 2 }
                    send(s4, 4) -> res => { res.unwrap(); 3 }
                }
            })
        };
        match chosen {
            0 => s1.try_send(1).unwrap(),
            1 => s2.try_send(2).unwrap(),
            // Its value is evaluated now.
            2 => assert_eq!(r3.recv(), Ok(3)),
            _ => assert_eq!(r4.recv(), Ok(0)),
        }
        assert_eq!(selector.handle.join().unwrap(), chosen);
        // Nobody is there any more.
        assert!(s1.try_send(1).is_err() && s2.try_send(2).is_err());
        assert!(r3.try_recv().is_err());
        let in_buffer = if chosen == 3 { 4 } else { 0 };
        assert_eq!(r4.try_iter().collect::<Vec<_>>(), [in_buffer]);
    }
}

/// SE-7: a select that was last in a queue leaves it, and those who come later are found.
fn se_7_the_last_in_the_queue() {
    for _ in 0..200 {
        let (s1, r1) = bounded::<bool>(0);
        let (s2, r2) = bounded::<bool>(0);
        let first = {
            let r1 = r1.clone();
            spawn(move || r1.recv().unwrap())
        };
        nap_short();
        let second = {
            let r1 = r1.clone();
            spawn(move || {
                select! {
                    recv(r1) -> _ => unreachable!(),
                    recv(r2) -> m => assert_eq!(m, Ok(true)),
                }
                r1.recv().unwrap()
            })
        };
        nap_short();
        s2.send(true).unwrap();
        s1.send(true).unwrap();
        s1.send(false).unwrap();
        // Usually the first has come first, but who is quick is not for a test to say.
        assert_ne!(first.join().unwrap(), second.join().unwrap());
    }
}

fn nap_short() {
    (0..10).for_each(|_| yield_now());
}

/// SE-9, CH-23: what Go does with a nil channel, `None` does here, or `never`.
#[goroutines::test(workers = 2)]
fn se_9_cases_that_are_off() {
    let (s, r) = bounded::<u8>(1);
    let mut off: Option<&Receiver<u8>> = None;
    let no_sender: Option<Sender<u8>> = None;
    let by_arc = Some(std::sync::Arc::new(r.clone()));
    for _ in 0..10 {
        select! {
            recv(off) -> _ => unreachable!(),
            send(no_sender, 1) -> _ => unreachable!(),
            recv(never::<()>()) -> _ => unreachable!(),
            default => (),
        }
    }
    s.send(3).unwrap();
    off = Some(&r);
    assert_eq!(
        select! { recv(off) -> m => m, default => unreachable!() },
        Ok(3)
    );
    s.send(4).unwrap();
    assert_eq!(select! { recv(by_arc) -> m => m }, Ok(4));
    // None of them ever: blocks.
    let none: Option<Receiver<u8>> = None;
    let no_sender: Option<Sender<u8>> = None;
    let stuck = watched(move || {
        select! {
            recv(none) -> _ => (),
            send(no_sender, 1) -> _ => (),
            recv(never::<u8>()) -> _ => (),
        }
    });
    assert!(!stuck.handle.is_finished());
    stuck.handle.cancel();
    assert!(stuck.handle.join().is_err());
}

/// SE-10
#[goroutines::test(workers = 2)]
fn se_10_without_cases() {
    assert_eq!(select! { default => 3 }, 3);
    let start = std::time::Instant::now();
    assert_eq!(select! { default(Duration::from_millis(5)) => 4 }, 4);
    assert!(start.elapsed() >= Duration::from_millis(5));
    let stuck = watched(|| -> u8 {
        select! {}
    });
    assert!(!stuck.handle.is_finished());
    stuck.handle.cancel();
    assert!(stuck.handle.join().is_err());
    assert!(Select::new().try_select().is_err());
    assert!(
        Select::new()
            .select_timeout(Duration::from_millis(1))
            .is_err()
    );
}

/// SE-11, SE-7: Go's TestSelectDuplicateChannel.
fn se_11_the_same_channel_twice() {
    for _ in 0..100 {
        let (s, r) = bounded::<u8>(0);
        let (t, u) = bounded::<u8>(0);
        let selector = {
            let (r, u) = (r.clone(), u.clone());
            spawn(move || {
                select! {
                    recv(r) -> m => m.unwrap(),
                    recv(r) -> m => m.unwrap(),
                    recv(u) -> m => m.unwrap(),
                    recv(r) -> m => m.unwrap(),
                }
            })
        };
        nap_short();
        t.send(1).unwrap();
        assert_eq!(selector.join().unwrap(), 1);
        // It has left the queue three times.
        assert!(s.try_send(2).is_err());
        let last = spawn(move || r.recv().unwrap());
        s.send(3).unwrap();
        assert_eq!(last.join().unwrap(), 3);
    }
}

/// SE-12: Go's TestSelfSelect.
fn se_12_not_with_itself() {
    // Alone it waits for ever.
    let (s, r) = bounded(0);
    select! {
        send(s, 1) -> _ => unreachable!("a select met itself"),
        recv(r) -> _ => unreachable!("a select met itself"),
        default(Duration::from_millis(5)) => (),
    }
    select! {
        send(s, 1) -> _ => unreachable!("a select met itself"),
        recv(r) -> _ => unreachable!("a select met itself"),
        default => (),
    }
    // With room it may have its own value back.
    let (t, u) = bounded(10);
    let (mut sent, mut received) = (0, 0);
    for _ in 0..100 {
        select! {
            send(t, sent) -> res => { res.unwrap(); sent += 1 }
            recv(u) -> m => { assert_eq!(m, Ok(received)); received += 1 }
        }
        assert_eq!(u.len(), sent - received);
    }
    assert!(received > 0);
    // Two pair up with each other.
    let n = 1_000;
    let each = move |me: u8, s: Sender<u8>, r: Receiver<u8>, done: Receiver<()>| {
        let (mut sent, mut got, mut own) = (0, 0, 0);
        loop {
            select! {
                send(s, me) -> res => { res.unwrap(); sent += 1 }
                recv(r) -> m => if m.unwrap() == me { own += 1 } else { got += 1 },
                recv(done) -> _ => break (sent, got, own),
            }
            if sent + got == n {
                break (sent, got, own);
            }
        }
    };
    let (_keep, done) = bounded(0);
    let one = {
        let (s, r, done) = (s.clone(), r.clone(), done.clone());
        spawn(move || each(0, s, r, done))
    };
    let two = each(1, s, r, done);
    let one = one.join().unwrap();
    assert_eq!((one.2, two.2), (0, 0));
    assert_eq!((one.0, one.1), (two.1, two.0));
    assert_eq!(one.0 + one.1, n);
}

/// SE-14: of goroutines and threads, by the macro and at run time. (Many at once: `ch_18_19_close_wakes_all`.)
fn se_14_close_wakes() {
    for (dynamic, on_thread) in [(false, false), (true, false), (false, true), (true, true)] {
        let (s, r) = bounded::<u8>(0);
        let (_s2, r2) = bounded::<u8>(0);
        let receives = move || {
            if dynamic {
                let mut sel = Select::new();
                sel.recv(&r2);
                sel.recv(&r);
                let operation = sel.select();
                assert_eq!(operation.index(), 1);
                return operation.recv(&r);
            }
            select! { recv(r2) -> _ => unreachable!(), recv(r) -> m => m }
        };
        let end = ended_by(on_thread, receives, || s.close());
        assert_eq!(end, Err(RecvError));

        let (s, r) = bounded::<u8>(0);
        let sends = move || {
            if dynamic {
                let mut sel = Select::new();
                sel.send(&s);
                return sel.select().send(&s, 8);
            }
            select! { send(s, 8) -> res => res, recv(never::<u8>()) -> _ => unreachable!() }
        };
        let end = ended_by(on_thread, sends, || r.close());
        assert_eq!(end, Err(SendError(8)));
    }
}

/// How `waits` ends when `close`, called while it waits, has returned.
fn ended_by<T: Send + 'static>(
    on_thread: bool,
    waits: impl FnOnce() -> T + Send + 'static,
    close: impl FnOnce() -> bool,
) -> T {
    if on_thread {
        let waits = std::thread::spawn(waits);
        nap();
        assert!(!waits.is_finished() && close());
        return waits.join().unwrap();
    }
    let waits = watched(waits);
    assert!(!waits.handle.is_finished() && close());
    waits.handle.join().unwrap()
}

/// SE-15: no priority, and with `select_biased!` the order of the source.
#[goroutines::test]
fn se_15_bias_is_asked_for() {
    let (s, r) = unbounded();
    let (t, u) = unbounded();
    (0..100).for_each(|i| (s.send(i).unwrap(), t.send(i).unwrap()).1);
    for i in 0..100 {
        select_biased! {
            recv(r) -> m => assert_eq!(m, Ok(i)),
            recv(u) -> _ => unreachable!(),
        }
    }
    select_biased! {
        recv(r) -> _ => unreachable!(),
        recv(u) -> m => assert_eq!(m, Ok(0)),
        default => unreachable!(),
    }
    (0..100).for_each(|i| s.send(i).unwrap());
    let mut sel = Select::new_biased();
    let (first, second) = (sel.recv(&u), sel.recv(&r));
    for i in 1..100 {
        let operation = sel.select();
        assert_eq!(operation.index(), first);
        assert_eq!(operation.recv(&u), Ok(i));
    }
    sel.remove(first);
    let operation = sel.select();
    assert_eq!(operation.index(), second);
    assert_eq!(operation.recv(&r), Ok(0));
}

/// SE-17: the same channels in any order, each operation, and nobody hangs.
fn se_17_any_order() {
    const N: usize = 4;
    let rounds = crate::support::rounds(1_000);
    let ends: [_; N] = [bounded(0), bounded(0), bounded(2), bounded(3)];
    let mut all = Vec::new();
    // Plain ones, one for each side of each channel.
    for (s, r) in &ends {
        let (s, r) = (s.clone(), r.clone());
        all.push(spawn(move || (0..rounds).for_each(|_| s.send(0).unwrap())));
        all.push(spawn(move || {
            (0..rounds).for_each(|_| assert!(r.recv().is_ok()))
        }));
    }
    // Selects over all, which switch off what they have done often enough.
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let senders = order.map(|i| ends[i].0.clone());
        let receivers = order.map(|i| ends[i].1.clone());
        all.push(spawn(move || {
            let mut counts = [0; N];
            let mut left = senders.map(Some);
            for _ in 0..N * rounds {
                let i = select! {
                    send(left[3], 1) -> r => { r.unwrap(); 3 }
                    send(left[2], 1) -> r => { r.unwrap(); 2 }
                    send(left[0], 1) -> r => { r.unwrap(); 0 }
                    send(left[1], 1) -> r => { r.unwrap(); 1 }
                };
                counts[i] += 1;
                if counts[i] == rounds {
                    left[i] = None;
                }
            }
        }));
        all.push(spawn(move || {
            let mut counts = [0; N];
            for _ in 0..N * rounds {
                let mut sel = Select::new();
                let mut names = Vec::new();
                for (i, r) in receivers.iter().enumerate() {
                    if counts[i] < rounds {
                        assert_eq!(sel.recv(r), names.len());
                        names.push(i);
                    }
                }
                let operation = sel.select();
                let i = names[operation.index()];
                assert!(operation.recv(&receivers[i]).is_ok());
                counts[i] += 1;
            }
        }));
    }
    all.into_iter().for_each(|h| h.join().unwrap());
}

/// SE-19: jumps out of arms, arms as values.
#[goroutines::test]
fn se_19_jumps_and_values() {
    let (s, r) = unbounded();
    (0..10).for_each(|i| s.send(i).unwrap());
    let mut sum = 0;
    'outer: loop {
        loop {
            select! {
                recv(r) -> m => match m {
                    Ok(3) => continue 'outer,
                    Ok(i) if i < 7 => sum += i,
                    Ok(7) => break,
                    _ => break 'outer,
                },
                default => unreachable!(),
            }
        }
        sum += 100;
    }
    assert_eq!(sum, 1 + 2 + 4 + 5 + 6 + 100);

    fn early(r: &Receiver<u8>) -> Result<u8, RecvError> {
        let value = select! { recv(r) -> m => m? };
        if value == 1 {
            select! { default => return Ok(10) }
        }
        Ok(value)
    }
    let (s, r) = unbounded();
    s.send(1).unwrap();
    s.send(2).unwrap();
    s.close();
    assert_eq!(
        [early(&r), early(&r), early(&r)],
        [Ok(10), Ok(2), Err(RecvError)]
    );

    // A jump out of the value of a send arm gives the right to send back.
    fn no_value(s: &Sender<u8>) -> Option<()> {
        let none: Option<u8> = None;
        select! { send(s, none?) -> res => res.ok() }
    }
    let (s, r) = bounded(1);
    assert_eq!(no_value(&s), None);
    assert_eq!(s.try_send(5), Ok(()));
    assert_eq!(r.recv(), Ok(5));
}

/// The grammar: commas, blocks, patterns, what an operand may be.
#[goroutines::test]
fn grammar() {
    let (s, r) = bounded::<(u8, u8)>(4);
    select! { send(s, (1, 2),) -> _ => {} }
    select! { send(&s, (1, 2)) -> _ => {}, }
    select! {
        send(Box::new(s.clone()), (3, 4)) -> res => res.unwrap()
    }
    select! {
        recv(r,) -> m => { assert_eq!(m, Ok((1, 2))) }
        recv(&&r) -> m => assert_eq!(m, Ok((1, 2))),
        default() => unreachable!(),
    }
    let holder = (1, std::sync::Arc::new(r));
    let mut sum = 0;
    for _ in 0..2 {
        sum += select! {
            default => unreachable!(),
            recv(holder.1) -> m => if let Ok((a, b)) = m { a * b } else { 0 }
            recv(after(Duration::MAX)) -> _at => unreachable!(),
        };
    }
    assert_eq!(sum, 14);
    let r = &mut { holder.1 };
    select! {
        recv(r) -> _ => unreachable!(),
        default(Duration::from_micros(10),) => {
            // The operands are free again.
            *r = std::sync::Arc::new(never());
        }
    }
    macro_rules! poll {
        ($r:expr) => {
            select! { recv($r) -> m => m.ok(), default => None }
        };
    }
    assert_eq!(poll!(r), None);
}

/// SE-18, SE-22: the small forms, results ignored, moves out of the body.
#[goroutines::test(workers = 2)]
fn se_18_small_forms() {
    let (s, r) = bounded(0);
    go!(move || {
        for i in 0..4 {
            select! { send(s, Box::new(i)) -> _ => () }
        }
    });
    select! { recv(r) -> _ => () }
    select! { recv(r) -> m => assert_eq!(*m.unwrap(), 1) }
    loop {
        let more = select! { recv(r) -> m => Some(m), default => None };
        if let Some(m) = more {
            assert_eq!(*m.unwrap(), 2);
            break;
        }
        yield_now();
    }
    select! {
        recv(r) -> m => {
            drop(r);
            assert_eq!(*m.unwrap(), 3);
        }
        default(Duration::from_secs(60)) => unreachable!(),
    }
}

/// SE-20: many cases at run time.
#[goroutines::test(workers = 2)]
fn se_20_many_cases() {
    const N: usize = 2_000;
    let ends: Vec<_> = (0..N).map(|_| bounded::<usize>(0)).collect();
    let senders: Vec<_> = ends.iter().map(|e| e.0.clone()).collect();
    go!(move || {
        for i in 0..20 {
            let at = i * 97 % N;
            senders[at].send(at).unwrap();
        }
    });
    let mut sel = Select::new();
    ends.iter().for_each(|(_, r)| assert!(sel.recv(r) < N));
    for _ in 0..20 {
        let operation = sel.select();
        let i = operation.index();
        assert_eq!(operation.recv(&ends[i].1), Ok(i));
    }
    assert!(sel.try_select().is_err());
}

/// One that always finds an arm ready lets others run and can be cancelled, as one that sends and receives.
#[goroutines::test(workers = 1)]
fn one_that_is_always_ready() {
    use goroutines::channel::{Select, after};
    let spinners: [fn(); 5] = [
        || {
            let (s, r) = bounded::<u8>(1);
            loop {
                select! { recv(r) -> _ => {}, send(s, 1) -> _ => {} }
            }
        },
        || {
            let (_s, r) = bounded::<u8>(1);
            loop {
                select! { recv(r) -> _ => {}, default => {} }
            }
        },
        || {
            let (s, r) = bounded::<u8>(1);
            s.send(1).unwrap();
            loop {
                let mut select = Select::new();
                select.recv(&r);
                let _ = select.ready();
            }
        },
        || {
            loop {
                let _ = after(Duration::ZERO).recv();
            }
        },
        || {
            let (_s, r) = bounded::<u8>(1);
            loop {
                select! { recv(r) -> _ => {}, recv(after(Duration::ZERO)) -> _ => {} }
            }
        },
    ];
    for spin in spinners {
        let spinner = spawn(spin);
        // It gets its turn, and gives it back.
        spawn(|| ()).join().unwrap();
        spinner.cancel();
        assert!(spinner.join().is_err());
    }
}

// A block that a macro has parsed is an arm without a warning.
#[test]
#[deny(unused_braces)]
fn blocks_of_macros() {
    macro_rules! either {
        ($r:expr, $some:block, $none:block) => {
            select! { recv($r) -> _ => $some, default => $none }
        };
    }
    let (s, r) = bounded(1);
    s.send(1).unwrap();
    assert_eq!(either!(r, { 1 }, { 2 }), 1);
    assert_eq!(either!(r, { 1 }, { 2 }), 2);
}

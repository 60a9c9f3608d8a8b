//! Timers that look like channels: TI-5 … TI-7, TI-19, TI-20.

use crate::support::nap;
use goroutines::channel::{RecvTimeoutError, TryRecvError, after, at, bounded, never, tick};
use goroutines::{select, sleep, spawn};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

#[goroutines::test(workers = 2)]
fn ti_5_not_before_and_once() {
    let start = Instant::now();
    let r = after(20 * MS);
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    let fired = r.recv().unwrap();
    assert!(start.elapsed() >= 20 * MS);
    // TI-7: the value is when it was due.
    assert!(fired >= start + 20 * MS && fired <= Instant::now());
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(r.recv_timeout(5 * MS), Err(RecvTimeoutError::Timeout));
    for past in [Duration::ZERO, MS] {
        assert!(at(start - past).recv().is_ok());
    }
    let start = Instant::now();
    for _ in 0..10_000 {
        after(Duration::ZERO).recv().unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    // Too far away to be an instant: never.
    assert_eq!(after(Duration::MAX).try_recv(), Err(TryRecvError::Empty));
}

#[goroutines::test(workers = 2)]
fn ti_6_as_if_unbuffered() {
    let r = after(Duration::ZERO);
    sleep(2 * MS);
    assert_eq!((r.len(), r.capacity()), (0, Some(0)));
    assert!(r.is_empty() && r.is_full() && !r.is_closed() && !r.close());
    assert!(r.recv().is_ok());
}

#[goroutines::test(workers = 2)]
fn ti_7_the_moment_it_was_due() {
    let start = Instant::now();
    let r = after(10 * MS);
    sleep(60 * MS);
    let fired = r.recv().unwrap();
    assert!(
        fired - start >= 10 * MS && fired - start < 40 * MS,
        "{:?}",
        fired - start
    );
    let when = Instant::now() + 5 * MS;
    assert_eq!(at(when).recv(), Ok(when));
}

#[goroutines::test(workers = 2)]
fn ti_19_a_tick_without_a_period_never_comes() {
    let off = tick(Duration::ZERO);
    // Go: `Tick(0)` is a nil channel.
    assert!(off.same_channel(&never()));
    for timeout in [Duration::ZERO, 5 * MS] {
        assert_eq!(off.recv_timeout(timeout), Err(RecvTimeoutError::Timeout));
    }
    select! {
        recv(off) -> _ => panic!("it is switched off"),
        recv(after(5 * MS)) -> _ => {}
    }
    assert_eq!(tick(Duration::MAX).try_recv(), Err(TryRecvError::Empty));
    // The shortest there is.
    let all = tick(Duration::from_nanos(1));
    assert!(all.recv().unwrap() < all.recv().unwrap());
}

#[goroutines::test(workers = 2)]
fn ti_20_one_pending_and_on_the_grid() {
    let period = 40 * MS;
    let before = Instant::now();
    let r = tick(period);
    let after = Instant::now();
    // Not received for three periods: one value, which is the first that was missed.
    sleep(period * 3 + period / 2);
    let first = r.try_recv().unwrap();
    assert!(first >= before + period && first <= after + period);
    let late = (Instant::now() - first).as_nanos() / period.as_nanos();
    if late == 2 {
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    }
    // The next one is on the grid again.
    for _ in 0..3 {
        let next = r.recv().unwrap();
        assert!(Instant::now() >= next);
        let steps = (next - first).as_nanos() as f64 / period.as_nanos() as f64;
        assert!((steps - steps.round()).abs() < 1e-6, "{steps}");
    }
}

#[goroutines::test(workers = 2)]
fn many_receive_from_one_timer() {
    let r = after(5 * MS);
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let r = r.clone();
            spawn(move || r.recv_timeout(60 * MS).is_ok())
        })
        .collect();
    let got = waiters
        .into_iter()
        .filter(|_| true)
        .map(|h| h.join().unwrap())
        .filter(|&ok| ok)
        .count();
    assert_eq!(got, 1);
    let r = tick(5 * MS);
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let r = r.clone();
            spawn(move || r.recv().unwrap())
        })
        .collect();
    let mut got: Vec<_> = waiters.into_iter().map(|h| h.join().unwrap()).collect();
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 5);
}

/// SE-16.
#[goroutines::test(workers = 2)]
fn timers_in_selects() {
    let (_s, r) = bounded::<u8>(0);
    let start = Instant::now();
    select! {
        recv(r) -> _ => unreachable!(),
        recv(after(20 * MS)) -> at => assert!(at.unwrap() >= start + 20 * MS),
    }
    assert!(start.elapsed() >= 20 * MS);
    // The earlier of timer and default.
    let start = Instant::now();
    select! {
        recv(after(Duration::from_secs(60))) -> _ => unreachable!(),
        default(10 * MS) => assert!(start.elapsed() >= 10 * MS),
    }
    let r = after(5 * MS);
    let selectors: Vec<_> = (0..4)
        .map(|_| {
            let r = r.clone();
            spawn(move || select! { recv(r) -> _ => 1, default(60 * MS) => 0 })
        })
        .collect();
    assert_eq!(
        selectors
            .into_iter()
            .map(|h| h.join().unwrap())
            .sum::<i32>(),
        1
    );
    let ticks = tick(2 * MS);
    let stop = after(40 * MS);
    let mut n = 0;
    loop {
        select! {
            recv(ticks) -> _ => n += 1,
            recv(stop) -> _ => break,
        }
    }
    assert!(n >= 1);
    nap();
}

//! Limits that have passed: what is ready is done all the same, as in `crossbeam-channel`.

use crate::support::watched;
use goroutines::channel::{
    RecvTimeoutError, Select, SendTimeoutError, after, bounded, select, select_biased, tick,
    unbounded,
};
use std::time::{Duration, Instant};

const ZERO: Duration = Duration::ZERO;

/// Once in a goroutine and once on a plain thread.
fn both(f: impl Fn() + Copy + Send + Sync + 'static) {
    goroutines::spawn(f).join().unwrap();
    std::thread::spawn(f).join().unwrap();
}

#[goroutines::test(workers = 2)]
fn there_is_a_value_and_there_is_room() {
    both(|| {
        let past = Instant::now();
        let (s, r) = bounded(2);
        assert_eq!(s.send_timeout(1, ZERO), Ok(()));
        assert_eq!(s.send_deadline(2, past), Ok(()));
        assert_eq!(s.send_timeout(3, ZERO), Err(SendTimeoutError::Timeout(3)));
        assert_eq!(r.recv_timeout(ZERO), Ok(1));
        assert_eq!(r.recv_deadline(past), Ok(2));
        assert_eq!(r.recv_timeout(ZERO), Err(RecvTimeoutError::Timeout));
        let (s, r) = unbounded();
        assert_eq!(s.send_timeout(4, ZERO), Ok(()));
        // The end of a channel is ready, too.
        drop(s);
        assert_eq!(r.recv_timeout(ZERO), Ok(4));
        assert_eq!(r.recv_timeout(ZERO), Err(RecvTimeoutError::Disconnected));
        let (s, r) = bounded(1);
        drop(r);
        let closed = Err(SendTimeoutError::Disconnected(5));
        assert_eq!(s.send_deadline(5, past), closed);
    });
}

#[goroutines::test(workers = 2)]
fn somebody_waits() {
    let past = Instant::now();
    let (s, r) = bounded(0);
    let sender = s.clone();
    let sender = watched(move || sender.send(1));
    sender.settle();
    assert_eq!(r.recv_timeout(ZERO), Ok(1));
    assert_eq!(sender.handle.join().unwrap(), Ok(()));
    let receiver = r.clone();
    let receiver = watched(move || receiver.recv());
    receiver.settle();
    assert_eq!(s.send_deadline(2, past), Ok(()));
    assert_eq!(receiver.handle.join().unwrap(), Ok(2));
}

#[goroutines::test(workers = 2)]
fn a_timer_is_due() {
    both(|| {
        let past = Instant::now();
        assert!(after(ZERO).recv_timeout(ZERO).is_ok());
        assert!(after(ZERO).recv_deadline(past).is_ok());
        let often = tick(Duration::from_nanos(1));
        assert!(often.recv().is_ok());
        assert!(often.recv_timeout(ZERO).is_ok());
        let timer = goroutines::time::Timer::new(ZERO);
        assert!(timer.c().recv_timeout(ZERO).is_ok());
        assert!(timer.c().recv_timeout(ZERO).is_err());
    });
}

#[goroutines::test(workers = 2)]
fn an_operation_is_ready() {
    both(|| {
        let past = Instant::now();
        let (s, r) = bounded(1);
        let (_never, nothing) = bounded::<u8>(0);
        let mut both = Select::new();
        both.recv(&nothing);
        let at = both.recv(&r);
        assert!(both.select_timeout(ZERO).is_err() && both.ready_timeout(ZERO).is_err());
        assert!(both.select_deadline(past).is_err() && both.ready_deadline(past).is_err());
        for round in 0..2 {
            s.send(round).unwrap();
            assert_eq!(both.ready_timeout(ZERO), Ok(at));
            assert_eq!(both.ready_deadline(past), Ok(at));
            let chosen = match round {
                0 => both.select_timeout(ZERO),
                _ => both.select_deadline(past),
            };
            assert_eq!(chosen.unwrap().recv(&r), Ok(round));
        }
        let got = select! {
            send(s, 7) -> sent => sent.is_ok(),
            recv(nothing) -> _ => false,
            default(ZERO) => false,
        };
        assert!(got);
        let got = select_biased! {
            recv(nothing) -> _ => None,
            recv(r) -> value => value.ok(),
            default(ZERO) => None,
        };
        assert_eq!(got, Some(7));
        let late = select! {
            recv(r) -> _ => false,
            default(ZERO) => true,
        };
        assert!(late);
    });
}

//! Signals that race with the end of catching them.
#![allow(unsafe_code, reason = "a handler of its own, and signals")]

use super::signal::{self, bit};
use crate::shim::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static OLD: AtomicUsize = AtomicUsize::new(0);

/// The action that was there before.
extern "C" fn old(_: libc::c_int) {
    OLD.fetch_add(1, Ordering::SeqCst);
}

/// SEMANTICS SI-3: of each signal either the catcher knows, or it has its old action.
#[test]
fn a_signal_that_races_with_the_end_is_not_lost() {
    const SIGNAL: libc::c_int = libc::SIGUSR1;
    const ROUNDS: usize = 10_000;
    // SAFETY: all zeros is an action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = old as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler is async-signal-safe.
    unsafe { libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut()) };
    signal::event().unwrap();
    let _ = signal::take();
    let (mut caught, mut not) = (0, 0);
    let turn = AtomicUsize::new(0);
    std::thread::scope(|s| {
        s.spawn(|| {
            for round in 1..=ROUNDS {
                while turn.load(Ordering::SeqCst) != round {
                    std::thread::yield_now();
                }
                let me = std::process::id() as libc::pid_t;
                // SAFETY: there is a handler.
                unsafe { libc::kill(me, SIGNAL) };
            }
        });
        for round in 1..=ROUNDS {
            signal::catch(SIGNAL).unwrap();
            assert!(!signal::is_ignored(SIGNAL));
            let before = OLD.load(Ordering::SeqCst);
            turn.store(round, Ordering::SeqCst);
            for _ in 0..round % 64 * 50 {
                std::hint::spin_loop();
            }
            if round % 3 == 0 {
                std::thread::yield_now();
            }
            signal::restore(SIGNAL);
            signal::settle();
            if signal::take() & bit(SIGNAL) != 0 {
                caught += 1;
                assert_eq!(OLD.load(Ordering::SeqCst), before, "one signal, told twice");
                continue;
            }
            let start = Instant::now();
            while OLD.load(Ordering::SeqCst) == before {
                assert!(start.elapsed() < Duration::from_secs(60), "lost");
                std::thread::yield_now();
            }
            not += 1;
            assert_eq!(signal::take(), 0);
        }
    });
    assert!(caught > 0 && not > 0, "{caught} caught, {not} not");
}

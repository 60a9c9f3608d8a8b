//! Signals that race with the end of catching them.
#![allow(unsafe_code, reason = "a handler of its own, and signals")]

use super::signal::{self, bit};
use crate::shim::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static OLD: AtomicUsize = AtomicUsize::new(0);

/// Makes the moments longer in which something else may happen.
pub(super) fn dawdle() {
    static N: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..N.fetch_add(37, Ordering::Relaxed) % 100 * 50 {
        std::hint::spin_loop();
    }
}

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
    let (mut caught, mut not, mut lost, mut twice) = (0, 0, false, false);
    let (turn, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|s| {
        s.spawn(|| {
            for round in 1..=ROUNDS {
                while turn.load(Ordering::SeqCst) != round {
                    if over.load(Ordering::SeqCst) != 0 {
                        return;
                    }
                    std::thread::yield_now();
                }
                if round % 4 == 0 {
                    let me = std::process::id() as libc::pid_t;
                    // SAFETY: there is a handler.
                    unsafe { libc::kill(me, SIGNAL) };
                } else {
                    // On this thread.
                    // SAFETY: as above.
                    unsafe { libc::raise(SIGNAL) };
                }
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
                twice |= OLD.load(Ordering::SeqCst) != before;
                continue;
            }
            let start = Instant::now();
            while OLD.load(Ordering::SeqCst) == before && !lost {
                lost = start.elapsed() > Duration::from_secs(10);
                std::thread::yield_now();
            }
            not += 1;
            twice |= signal::take() != 0;
            if lost || twice {
                over.store(1, Ordering::SeqCst);
                break;
            }
        }
    });
    assert!(!lost && !twice, "lost: {lost}, told twice: {twice}");
    assert!(caught > 0 && not > 0, "{caught} caught, {not} not");
}

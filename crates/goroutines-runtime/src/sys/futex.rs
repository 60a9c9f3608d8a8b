//! Blocking a thread on a word, and waking it.
//!
//! Not for: goroutines; they park.

use crate::shim::atomic::AtomicU32;
use rustix::thread::futex::{self, Flags, Timespec};
use std::time::Duration;

/// Blocks this thread while `word` holds `expected`, for `timeout` at most.
///
/// Returns early on a signal or for no reason at all: the caller looks at the word again.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let timeout = timeout.map(|d| Timespec {
        // More seconds than the kernel can count are as good as for ever.
        tv_sec: i64::try_from(d.as_secs())
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4),
        tv_nsec: i64::from(d.subsec_nanos()),
    });
    // Every error (changed word, signal, time over) means: look again.
    let _ = futex::wait(word, Flags::PRIVATE, expected, timeout.as_ref());
}

/// Wakes one thread that waits on `word`, if there is one.
pub fn wake(word: &AtomicU32) {
    let _ = futex::wake(word, Flags::PRIVATE, 1);
}

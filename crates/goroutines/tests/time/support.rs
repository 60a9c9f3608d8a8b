//! What the modules of several test programs share.
#![allow(dead_code, reason = "not each program uses all of it")]

use std::time::{Duration, Instant};

/// Far longer than anything takes on a loaded machine: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A time after which what does not come in a test does not come.
pub(crate) const SHORT: Duration = Duration::from_millis(5);

/// A time that does not pass in a test.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Starts the runtime of this process, if it has not been.
pub(crate) fn start() {
    static START: std::sync::Once = std::sync::Once::new();
    START.call_once(|| {
        // An error means that it runs already, with the settings of `#[goroutines::test(…)]`.
        let _ = goroutines::runtime::builder().workers(2).start();
    });
}

/// Calls `f` in a goroutine.
pub(crate) fn inside<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    start();
    goroutines::run(f)
}

/// Calls `f` in a goroutine and on a plain thread: every call that waits works in both.
pub(crate) fn both(f: impl Fn() + Send + Sync) {
    inside(&f);
    std::thread::scope(|s| {
        if let Err(payload) = s.spawn(&f).join() {
            std::panic::resume_unwind(payload);
        }
    });
}

/// How many rounds: `small`, times `GOROUTINES_STRESS`.
pub(crate) fn rounds(small: usize) -> usize {
    let factor = std::env::var("GOROUTINES_STRESS")
        .ok()
        .and_then(|s| s.parse().ok());
    small * factor.unwrap_or(1)
}

/// Waits until `done` says so; fails if it does not in [`PATIENCE`].
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        goroutines::sleep(Duration::from_micros(200));
    }
}

/// Numbers that look random.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// One below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

//! What the test programs share: the runtime's start, both kinds of callers and mixtures of them, rounds,
//! conditions, values that are counted, and tests on several numbers of workers.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "not each program uses all of it"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Far longer than anything takes on a loaded machine: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the runtime of this process with two workers, if it has not been started.
///
/// Not by the first `run`: its size would be the machine's.
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

/// Calls `f` in so many goroutines and on so many threads at the same time, each with a number of its
/// own; from a goroutine.
pub(crate) fn everybody(goroutines: usize, threads: usize, f: impl Fn(usize) + Sync) {
    let f = &f;
    goroutines::scope(|s| {
        for i in 0..goroutines {
            s.spawn(move || f(i));
        }
        if threads > 0 {
            goroutines::blocking(|| {
                std::thread::scope(|t| {
                    for i in goroutines..goroutines + threads {
                        t.spawn(move || f(i));
                    }
                });
            });
        }
    });
}

/// Runs something when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
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
        goroutines::sleep(Duration::from_micros(100));
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

/// Counts what it gave out and what was dropped of that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<(AtomicUsize, AtomicUsize)>);

impl Tally {
    pub(crate) fn one(&self) -> Counted {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    pub(crate) fn made(&self) -> usize {
        self.0.0.load(Ordering::Acquire)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.1.load(Ordering::Acquire)
    }

    pub(crate) fn alive(&self) -> usize {
        let dropped = self.dropped();
        self.made() - dropped
    }

    /// Waits until all were dropped.
    #[track_caller]
    pub(crate) fn until_balanced(&self) {
        until("every value dropped", || self.alive() == 0);
    }
}

/// Tells its tally when it is dropped, which must not be twice.
#[derive(Debug)]
pub(crate) struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.0.0.1.fetch_add(1, Ordering::AcqRel);
        assert!(before < self.0.made(), "dropped twice");
    }
}

/// Makes of each named function a test on 1, 2 and 8 workers, each in a process of its own.
macro_rules! on_workers {
    ($($name:ident)*) => {
        mod on_1 { $(#[goroutines::test(workers = 1)] fn $name() { super::$name() })* }
        mod on_2 { $(#[goroutines::test(workers = 2)] fn $name() { super::$name() })* }
        mod on_8 { $(#[goroutines::test(workers = 8)] fn $name() { super::$name() })* }
    };
}
pub(crate) use on_workers;

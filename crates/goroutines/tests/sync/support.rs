//! What the modules share: both kinds of callers, mixtures of them, conditions.

use std::time::{Duration, Instant};

/// Far longer than anything takes on a loaded machine: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the runtime of this process with two workers, if it has not been started.
fn start() {
    static START: std::sync::Once = std::sync::Once::new();
    START.call_once(|| {
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

/// A while that is long for something that does not wait, and short for a test.
pub(crate) fn moment() {
    goroutines::sleep(Duration::from_millis(5));
}

/// A panic without a message on the terminal.
pub(crate) fn quiet_panic() -> ! {
    std::panic::resume_unwind(Box::new("quiet"))
}

/// The same test on 1, 2 and 8 workers, each in a process of its own.
macro_rules! on_workers {
    ($($name:ident)*) => { $(
        mod $name {
            #[goroutines::test(workers = 1)]
            fn on_1() {
                super::$name();
            }
            #[goroutines::test(workers = 2)]
            fn on_2() {
                super::$name();
            }
            #[goroutines::test(workers = 8)]
            fn on_8() {
                super::$name();
            }
        }
    )* };
}
pub(crate) use on_workers;

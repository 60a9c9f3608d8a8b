//! The macros as a user meets them, on a runtime that is a mock.

/// The wrapper that the facade has.
macro_rules! go {
    ($($work:tt)*) => { $crate::mock::__private::__go!($crate::mock; $($work)*) };
}

mod calls;
mod function;
mod location;
mod mock;
mod others;
mod ui;

/// A place where goroutines leave what they have seen, in order.
type Log = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

fn write(log: &Log, entry: impl std::fmt::Display) {
    log.lock().unwrap().push(entry.to_string());
}

/// Runs what `start` has given to `go!`, but only after `start` has returned.
#[track_caller]
fn check(start: impl FnOnce(&Log), before: &[&str], after: &[&str]) {
    let log = Log::default();
    start(&log);
    assert_eq!(*log.lock().unwrap(), before, "what the caller did");
    log.lock().unwrap().clear();
    mock::run();
    assert_eq!(*log.lock().unwrap(), after, "what the goroutine did");
}

//! Waiting without a pidfd.

use super::exit::Exit;
use std::process::{Command, Stdio};
use std::time::Duration;

use goroutines_runtime::park::Moment;

fn check() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let exit = Exit::helper(child.id());
    let soon = Moment::after(Duration::from_millis(5));
    assert!(exit.until(soon, || child.try_wait()).unwrap().is_none());
    drop(child.stdin.take());
    let status = exit.until(Moment::NEVER, || child.try_wait()).unwrap();
    assert!(status.unwrap().success());
    // It has ended for good.
    let status = exit.until(Moment::NEVER, || child.try_wait()).unwrap();
    assert!(status.unwrap().success());
}

#[test]
fn a_helper_waits_where_there_is_no_pidfd() {
    crate::run(check);
    check();
}

//! Files, pipes, standard streams, children, signals, and `time::timeout`. `GOROUTINES_STRESS=50` makes the
//! rounds longer.
//!
//! Tests in this process share one runtime of two workers (`support::start`); a test that needs other
//! settings, that counts descriptors, or that gets signals has a process of its own
//! (`#[goroutines::test(workers = …)]`).

mod fs;
mod pipe;
mod process;
mod signal;
mod stdio;
#[path = "../time/support.rs"]
mod support;
mod timeout;

use std::process::{Command, Stdio};

/// The part of a test that has to be another process: `scene("room::test")` runs the test of this name
/// once more, in which [`is_scene`] is true.
pub(crate) fn scene(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("GOROUTINES_OS_SCENE", name)
        .stdin(Stdio::null());
    command
}

/// Whether this process is the scene of the test of this name.
pub(crate) fn is_scene(name: &str) -> bool {
    std::env::var_os("GOROUTINES_OS_SCENE").is_some_and(|v| v == name)
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// SIGPIPE in a set of signals: std ignores it, and does not hand that on.
pub(crate) const PIPE: u64 = 1 << 12;

/// A set of signals in the text of a `/proc/…/status`, without those of the C library.
pub(crate) fn signals(name: &str, status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    u64::from_str_radix(line.unwrap().trim(), 16).unwrap() & !(3 << 31)
}

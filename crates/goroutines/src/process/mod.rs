//! Other programs, with the names of [`std::process`].
//!
//! ```
//! # goroutines::run(|| -> std::io::Result<()> {
//! use goroutines::process::{Command, Stdio};
//! use std::io::{Read, Write};
//!
//! let out = Command::new("echo").arg("hello").output()?;
//! assert_eq!(out.stdout, b"hello\n");
//!
//! let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
//! child.stdin.take().unwrap().write_all(b"and back")?;
//! let mut text = String::new();
//! child.stdout.take().unwrap().read_to_string(&mut text)?;
//! assert_eq!(text, "and back");
//! assert!(child.wait()?.success());
//! # Ok(()) }).unwrap();
//! ```
//!
//! Waiting for a child, and reading and writing its pipes, parks the goroutine and holds no thread: the
//! runtime watches a descriptor of the process (a *pidfd*) as it watches sockets. On a plain thread it
//! blocks the thread. Starting a program takes the system a moment, and is done in the
//! [blocking pool](crate::blocking).
//!
//! Beyond `std`: [`Child::wait_timeout`] and [`Child::wait_deadline`], [`Child::send_signal`], deadlines
//! and `close()` of pipes.
//!
//! # Children nobody waits for
//!
//! As in `std`, dropping a [`Child`] neither ends nor waits for it. One that has ended stays in the
//! system's table, as a "zombie", until it has been waited for or this process ends. A program that runs
//! for long should wait for each: `go!(move || { let _ = child.wait(); })`.

mod child;
mod command;
mod exit;
#[cfg(test)]
mod tests;

pub use child::{Child, ChildStderr, ChildStdin, ChildStdout};
pub use command::Command;
pub use std::process::{ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id};

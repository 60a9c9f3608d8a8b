//! The runtime below the `goroutines` crate: goroutine records, the scheduler, timers, parking.
//!
//! This crate holds everything that exists once per process. It is an implementation detail of
//! `goroutines`: its interface follows that crate and promises nothing to anybody else.
//!
//! Rooms import downwards only; ARCHITECTURE.md has the table.

#![deny(unsafe_code)]

#[cfg(not(loom))]
pub mod blocking;
#[cfg(not(loom))]
pub mod current;
pub mod g;
#[cfg(not(loom))]
pub mod observe;
#[cfg(not(loom))]
pub mod park;
pub mod poll;
#[cfg(not(loom))]
pub mod probe;
pub mod sched;
#[cfg(not(loom))]
pub mod seam;
pub mod shim;
pub mod spawn;
#[cfg(not(loom))]
pub mod sys;
#[cfg(not(loom))]
pub mod timer;

/// Writes a line to standard error. If that fails there is nobody to tell: unlike `eprintln!` it does
/// not panic, which in a panic hook would end the process.
#[cfg(not(loom))]
#[macro_export]
#[doc(hidden)]
macro_rules! note {
    ($($arg:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::std::io::stderr(), $($arg)*);
    }};
}

/// Says what broke in the runtime itself and ends the process: there is nothing to unwind to.
#[cfg(not(loom))]
#[macro_export]
#[doc(hidden)]
macro_rules! fatal {
    ($($arg:tt)*) => {{
        $crate::note!("goroutines: fatal: {}", format_args!($($arg)*));
        ::std::process::abort()
    }};
}

//! Reading and writing where the goroutine waits and its worker does not.
//!
//! The traits are those of [`std::io`]; what implements them here (sockets, pipes) waits in a goroutine
//! by parking it, and on a plain thread by blocking it.
//!
//! # Errors
//!
//! Those of the operating system, and two more. An operation whose deadline or timeout has passed fails
//! with [`ErrorKind::TimedOut`](std::io::ErrorKind::TimedOut); one on something that was closed by
//! `close()` fails with an error for which [`is_closed`] is true.

pub(crate) mod backoff;
pub(crate) mod error;
pub(crate) mod macros;
pub(crate) mod source;

pub use error::is_closed;

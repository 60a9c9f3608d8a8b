//! The errors that the operating system does not know.

use goroutines_runtime::park::NotReady;
use std::fmt;
use std::io;

/// What an operation gives on something that was closed.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use of closed connection: close() was called on it")
    }
}

impl std::error::Error for Closed {}

/// Whether an operation failed because `close()` was called, before or while it waited.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::{io, net::TcpListener};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// listener.close();
/// assert!(io::is_closed(&listener.accept().unwrap_err()));
/// # Ok(()) }).unwrap();
/// ```
pub fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Closed>())
}

#[cold]
pub(crate) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, Closed)
}

#[cold]
pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the deadline has passed")
}

#[cold]
pub(crate) fn not_ready(why: NotReady) -> io::Error {
    match why {
        NotReady::Deadline => timed_out(),
        NotReady::Closed => closed(),
        NotReady::Failed(error) => error,
    }
}

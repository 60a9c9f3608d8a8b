//! Unix domain sockets in plain blocking code, with the names of [`std::os::unix::net`].
//!
//! ```
//! # goroutines::run(|| -> std::io::Result<()> {
//! use goroutines::os::unix::net::UnixStream;
//! use std::io::{Read, Write};
//!
//! let (mut here, mut there) = UnixStream::pair()?;
//! goroutines::go!(move || here.write_all(b"hello"));
//! let mut text = String::new();
//! there.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! # Ok(()) }).unwrap();
//! ```
//!
//! What is said in [`net`](crate::net) about waiting, deadlines, `close()`, several goroutines and errors
//! holds here too.
//!
//! # Where waiting means trying again
//!
//! For two operations the system has no way to tell when they may succeed: connecting to a listener that has
//! as many connections waiting as it allows, and [`UnixDatagram::send_to`] a socket whose queue is full. They
//! are tried again after pauses, of 50 µs at first and 10 ms at most, until it works, or until the deadline or
//! timeout. [`UnixDatagram::send`] after `connect` does without.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;

//! Reading and writing where the goroutine waits and its worker does not.
//!
//! The traits are those of [`std::io`], and `use goroutines::io` takes the place of `use std::io`: all
//! of its names that are in common use are here. What implements the traits (sockets, pipes, files,
//! standard streams) waits in a goroutine by parking it, and on a plain thread by blocking it.
//!
//! ```
//! # goroutines::run(|| -> std::io::Result<()> {
//! use goroutines::{go, io::{self, BufRead, Write}};
//!
//! let (reader, mut writer) = io::pipe()?;
//! go!(move || for i in 0..3 { writeln!(writer, "line {i}").unwrap(); });
//! let lines: io::Result<Vec<String>> = io::BufReader::new(reader).lines().collect();
//! assert_eq!(lines?, ["line 0", "line 1", "line 2"]);
//! # Ok(()) }).unwrap();
//! ```
//!
//! # Errors
//!
//! Those of the operating system, and two more. An operation whose deadline or timeout has passed fails
//! with [`ErrorKind::TimedOut`]; one on something that was closed by
//! `close()` fails with an error for which [`is_closed`] is true.

pub(crate) mod accept;
mod backoff;
pub(crate) mod ends;
pub(crate) mod error;
pub(crate) mod macros;
pub(crate) mod offload;
pub(crate) mod pieces;
mod pipe;
pub(crate) mod send;
pub(crate) mod source;
mod stdio;

pub use error::is_closed;
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use std::io::{
    BufRead, BufReader, BufWriter, Bytes, Chain, Cursor, Empty, Error, ErrorKind, IntoInnerError,
    IoSlice, IoSliceMut, IsTerminal, LineWriter, Lines, Read, Repeat, Result, Seek, SeekFrom, Sink,
    Split, Take, Write, copy, empty, prelude, read_to_string, repeat, sink,
};
pub use stdio::{Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock, stderr, stdin, stdout};

use std::borrow::Cow;
use std::fmt;

/// The text of `args`, which is written in one call instead of one for each piece.
pub(crate) fn formatted(args: fmt::Arguments<'_>) -> Result<Cow<'static, str>> {
    if let Some(text) = args.as_str() {
        return Ok(Cow::Borrowed(text));
    }
    let mut text = String::new();
    match fmt::write(&mut text, args) {
        Ok(()) => Ok(Cow::Owned(text)),
        Err(fmt::Error) => Err(Error::other("a value could not be formatted")),
    }
}

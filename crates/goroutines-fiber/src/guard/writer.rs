//! Writing a message where nothing may be allocated or locked.
//!
//! Not for anything else: outside of signal handlers there is `eprintln!`.

use std::fmt;

/// How much a message may have.
const ROOM: usize = 1024;

/// A buffer of fixed size to `write!` into, and then to send to standard error in one piece.
/// What does not fit is cut off.
///
/// Async-signal-safe, as long as what is formatted is: integers, `&str`.
pub struct FixedWriter {
    buffer: [u8; ROOM],
    len: usize,
}

impl FixedWriter {
    /// With nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: [0; ROOM],
            len: 0,
        }
    }

    /// What was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Sends it to standard error with `write(2)`, and empties the buffer. Errors are ignored:
    /// there is nobody to tell.
    pub fn flush(&mut self) {
        let mut rest = &self.buffer[..self.len];
        while !rest.is_empty() {
            match super::signal::write_to_stderr(rest) {
                Some(done) => rest = &rest[done.min(rest.len())..],
                None => break,
            }
        }
        self.len = 0;
    }
}

impl fmt::Write for FixedWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.buffer[self.len..];
        let fits = room.len().min(text.len());
        room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        if fits == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl Default for FixedWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FixedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedWriter")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

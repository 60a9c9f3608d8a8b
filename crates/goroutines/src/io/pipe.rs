//! `pipe`: bytes from one end to the other, through the kernel.
//!
//! Not for: what the ends have in common with those of children (`ends`).

use super::ends::{reader, writer};
use super::source::Source;
use rustix::pipe::PipeFlags;
use std::io;
use std::sync::Arc;

/// A new pipe, as [`std::io::pipe`]: what is written into the second is read from the first.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::{go, io};
/// use std::io::{Read, Write};
///
/// let (mut reader, mut writer) = io::pipe()?;
/// go!(move || writer.write_all(b"through the pipe").unwrap());
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?; // until all writers are dropped
/// assert_eq!(text, "through the pipe");
/// # Ok(()) }).unwrap();
/// ```
///
/// It goes through the kernel: for other processes, and for what wants a descriptor. Between goroutines
/// use a [`channel`](crate::channel).
///
/// # Errors
///
/// If there are no descriptors left.
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    Ok((
        PipeReader::of(reader, false)?,
        PipeWriter::of(writer, false)?,
    ))
}

/// The end of a pipe that is read from, as [`std::io::PipeReader`].
///
/// Reading gives 0 bytes, which is the end, when all writers are gone and everything was read.
pub struct PipeReader(Arc<Source<std::io::PipeReader>>);

/// The end of a pipe that is written to, as [`std::io::PipeWriter`].
///
/// Writing fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe) when all readers are gone. A write of up to
/// 4,096 bytes is not interleaved with others; of more, `write` may write a part, as always.
pub struct PipeWriter(Arc<Source<std::io::PipeWriter>>);

reader!(PipeReader, std::io::PipeReader);
writer!(PipeWriter, std::io::PipeWriter);

impl PipeReader {
    /// Another handle to the same end. Needs no system call and no descriptor.
    ///
    /// Deadlines and `close()` hold for all handles.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        self.0.open()?;
        Ok(PipeReader(Arc::clone(&self.0)))
    }
}

impl PipeWriter {
    /// Another handle to the same end. Needs no system call and no descriptor.
    ///
    /// Deadlines and `close()` hold for all handles.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        self.0.open()?;
        Ok(PipeWriter(Arc::clone(&self.0)))
    }
}

//! `File`: an open file, each operation on which goes to the blocking pool.

use super::{FileTimes, Metadata, OpenOptions, Permissions};
use crate::io::{formatted, offload::pool};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::time::SystemTime;

/// An open file, as [`std::fs::File`].
///
/// Each operation is a hand-over to a thread of the blocking pool: see [the module](super), and use a
/// [`BufReader`](std::io::BufReader) or [`BufWriter`](std::io::BufWriter) for small reads and writes.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::fs::File;
/// use std::io::{BufRead, BufReader};
///
/// let mut lines = BufReader::new(File::open("/proc/self/status")?).lines();
/// assert!(lines.next().unwrap()?.starts_with("Name:"));
/// # Ok(()) }).unwrap();
/// ```
///
/// It is closed when it is dropped, on the spot. On a network file system that may block the worker for as
/// long as it takes to write what has not been written: call [`File::sync_data`] before.
pub struct File(std::fs::File);

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::open`].
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        pool(|| std::fs::File::open(path)).map(File)
    }

    /// Opens a file for writing. It is made if it is not there, and its old content is lost.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::create`].
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        pool(|| std::fs::File::create(path)).map(File)
    }

    /// Makes a file, which must not have been there, and opens it for reading and writing.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::create_new`].
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        pool(|| std::fs::File::create_new(path)).map(File)
    }

    /// The same as [`OpenOptions::new`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Waits until everything that was written is on the disk, and what is known of the file.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::sync_all`].
    pub fn sync_all(&self) -> io::Result<()> {
        pool(|| self.0.sync_all())
    }

    /// As [`File::sync_all`], without what is not needed to read it again, such as its times.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::sync_data`].
    pub fn sync_data(&self) -> io::Result<()> {
        pool(|| self.0.sync_data())
    }

    /// Cuts it to this size, or fills it with zeros up to it. The position stays.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_len`].
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        pool(|| self.0.set_len(size))
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::metadata`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        pool(|| self.0.metadata())
    }

    /// Sets its permissions.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_permissions`].
    pub fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        pool(|| self.0.set_permissions(permissions))
    }

    /// Sets when it was read and written last.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_times`].
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        pool(|| self.0.set_times(times))
    }

    /// Sets when it was written last.
    ///
    /// # Errors
    ///
    /// As [`std::fs::File::set_times`].
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        pool(|| self.0.set_modified(time))
    }

    /// Another descriptor of the same open file: they share the position.
    ///
    /// # Errors
    ///
    /// If there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<File> {
        self.0.try_clone().map(File)
    }

    /// Reads from `offset` on, without the position. As std's [`FileExt::read_at`].
    ///
    /// # Errors
    ///
    /// As reading.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        pool(|| self.0.read_at(buf, offset))
    }

    /// Reads exactly so many bytes from `offset` on, without the position.
    ///
    /// # Errors
    ///
    /// As reading; `UnexpectedEof` if there are fewer.
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        pool(|| self.0.read_exact_at(buf, offset))
    }

    /// Writes at `offset`, without the position. As std's [`FileExt::write_at`].
    ///
    /// # Errors
    ///
    /// As writing.
    pub fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        pool(|| self.0.write_at(buf, offset))
    }

    /// Writes all of `buf` at `offset`, without the position.
    ///
    /// # Errors
    ///
    /// As writing.
    pub fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        pool(|| self.0.write_all_at(buf, offset))
    }

    /// The type of std, whose operations block the thread.
    #[must_use]
    pub fn into_std(self) -> std::fs::File {
        self.0
    }
}

/// Written out for `&File`; for `File` it is the same.
impl Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        pool(|| (&self.0).read(buf))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        pool(|| (&self.0).read_vectored(bufs))
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        pool(|| (&self.0).read_to_end(buf))
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        pool(|| (&self.0).read_to_string(buf))
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        pool(|| (&self.0).read_exact(buf))
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buf)
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buf)
    }
}

impl Write for &File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        pool(|| (&self.0).write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        pool(|| (&self.0).write_vectored(bufs))
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        pool(|| (&self.0).write_all(buf))
    }

    fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
        self.write_all(formatted(args)?.as_bytes())
    }

    /// Does nothing: nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        (&*self).write_all(buf)
    }

    fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
        (&*self).write_fmt(args)
    }

    /// Does nothing: nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            // Where the end is may have to be asked of somebody else.
            SeekFrom::End(_) => pool(|| (&self.0).seek(to)),
            SeekFrom::Start(_) | SeekFrom::Current(_) => (&self.0).seek(to),
        }
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl From<std::fs::File> for File {
    fn from(std: std::fs::File) -> File {
        File(std)
    }
}

impl From<File> for std::fs::File {
    fn from(file: File) -> std::fs::File {
        file.0
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> File {
        File(fd.into())
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> OwnedFd {
        file.0.into()
    }
}

/// For the streams of a child.
impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        file.0.into()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl IntoRawFd for File {
    fn into_raw_fd(self) -> RawFd {
        self.0.into_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

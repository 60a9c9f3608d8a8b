//! Our streams as those of async code: for hyper, for tokio's traits, for those of `futures-io`.
//!
//! Not for: a second kind of socket. A poll function tries the operation, and if it would block leaves the
//! task's waker where the poller finds it; the same stream can be used by goroutines at the same time.
//! Deadlines and timeouts do not apply: async code has its own.

#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tokio")]
mod tokio;

use crate::io::source::Source;
use crate::net::TcpStream;
use goroutines_runtime::park::Side;
#[cfg(any(feature = "hyper", feature = "tokio"))]
use rustix::net::RecvFlags;
#[cfg(feature = "futures-io")]
use std::io::IoSliceMut;
use std::io::{self, IoSlice, Read, Write};
#[cfg(any(feature = "hyper", feature = "tokio"))]
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

/// What the adapters need of a stream.
pub(super) trait Stream {
    #[cfg(any(feature = "hyper", feature = "tokio"))]
    /// Reads into memory that need not be initialized; gives how many bytes are now.
    fn poll_read_raw(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>>;
    #[cfg(feature = "futures-io")]
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    #[cfg(feature = "futures-io")]
    fn poll_read_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>>;
    fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    /// Ends the writing side.
    fn shut_down(&self) -> Poll<io::Result<()>>;
}

/// A std type whose reference reads and writes, as those in our sources do.
trait Raw: AsFd + Sized
where
    for<'a> &'a Self: Read + Write,
{
    fn shutdown_write(&self) -> io::Result<()>;
}

impl Raw for std::net::TcpStream {
    fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl<T: Raw> Stream for Source<T>
where
    for<'a> &'a T: Read + Write,
{
    #[cfg(any(feature = "hyper", feature = "tokio"))]
    fn poll_read_raw(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.poll_stream(Side::Read, cx, wanted, |io| {
            // All of these are sockets.
            let ((read, _), _) = rustix::net::recv(io, &mut *buf, RecvFlags::empty())?;
            Ok(read.len())
        })
    }

    #[cfg(feature = "futures-io")]
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.poll_stream(Side::Read, cx, wanted, |mut io| io.read(buf))
    }

    #[cfg(feature = "futures-io")]
    fn poll_read_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_stream(Side::Read, cx, wanted, |mut io| io.read_vectored(bufs))
    }

    fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_stream(Side::Write, cx, buf.len(), |mut io| io.write(buf))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_stream(Side::Write, cx, wanted, |mut io| io.write_vectored(bufs))
    }

    fn shut_down(&self) -> Poll<io::Result<()>> {
        Poll::Ready(match self.open()?.shutdown_write() {
            // The peer was quicker.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        })
    }
}

/// Implements the traits of each feature for our types.
macro_rules! for_each_stream {
    ($adapter:ident) => {
        $adapter!(TcpStream);
    };
}

#[cfg(feature = "futures-io")]
for_each_stream!(futures_io_stream);
#[cfg(feature = "hyper")]
for_each_stream!(hyper_stream);
#[cfg(feature = "tokio")]
for_each_stream!(tokio_stream);

#[cfg(feature = "futures-io")]
use futures_io::futures_io_stream;
#[cfg(feature = "hyper")]
use hyper::hyper_stream;
#[cfg(feature = "tokio")]
use tokio::tokio_stream;

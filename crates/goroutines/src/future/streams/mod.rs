//! Our streams as those of async code: for hyper, for tokio's traits, for those of `futures-io`.
//!
//! Not for: a second kind of socket. A poll function tries the operation, and if it would block leaves the
//! task's waker where the poller finds it; the same stream can be used by goroutines at the same time.
//! Deadlines and timeouts do not apply: async code has its own.

/// What is the same in each trait for writing but for the name of the last method.
macro_rules! write_methods {
    ($shutdown:ident) => {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            buf: &[u8],
        ) -> std::task::Poll<std::io::Result<usize>> {
            Stream::poll_write(&*self.0, cx, buf)
        }

        fn poll_write_vectored(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            bufs: &[std::io::IoSlice<'_>],
        ) -> std::task::Poll<std::io::Result<usize>> {
            Stream::poll_write_vectored(&*self.0, cx, bufs)
        }

        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn $shutdown(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            Stream::shut_down(&*self.0)
        }
    };
}
use write_methods;

#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tokio")]
mod tokio;

use crate::io::pieces;
use crate::io::send::{send, send_vectored};
use crate::io::source::Source;
use crate::net::TcpStream;
use crate::os::unix::net::UnixStream;
use goroutines_runtime::park::Side;
#[cfg(any(feature = "hyper", feature = "tokio"))]
use rustix::net::RecvFlags;
#[cfg(feature = "futures-io")]
use std::io::IoSliceMut;
use std::io::{self, IoSlice, Read};
#[cfg(any(feature = "hyper", feature = "tokio"))]
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

/// What the adapters need of a stream.
#[allow(dead_code, reason = "no feature needs all of it")]
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

/// A std stream socket.
trait Raw: AsFd + Sized
where
    for<'a> &'a Self: Read,
{
    /// Whether a read that got less than it asked for has emptied the socket. Bytes that come with
    /// descriptors end a read on a Unix socket, whatever follows.
    const SHORT_IS_EMPTY: bool;

    fn shutdown_write(&self) -> io::Result<()>;
}

impl Raw for std::net::TcpStream {
    const SHORT_IS_EMPTY: bool = true;

    fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Raw for std::os::unix::net::UnixStream {
    const SHORT_IS_EMPTY: bool = false;

    fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl<T: Raw> Stream for Source<T>
where
    for<'a> &'a T: Read,
{
    #[cfg(any(feature = "hyper", feature = "tokio"))]
    fn poll_read_raw(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.poll_parts(Side::Read, cx, wanted, |io| {
            let ((read, _), _) = rustix::net::recv(io, &mut *buf, RecvFlags::empty())?;
            Ok((read.len(), T::SHORT_IS_EMPTY))
        })
    }

    #[cfg(feature = "futures-io")]
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        self.poll_parts(Side::Read, cx, wanted, |mut io| {
            Ok((io.read(buf)?, T::SHORT_IS_EMPTY))
        })
    }

    #[cfg(feature = "futures-io")]
    fn poll_read_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let (bufs, wanted) = pieces::to_fill(bufs);
        self.poll_parts(Side::Read, cx, wanted, |mut io| {
            Ok((io.read_vectored(bufs)?, T::SHORT_IS_EMPTY))
        })
    }

    fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_parts(Side::Write, cx, buf.len(), |io| Ok((send(io, buf)?, true)))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (bufs, wanted) = pieces::to_send(bufs);
        self.poll_parts(Side::Write, cx, wanted, |io| {
            Ok((send_vectored(io, bufs)?, true))
        })
    }

    fn shut_down(&self) -> Poll<io::Result<()>> {
        let done = match self.with(T::shutdown_write) {
            // The peer was quicker.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        };
        // A Unix socket does not tell a writer that waits for room.
        Source::shut_down(self, Shutdown::Write);
        Poll::Ready(done)
    }
}

/// Implements the traits of each feature for our types.
macro_rules! for_each_stream {
    ($adapter:ident) => {
        $adapter!(TcpStream);
        $adapter!(UnixStream);
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

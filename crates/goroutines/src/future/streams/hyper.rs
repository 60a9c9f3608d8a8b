//! `hyper::rt::{Read, Write}`.
#![allow(
    unsafe_code,
    reason = "says how much of hyper's buffer has been written"
)]

use super::Stream;
use ::hyper::rt::ReadBufCursor;
use std::io;
use std::task::{Context, Poll, ready};

/// Reads into the free part of hyper's buffer.
pub(super) fn read(
    stream: &impl Stream,
    cx: &mut Context<'_>,
    mut buf: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing is written there that is not initialized: the system writes bytes or nothing.
    let free = unsafe { buf.as_mut() };
    let n = ready!(stream.poll_read_raw(cx, free))?;
    // SAFETY: so many bytes have just been written at its beginning.
    unsafe { buf.advance(n) };
    Poll::Ready(Ok(()))
}

macro_rules! hyper_stream {
    ($type:ty) => {
        #[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
        impl ::hyper::rt::Read for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: ::hyper::rt::ReadBufCursor<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::future::streams::hyper::read(&*self.0, cx, buf)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
        impl ::hyper::rt::Write for $type {
            $crate::future::streams::write_methods!(poll_shutdown);

            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    };
}

pub(super) use hyper_stream;

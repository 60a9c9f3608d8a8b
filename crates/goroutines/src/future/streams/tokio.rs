//! `tokio::io::{AsyncRead, AsyncWrite}`. They need no runtime of tokio.
#![allow(
    unsafe_code,
    reason = "says how much of tokio's buffer has been written"
)]

use super::Stream;
use ::tokio::io::ReadBuf;
use std::io;
use std::task::{Context, Poll, ready};

/// Reads into the free part of tokio's buffer.
pub(super) fn read(
    stream: &impl Stream,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing is written there that is not initialized: the system writes bytes or nothing.
    let free = unsafe { buf.unfilled_mut() };
    let n = ready!(stream.poll_read_raw(cx, free))?;
    // SAFETY: so many bytes have just been written at its beginning.
    unsafe { buf.assume_init(n) };
    buf.advance(n);
    Poll::Ready(Ok(()))
}

macro_rules! tokio_stream {
    ($type:ty) => {
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
        impl ::tokio::io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut ::tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::future::streams::tokio::read(&*self.0, cx, buf)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
        impl ::tokio::io::AsyncWrite for $type {
            $crate::future::streams::write_methods!(poll_shutdown);

            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    };
}

pub(super) use tokio_stream;

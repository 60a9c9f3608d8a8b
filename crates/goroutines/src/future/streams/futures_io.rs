//! `futures_io::{AsyncRead, AsyncWrite}`, for the type and for a reference to it.

macro_rules! futures_io_stream {
    ($type:ty) => {
        futures_io_stream!(of $type);
        futures_io_stream!(of &$type);
    };
    (of $type:ty) => {
        #[cfg_attr(docsrs, doc(cfg(feature = "futures-io")))]
        impl ::futures_io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                Stream::poll_read(&*self.0, cx, buf)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                Stream::poll_read_vectored(&*self.0, cx, bufs)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "futures-io")))]
        impl ::futures_io::AsyncWrite for $type {
            $crate::future::streams::write_methods!(poll_close);
        }
    };
}

pub(super) use futures_io_stream;

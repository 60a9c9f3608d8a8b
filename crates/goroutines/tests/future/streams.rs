//! Our streams by the traits of async code. One end is read and written by a task, the other one by a
//! goroutine in the ordinary way.

use goroutines::net::{Shutdown, TcpListener, TcpStream};
use goroutines::os::unix::net::UnixStream;
use goroutines::{block_on, spawn};
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a trait offers, under one name each.
trait Ops<S> {
    fn read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    fn write(stream: &mut S, cx: &mut Context<'_>, bufs: &[IoSlice<'_>])
    -> Poll<io::Result<usize>>;
    fn shut(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// One of our streams.
trait Ours: Read + Write + Send + Unpin + Sized + 'static {
    fn pair() -> (Self, Self);
    fn another(&self) -> Self;
    fn shut(&self);
    fn close(&self) -> bool;
}

impl Ours for TcpStream {
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    fn another(&self) -> TcpStream {
        self.try_clone().unwrap()
    }

    fn shut(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }

    fn close(&self) -> bool {
        TcpStream::close(self)
    }
}

impl Ours for UnixStream {
    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }

    fn another(&self) -> UnixStream {
        self.try_clone().unwrap()
    }

    fn shut(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }

    fn close(&self) -> bool {
        UnixStream::close(self)
    }
}

/// Sends back what comes, until the end.
async fn echo<S: Ours, O: Ops<S>>(mut stream: S) {
    let mut buf = vec![0; 10_000];
    loop {
        let n = poll_fn(|cx| O::read(&mut stream, cx, &mut buf))
            .await
            .unwrap();
        if n == 0 {
            break;
        }
        let mut at = 0;
        while at < n {
            let middle = at + (n - at) / 2;
            let bufs = [
                IoSlice::new(&buf[at..middle]),
                IoSlice::new(&buf[middle..n]),
            ];
            at += poll_fn(|cx| O::write(&mut stream, cx, &bufs))
                .await
                .unwrap();
        }
    }
    poll_fn(|cx| O::shut(&mut stream, cx)).await.unwrap();
}

fn all_comes_back<S: Ours, O: Ops<S> + 'static>() {
    goroutines::run(|| {
        let (server, mut client) = S::pair();
        let server = spawn(move || block_on(echo::<S, O>(server)));
        let mut writing = client.another();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let to_send = sent.clone();
        let writer = spawn(move || {
            writing.write_all(&to_send).unwrap();
            writing.shut();
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert!(got == sent, "{} bytes came back", got.len());
        writer.join().unwrap();
        server.join().unwrap();
    });
}

/// `close` by a goroutine ends what a task waits for.
fn close_ends_it<S: Ours, O: Ops<S> + 'static>() {
    goroutines::run(|| {
        let (server, _client) = S::pair();
        let handle = server.another();
        let task = goroutines::future::spawn(async move {
            let mut server = server;
            let mut buf = [0; 8];
            poll_fn(|cx| O::read(&mut server, cx, &mut buf)).await
        });
        goroutines::sleep(std::time::Duration::from_millis(2));
        assert!(handle.close());
        let error = task.join().unwrap().unwrap_err();
        assert!(goroutines::io::is_closed(&error));
    });
}

/// More pieces than the system takes at once: what is left is written without an event. NE-15
fn many_pieces<S: Ours, O: Ops<S>>() {
    const PIECES: usize = 3_000;
    goroutines::run(|| {
        let (mut ours, mut theirs) = S::pair();
        let reading = spawn(move || theirs.read_exact(&mut [0; PIECES]).unwrap());
        block_on(async {
            let mut left = PIECES;
            while left > 0 {
                let pieces = vec![IoSlice::new(b"x"); left];
                let write = poll_fn(|cx| O::write(&mut ours, cx, &pieces));
                left -= write.await.unwrap();
            }
        });
        reading.join().unwrap();
    });
}

#[cfg(feature = "tokio")]
mod tokio {
    use super::*;
    use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    struct Tokio;

    impl<S: AsyncRead + AsyncWrite + Unpin> Ops<S> for Tokio {
        fn read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            let mut buf = ReadBuf::new(buf);
            Pin::new(stream)
                .poll_read(cx, &mut buf)
                .map_ok(|()| buf.filled().len())
        }

        fn write(
            stream: &mut S,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_shutdown(cx)
        }
    }

    #[test]
    fn tokio_traits() {
        all_comes_back::<TcpStream, Tokio>();
        all_comes_back::<UnixStream, Tokio>();
        close_ends_it::<TcpStream, Tokio>();
        close_ends_it::<UnixStream, Tokio>();
        many_pieces::<TcpStream, Tokio>();
        many_pieces::<UnixStream, Tokio>();
    }
}

#[cfg(feature = "hyper")]
mod hyper {
    use super::*;
    use ::hyper::rt::{Read, ReadBuf, Write};

    struct Hyper;

    impl<S: Read + Write + Unpin> Ops<S> for Hyper {
        fn read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            let mut buf = ReadBuf::new(buf);
            Pin::new(stream)
                .poll_read(cx, buf.unfilled())
                .map_ok(|()| buf.filled().len())
        }

        fn write(
            stream: &mut S,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_shutdown(cx)
        }
    }

    #[test]
    fn hyper_traits() {
        all_comes_back::<TcpStream, Hyper>();
        all_comes_back::<UnixStream, Hyper>();
        close_ends_it::<TcpStream, Hyper>();
        close_ends_it::<UnixStream, Hyper>();
        many_pieces::<TcpStream, Hyper>();
        many_pieces::<UnixStream, Hyper>();
    }
}

#[cfg(feature = "futures-io")]
mod futures_io {
    use super::*;
    use ::futures::io::{AsyncRead, AsyncWrite};

    struct Futures;

    impl<S: AsyncWrite + Unpin> Ops<S> for Futures
    where
        for<'a> &'a S: AsyncRead,
    {
        fn read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            // By a reference too.
            Pin::new(&mut &*stream).poll_read(cx, buf)
        }

        fn write(
            stream: &mut S,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_close(cx)
        }
    }

    #[test]
    fn futures_io_traits() {
        all_comes_back::<TcpStream, Futures>();
        all_comes_back::<UnixStream, Futures>();
        close_ends_it::<TcpStream, Futures>();
        close_ends_it::<UnixStream, Futures>();
        many_pieces::<TcpStream, Futures>();
        many_pieces::<UnixStream, Futures>();
    }
}

//! Our streams by the traits of async code. One end is read and written by a task, the other one by a
//! goroutine in the ordinary way.

use goroutines::net::{TcpListener, TcpStream};
use goroutines::{block_on, spawn};
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a trait offers, under one name each.
trait Ops {
    fn read(
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>>;
    fn write(
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    fn shut(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

/// Sends back what comes, until the end.
async fn echo<O: Ops>(mut stream: TcpStream) {
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

fn all_comes_back<O: Ops>() {
    goroutines::run(|| {
        let (server, mut client) = pair();
        let server = spawn(move || block_on(echo::<O>(server)));
        let mut writing = client.try_clone().unwrap();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let to_send = sent.clone();
        let writer = spawn(move || {
            writing.write_all(&to_send).unwrap();
            writing.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert!(got == sent, "{} bytes came back", got.len());
        writer.join().unwrap();
        server.join().unwrap();
    });
}

/// `close` by a goroutine ends what a task waits for.
fn close_ends_it<O: Ops>() {
    goroutines::run(|| {
        let (server, _client) = pair();
        let handle = server.try_clone().unwrap();
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

#[cfg(feature = "tokio")]
mod tokio {
    use super::*;
    use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    struct Tokio;

    impl Ops for Tokio {
        fn read(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let mut buf = ReadBuf::new(buf);
            Pin::new(stream)
                .poll_read(cx, &mut buf)
                .map_ok(|()| buf.filled().len())
        }

        fn write(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_shutdown(cx)
        }
    }

    #[test]
    fn tokio_traits() {
        all_comes_back::<Tokio>();
        close_ends_it::<Tokio>();
    }
}

#[cfg(feature = "hyper")]
mod hyper {
    use super::*;
    use ::hyper::rt::{Read, ReadBuf, Write};

    struct Hyper;

    impl Ops for Hyper {
        fn read(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let mut buf = ReadBuf::new(buf);
            Pin::new(stream)
                .poll_read(cx, buf.unfilled())
                .map_ok(|()| buf.filled().len())
        }

        fn write(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_shutdown(cx)
        }
    }

    #[test]
    fn hyper_traits() {
        all_comes_back::<Hyper>();
        close_ends_it::<Hyper>();
    }
}

#[cfg(feature = "futures-io")]
mod futures_io {
    use super::*;
    use ::futures::io::{AsyncRead, AsyncWrite};

    struct Futures;

    impl Ops for Futures {
        fn read(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            // By a reference too.
            Pin::new(&mut &*stream).poll_read(cx, buf)
        }

        fn write(
            stream: &mut TcpStream,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(stream).poll_write_vectored(cx, bufs)
        }

        fn shut(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(stream).poll_close(cx)
        }
    }

    #[test]
    fn futures_io_traits() {
        all_comes_back::<Futures>();
        close_ends_it::<Futures>();
    }
}

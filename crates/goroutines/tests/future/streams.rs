//! Our streams by the traits of async code. One end is read and written by a task, the other one by a
//! goroutine in the ordinary way.

use crate::support::{calls, until};
use goroutines::net::{Shutdown, TcpListener, TcpStream};
use goroutines::os::unix::net::UnixStream;
use goroutines::{block_on, spawn, spawn_local};
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

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

/// Several tasks that read from clones are all told, however many they are.
fn many_tasks_read<S: Ours, O: Ops<S> + 'static>() {
    goroutines::run(|| {
        for n in [2, 100] {
            let (mut ours, theirs) = S::pair();
            let started = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (0..n)
                .map(|_| {
                    let (mut theirs, started) = (theirs.another(), started.clone());
                    goroutines::future::spawn(async move {
                        let mut buf = [0];
                        started.fetch_add(1, SeqCst);
                        poll_fn(|cx| O::read(&mut theirs, cx, &mut buf)).await
                    })
                })
                .collect();
            until("all have begun", || started.load(SeqCst) == n);
            goroutines::sleep(Duration::from_millis(2));
            for _ in 0..n {
                ours.write_all(b"x").unwrap();
            }
            for task in tasks {
                assert_eq!(task.join().unwrap().unwrap(), 1);
            }
        }
    });
}

/// Tasks that have gone are not kept for long.
fn tasks_that_have_gone<S: Ours, O: Ops<S> + 'static>() {
    goroutines::run(|| {
        let (mut ours, mut theirs) = S::pair();
        let alive = Arc::new(());
        for _ in 0..10_000 {
            let alive = alive.clone();
            when_it_comes::<S, O>(&mut theirs, move || drop(alive.clone()));
        }
        // Once in a second those that are left are asked.
        goroutines::sleep(Duration::from_millis(1_100));
        when_it_comes::<S, O>(&mut theirs, || ());
        until("they are forgotten", || Arc::strong_count(&alive) < 40);
        ours.write_all(b"x").unwrap();
        until("all are", || Arc::strong_count(&alive) == 1);
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
        goroutines::sleep(Duration::from_millis(2));
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

/// Has `woken` called, by whoever sees the event, when there is something to read.
fn when_it_comes<S: Ours, O: Ops<S>>(stream: &mut S, woken: impl Fn() + Send + Sync + 'static) {
    let waker = calls(woken);
    let look = O::read(stream, &mut Context::from_waker(&waker), &mut [0]);
    assert!(look.is_pending());
}

/// A waker that blocks or panics holds nobody up: not those at home on the worker that sees the event, nor
/// other descriptors, nor timers.
fn wakers_are_foreign<S: Ours, O: Ops<S>>() {
    static BLOCKED: AtomicUsize = AtomicUsize::new(0);
    goroutines::run(|| {
        BLOCKED.store(0, SeqCst);
        let mut pairs: Vec<_> = (0..4).map(|_| S::pair()).collect();
        let (open, shut) = std::sync::mpsc::channel();
        let shut = Arc::new(std::sync::Mutex::new(shut));
        for (i, (_, theirs)) in pairs.iter_mut().enumerate() {
            let shut = shut.clone();
            when_it_comes::<S, O>(theirs, move || {
                BLOCKED.fetch_add(1, SeqCst);
                if i % 2 == 0 {
                    std::panic::resume_unwind(Box::new("a waker that panics"));
                }
                // Waits, as nothing of the runtime may that has no goroutine.
                goroutines::blocking(|| shut.lock().unwrap().recv().unwrap());
                BLOCKED.fetch_sub(1, SeqCst);
            });
        }
        for (ours, _) in &mut pairs {
            ours.write_all(b"x").unwrap();
        }
        until("all four have been called", || BLOCKED.load(SeqCst) == 4);
        // Two of them wait now. Life goes on, on this worker and by this poller.
        let (mut ours, mut theirs) = S::pair();
        let reader = spawn_local(move || {
            theirs.read_exact(&mut [0; 10]).unwrap();
        });
        for _ in 0..10 {
            goroutines::sleep(Duration::from_micros(100));
            ours.write_all(b"y").unwrap();
        }
        reader.join().unwrap();
        assert_eq!(BLOCKED.load(SeqCst), 4);
        open.send(()).unwrap();
        open.send(()).unwrap();
        until("they go on", || BLOCKED.load(SeqCst) == 2);
    });
}

/// One that blocks its thread is as a goroutine that does: the other worker goes on.
fn a_waker_blocks_its_thread<S: Ours, O: Ops<S>>() {
    let (open, shut) = std::sync::mpsc::channel();
    let shut = std::sync::Mutex::new(shut);
    let (mut ours, mut theirs) = S::pair();
    let called = Arc::new(AtomicUsize::new(0));
    let calls = called.clone();
    goroutines::run(|| {
        when_it_comes::<S, O>(&mut theirs, move || {
            calls.fetch_add(1, SeqCst);
            shut.lock().unwrap().recv().unwrap();
        });
    });
    ours.write_all(b"x").unwrap();
    while called.load(SeqCst) == 0 {
        std::thread::yield_now();
    }
    for _ in 0..100 {
        let one = spawn(|| goroutines::sleep(Duration::from_micros(100)));
        one.join().unwrap();
    }
    open.send(()).unwrap();
}

/// All of the above as tests of the traits that `$ops` stands for.
macro_rules! by_traits {
    ($ops:ident) => {
        #[test]
        fn traits() {
            all_comes_back::<TcpStream, $ops>();
            all_comes_back::<UnixStream, $ops>();
            close_ends_it::<TcpStream, $ops>();
            close_ends_it::<UnixStream, $ops>();
            many_pieces::<TcpStream, $ops>();
            many_pieces::<UnixStream, $ops>();
            many_tasks_read::<TcpStream, $ops>();
            many_tasks_read::<UnixStream, $ops>();
        }

        #[test]
        fn forgets() {
            tasks_that_have_gone::<UnixStream, $ops>();
        }

        #[goroutines::test(workers = 1)]
        fn wakers() {
            wakers_are_foreign::<UnixStream, $ops>();
        }

        #[goroutines::test(workers = 2)]
        fn blocked() {
            let blocked = a_waker_blocks_its_thread::<UnixStream, $ops>;
            std::thread::spawn(blocked).join().unwrap();
        }
    };
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

    by_traits!(Tokio);
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

    by_traits!(Hyper);
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

    by_traits!(Futures);
}

//! `TcpStream`: a connection.

use super::{Shutdown, SocketAddr, ToSocketAddrs, addr, connect};
use crate::io::macros::{deadlines, deadlines_of_each_side, descriptor, reads, writes};
use crate::io::send;
use crate::io::source::Source;
use goroutines_runtime::park::{Moment, Side};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A TCP connection, as [`std::net::TcpStream`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// let server = goroutines::spawn(move || listener.accept()?.0.write_all(b"hello"));
/// let mut text = String::new();
/// TcpStream::connect(addr)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap()?;
/// # Ok(()) }).unwrap();
/// ```
///
/// Closed when the last handle is dropped, or by [`TcpStream::close`].
pub struct TcpStream(pub(crate) Arc<Source<std::net::TcpStream>>);

reads!(TcpStream, std::net::TcpStream, send::receive);
writes!(
    TcpStream,
    std::net::TcpStream,
    send::send,
    send::send_vectored
);
deadlines!(TcpStream, "connection");
deadlines_of_each_side!(TcpStream);
descriptor!(TcpStream, std::net::TcpStream);

impl TcpStream {
    /// Connects to the first of the addresses that can be connected to.
    ///
    /// # Errors
    ///
    /// That of the last address; `InvalidInput` if there is none.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        addr::try_each(addr, |addr| TcpStream::connect_until(addr, Moment::NEVER))
    }

    /// Connects within `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut); `InvalidInput` if the timeout is zero.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_until(*addr, connect::limit(timeout)?)
    }

    /// Connects before `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), at once if the deadline has passed.
    pub fn connect_deadline(addr: &SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
        TcpStream::connect_until(*addr, Moment::from_instant(deadline))
    }

    fn connect_until(addr: SocketAddr, limit: Moment) -> io::Result<TcpStream> {
        Ok(TcpStream(Arc::new(connect::tcp(addr, limit)?)))
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// If it is not connected any more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.peer_addr())
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }

    /// Ends reading, writing, or both, for all handles. What is read after that is the end of the stream;
    /// writing fails. The other end sees the end of the stream after what was written.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.with(|io| io.shutdown(how))
    }

    /// Reads without taking what was read.
    ///
    /// # Errors
    ///
    /// As reading.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            // As reading.
            return self.0.open().map(|_| 0);
        }
        // What is peeked at stays, so having got little says nothing about what comes.
        self.0.run(Side::Read, |io| io.peek(buf))
    }

    /// Whether small writes are sent at once (`true`) or collected for a moment (Nagle 1984).
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.with(|io| io.set_nodelay(nodelay))
    }

    /// See [`TcpStream::set_nodelay`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.with(|io| io.nodelay())
    }

    /// Sets how many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.with(|io| io.set_ttl(ttl))
    }

    /// See [`TcpStream::set_ttl`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.with(|io| io.ttl())
    }

    /// How long closing it waits for what was written to be sent. `None`, as it is at first: it does not
    /// wait, and what was written is sent in the background. Zero: that is discarded, and the connection is
    /// reset. Whole seconds: a part of one counts as one, and what is too long for the system is as long as it can
    /// count.
    ///
    /// The wait is the system's, at [`close`](TcpStream::close) or when the last handle is dropped, and it
    /// blocks the thread: do that in [`blocking`](crate::blocking).
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        // The system counts whole seconds, in an `int`. None of them would mean something else: to give up.
        let whole = |t: Duration| {
            let secs = t.as_secs().saturating_add(u64::from(t.subsec_nanos() > 0));
            Duration::from_secs(secs.min(i32::MAX as u64))
        };
        self.0
            .with(|io| socket2::SockRef::from(io).set_linger(linger.map(whole)))
    }

    /// See [`TcpStream::set_linger`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.with(|io| socket2::SockRef::from(io).linger())
    }

    /// Takes the pending error of the socket.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.with(|io| io.take_error())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

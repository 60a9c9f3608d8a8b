//! `TcpListener`: what accepts connections, and how it is set up.

use super::{SocketAddr, TcpStream, ToSocketAddrs, addr, connect};
use crate::io::accept;
use crate::io::macros::{deadlines, descriptor};
use crate::io::source::Source;
use socket2::{Domain, Protocol, Type};
use std::fmt;
use std::io;
use std::sync::Arc;

/// A TCP socket that accepts connections, as [`std::net::TcpListener`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// println!("listening on {}", listener.local_addr()?);
/// # let addr = listener.local_addr()?;
/// # let client = goroutines::spawn(move || goroutines::net::TcpStream::connect(addr));
/// let (stream, peer) = listener.accept()?;
/// println!("{peer} is here");
/// # drop((stream, client.join().unwrap()?));
/// # Ok(()) }).unwrap();
/// ```
///
/// It stops listening when the last handle is dropped, or by [`TcpListener::close`].
pub struct TcpListener(pub(crate) Arc<Source<std::net::TcpListener>>);

deadlines!(TcpListener, "listener");
descriptor!(TcpListener, std::net::TcpListener);

/// How long the kernel lets connections wait to be accepted, unless the system allows fewer.
const BACKLOG: i32 = 4096;

impl TcpListener {
    /// Listens at the first of the addresses where that is possible. Port 0: any free one.
    ///
    /// # Errors
    ///
    /// That of the last address, such as `AddrInUse`; `InvalidInput` if there is none.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        TcpListener::builder().bind(addr)
    }

    /// Settings that have to be made before it listens.
    pub fn builder() -> Builder {
        Builder {
            backlog: BACKLOG,
            reuse_port: false,
            only_v6: None,
        }
    }

    /// Waits for a connection.
    ///
    /// Connections that were given up before they were accepted are passed over. If there is no
    /// descriptor or memory for another connection, a note is printed, and it waits for some to become
    /// free: a server goes on when its load has gone down.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the [deadline](TcpListener::set_deadline), and after `close()`.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (fd, peer) = accept::accept(&self.0)?;
        let stream = TcpStream::of(fd.into())?;
        let peer = peer
            .and_then(|peer| SocketAddr::try_from(peer).ok())
            .map_or_else(|| stream.peer_addr(), Ok)?;
        Ok((stream, peer))
    }

    /// Accepts connections until the listener is closed, and calls `handler` for each in a goroutine of its
    /// own.
    ///
    /// ```
    /// # goroutines::run(|| -> std::io::Result<()> {
    /// use goroutines::net::{TcpListener, TcpStream};
    /// use std::io::{Read, Write};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let addr = listener.local_addr()?;
    /// let server = listener.try_clone()?;
    /// let server = goroutines::spawn(move || {
    ///     server.serve(|mut stream, peer| {
    ///         let _ = write!(stream, "hello {peer}");
    ///     })
    /// });
    /// let mut stream = TcpStream::connect(addr)?;
    /// let mut text = String::new();
    /// stream.read_to_string(&mut text)?;
    /// assert_eq!(text, format!("hello {}", stream.local_addr()?));
    /// listener.close();
    /// server.join().unwrap()?;
    /// # Ok(()) }).unwrap();
    /// ```
    ///
    /// A panic in `handler` ends its goroutine, as with [`spawn`](crate::spawn), and that connection. It
    /// does not wait for handlers that still run when the listener is closed: use a
    /// [`WaitGroup`](crate::sync::WaitGroup) for that. Shortages are waited out, as
    /// [`TcpListener::accept`] does.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the [deadline](TcpListener::set_deadline); what else `accept` gives. After
    /// `close()` it is `Ok`.
    pub fn serve<F>(&self, handler: F) -> io::Result<()>
    where
        F: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
    {
        accept::serve(&self.0, || self.accept(), handler)
    }

    /// The connections that come, for ever: as [`TcpListener::accept`] in a loop.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|io| io.local_addr())
    }

    /// Sets how many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.with(|io| io.set_ttl(ttl))
    }

    /// See [`TcpListener::set_ttl`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.with(|io| io.ttl())
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

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

/// See [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    /// Never `None`. After `close()` it is an error each time.
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for Incoming<'_> {}

/// Settings of a [`TcpListener`] that have to be made before it listens.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::TcpListener;
///
/// // Several listeners at one address, each with a goroutine that accepts: the kernel spreads the
/// // connections over them.
/// let first = TcpListener::builder().reuse_port(true).bind("127.0.0.1:0")?;
/// let second = TcpListener::builder().reuse_port(true).bind(first.local_addr()?)?;
/// # drop(second);
/// # Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    backlog: i32,
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl Builder {
    /// How many connections may wait to be accepted: 4,096 by default. The system may have a lower limit.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Builder {
        self.backlog = i32::try_from(connections).unwrap_or(i32::MAX);
        self
    }

    /// Whether others may listen at the same address, if they say so too. The kernel spreads connections
    /// over all of them. No by default.
    #[must_use]
    pub fn reuse_port(mut self, reuse: bool) -> Builder {
        self.reuse_port = reuse;
        self
    }

    /// Whether a listener at an IPv6 address is for IPv6 only. By default the system decides.
    #[must_use]
    pub fn only_v6(mut self, only: bool) -> Builder {
        self.only_v6 = Some(only);
        self
    }

    pub(super) fn reuses_port(&self) -> bool {
        self.reuse_port
    }

    /// Listens, as [`TcpListener::bind`].
    ///
    /// # Errors
    ///
    /// That of the last address, such as `AddrInUse`; `InvalidInput` if there is none.
    pub fn bind<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpListener> {
        addr::try_each(addr, |addr| self.listen(addr))
    }

    fn listen(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        let kind = Type::STREAM;
        let socket = connect::socket(Domain::for_address(addr), kind, Some(Protocol::TCP))?;
        // A server that is started again gets its address at once, as with std.
        socket.set_reuse_address(true)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let (Some(only), SocketAddr::V6(_)) = (self.only_v6, addr) {
            socket.set_only_v6(only)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(self.backlog)?;
        TcpListener::of(socket.into())
    }
}

//! `UnixDatagram`: datagrams between processes of one machine.

use super::SocketAddr;
use crate::io::macros::{deadlines, deadlines_of_each_side, descriptor};
use crate::io::source::Source;
use goroutines_runtime::park::Side;
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::unix::net as std_net;
use std::path::Path;
use std::sync::Arc;

/// A Unix datagram socket, as [`std::os::unix::net::UnixDatagram`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::os::unix::net::UnixDatagram;
///
/// let (here, there) = UnixDatagram::pair()?;
/// here.send(b"hello")?;
/// here.send(b"you")?;
/// let mut buf = [0; 100];
/// assert_eq!(there.recv(&mut buf)?, 5);
/// assert_eq!(there.recv(&mut buf)?, 3);
/// # Ok(()) }).unwrap();
/// ```
///
/// Datagrams do not get lost: who sends waits while the other end's queue is full.
///
/// Closed when the last handle is dropped, or by [`UnixDatagram::close`].
pub struct UnixDatagram(Arc<Source<std_net::UnixDatagram>>);

deadlines!(UnixDatagram, "socket");
deadlines_of_each_side!(UnixDatagram);
descriptor!(UnixDatagram, std_net::UnixDatagram);

impl UnixDatagram {
    /// A socket at `path`, where it makes a file.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is something at that path; `InvalidInput` if the path is too long or has a zero
    /// byte.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::bind(path)?.try_into()
    }

    /// A socket at `addr`, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is something at that address.
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::bind_addr(addr)?.try_into()
    }

    /// A socket without an address, which nobody can send to.
    ///
    /// # Errors
    ///
    /// If there is no descriptor left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::unbound()?.try_into()
    }

    /// Two sockets that are connected with each other.
    ///
    /// # Errors
    ///
    /// If there is no descriptor left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = std_net::UnixDatagram::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// Makes the socket at `path` the other end: [`UnixDatagram::send`] sends to it, and only what comes from
    /// it is received.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`; `InvalidInput` if the path is too long or has a zero byte.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.0.with(|io| io.connect(path))
    }

    /// As [`UnixDatagram::connect`], to `addr`, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`.
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.with(|io| io.connect_addr(addr))
    }

    /// Sends to the other end that [`UnixDatagram::connect`] has set; gives how many bytes, all of them. It
    /// waits while that end's queue is full.
    ///
    /// # Errors
    ///
    /// If there is no other end, or not any more; if the datagram is too large.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.run(Side::Write, |io| io.send(buf))
    }

    /// Sends to the socket at `path`; gives how many bytes, all of them. While its queue is full it waits,
    /// [trying again](super#where-waiting-means-trying-again).
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`; if the datagram is too large.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        self.0
            .run_with_pauses(Side::Write, |io| io.send_to(buf, path))
    }

    /// As [`UnixDatagram::send_to`], to `addr`, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`UnixDatagram::send_to`].
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.0
            .run_with_pauses(Side::Write, |io| io.send_to_addr(buf, addr))
    }

    /// Waits for a datagram; gives how many bytes of it are in `buf`. What does not fit is cut off. After
    /// receiving was [shut down](UnixDatagram::shutdown) it is 0.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and after `close()`.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(|io| io.recv(buf), || Ok(0))
    }

    /// As [`UnixDatagram::recv`]; also gives whom it is from.
    ///
    /// # Errors
    ///
    /// As [`UnixDatagram::recv`].
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(
            |io| io.recv_from(buf),
            || Ok((0, SocketAddr::from_pathname("")?)),
        )
    }

    fn receive<R>(
        &self,
        mut op: impl FnMut(&std_net::UnixDatagram) -> io::Result<R>,
        end: impl Fn() -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.run(Side::Read, |io| match op(io) {
            // The system says that it would block; had it blocked, it would say that this is the end.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && self.0.has_ended() => end(),
            result => result,
        })
    }

    /// The other end that [`UnixDatagram::connect`] has set.
    ///
    /// # Errors
    ///
    /// If there is none, and after `close()`.
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

    /// Ends receiving, sending, or both, for all handles, and for those who wait.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.with(|io| io.shutdown(how))?;
        self.0.shut_down(how);
        Ok(())
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

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

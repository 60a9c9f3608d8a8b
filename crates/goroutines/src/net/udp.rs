//! `UdpSocket`: datagrams.

use super::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, addr};
use crate::io::macros::{deadlines, deadlines_of_each_side, descriptor};
use crate::io::source::Source;
use goroutines_runtime::park::Side;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let addr = server.local_addr()?;
/// let echo = goroutines::spawn(move || -> std::io::Result<()> {
///     let mut buf = [0; 1500];
///     let (n, peer) = server.recv_from(&mut buf)?;
///     server.send_to(&buf[..n], peer)?;
///     Ok(())
/// });
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(addr)?;
/// client.send(b"hello")?;
/// let mut buf = [0; 1500];
/// assert_eq!(client.recv(&mut buf)?, 5);
/// assert_eq!(&buf[..5], b"hello");
/// echo.join().unwrap()?;
/// # Ok(()) }).unwrap();
/// ```
///
/// One call sends or receives one datagram, be it empty. What does not fit the buffer is cut off. A datagram
/// may get lost on the way: use a [timeout](UdpSocket::set_read_timeout) where an answer is expected.
///
/// Closed when the last handle is dropped, or by [`UdpSocket::close`].
pub struct UdpSocket(pub(crate) Arc<Source<std::net::UdpSocket>>);

deadlines!(UdpSocket, "socket");
deadlines_of_each_side!(UdpSocket);
descriptor!(UdpSocket, std::net::UdpSocket);

impl UdpSocket {
    /// A socket at the first of the addresses where that is possible. Port 0: any free one.
    ///
    /// # Errors
    ///
    /// That of the last address, such as `AddrInUse`; `InvalidInput` if there is none.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        addr::try_each(addr, std::net::UdpSocket::bind)?.try_into()
    }

    /// Makes the first of the addresses that is possible the other end: [`UdpSocket::send`] sends to it,
    /// and only what comes from it is received. It sends nothing, so it does not wait.
    ///
    /// # Errors
    ///
    /// That of the last address; `InvalidInput` if there is none.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        addr::try_each(addr, |addr| self.0.with(|io| io.connect(addr)))
    }

    /// Sends to the other end that [`UdpSocket::connect`] has set; gives how many bytes, all of them.
    ///
    /// It waits while the system has no room for what is to be sent.
    ///
    /// # Errors
    ///
    /// If there is no other end; if the datagram is too large; `ConnectionRefused` if an earlier one found
    /// nobody there.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.run(Side::Write, |io| io.send(buf))
    }

    /// Sends to the first of the addresses; gives how many bytes, all of them. As [`UdpSocket::send`].
    ///
    /// # Errors
    ///
    /// If the datagram is too large; `InvalidInput` if there is no address.
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let addr = addr.to_socket_addrs()?.next().ok_or_else(addr::none)?;
        self.0.run(Side::Write, |io| io.send_to(buf, addr))
    }

    /// Waits for a datagram from the other end that [`UdpSocket::connect`] has set, or from anyone if it has
    /// not; gives how many bytes of it are in `buf`.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `ConnectionRefused` if a datagram that was sent found nobody there.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.run(Side::Read, |io| io.recv(buf))
    }

    /// As [`UdpSocket::recv`]; also gives whom it is from.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.run(Side::Read, |io| io.recv_from(buf))
    }

    /// As [`UdpSocket::recv`], without taking the datagram: the next call gets the same.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.run(Side::Read, |io| io.peek(buf))
    }

    /// As [`UdpSocket::recv_from`], without taking the datagram: the next call gets the same.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.run(Side::Read, |io| io.peek_from(buf))
    }

    /// The other end that [`UdpSocket::connect`] has set.
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

    /// Whether it may send to broadcast addresses. At first it may not.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.0.with(|io| io.set_broadcast(broadcast))
    }

    /// See [`UdpSocket::set_broadcast`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.with(|io| io.broadcast())
    }

    /// Whether what it sends to an IPv4 multicast group comes back to this machine. At first it does.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_multicast_loop_v4(&self, comes_back: bool) -> io::Result<()> {
        self.0.with(|io| io.set_multicast_loop_v4(comes_back))
    }

    /// See [`UdpSocket::set_multicast_loop_v4`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.with(|io| io.multicast_loop_v4())
    }

    /// How many routers a datagram to an IPv4 multicast group may pass. At first 1: it stays in the local
    /// network.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.0.with(|io| io.set_multicast_ttl_v4(ttl))
    }

    /// See [`UdpSocket::set_multicast_ttl_v4`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.with(|io| io.multicast_ttl_v4())
    }

    /// As [`UdpSocket::set_multicast_loop_v4`], for IPv6.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_multicast_loop_v6(&self, comes_back: bool) -> io::Result<()> {
        self.0.with(|io| io.set_multicast_loop_v6(comes_back))
    }

    /// See [`UdpSocket::set_multicast_loop_v6`].
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.with(|io| io.multicast_loop_v6())
    }

    /// Receives what is sent to the group `group`, on the interface with the address `interface`; with an
    /// unspecified one the system chooses.
    ///
    /// # Errors
    ///
    /// If it is no group, and after `close()`.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.with(|io| io.join_multicast_v4(group, interface))
    }

    /// Undoes [`UdpSocket::join_multicast_v4`].
    ///
    /// # Errors
    ///
    /// If it has not joined, and after `close()`.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.with(|io| io.leave_multicast_v4(group, interface))
    }

    /// Receives what is sent to the group `group`, on the interface with the number `interface`; 0: the
    /// system chooses.
    ///
    /// # Errors
    ///
    /// If it is no group, and after `close()`.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.with(|io| io.join_multicast_v6(group, interface))
    }

    /// Undoes [`UdpSocket::join_multicast_v6`].
    ///
    /// # Errors
    ///
    /// If it has not joined, and after `close()`.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.with(|io| io.leave_multicast_v6(group, interface))
    }

    /// Sets how many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.with(|io| io.set_ttl(ttl))
    }

    /// See [`UdpSocket::set_ttl`].
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

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

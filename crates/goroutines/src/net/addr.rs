//! Names into addresses, without holding up a worker.
//!
//! Not for: a resolver of our own. The system's blocks, so it runs on the pool for what blocks.

use crate::channel::bounded;
use crate::io::error::timed_out;
use crate::task::builder::Builder;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Instant;
use std::{iter, option, slice, vec};

/// What addresses can be had from, as [`std::net::ToSocketAddrs`], and implemented for the same types.
///
/// Names are looked up where that may block; the goroutine waits. Addresses are not looked up.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::ToSocketAddrs;
/// let mut addrs = "127.0.0.1:80".to_socket_addrs()?;
/// assert_eq!(addrs.next(), Some(([127, 0, 0, 1], 80).into()));
/// # Ok(()) }).unwrap();
/// ```
pub trait ToSocketAddrs {
    /// What goes through the addresses.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses.
    ///
    /// # Errors
    ///
    /// If it is no address and no name that can be looked up now.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

macro_rules! one_address {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                Ok(Some(SocketAddr::from(*self)).into_iter())
            }
        }
    )*};
}

one_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, port)].into_iter()),
            Err(_) => lookup_host(host, port),
        }
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(addr) = self.parse() {
            return Ok(vec![addr].into_iter());
        }
        let bad = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        let (host, port) = self
            .rsplit_once(':')
            .ok_or_else(|| bad("no port: write host:port"))?;
        let port = port
            .parse()
            .map_err(|_| bad("the port is not a number from 0 to 65535"))?;
        (host, port).to_socket_addrs()
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<T::Iter> {
        (**self).to_socket_addrs()
    }
}

/// The addresses of a host, with this port, from the system's resolver.
///
/// ```no_run
/// # goroutines::run(|| -> std::io::Result<()> {
/// for addr in goroutines::net::lookup_host("localhost", 80)? {
///     println!("{addr}");
/// }
/// # Ok(()) }).unwrap();
/// ```
///
/// # Errors
///
/// Those of the resolver.
pub fn lookup_host(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    goroutines_runtime::park::offload(|| resolve(host, port))
}

/// As [`lookup_host`], until `deadline` at most.
///
/// The resolver cannot be interrupted: the thread it blocks is in use until it ends, while the caller
/// goes on.
///
/// # Errors
///
/// [`TimedOut`](io::ErrorKind::TimedOut), and those of the resolver.
pub fn lookup_host_deadline(
    host: &str,
    port: u16,
    deadline: Instant,
) -> io::Result<vec::IntoIter<SocketAddr>> {
    let (sender, receiver) = bounded(1);
    let host = host.to_owned();
    Builder::new()
        .spawn(move || {
            let found = goroutines_runtime::park::offload(|| resolve(&host, port));
            // If nobody waits any more it is for nothing.
            let _ = sender.send(found);
        })
        .map_err(io::Error::other)?;
    receiver
        .recv_deadline(deadline)
        .unwrap_or_else(|_| Err(timed_out()))
}

fn resolve(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    std::net::ToSocketAddrs::to_socket_addrs(&(host, port))
}

/// Tries `f` with each address until it succeeds; gives the last error.
pub(super) fn try_each<A, T>(
    addrs: A,
    mut f: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T>
where
    A: ToSocketAddrs,
{
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match f(addr) {
            Ok(done) => return Ok(done),
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(none))
}

/// There is nothing to try.
pub(super) fn none() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "there is no address for that name",
    )
}

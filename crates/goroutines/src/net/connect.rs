//! Connecting without blocking.
//!
//! Not for: what to connect to (`addr`).

use crate::io::error::timed_out;
use crate::io::source::Source;
use goroutines_runtime::park::{Moment, Side};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A connected TCP socket that does not block, with what the runtime knows of it.
pub(super) fn tcp(addr: SocketAddr, limit: Moment) -> io::Result<Source<std::net::TcpStream>> {
    // Not even to somebody who would be there at once.
    if limit != Moment::NEVER && limit <= Moment::now() {
        return Err(timed_out());
    }
    let socket = socket(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    let pending = start(&socket, &addr.into())?;
    let source = Source::new(std::net::TcpStream::from(socket))?;
    if pending {
        finish(&source, limit)?;
    }
    Ok(source)
}

/// A new socket that does not block.
pub(crate) fn socket(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    Socket::new(domain, kind.nonblocking().cloexec(), protocol)
}

/// Until when a connection has to be there that may take so long.
pub(crate) fn limit(timeout: Duration) -> io::Result<Moment> {
    if timeout.is_zero() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no time to connect in: use a timeout above zero",
        ));
    }
    Ok(Moment::after(timeout))
}

/// Begins to connect; `true`: it is not done yet.
fn start(socket: &Socket, addr: &SockAddr) -> io::Result<bool> {
    match socket.connect(addr) {
        Ok(()) => Ok(false),
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            Ok(true)
        }
        // Interrupted: it goes on all the same.
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(e) => Err(e),
    }
}

/// Waits until it is connected, or cannot be.
fn finish(source: &Source<std::net::TcpStream>, limit: Moment) -> io::Result<()> {
    source.run_until(Side::Write, limit, |stream| {
        if let Some(e) = stream.take_error()? {
            return Err(e);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(()),
            // Not yet.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(e) => Err(e),
        }
    })
}

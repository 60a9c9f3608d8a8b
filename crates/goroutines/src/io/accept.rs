//! Accepting connections, on listeners of any kind.
//!
//! Not for: what is made of an accepted descriptor.

use super::backoff::Backoff;
use super::error::is_closed;
use super::source::Source;
use crate::task::builder::Builder;
use goroutines_runtime::park::Side;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Waits for a connection; gives a descriptor that does not block, and the other end's address if the
/// system told it.
///
/// Connections that were given up before they were accepted are passed over; a shortage of descriptors
/// or memory is waited out.
pub(crate) fn accept<T: AsFd>(source: &Source<T>) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let mut backoff = Backoff::new();
    loop {
        let accepted = source.run(Side::Read, |io| {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            Ok(rustix::net::acceptfrom_with(io, flags)?)
        });
        match accepted {
            Ok(accepted) => return Ok(accepted),
            Err(e) if is_of_one_connection(&e) => {}
            // Who does not want to wait is told.
            Err(e) if source.is_nonblocking() => return Err(e),
            Err(e) => backoff.after(e, source)?,
        }
    }
}

/// Whether this is an error of a connection that was waiting to be accepted, and not of the listener. Linux
/// reports them here; accept(2) says to try again.
fn is_of_one_connection(error: &io::Error) -> bool {
    const OF_ONE: [Errno; 8] = [
        Errno::CONNABORTED,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::NONET,
    ];
    Errno::from_io_error(error).is_some_and(|e| OF_ONE.contains(&e))
}

/// Accepts until the listener is closed, and calls `handler` for each connection in a goroutine of its own.
pub(crate) fn serve<T, S, A>(
    source: &Source<T>,
    mut accept: impl FnMut() -> io::Result<(S, A)>,
    handler: impl Fn(S, A) + Send + Sync + 'static,
) -> io::Result<()>
where
    T: AsFd,
    S: Send + 'static,
    A: Send + 'static,
{
    let handler = Arc::new(handler);
    let mut backoff = Backoff::new();
    loop {
        let (stream, peer) = match accept() {
            Ok(accepted) => accepted,
            Err(e) if is_closed(&e) => return Ok(()),
            Err(e) => return Err(e),
        };
        let handler = Arc::clone(&handler);
        match Builder::new().spawn(move || handler(stream, peer)) {
            Ok(_) => backoff = Backoff::new(),
            // No room for a goroutine: that connection is gone, the next one waits for better times.
            Err(e) => match backoff.wait(source, &e) {
                Err(e) if is_closed(&e) => return Ok(()),
                waited => waited?,
            },
        }
    }
}

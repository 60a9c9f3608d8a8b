//! `UnixStream`: a connection between two processes, or two goroutines, of one machine.

use super::SocketAddr;
use crate::io::error::timed_out;
use crate::io::macros::{deadlines, deadlines_of_each_side, descriptor, read_by_value, writes};
use crate::io::source::{Pauses, Source};
use crate::io::{pieces, send};
use crate::net::connect;
use goroutines_runtime::park::{self, Moment, Side};
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg};
use socket2::{Domain, SockAddr, Type};
use std::fmt;
use std::io::{self, IoSliceMut, Read};
use std::net::Shutdown;
use std::os::unix::net as std_net;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A Unix stream socket, as [`std::os::unix::net::UnixStream`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::os::unix::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// let path = std::env::temp_dir().join(format!("stream-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = goroutines::spawn(move || listener.accept()?.0.write_all(b"hello"));
/// let mut text = String::new();
/// UnixStream::connect(&path)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap()?;
/// std::fs::remove_file(&path)?;
/// # Ok(()) }).unwrap();
/// ```
///
/// Closed when the last handle is dropped, or by [`UnixStream::close`].
pub struct UnixStream(pub(crate) Arc<Source<std_net::UnixStream>>);

writes!(
    UnixStream,
    std_net::UnixStream,
    send::send,
    send::send_vectored
);
deadlines!(UnixStream, "connection");
deadlines_of_each_side!(UnixStream);
descriptor!(UnixStream, std_net::UnixStream);

impl UnixStream {
    /// Connects to the listener at `path`. If too many wait to be accepted there already it waits as well,
    /// [trying again](super#where-waiting-means-trying-again).
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`; `InvalidInput` if the path is too long or has a zero byte.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// As [`UnixStream::connect`], to `addr`, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`].
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_until(addr, Moment::NEVER)
    }

    /// As [`UnixStream::connect_addr`], within `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), and as [`UnixStream::connect`]; `InvalidInput` if the timeout is
    /// zero.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<UnixStream> {
        UnixStream::connect_until(addr, connect::limit(timeout)?)
    }

    /// As [`UnixStream::connect_addr`], before `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut), at once if the deadline has passed; as [`UnixStream::connect`].
    pub fn connect_deadline(addr: &SocketAddr, deadline: Instant) -> io::Result<UnixStream> {
        UnixStream::connect_until(addr, Moment::from_instant(deadline))
    }

    fn connect_until(addr: &SocketAddr, limit: Moment) -> io::Result<UnixStream> {
        if limit != Moment::NEVER && limit <= Moment::now() {
            return Err(timed_out());
        }
        let addr = to_socket2(addr)?;
        let socket = connect::socket(Domain::UNIX, Type::STREAM, None)?;
        let mut pauses = Pauses::new();
        // Never half-way: it is connected at once, or the listener has no room.
        while let Err(e) = socket.connect(&addr) {
            match e.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => {
                    park::sleep_until(pauses.next(limit).ok_or_else(timed_out)?);
                }
                _ => return Err(e),
            }
        }
        UnixStream::of(socket.into())
    }

    /// Two streams that are connected with each other.
    ///
    /// # Errors
    ///
    /// If there is no descriptor or memory left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = std_net::UnixStream::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// The address of the other end; clients mostly have none.
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

    /// Ends reading, writing, or both, for all handles, and for those who wait. What is read after that is
    /// the end of the stream; writing fails.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.with(|io| io.shutdown(how))?;
        // The system tells readers, but not a writer that waits for room.
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

/// std does not let others see the bytes of its addresses.
pub(super) fn to_socket2(addr: &SocketAddr) -> io::Result<SockAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = abstract_name(addr) {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        // socket2 takes a path that begins with a zero byte for an abstract name.
        let path = [&[0], name].concat();
        return SockAddr::unix(OsStr::from_bytes(&path));
    }
    SockAddr::unix(addr.as_pathname().unwrap_or(Path::new("")))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(addr: &SocketAddr) -> Option<&[u8]> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    addr.as_abstract_name()
}

/// Reads, and says whether having got little means that there is no more.
///
/// It does not after bytes that came with descriptors or credentials: reads stop there, whatever follows. That
/// nobody asked for those is reported as a part that was cut off.
fn read(io: &std_net::UnixStream, bufs: &mut [IoSliceMut<'_>]) -> io::Result<(usize, bool)> {
    let mut none = RecvAncillaryBuffer::default();
    let got = recvmsg(io, bufs, &mut none, RecvFlags::empty())?;
    Ok((got.bytes, !got.flags.contains(ReturnFlags::CTRUNC)))
}

impl Read for &UnixStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = buf.len();
        self.0.parts(Side::Read, wanted, |io| {
            read(io, &mut [IoSliceMut::new(buf)])
        })
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (bufs, wanted) = pieces::to_fill(bufs);
        self.0.parts(Side::Read, wanted, |io| read(io, bufs))
    }
}

read_by_value!(UnixStream);

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

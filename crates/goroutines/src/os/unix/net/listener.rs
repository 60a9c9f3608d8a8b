//! `UnixListener`: what accepts connections at a path or an abstract name.

use super::{SocketAddr, UnixStream};
use crate::io::accept;
use crate::io::macros::{deadlines, descriptor};
use crate::io::source::Source;
use rustix::net::{SocketAddrAny, SocketAddrUnix};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// A Unix socket that accepts connections, as [`std::os::unix::net::UnixListener`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::os::unix::net::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// # let also = path.clone();
/// # let client = goroutines::spawn(move || UnixStream::connect(also));
/// let (stream, _peer) = listener.accept()?;
/// std::fs::remove_file(&path)?;
/// # drop((stream, client.join().unwrap()?));
/// # Ok(()) }).unwrap();
/// ```
///
/// It stops listening when the last handle is dropped, or by [`UnixListener::close`]. The file stays: remove
/// it, and remove what an earlier run left before binding.
pub struct UnixListener(Arc<Source<std::os::unix::net::UnixListener>>);

deadlines!(UnixListener, "listener");
descriptor!(UnixListener, std::os::unix::net::UnixListener);

impl UnixListener {
    /// Listens at `path`, where it makes a file.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is something at that path; `InvalidInput` if the path is too long or has a zero
    /// byte.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        std::os::unix::net::UnixListener::bind(path)?.try_into()
    }

    /// Listens at `addr`, which may be an abstract name.
    ///
    /// ```
    /// # goroutines::run(|| -> std::io::Result<()> {
    /// use goroutines::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    /// use std::os::linux::net::SocketAddrExt;
    ///
    /// let name = format!("example-{}", std::process::id());
    /// let addr = SocketAddr::from_abstract_name(name)?;
    /// let listener = UnixListener::bind_addr(&addr)?;
    /// let client = UnixStream::connect_addr(&addr)?;
    /// let (server, _peer) = listener.accept()?;
    /// # drop((client, server));
    /// # Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is something at that address.
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        std::os::unix::net::UnixListener::bind_addr(addr)?.try_into()
    }

    /// Waits for a connection. What is said about shortages at
    /// [`TcpListener::accept`](crate::net::TcpListener::accept) holds here too.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the [deadline](UnixListener::set_deadline), and after `close()`.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (fd, peer) = accept::accept(&self.0)?;
        let stream = UnixStream::of(fd.into())?;
        let peer = peer
            .and_then(address)
            .map_or_else(|| stream.peer_addr(), Ok)?;
        Ok((stream, peer))
    }

    /// Accepts connections until the listener is closed, and calls `handler` for each in a goroutine of its
    /// own, as [`TcpListener::serve`](crate::net::TcpListener::serve).
    ///
    /// # Errors
    ///
    /// `TimedOut` after the [deadline](UnixListener::set_deadline); what else `accept` gives. After `close()`
    /// it is `Ok`.
    pub fn serve<F>(&self, handler: F) -> io::Result<()>
    where
        F: Fn(UnixStream, SocketAddr) + Send + Sync + 'static,
    {
        accept::serve(&self.0, || self.accept(), handler)
    }

    /// The connections that come, for ever: as [`UnixListener::accept`] in a loop.
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

    /// Takes the pending error of the socket.
    ///
    /// # Errors
    ///
    /// After `close()`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.with(|io| io.take_error())
    }
}

/// The address in std's type; `None`: that has no way to make one.
fn address(any: SocketAddrAny) -> Option<SocketAddr> {
    let addr = SocketAddrUnix::try_from(any).ok()?;
    // Without a name it is unnamed, which is what most clients are.
    if let Some(name) = addr.abstract_name().filter(|name| !name.is_empty()) {
        return abstract_address(name);
    }
    let path = addr.path_bytes().unwrap_or_default();
    // An empty path makes an unnamed address.
    SocketAddr::from_pathname(OsStr::from_bytes(path)).ok()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &[u8]) -> Option<SocketAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name).ok()
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

/// See [`UnixListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    /// Never `None`. After `close()` it is an error each time.
    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

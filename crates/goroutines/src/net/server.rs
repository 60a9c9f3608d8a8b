//! `Server`: one listener and one goroutine that accepts for each worker.
//!
//! Not for: protocols; a handler gets a connection.

use super::{Builder, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use crate::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crate::io::error::timed_out;
use crate::task::builder;
use crate::task::handle::JoinHandle;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// A TCP server that accepts on every worker; made by [`Builder::serve`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let server = TcpListener::builder().serve("127.0.0.1:0", |mut stream, peer| {
///     let _ = write!(stream, "hello {peer}");
/// })?;
/// let mut text = String::new();
/// let mut stream = TcpStream::connect(server.local_addr())?;
/// stream.read_to_string(&mut text)?;
/// assert_eq!(text, format!("hello {}", stream.local_addr()?));
/// server.close();
/// server.wait()?;
/// # Ok(()) }).unwrap();
/// ```
///
/// Dropping it lets it run by itself.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    listeners: Vec<TcpListener>,
    acceptors: Vec<JoinHandle<io::Result<()>>>,
    /// Nothing is ever sent: who is still there has a sender.
    gone: Receiver<Infallible>,
}

impl Server {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening. Connections go on; those that nobody has accepted yet are reset. `false`: it was
    /// closed before.
    pub fn close(&self) -> bool {
        // Each of them, whatever the others say.
        let closed = self.listeners.iter().map(TcpListener::close);
        closed.fold(false, |any, one| any | one)
    }

    /// Waits until it was [closed](Server::close) and all handlers have ended.
    ///
    /// # Errors
    ///
    /// What ended the accepting on one of the workers, if that was not `close`.
    pub fn wait(self) -> io::Result<()> {
        // Ends with the last sender.
        let _ = self.gone.recv();
        self.ended()
    }

    /// As [`Server::wait`], until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) if handlers still run; and as [`Server::wait`].
    pub fn wait_deadline(self, deadline: Instant) -> io::Result<()> {
        match self.gone.recv_deadline(deadline) {
            Err(RecvTimeoutError::Timeout) => Err(timed_out()),
            _ => self.ended(),
        }
    }

    fn ended(self) -> io::Result<()> {
        let mut ends = self.acceptors.into_iter().map(JoinHandle::join);
        // A goroutine that accepts does not panic: handlers have their own.
        ends.try_for_each(|end| end.unwrap_or(Ok(())))
    }
}

impl Builder {
    /// Listens once for each worker, and calls `handler` in a goroutine of its own for each connection. Does
    /// not wait.
    ///
    /// The kernel spreads the connections over the listeners (`SO_REUSEPORT`), so they are accepted by all
    /// processors at once, and each is served on the worker that accepted it unless another one has less to
    /// do. A worker that is held up for long holds up the connections that the kernel has given to it; with
    /// [`TcpListener::serve`] there is one queue for all.
    ///
    /// A panic in `handler` ends its goroutine and that connection. Shortages are waited out, as
    /// [`TcpListener::accept`] does.
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`]; and if a goroutine cannot be made.
    pub fn serve<A, F>(&self, addr: A, handler: F) -> io::Result<Server>
    where
        A: ToSocketAddrs,
        F: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
    {
        let workers = crate::runtime::workers();
        let each = self.clone().reuse_port(workers > 1 || self.reuses_port());
        let first = each.bind(addr)?;
        let addr = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..workers {
            listeners.push(each.bind(addr)?);
        }
        let (here, gone) = bounded(0);
        let mut server = Server {
            addr,
            listeners,
            acceptors: Vec::new(),
            gone,
        };
        let handler = Arc::new(handler);
        for (i, listener) in server.listeners.iter().enumerate() {
            match accept_on(i, listener, &handler, &here) {
                Ok(acceptor) => server.acceptors.push(acceptor),
                Err(e) => {
                    server.close();
                    return Err(e);
                }
            }
        }
        Ok(server)
    }
}

/// Accepts on the worker with this number.
fn accept_on<F>(
    worker: usize,
    listener: &TcpListener,
    handler: &Arc<F>,
    here: &Sender<Infallible>,
) -> io::Result<JoinHandle<io::Result<()>>>
where
    F: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
{
    let listener = listener.try_clone()?;
    let (handler, here) = (Arc::clone(handler), here.clone());
    // `serve` keeps this closure, and `here` with it, until the last of its handlers has ended.
    let each = move |stream, peer| {
        let _here = &here;
        handler(stream, peer);
    };
    let accept = move || listener.serve(each);
    builder::Builder::new()
        .worker(worker)
        .spawn(accept)
        .map_err(io::Error::other)
}

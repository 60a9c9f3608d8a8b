//! Sockets in plain blocking code, with the names of [`std::net`].
//!
//! ```no_run
//! use goroutines::{go, net::TcpListener};
//! use std::io::{Read, Write};
//!
//! #[goroutines::main]
//! fn main() -> std::io::Result<()> {
//!     for stream in TcpListener::bind("127.0.0.1:7000")?.incoming() {
//!         let mut stream = stream?;
//!         go!(move || {
//!             let mut buf = [0; 1024];
//!             while let Ok(n @ 1..) = stream.read(&mut buf) {
//!                 if stream.write_all(&buf[..n]).is_err() { return }
//!             }
//!         });
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Every call that waits parks its goroutine; on a plain thread it blocks the thread. All of `std`'s
//! methods and traits are here. Beyond `std`: absolute deadlines (`set_deadline`), and `close()`, which
//! ends every call in progress.
//!
//! Socket options that `std` does not have can be set with the crate `socket2`: `SockRef::from(&stream)`.
//!
//! # Several goroutines, one socket
//!
//! All methods may be called from several goroutines at once; `try_clone` gives further handles. A read
//! and a write do not wait for each other. As with `std`, `write` may write a part, and the parts of two
//! `write_all`s may interleave: use a lock where that matters.
//!
//! # Errors
//!
//! See [`io`](crate::io): timeouts are `TimedOut`, and there is an error for what was closed.

mod addr;
pub(crate) mod connect;
mod server;
mod tcp_listener;
mod tcp_stream;
mod udp;

pub use addr::{ToSocketAddrs, lookup_host, lookup_host_deadline};
pub use server::Server;
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use tcp_listener::{Builder, Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;

//! The load of `idle_conns`: many connections that do nothing, and what the
//! server's memory grew by.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::load::{self, Exchange};
use crate::mem;

/// Each connection is served once first, so that whoever serves it has run and
/// waits. Memory is read after `pause`: what is given back with a delay counts
/// as given back.
pub(crate) fn run(
    address: SocketAddr,
    n: usize,
    pause: Duration,
    server: u32,
) -> Result<Vec<(&'static str, f64)>, String> {
    super::system::allow_sockets(n)?;
    let resident = || mem::resident_bytes_of(server).ok_or("the server's memory cannot be read");
    let before = resident()?;
    let (streams, _) = load::open(address, n, Exchange::Echo(&[b'x'; super::MESSAGE]))?;
    thread::sleep(pause);
    let after = resident()?;
    let bytes = after.saturating_sub(before) as f64 / streams.len() as f64;
    Ok(vec![("bytes", bytes)])
}

//! The load of `accept`: connect, one exchange, wait until the server closes,
//! begin again.
//!
//! The server closes first, and the load then closes with a reset, so that
//! neither side keeps a port in TIME_WAIT: tens of thousands of connections a
//! second would use them up. The load looks once for each connection, at its
//! end: opening it costs more than serving it anyway, handshake included, and
//! the less the load does the more the server shows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};

use super::figures::Tally;
use super::poll::{Poll, Window, measure};
use super::{ACCEPT_AT_ONCE, MESSAGE};

/// One of those at a time.
struct Slot {
    socket: OwnedFd,
    sent: bool,
    got: usize,
    since: Instant,
}

pub(crate) fn run(
    address: SocketAddr,
    window: Window,
    server: Option<u32>,
) -> Result<Tally, String> {
    let poll = Poll::new(ACCEPT_AT_ONCE)?;
    let mut slots = Vec::with_capacity(ACCEPT_AT_ONCE);
    for number in 0..ACCEPT_AT_ONCE {
        slots.push(begin(&poll, number, address)?);
    }
    measure(poll, window, server, |poll, number, counted| {
        let slot = &mut slots[number];
        if !advance(slot)? {
            return Ok(());
        }
        if let Some(latencies) = counted {
            latencies.record(slot.since.elapsed());
        }
        *slot = begin(poll, number, address)?;
        Ok(())
    })
}

/// Opens the next connection of a slot. On the loopback device it stands when
/// `connect` returns, and the request can follow at once.
fn begin(poll: &Poll, number: usize, address: SocketAddr) -> Result<Slot, String> {
    let since = Instant::now();
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| format!("socket: {error}"))?;
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))
        .map_err(|error| format!("linger: {error}"))?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(format!("connect: {error}")),
    }
    let mut slot = Slot {
        socket,
        sent: false,
        got: 0,
        since,
    };
    try_send(&mut slot)?;
    let flags = match slot.sent {
        true => EventFlags::RDHUP,
        false => EventFlags::RDHUP | EventFlags::OUT,
    };
    poll.add(&slot.socket, number, flags)?;
    Ok(slot)
}

/// Does what can be done; true when the answer has come and the server has
/// closed.
fn advance(slot: &mut Slot) -> Result<bool, String> {
    if !slot.sent {
        try_send(slot)?;
    }
    while slot.got < MESSAGE {
        let mut buffer = [0; MESSAGE + 1];
        match recv(&slot.socket, &mut buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Err("the server closed without an answer".into()),
            Ok((n, _)) => slot.got += n,
            Err(Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(format!("receive: {error}")),
        }
    }
    match slot.got {
        MESSAGE => Ok(true),
        _ => Err("more came than was sent".into()),
    }
}

fn try_send(slot: &mut Slot) -> Result<(), String> {
    match send(&slot.socket, &[b'x'; MESSAGE], SendFlags::NOSIGNAL) {
        Ok(MESSAGE) => slot.sent = true,
        Ok(_) => return Err("a request does not fit into its socket".into()),
        Err(Errno::AGAIN | Errno::NOTCONN) => {}
        Err(error) => return Err(format!("send: {error}")),
    }
    Ok(())
}

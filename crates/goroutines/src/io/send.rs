//! Sending on stream sockets so that a peer that has gone is an error and no signal (SEMANTICS NE-19), which std
//! does in some of its calls only; and receiving from them.
//!
//! Not for: waiting. These are bare system calls: those of the C library look at whether the thread is to be
//! cancelled, twice each.

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

#[inline]
pub(crate) fn receive(io: impl AsFd, buf: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(io, buf, RecvFlags::empty())?.0)
}

#[inline]
pub(crate) fn send(io: impl AsFd, buf: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(io, buf, SendFlags::NOSIGNAL)?)
}

/// Of no more pieces than one call takes (`pieces`).
pub(crate) fn send_vectored(io: impl AsFd, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut nothing = SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(
        io,
        bufs,
        &mut nothing,
        SendFlags::NOSIGNAL,
    )?)
}

//! Sending on stream sockets so that a peer that has gone is an error and no signal (SEMANTICS NE-19).
//!
//! Not for: waiting. std does this in some of its calls only.

use rustix::net::{SendAncillaryBuffer, SendFlags};
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

/// More slices than this the kernel refuses.
const MOST: usize = 1024;

#[inline]
pub(crate) fn send(io: impl AsFd, buf: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(io, buf, SendFlags::NOSIGNAL)?)
}

pub(crate) fn send_vectored(io: impl AsFd, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let bufs = &bufs[..bufs.len().min(MOST)];
    let mut nothing = SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(
        io,
        bufs,
        &mut nothing,
        SendFlags::NOSIGNAL,
    )?)
}

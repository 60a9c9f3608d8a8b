//! Lists of buffers that one call takes.
//!
//! Not for: the call. The system refuses a list that is too long, or, where std cuts it off, moves fewer bytes than
//! all pieces hold though it would not block: so each call is given, and asked for, no more than this.

use std::io::{IoSlice, IoSliceMut};

/// The most pieces that the system takes in one call.
const MOST: usize = 1024;

/// The first pieces, as many as one call takes, and how many bytes they hold: none only if all are empty.
pub(crate) fn to_send<'a, 'b>(bufs: &'a [IoSlice<'b>]) -> (&'a [IoSlice<'b>], usize) {
    let bufs = &bufs[bufs.iter().take_while(|buf| buf.is_empty()).count()..];
    let bufs = &bufs[..bufs.len().min(MOST)];
    (bufs, bytes(bufs.iter().map(|buf| buf.len())))
}

/// As [`to_send`], to be filled.
pub(crate) fn to_fill<'a, 'b>(bufs: &'a mut [IoSliceMut<'b>]) -> (&'a mut [IoSliceMut<'b>], usize) {
    let empty = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let bufs = &mut bufs[empty..];
    let most = bufs.len().min(MOST);
    let bufs = &mut bufs[..most];
    let wanted = bytes(bufs.iter().map(|buf| buf.len()));
    (bufs, wanted)
}

/// Several may lend the same memory, so their sum is not bounded by what there is.
fn bytes(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(0, usize::saturating_add)
}

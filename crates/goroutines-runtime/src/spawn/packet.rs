//! Where a goroutine's packet lies: in its record if it fits, else in a box.
//!
//! Not for: what is in it. One allocation at most per spawn, and none for small closures.
#![allow(unsafe_code, reason = "moves packets of any type into raw storage")]

use crate::g::{Flags, G, INLINE_WORDS};
use std::mem::{MaybeUninit, align_of, size_of};

/// Whether a packet of type `P` lies in the record itself.
pub(super) const fn fits<P>() -> bool {
    size_of::<P>() <= INLINE_WORDS * 8 && align_of::<P>() <= 8
}

/// The flag to start the record with.
pub(super) const fn flag<P>() -> u32 {
    if fits::<P>() { 0 } else { Flags::BOXED }
}

/// Puts the packet in.
///
/// # Safety
///
/// The caller has the record for itself, initialised with [`flag`], without a packet yet.
#[inline]
pub(super) unsafe fn put<P>(g: &'static G, packet: P) {
    if fits::<P>() {
        // SAFETY: the room is large enough, aligned for `P` and ours.
        unsafe { g.inline().cast::<P>().write(packet) };
    } else {
        let boxed = Box::into_raw(Box::new(packet));
        // SAFETY: the room holds a pointer at least, and is ours.
        unsafe { g.inline().cast::<*mut P>().write(boxed) };
    }
}

/// Where the packet is.
///
/// # Safety
///
/// The record has a packet.
#[inline]
pub(super) unsafe fn at(g: &'static G) -> *mut u8 {
    if g.has(Flags::BOXED) {
        // SAFETY: `put` wrote the box's address.
        unsafe { g.inline().cast::<*mut u8>().read() }
    } else {
        g.inline()
    }
}

/// Moves the packet out and frees its box.
///
/// # Safety
///
/// The record has a packet of type `P`, and nobody uses it afterwards.
#[inline]
pub(super) unsafe fn take<P>(g: &'static G) -> P {
    if fits::<P>() {
        // SAFETY: `put` wrote it there; by the contract it is read once.
        unsafe { g.inline().cast::<P>().read() }
    } else {
        // SAFETY: `put` wrote the address of a box.
        let boxed = unsafe { g.inline().cast::<*mut P>().read() };
        // SAFETY: it came from `Box::into_raw`, and by the contract is taken once.
        *unsafe { Box::from_raw(boxed) }
    }
}

/// Frees the box of a packet without dropping what is in it.
///
/// # Safety
///
/// The record has a packet of type `P` that does not fit, and nobody uses it afterwards.
pub(super) unsafe fn free<P>(g: &'static G) {
    // SAFETY: `put` wrote the address of a box.
    let boxed = unsafe { g.inline().cast::<*mut P>().read() };
    // SAFETY: it came from `Box::into_raw`; as uninitialised memory it drops nothing.
    drop(unsafe { Box::from_raw(boxed.cast::<MaybeUninit<P>>()) });
}

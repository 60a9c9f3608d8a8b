//! Waking a task from where nothing foreign may run: a worker between two goroutines, the monitor.
//!
//! Not for: goroutines, whose wakers are the runtime's own (`park`).
//!
//! A `std::task::Waker` is foreign code: it may block, wait or panic. So it is called by a goroutine that is
//! started for it. One that is known to do nothing but make something ready is called at once; its vtable
//! says what kind it is, and who makes such wakers has vouched for that.

use super::alarm::start;
use super::end;
use crate::shim::atomic::{AtomicPtr, Ordering};
use std::panic::Location;
use std::ptr;
use std::task::{RawWakerVTable, Waker};

/// How many kinds can be known at the same time; there is one for each type of task. Of two that fall into
/// one place the last one counts, and wakers of the other kind take the longer way.
const KINDS: usize = 64;

static KNOWN: [AtomicPtr<RawWakerVTable>; KINDS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; KINDS];

/// From now on all wakers of this kind are called at once: they make something ready, do not wait for
/// anything, do not panic, and run no code of a user.
#[inline]
pub fn vouch(waker: &Waker) {
    let (place, kind) = place(waker);
    // Relaxed, here and in `is_known`: it is an address that is compared, never followed.
    if place.load(Ordering::Relaxed) != kind {
        place.store(kind, Ordering::Relaxed);
    }
}

fn is_known(waker: &Waker) -> bool {
    let (place, kind) = place(waker);
    place.load(Ordering::Relaxed) == kind
}

#[inline]
fn place(waker: &Waker) -> (&'static AtomicPtr<RawWakerVTable>, *mut RawWakerVTable) {
    let kind = ptr::from_ref(waker.vtable());
    // They are 32 bytes long, and tend to lie one behind the other.
    (&KNOWN[(kind.addr() >> 5) % KINDS], kind.cast_mut())
}

/// Wakes a task. Does not wait, whatever the waker does.
pub fn wake(waker: Waker) {
    if is_known(&waker) {
        end::quietly(|| waker.wake());
    } else {
        // It fails in a forked child only, in which nothing runs; and then it drops the waker.
        end::quietly(|| drop(start(move || waker.wake(), Location::caller())));
    }
}

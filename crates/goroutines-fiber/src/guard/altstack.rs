//! A stack for signal handlers, one per thread: on a stack that has overflowed there is no room
//! for the handler that reports it.
//!
//! Not for threads that run no fibers: what `std` installed serves them.

use std::fmt;
use std::marker::PhantomData;

use super::signal;
use crate::stack::sys;

/// Room for the handler: the message, and a backtrace should somebody want one.
const ROOM: usize = 64 * 1024;

/// This thread's alternate signal stack, as long as it lives. `!Send`: it belongs to the thread
/// that made it.
#[must_use = "dropping it takes the alternate stack away again"]
pub struct AltStack {
    /// The mapping, guard included; `None` if there could be none.
    mapping: Option<(usize, usize)>,
    previous: signal::AltStackSetting,
    marker: PhantomData<*mut ()>,
}

/// Installs an alternate signal stack for this thread, for [`install_overflow_handler`].
///
/// [`install_overflow_handler`]: super::install_overflow_handler
///
/// If there is no memory for it, the thread keeps what it has (`std` gives each thread it makes a
/// small one).
pub fn install_alt_stack() -> AltStack {
    let page = sys::page_size();
    let bytes = (ROOM + signal::least_alt_stack()).next_multiple_of(page) + page;
    let mut alt = AltStack {
        mapping: None,
        previous: signal::AltStackSetting::none(),
        marker: PhantomData,
    };
    let Ok(start) = sys::reserve(bytes) else {
        return alt;
    };
    // SAFETY: reserved above; nothing is in it. Should it fail, there is just no guard.
    let _ = unsafe { sys::guard_protect(start, page) };
    // SAFETY: the range is mapped, nobody else knows of it, and it stays until `drop` has put
    // the previous setting back.
    match unsafe { signal::set_alt_stack(start + page, bytes - page) } {
        Some(previous) => {
            alt.previous = previous;
            alt.mapping = Some((start, bytes));
        }
        // SAFETY: reserved above, and not installed.
        None => unsafe { sys::release(start, bytes) },
    }
    alt
}

impl Drop for AltStack {
    fn drop(&mut self) {
        let Some((start, bytes)) = self.mapping else {
            return;
        };
        let page = sys::page_size();
        // SAFETY: the previous setting was in force when this one was made on this thread.
        if unsafe { signal::restore_alt_stack(start + page, &self.previous) } {
            // SAFETY: reserved as a whole, and no longer the alternate stack; nor does a handler
            // run on it, since this is not called from one.
            unsafe { sys::release(start, bytes) };
        }
    }
}

impl fmt::Debug for AltStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AltStack")
            .field("mapping", &self.mapping)
            .finish_non_exhaustive()
    }
}

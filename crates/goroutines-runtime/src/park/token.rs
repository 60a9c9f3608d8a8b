//! `park` and `unpark`: one token per goroutine, as `std::thread` has it.
//!
//! Not for: waits with a partner; they have a ticket each.

use super::{Cause, Moment, Reason, Wakeable, check, prepare};
use crate::current;
use crate::g::{Flags, G, Handle};
use crate::sched::ready;
use crate::shim::store_load_fence;

/// Waits until there is a token, and consumes it; or until the deadline.
pub fn park_token(deadline: Moment) {
    let g = current::waiter();
    while !take_token(g) {
        let wait = prepare(Wakeable::ByToken);
        // Pairs with the fence in `unpark`: either we see the token, or it sees the wait.
        store_load_fence();
        let cause = if g.has(Flags::TOKEN) {
            wait.withdraw().unwrap_or(Cause::Ready)
        } else {
            wait.park(Reason::Park, deadline)
        };
        if cause != Cause::Ready {
            g.clear(Flags::TOKEN);
            check(cause);
            return;
        }
        // Without a token this was an `unpark` whose token an earlier call has consumed.
    }
}

/// Consumes the token, if there is one.
fn take_token(g: &'static G) -> bool {
    g.has(Flags::TOKEN) && g.clear(Flags::TOKEN) & Flags::TOKEN != 0
}

/// Gives the goroutine its token, and wakes it if it parks.
pub fn unpark(handle: &Handle) {
    let g = handle.g();
    g.set(Flags::TOKEN);
    // Pairs with the fence in `park_token`.
    store_load_fence();
    if g.wait.claim_token() {
        ready::ready(g);
    }
}

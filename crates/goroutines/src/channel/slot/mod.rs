//! Where values lie and waiters hang: everything in channels that the compiler cannot check.
//!
//! Not for: the protocol (`core`, `chan`), which is safe code and says who takes what from whom.
//!
//! | file | holds | touched by |
//! |---|---|---|
//! | `lock` | the spin lock of a channel | anyone |
//! | `node` | what stands for a waiter in the queues, and what its peer tells it | see there |
//! | `buffer` | the values in a channel | who holds the lock |
//! | `cell` | one value on a stack: on its way out, or the room for one that comes | its owner; while it is parked, its peer |
//! | `parcel`, `watch` | waiters of futures, in boxes | their future; while it is claimed, its peer |
//! | `vault` | lock, queues and buffer of one channel, kept together; parking in it | |
#![allow(
    unsafe_code,
    reason = "moves values between stacks, and links nodes on parked stacks"
)]

pub(crate) mod buffer;
pub(crate) mod cell;
pub(crate) mod lock;
pub(crate) mod many;
pub(crate) mod node;
pub(crate) mod parcel;
pub(crate) mod vault;
pub(crate) mod watch;

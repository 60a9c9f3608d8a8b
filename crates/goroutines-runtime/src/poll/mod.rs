//! Readiness of descriptors: who waits for which, and whom an event wakes.
//!
//! Not for: making anybody ready, or parking: a `Poller` gives lists of who is to be woken, and never
//! calls the scheduler. README.md argues why no event is lost.
//!
//! # What a driver provides
//!
//! `sys::epoll` is the one driver there is. Another one (readiness by kqueue,
//! completions by io_uring) has to provide the same, with the same meaning:
//!
//! - `add(fd, data)`: from now on each change of the descriptor's readiness, in either direction, is an
//!   event with `data`, and so is its readiness now; until `delete(fd)` or until it is closed. Urgent data is told, too.
//! - `wait(events, timeout)`: blocks until there are events, for the time at most, with the precision of
//!   the kernel's timers. One thread may block while another one looks with a timeout of zero.
//! - `notify()`: from any thread, ends the present or the next `wait`, at least once for any number of
//!   calls.
//!
//! A driver that knows completions instead of readiness keeps a one-byte poll request per direction
//! in flight, or gives `Slot` a second kind of direction; what is above (`park::Registration`) waits
//! for a direction and then tries, whoever said that it may.

#[cfg(not(loom))]
mod poller;
pub mod readiness;
#[cfg(not(loom))]
pub mod slot;
#[cfg(not(loom))]
mod table;

#[cfg(not(loom))]
pub use poller::{Found, Poller, put_slot, take_slot};

#[cfg(test)]
mod tests;

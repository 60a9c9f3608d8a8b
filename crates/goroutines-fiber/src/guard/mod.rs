//! From a fault address, say whose stack overflowed; and the signal handler that asks.
//!
//! Not for guarding stacks (that is [`stack`](crate::stack)), and not for the words of the
//! message: the caller knows the goroutine, this crate does not.
//!
//! An overflow ends the process: the frames on the stack cannot be unwound from where it stopped,
//! since it can stop anywhere.

mod altstack;
mod signal;
#[cfg(test)]
mod tests;
mod writer;

pub use self::altstack::{AltStack, install_alt_stack};
pub use self::signal::{Overflow, install_overflow_handler};
pub use self::writer::FixedWriter;

use crate::stack::{GUARD, base_of, table};

/// What part of a stack an address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// In the guard below it: touching it is an overflow.
    Guard,
    /// In the stack, or in what lies above its base (the header of its fiber).
    Stack,
}

/// The stack that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// What part of the stack.
    pub kind: Region,
    /// The lowest usable address of the stack.
    pub limit: usize,
    /// Where execution on it starts; also the address of its [`Fiber`](crate::Fiber), if it has
    /// one.
    pub base: usize,
    /// Its size, as the user thinks of it.
    pub size: usize,
}

/// The stack that `addr` belongs to, if it is one of ours, in use or not.
///
/// Async-signal-safe: no lock, no allocation, reads only atomics.
#[must_use]
pub fn locate(addr: usize) -> Option<Located> {
    let (low, size) = table::find(addr)?;
    let limit = low + GUARD;
    Some(Located {
        kind: if addr < limit {
            Region::Guard
        } else {
            Region::Stack
        },
        limit,
        base: base_of(low, size),
        size: size.bytes(),
    })
}

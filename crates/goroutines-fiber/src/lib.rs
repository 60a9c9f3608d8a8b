//! A stack and the switch: reserve a stack, run a function on it, leave it and come back.
//!
//! This crate is *not* for users, and it knows no goroutine, no scheduler and no thread of its
//! own: who resumes what, when and where, is decided above. It is the bottom crate of
//! `goroutines` (see `ARCHITECTURE.md` there); its API may change with any release.
//!
//! | room | purpose |
//! |---|---|
//! | [`context`] | [`Fiber`]: resume, suspend |
//! | [`stack`] | reserve stacks, guard them, recycle them, give their memory back |
//! | [`guard`] | from a fault address, say whose stack overflowed |
//! | [`unwind`] | carry the thread's panic count around a suspension |
//!
//! Everything here is `unsafe` by nature: the compiler knows nothing of the switch. Each room
//! states its contracts, and each `unsafe` block the reasons why it keeps them.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "goroutines need a 64-bit address space: a stack never moves, so its room is reserved ahead"
);

#[cfg(not(unix))]
compile_error!(
    "goroutines-fiber has no port to this system yet: src/stack/sys.rs is the file to write"
);

pub mod context;
pub mod guard;
pub mod stack;
pub mod unwind;

pub use crate::context::{Fiber, Resumed, prefetch_line, suspend};
pub use crate::stack::{
    Class, Scavenger, Stack, StackCache, StackError, StackErrorKind, StackSize, StackStats,
    class_for, put_shared, scavenge_idle, stats, take_shared,
};

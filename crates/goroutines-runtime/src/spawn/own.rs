//! What a goroutine may ask about and do to itself.
//!
//! Not for: waiting (`park`).

use crate::current;
use crate::g::{Flags, Handle};

pub use crate::current::with_local;

/// A handle to the goroutine that runs here; on a plain thread to a record that stands for it.
pub fn current_handle() -> Handle {
    current::goroutine()
        .unwrap_or_else(current::thread)
        .handle()
}

/// Whether a goroutine runs here, as opposed to a plain thread.
#[inline]
pub fn in_goroutine() -> bool {
    current::goroutine().is_some()
}

/// Whether the goroutine is unwinding because it called [`exit`], not because of a panic.
#[inline]
pub fn is_exiting() -> bool {
    current::goroutine().is_some_and(|g| g.has(Flags::EXITING))
}

/// Ends the goroutine that runs here; returns on a plain thread.
pub fn exit() {
    if let Some(g) = current::goroutine() {
        g.set(Flags::EXITING);
        crate::park::resume_exit();
    }
}

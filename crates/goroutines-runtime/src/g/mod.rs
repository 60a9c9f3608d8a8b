//! The goroutine: its record, the states of a wait, the lists it hangs in.
//!
//! Not for: deciding when it runs (`sched`) or why it waits (`park`).
//!
//! A record ([`G`]) is one of a slab that is never given back, and is used again after its
//! goroutine has ended. That is why records are handled as `&'static G` everywhere: the reference
//! never dangles. What may be stale is only *which* goroutine it is; a [`state::Ticket`] or a
//! counted [`Handle`] settles that.

pub mod bell_word;
#[cfg(not(loom))]
mod ext;
#[cfg(not(loom))]
mod handle;
pub mod list;
#[cfg(not(loom))]
mod record;
#[cfg(not(loom))]
pub mod registry;
pub mod state;

#[cfg(not(loom))]
pub use ext::{Ext, Locals};
#[cfg(not(loom))]
pub use handle::Handle;
#[cfg(not(loom))]
pub(crate) use handle::release;
#[cfg(not(loom))]
pub use record::{Flags, G, INLINE_WORDS, Status, Task};

#[cfg(not(loom))]
pub mod reason;
#[cfg(not(loom))]
pub use reason::Reason;

#[cfg(test)]
mod tests;

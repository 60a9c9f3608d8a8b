//! What all waits of this room have in common.
//!
//! Not for: the queues themselves (`park::waitq`).

use goroutines_runtime::park::{self, Cause};

/// Ends a wait that neither a peer nor a deadline ended: the goroutine has been cancelled, and unwinds.
///
/// Whoever calls this has left all queues and holds nothing that the wait was for.
#[cold]
pub(super) fn interrupted(cause: Cause) -> ! {
    park::check(cause);
    // `WaitQueue` shields the waits of a goroutine that unwinds already.
    unreachable!("a wait ended for no reason")
}

/// Looking a few more times at something that is about to change, before waiting for it.
#[derive(Debug)]
pub(super) struct Spin(u32);

impl Spin {
    /// Each turn is twice as long as the one before: the peer shall have the cache line to itself.
    const TURNS: u32 = 6;

    pub(super) fn new() -> Spin {
        Spin(0)
    }

    /// Spends a moment; `false`: it has been long enough.
    #[inline]
    pub(super) fn turn(&mut self) -> bool {
        if self.0 >= Spin::TURNS || !park::may_spin() {
            return false;
        }
        for _ in 0..1 << self.0 {
            std::hint::spin_loop();
        }
        self.0 += 1;
        true
    }
}

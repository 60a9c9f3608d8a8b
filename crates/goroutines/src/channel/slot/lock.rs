//! The lock of a channel: one word, spinning.
//!
//! Not for: anything that takes long. What runs under it is a few dozen instructions and never user
//! code; it is never held across a switch. Taking it is one exchange and giving it back one store,
//! which a lock that lets others sleep does not achieve. Who does not get it spins, then gives the
//! processor away, so a holder that the kernel has preempted gets on.

use crate::channel::env::{AtomicU32, Ordering, Witness, relax};
use std::cell::UnsafeCell;

/// A value behind a spin lock.
#[derive(Debug)]
pub(crate) struct Spin<S> {
    word: AtomicU32,
    witness: Witness,
    state: UnsafeCell<S>,
}

// SAFETY: `state` is reached by whoever holds the lock, one at a time, and by the owner of the
// whole; so it is enough that it may be sent.
unsafe impl<S: Send> Sync for Spin<S> {}

const FREE: u32 = 0;
const HELD: u32 = 1;

impl<S> Spin<S> {
    pub(crate) fn new(state: S) -> Spin<S> {
        Spin { word: AtomicU32::new(FREE), witness: Witness::new(), state: UnsafeCell::new(state) }
    }

    /// Takes the lock. It must be given back by [`Spin::unlock`].
    #[inline]
    pub(super) fn lock(&self) {
        // Acquire: pairs with the Release in `unlock`.
        if self
            .word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.lock_later();
        }
        self.witness.write();
    }

    #[cold]
    #[inline(never)]
    fn lock_later(&self) {
        let mut round = 0;
        loop {
            if self.word.load(Ordering::Relaxed) == FREE
                && self
                    .word
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Gives the lock back.
    ///
    /// # Safety
    ///
    /// The caller holds it and touches the state no more.
    #[inline]
    pub(super) unsafe fn unlock(&self) {
        self.witness.write();
        // Release: pairs with the Acquire in `lock`.
        self.word.store(FREE, Ordering::Release);
    }

    /// The state.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and no other reference to the state is in use.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "that is what a lock is for")]
    pub(super) unsafe fn state(&self) -> &mut S {
        // SAFETY: by the contract.
        unsafe { &mut *self.state.get() }
    }
}

//! A barrier of which one side costs nothing and the other a system call, for locks that are nearly always
//! taken by the same thread.
//!
//! Not for: the locks (channels have them).
//!
//! "Store mine, then look at yours" needs a barrier between the two, on both sides. Of these pairs a
//! `light` and a `heavy` one together do what two full ones do: the heavy one makes each thread of the
//! process that runs pass a full barrier (`membarrier`; threads that do not run have passed one). So
//! either it comes after the light side's store, which the heavy side sees then, or before the light
//! side's look, which sees the heavy side's store.

use crate::shim::atomic::{Ordering, compiler_fence};
use crate::sys::membarrier;

/// Whether [`heavy`] works here: not before the process has been registered with the kernel, and not where
/// that is not possible.
#[inline]
pub fn is_possible() -> bool {
    membarrier::is_registered()
}

/// The side that costs nothing.
#[inline(always)]
pub fn light() {
    compiler_fence(Ordering::SeqCst);
}

/// The side that costs a system call. Only where [`is_possible`] has said `true`.
#[cold]
pub fn heavy() {
    if !membarrier::all_threads() {
        crate::fatal!("the kernel has taken the memory barrier away");
    }
}

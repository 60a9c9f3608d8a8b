//! What the protocol of a channel stands on: the waist, atomics, one step of patience.
//!
//! Not for: anything else. `models/src/channel` compiles the protocol's files with another `env`,
//! in which threads, atomics and parking are loom's.

pub(crate) use goroutines_runtime::park::bias;
pub(crate) use goroutines_runtime::park::{
    Cause, Leaving, Moment, Reason, Spot, Wait, Wakeable, Waker, checkpoint, choose, prepare, spot,
    yield_now,
};
pub(crate) use goroutines_runtime::shim::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
pub(crate) use goroutines_runtime::spawn::{Settled, StandIn};

/// How many times in a row a worker has to take a lock before it leans to that worker. What another one
/// pays then is a system call of less than a microsecond.
pub(crate) const STREAK: u32 = 128;

/// Waits a little, longer the higher `round` is, for another thread to let go of a lock.
///
/// Not as short as possible: who comes back at once takes the lock's line away from a peer in the midst of
/// a burst, and both pay for that at each message. In half a microsecond the peer does some dozens. (Between
/// two threads: 66 ns a message instead of 90, with any number of turns from 40 to 90.)
#[cold]
pub(crate) fn relax(round: u32) {
    use std::time::Duration;
    match round {
        0..=7 => (0..40).for_each(|_| std::hint::spin_loop()),
        // Its holder may have been preempted: give it the processor.
        8..=40 => std::thread::yield_now(),
        // It is of a lower priority than we are, and gets no processor while we ask for one.
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}

/// Looks for a while whether `ready`, on a thread that is dear to put to sleep.
#[cold]
pub(crate) fn linger(mut ready: impl FnMut() -> bool) {
    // Meanwhile the peer does not one operation but several, so that the next ones of this thread find
    // something too, and the two do not fight for the channel at each. (Between two threads: 42 ns a
    // message instead of 140.)
    std::thread::yield_now();
    for round in 0..12 {
        if ready() {
            return;
        }
        relax(round);
    }
}

/// Checks in a model that nobody else touches what this stands for.
#[derive(Debug, Default)]
pub(crate) struct Witness;

impl Witness {
    #[inline]
    pub(crate) fn new() -> Witness {
        Witness
    }

    /// The owner of the moment writes.
    #[inline]
    pub(crate) fn write(&self) {}
}

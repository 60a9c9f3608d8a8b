//! What the protocol of a channel stands on, as loom's; in the place of the room's own `env`.

pub(crate) use crate::park::{
    Cause, Claimed, Moment, Reason, Wait, Wakeable, Waker, choose, prepare,
};
// For the number of values, which is written under the lock and read without it for show only: that
// need not be checked.
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

use crate::shim::Bit;
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64 as LoomU64;
use loom::thread::{self, ThreadId};
use std::sync::Mutex;

/// The status word: what it shows and the bit that is the lock, apart from each other.
///
/// Taken apart, the word as it is shown changes only when there is something new, so a look without the
/// lock has fewer stale values to be tried with; and the lock can have waiters that block. Nothing gets
/// stronger by that. Who takes the lock sees what was shown before by the order of the lock itself; a look
/// that would have found the word locked finds what it showed before.
///
/// It knows what the protocol does to this word: looks that acquire; loads without an order, by the holder
/// of the lock or as the first half of an exchange that takes it; that exchange; and stores by the holder.
#[derive(Debug)]
pub(crate) struct AtomicU64 {
    shown: LoomU64,
    lock: Bit,
    /// The newest value, and who has the lock. (Loom runs one thread at a time: nobody waits for this.)
    now: Mutex<(u64, Option<ThreadId>)>,
}

const LOCK: u64 = 1;

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> AtomicU64 {
        AtomicU64 {
            shown: LoomU64::new(value),
            lock: Bit::default(),
            now: Mutex::new((value, None)),
        }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, (u64, Option<ThreadId>)> {
        self.now.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn is_mine(&self) -> bool {
        self.now().1 == Some(thread::current().id())
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        if order != Ordering::Relaxed {
            return self.shown.load(order);
        }
        let now = self.now().0;
        // Who has not tried yet has to: only then does loom know that it would have been possible.
        if self.is_mine() || self.lock.blocks_me() {
            now
        } else {
            now & !LOCK
        }
    }

    /// Takes the lock. If other bits have changed since the load, a real exchange fails and is tried
    /// again with them, which is the same.
    pub(crate) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        assert!(old & LOCK == 0 && new == old | LOCK);
        if !self.lock.try_take(success, failure) {
            return Err(self.now().0);
        }
        let mut now = self.now();
        *now = (now.0 | LOCK, Some(thread::current().id()));
        Ok(old)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.compare_exchange(old, new, success, failure)
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        assert!(self.is_mine());
        if value & !LOCK != self.now().0 & !LOCK {
            self.shown.store(value & !LOCK, order);
        }
        if value & LOCK != 0 {
            self.now().0 = value;
        } else {
            *self.now() = (value, None);
            self.lock.let_go(order);
        }
    }
}

/// Nothing happens until somebody lets go.
pub(crate) fn relax(_: u32) {
    thread::park();
}

pub(crate) fn linger(_: impl FnMut() -> bool) {}

/// Loom complains if two threads touch it without one being before the other.
#[derive(Debug)]
pub(crate) struct Witness(UnsafeCell<()>);

impl Witness {
    pub(crate) fn new() -> Witness {
        Witness(UnsafeCell::new(()))
    }

    #[track_caller]
    pub(crate) fn write(&self) {
        drop(self.0.get_mut());
    }
}

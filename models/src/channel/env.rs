//! What the protocol of a channel stands on, as loom's; in the place of the room's own `env`.

pub(crate) use crate::park::{
    Cause, Claimed, Leaving, Moment, Reason, Spot, Wait, Wakeable, Waker, bias, choose, spot,
    yield_now,
};
pub(crate) use loom::sync::atomic::AtomicBool;
// For the number of values, which is written under the lock and read without it for show only: that
// need not be checked.
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

use crate::shim::Bit;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32 as LoomU32, AtomicU64 as LoomU64};
use loom::thread::{self, ThreadId};
use std::sync::Mutex;

/// So few that models see it.
pub(crate) const STREAK: u32 = 1;

/// The status word: looked at by anyone, and stored by the holder of the lock.
///
/// A store of what is there already is left out, so that a look has fewer stale values to be tried with.
#[derive(Debug)]
pub(crate) struct AtomicU64 {
    shown: LoomU64,
    /// The newest value. (Loom runs one thread at a time: nobody waits for this.)
    now: Mutex<u64>,
}

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> AtomicU64 {
        AtomicU64 {
            shown: LoomU64::new(value),
            now: Mutex::new(value),
        }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, u64> {
        self.now.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Without an order only the holder of the lock loads, who sees the newest.
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        if order == Ordering::Relaxed {
            *self.now()
        } else {
            self.shown.load(order)
        }
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        if std::mem::replace(&mut *self.now(), value) != value {
            self.shown.store(value, order);
        }
    }
}

/// The lock word.
#[derive(Debug)]
pub(crate) enum AtomicU32 {
    /// As it is, where locks lean.
    Plain(LoomU32),
    /// Where they do not: one bit, which can have waiters that block.
    ///
    /// It knows what the protocol does to this word: loads without an order, by the holder of the lock or
    /// as the first half of an exchange that takes it; that exchange; and stores by the holder.
    Blocking {
        bit: Bit,
        now: Mutex<(u32, Option<ThreadId>)>,
    },
}

const HELD: u32 = 1;

impl AtomicU32 {
    pub(crate) fn new(value: u32) -> AtomicU32 {
        if bias::is_possible() {
            return AtomicU32::Plain(LoomU32::new(value));
        }
        AtomicU32::Blocking {
            bit: Bit::default(),
            now: Mutex::new((value, None)),
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        let (bit, now) = match self {
            AtomicU32::Plain(word) => return word.load(order),
            AtomicU32::Blocking { bit, now } => (bit, now),
        };
        let (word, holder) = *now.lock().unwrap_or_else(|e| e.into_inner());
        // Who has not tried yet has to: only then does loom know that it would have been possible.
        if holder == Some(thread::current().id()) || bit.blocks_me() {
            word
        } else {
            word & !HELD
        }
    }

    /// Takes the lock. If other bits have changed since the load, a real exchange fails and is tried
    /// again with them, which is the same.
    pub(crate) fn compare_exchange(
        &self,
        old: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        let (bit, now) = match self {
            AtomicU32::Plain(word) => return word.compare_exchange(old, new, success, failure),
            AtomicU32::Blocking { bit, now } => (bit, now),
        };
        assert!(old & HELD == 0 && new & HELD != 0);
        let taken = bit.try_take(success, failure);
        let mut now = now.lock().unwrap_or_else(|e| e.into_inner());
        if !taken {
            return Err(now.0);
        }
        *now = (now.0 | HELD, Some(thread::current().id()));
        Ok(old)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        old: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.compare_exchange(old, new, success, failure)
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        match self {
            AtomicU32::Plain(word) => word.store(value, order),
            AtomicU32::Blocking { bit, now } => {
                assert!(value & HELD == 0);
                *now.lock().unwrap_or_else(|e| e.into_inner()) = (value, None);
                bit.let_go(order);
            }
        }
    }
}

/// Nothing happens until somebody lets go.
pub(crate) fn relax(_: u32) {
    if bias::is_possible() {
        thread::yield_now();
    } else {
        thread::park();
    }
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

//! The idle stacks of the whole process: what caches refill from and spill to.
//!
//! Not for the hot path: each call takes a lock. A worker has a [`StackCache`](super::StackCache)
//! before it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::StackError;
use super::slab::{self, Fresh};
use super::{Class, Stack, StackSize, guards, large, table};

/// All idle stacks of one class, and where new ones come from.
pub(crate) struct ClassPool {
    state: Mutex<State>,
    /// Stacks that were made ready ever; none is unmade.
    made: AtomicUsize,
    /// Stacks that lie in caches, as of the last time each of them refilled or spilled.
    cached: AtomicIsize,
}

struct State {
    /// Idle stacks with memory behind them; the last one was used last, and the first one goes to
    /// the scavenger first.
    warm: VecDeque<Stack>,
    /// Idle stacks without.
    cold: Vec<Stack>,
    fresh: Fresh,
}

static POOLS: [ClassPool; Class::SLOTTED] = [
    ClassPool::new(Class::KIB_64),
    ClassPool::new(Class::KIB_256),
    ClassPool::new(Class::MIB_1),
    ClassPool::new(Class::MIB_8),
];

/// The pool of a slotted class.
pub(crate) fn of(class: Class) -> &'static ClassPool {
    &POOLS[class.index()]
}

impl ClassPool {
    const fn new(class: Class) -> Self {
        Self {
            state: Mutex::new(State {
                warm: VecDeque::new(),
                cold: Vec::new(),
                fresh: Fresh::new(class),
            }),
            made: AtomicUsize::new(0),
            cached: AtomicIsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic: Vecs of plain words.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves stacks to `into`: warm ones, else cold ones, else fresh ones; at least one, at most
    /// `most`.
    pub(crate) fn take(&self, into: &mut Vec<Stack>, most: usize) -> Result<(), StackError> {
        let mut fresh = {
            let mut state = self.lock();
            let state = &mut *state;
            if !state.warm.is_empty() {
                let from = state.warm.len().saturating_sub(most);
                into.extend(state.warm.drain(from..));
                return Ok(());
            }
            if !state.cold.is_empty() {
                let from = state.cold.len().saturating_sub(most);
                into.extend(state.cold.drain(from..));
                return Ok(());
            }
            state.fresh.cut(most)?
        };
        // Without the lock: this is system calls.
        let (result, rest) = match slab::make_ready(&mut fresh) {
            Ok(rest) => (Ok(()), rest),
            Err(error) => (Err(error), std::mem::take(&mut fresh)),
        };
        if !rest.is_empty() {
            self.lock().fresh.put_unguarded(rest.into_iter());
        }
        // Relaxed: a counter.
        self.made.fetch_add(fresh.len(), Ordering::Relaxed);
        into.append(&mut fresh);
        result
    }

    /// Takes stacks that were used.
    pub(crate) fn put(&self, stacks: impl Iterator<Item = Stack>) {
        self.lock().warm.extend(stacks);
    }

    /// How many warm stacks there are.
    pub(crate) fn warm(&self) -> usize {
        self.lock().warm.len()
    }

    /// Takes out up to `most` warm stacks, those idle for longest first, to give their memory
    /// back.
    pub(crate) fn take_warm(&self, into: &mut Vec<Stack>, most: usize) {
        let warm = &mut self.lock().warm;
        into.extend(warm.drain(..most.min(warm.len())));
    }

    /// Takes stacks whose memory was given back.
    pub(crate) fn put_cold(&self, stacks: &mut Vec<Stack>) {
        self.lock().cold.append(stacks);
    }

    /// How many stacks there are in the caches has changed.
    pub(crate) fn fold_cached(&self, change: isize) {
        // Relaxed: a counter.
        self.cached.fetch_add(change, Ordering::Relaxed);
    }
}

/// Takes a stack, without a cache; from any thread.
pub fn take_shared(size: StackSize) -> Result<Stack, StackError> {
    if size.class() == Class::LARGE {
        return large::take(size);
    }
    let mut one = Vec::with_capacity(1);
    of(size.class()).take(&mut one, 1)?;
    Ok(one
        .pop()
        .expect("a pool that is not exhausted gives a stack"))
}

/// Gives a stack back, without a cache; from any thread.
pub fn put_shared(stack: Stack) {
    if stack.class() == Class::LARGE {
        return large::put(stack);
    }
    of(stack.class()).put(std::iter::once(stack));
}

/// What there is of stacks. Counters are read one after the other while others write them:
/// good for a display, not for decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackStats {
    /// Stacks that fibers have. What caches took or were given since they last exchanged stacks
    /// with the pool is counted as it was then.
    pub in_use: usize,
    /// Idle stacks, in the pool and in caches.
    pub idle: usize,
    /// Of the idle ones, those in the pool whose memory was given back.
    pub cold: usize,
    /// Slabs: reservations that slots are cut from.
    pub slabs: usize,
    /// Large stacks, which have a mapping each.
    pub large: usize,
    /// Mappings that guards cost; zero where the kernel can do without.
    pub guard_mappings: usize,
    /// Address space reserved, whether used or not.
    pub reserved_bytes: usize,
}

/// What there is of stacks in this process.
#[must_use]
pub fn stats() -> StackStats {
    let (large, large_reserved, large_idle) = large::stats();
    let mut stats = StackStats {
        in_use: large.saturating_sub(large_idle),
        idle: large_idle,
        slabs: table::slabs(),
        large,
        guard_mappings: guards::mappings(),
        reserved_bytes: large_reserved,
        ..StackStats::default()
    };
    for pool in &POOLS {
        let (warm, cold, reserved) = {
            let state = pool.lock();
            (state.warm.len(), state.cold.len(), state.fresh.reserved())
        };
        // Relaxed: counters.
        let cached = usize::try_from(pool.cached.load(Ordering::Relaxed)).unwrap_or(0);
        let idle = warm + cold + cached;
        stats.idle += idle;
        stats.cold += cold;
        stats.in_use += pool.made.load(Ordering::Relaxed).saturating_sub(idle);
        stats.reserved_bytes += reserved;
    }
    stats
}

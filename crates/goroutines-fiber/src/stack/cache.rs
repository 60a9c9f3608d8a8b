//! The warm idle stacks of one worker: last in, first out, no lock, no atomics, no system call.
//!
//! Not shared: one per worker. What it lacks it takes from the [`pool`](super::pool), what is too
//! much it gives there, in batches.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use super::error::StackError;
use super::{Class, Stack, StackSize, large, pool};

/// The most idle stacks kept per class.
const CAPACITY: usize = 128;
/// How many move at a time between the cache and the pool. Half of the capacity, so that a
/// worker at the edge does not exchange at each spawn.
const BATCH: usize = CAPACITY / 2;

/// A cache of idle stacks, for one worker.
///
/// Dropping it gives all stacks to the shared pool.
pub struct StackCache {
    classes: [ClassCache; Class::SLOTTED],
    /// Not Sync.
    marker: PhantomData<Cell<()>>,
}

struct ClassCache {
    stacks: Vec<Stack>,
    /// How many the pool believes we have.
    folded: usize,
}

impl ClassCache {
    /// Tells the pool how many there are.
    fn fold(&mut self, class: Class) {
        let now = self.stacks.len();
        pool::of(class).fold_cached(now.wrapping_sub(self.folded).cast_signed());
        self.folded = now;
    }
}

impl StackCache {
    /// An empty cache.
    #[must_use]
    pub const fn new() -> Self {
        let classes = [const {
            ClassCache {
                stacks: Vec::new(),
                folded: 0,
            }
        }; Class::SLOTTED];
        Self {
            classes,
            marker: PhantomData,
        }
    }

    /// Takes a stack, the one put back last if there is one.
    #[inline]
    pub fn take(&mut self, size: StackSize) -> Result<Stack, StackError> {
        if let Some(class) = self.classes.get_mut(size.class().index())
            && let Some(stack) = class.stacks.pop()
        {
            return Ok(stack);
        }
        self.refill(size)
    }

    /// Gives a stack back.
    #[inline]
    pub fn put(&mut self, stack: Stack) {
        match self.classes.get_mut(stack.class().index()) {
            // A Vec of no capacity has not been refilled or spilled yet.
            Some(class) if class.stacks.len() < class.stacks.capacity().min(CAPACITY) => {
                class.stacks.push(stack);
            }
            _ => self.spill(stack),
        }
    }

    /// Gives all stacks to the shared pool: the worker goes to sleep, or ends.
    pub fn drain(&mut self) {
        for (index, cache) in self.classes.iter_mut().enumerate() {
            let class = Class::from_index(index);
            if !cache.stacks.is_empty() {
                pool::of(class).put(cache.stacks.drain(..));
            }
            cache.fold(class);
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, size: StackSize) -> Result<Stack, StackError> {
        let class = size.class();
        let Some(cache) = self.classes.get_mut(class.index()) else {
            return large::take(size);
        };
        cache.stacks.reserve(CAPACITY);
        let taken = pool::of(class).take(&mut cache.stacks, BATCH);
        let stack = cache.stacks.pop();
        cache.fold(class);
        taken?;
        Ok(stack.expect("a pool that is not exhausted gives a stack"))
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, stack: Stack) {
        let class = stack.class();
        let Some(cache) = self.classes.get_mut(class.index()) else {
            return large::put(stack);
        };
        if cache.stacks.len() >= CAPACITY {
            // Those at the bottom have not been used for longest.
            pool::of(class).put(cache.stacks.drain(..BATCH));
        }
        cache.stacks.reserve(CAPACITY - cache.stacks.len());
        cache.stacks.push(stack);
        cache.fold(class);
    }
}

impl Default for StackCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for StackCache {
    fn drop(&mut self) {
        self.drain();
    }
}

impl fmt::Debug for StackCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.classes.iter().map(|class| class.stacks.len());
        f.debug_struct("StackCache")
            .field("idle", &idle.collect::<Vec<_>>())
            .finish()
    }
}

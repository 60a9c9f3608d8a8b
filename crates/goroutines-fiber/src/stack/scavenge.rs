//! Memory goes back: the pages below the stack pointer of a suspended fiber, and those of idle
//! stacks.
//!
//! Not for deciding when: a page given back too early costs a page fault, which is more than
//! a hundred switches.

use std::fmt;

use super::sys::{self, IoVec};
use super::{Class, GUARD, Stack, large, pool};

/// How many ranges go into one call.
const BATCH: usize = 64;

/// Gives memory of suspended fibers back, in batches.
pub struct Scavenger {
    ranges: [IoVec; BATCH],
    len: usize,
    bytes: usize,
}

impl Scavenger {
    /// With nothing to do yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ranges: [IoVec { start: 0, len: 0 }; BATCH],
            len: 0,
            bytes: 0,
        }
    }

    /// Notes the pages of `stack` that lie wholly below `stack_pointer`, to be given back by
    /// [`flush`](Self::flush), which this calls when many have gathered. Returns the bytes of
    /// address space that were noted.
    ///
    /// # Safety
    ///
    /// Until `flush` has returned (or the scavenger is dropped), the stack is neither run on
    /// nor put back, and nothing on it below `stack_pointer` is needed: it is that of a suspended
    /// fiber, as [`Fiber::stack_pointer`](crate::Fiber::stack_pointer) says it.
    pub unsafe fn push(&mut self, stack: &Stack, stack_pointer: usize) -> usize {
        let end = stack_pointer & !(sys::page_size() - 1);
        if stack_pointer > stack.base() {
            // Suspended on a stack of its own making (a coroutine inside the fiber): what is in use
            // here is not known.
            return 0;
        }
        let Some(len) = end.checked_sub(stack.limit()).filter(|&len| len > 0) else {
            return 0;
        };
        self.ranges[self.len] = IoVec {
            start: stack.limit(),
            len,
        };
        self.len += 1;
        if self.len == BATCH {
            self.run();
        }
        len
    }

    /// Gives back what was noted. Returns how many bytes of address space were given back since
    /// the last call (not all of which had memory behind them).
    pub fn flush(&mut self) -> usize {
        self.run();
        std::mem::take(&mut self.bytes)
    }

    fn run(&mut self) {
        let ranges = &self.ranges[..std::mem::take(&mut self.len)];
        if !ranges.is_empty() {
            // SAFETY: promised by the callers of `push`.
            self.bytes += unsafe { sys::give_back_all(ranges) };
        }
    }
}

impl Default for Scavenger {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scavenger {
    fn drop(&mut self) {
        self.run();
    }
}

impl fmt::Debug for Scavenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scavenger")
            .field("pending", &self.len)
            .finish_non_exhaustive()
    }
}

/// Gives back the memory of all idle stacks in the shared pool that were used since it was last
/// given back. Returns bytes of address space. Stacks in caches stay warm.
pub fn scavenge_idle() -> usize {
    let mut bytes = large::scavenge();
    let mut stacks = Vec::with_capacity(BATCH);
    for index in 0..Class::SLOTTED {
        let pool = pool::of(Class::from_index(index));
        // Those that come in meanwhile are for the next time, or this might never end.
        let mut left = pool.warm();
        while left > 0 {
            // Out of the pool while the system call lasts, so that nobody can take them.
            pool.take_warm(&mut stacks, left.min(BATCH));
            if stacks.is_empty() {
                break;
            }
            left -= stacks.len();
            let mut ranges = [IoVec { start: 0, len: 0 }; BATCH];
            for (range, stack) in ranges.iter_mut().zip(&stacks) {
                let size = stack.stack_size().reserved();
                *range = IoVec {
                    start: stack.limit(),
                    len: size - GUARD,
                };
            }
            // SAFETY: nothing on an idle stack is needed, and we own these.
            bytes += unsafe { sys::give_back_all(&ranges[..stacks.len()]) };
            pool.put_cold(&mut stacks);
        }
    }
    bytes
}

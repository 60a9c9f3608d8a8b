//! Fresh slots: large reservations of address space, cut into slots that are guarded when they
//! are first handed out.
//!
//! Not for stacks that were used before: the [`pool`](super::pool) keeps those.

use super::error::{StackError, limit};
use super::sys::{self, IoVec};
use super::{Class, Stack, StackSize, guards, table};

/// Address space that is left to others when there is not enough for a slab of the usual size.
const HEADROOM: usize = 16 << 20;

/// The first slab of a class: at least this much address space, and at least [`FIRST_SLOTS`].
const FIRST_SLAB: usize = 16 << 20;
const FIRST_SLOTS: usize = 64;
/// Each slab is as large as all before it, up to this.
const LARGEST_SLAB: usize = 4 << 30;
/// The most slots to cut at a time. They are guarded and given their first page together; what
/// is cut and never used costs that page and the page table.
const LARGEST_CUT: usize = 32;

/// The fresh slots of one class. Lives under the lock of the class.
pub(crate) struct Fresh {
    class: Class,
    /// The next slot to cut, and the end of the slab.
    next: usize,
    end: usize,
    /// Address space reserved so far.
    reserved: usize,
    /// How many slots to cut next time: grows from 1, so that a program of few goroutines pays
    /// for few.
    cut: usize,
    /// Slots that were cut, but could not be guarded.
    unguarded: Vec<Stack>,
}

impl Fresh {
    pub(crate) const fn new(class: Class) -> Self {
        Self {
            class,
            next: 0,
            end: 0,
            reserved: 0,
            cut: 1,
            unguarded: Vec::new(),
        }
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    /// Cuts slots off: some, up to `most`, not guarded yet. The caller guards them, without the
    /// lock, and then gives back what could not be guarded.
    pub(crate) fn cut(&mut self, most: usize) -> Result<Vec<Stack>, StackError> {
        let count = self.cut.min(most).max(1);
        self.cut = (self.cut * 2).min(LARGEST_CUT);
        if !self.unguarded.is_empty() {
            let from = self.unguarded.len().saturating_sub(count);
            return Ok(self.unguarded.drain(from..).collect());
        }
        if self.next == self.end {
            self.grow()?;
        }
        let slot = self.class.slot();
        let count = count.min((self.end - self.next) / slot);
        let size = StackSize {
            class: self.class,
            units: 0,
        };
        let stacks = (0..count).filter_map(|index| {
            // SAFETY: the slot lies within the slab that `grow` reserved, which is never unmapped
            // or cut twice, as `next` goes past it below.
            unsafe { Stack::from_parts(self.next + index * slot, size) }
        });
        let stacks = stacks.collect();
        self.next += count * slot;
        Ok(stacks)
    }

    /// Takes back slots that could not be guarded.
    pub(crate) fn put_unguarded(&mut self, stacks: impl Iterator<Item = Stack>) {
        self.unguarded.extend(stacks);
        self.cut = 1;
    }

    /// Reserves one more slab: as large as is proper, or as the limits allow.
    #[cold]
    fn grow(&mut self) -> Result<(), StackError> {
        let slot = self.class.slot();
        let first = FIRST_SLAB.max(FIRST_SLOTS * slot);
        let wanted = self.reserved.clamp(first, LARGEST_SLAB);
        let mut bytes = wanted;
        let start = loop {
            // Where there is little left, some of it is left to the allocator: without memory the
            // process would die of the next small thing.
            let headroom = if bytes == wanted { 0 } else { HEADROOM };
            match sys::reserve(bytes + headroom) {
                Ok(start) => {
                    if headroom > 0 {
                        // SAFETY: the end of what was reserved just now, which nobody knows of.
                        unsafe { sys::release(start + bytes, headroom) };
                    }
                    break start;
                }
                Err(error) if bytes <= slot => {
                    let (limit, value) = sys::name_the_limit(error, bytes + headroom);
                    return Err(StackError::exhausted(limit, bytes, value));
                }
                // Half as many slots.
                Err(_) => bytes = bytes / slot / 2 * slot,
            }
        };
        let size = StackSize {
            class: self.class,
            units: 0,
        };
        // SAFETY: the stack is forgotten at once; this only asks whether the last address fits.
        let fits = unsafe { Stack::from_parts(start + bytes - slot, size) }.is_some();
        if !fits || !table::add_slab(start, bytes, self.class) {
            // SAFETY: reserved above, and nobody knows of it.
            unsafe { sys::release(start, bytes) };
            return Err(StackError::exhausted(limit::MEMORY, bytes, None));
        }
        (self.next, self.end) = (start, start + bytes);
        self.reserved += bytes;
        Ok(())
    }
}

/// Makes ready what [`Fresh::cut`] gave: guards, and the first page of each. Returns what could
/// not be guarded, if at least one could.
pub(crate) fn make_ready(stacks: &mut Vec<Stack>) -> Result<Vec<Stack>, StackError> {
    let done = guards::install(stacks)?;
    let rest = stacks.split_off(done);
    let page = sys::page_size();
    let mut ranges = [IoVec { start: 0, len: 0 }; LARGEST_CUT];
    for (range, stack) in ranges.iter_mut().zip(&*stacks) {
        // The page with the header and the first frames. One call for all is faster than a page
        // fault for each, by the measurement in the README.
        *range = IoVec {
            start: stack.base() & !(page - 1),
            len: page,
        };
    }
    let ranges = &ranges[..stacks.len().min(LARGEST_CUT)];
    // SAFETY: the pages lie in slots that are ours.
    unsafe { sys::populate_all(ranges) };
    Ok(rest)
}

//! The values in a channel: a ring for a bounded one, a chain of blocks for an unbounded one.
//!
//! Not for: deciding who gets them. Indices are counted in values, never in bytes, so that values
//! without a size need no care.

use super::cell::Slot;
use std::collections::VecDeque;
use std::mem::MaybeUninit;

/// First in, first out.
#[derive(Debug)]
pub(crate) enum Buffer<T> {
    /// No room at all.
    None,
    /// Room for a fixed number.
    Ring(Ring<T>),
    /// As much room as there is memory.
    Blocks(Blocks<T>),
}

/// A piece of memory for values; its own length stays 0.
type Room<T> = Vec<MaybeUninit<T>>;

/// Memory for exactly `n` values; `None` if there is not so much.
fn room<T>(n: usize) -> Option<Room<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(n).ok()?;
    Some(room)
}

#[derive(Debug)]
pub(crate) struct Ring<T> {
    room: Room<T>,
    cap: usize,
    head: usize,
    len: usize,
}

#[derive(Debug)]
pub(crate) struct Blocks<T> {
    /// The oldest value is in the first.
    blocks: VecDeque<Room<T>>,
    /// An empty one, kept for the next time.
    spare: Option<Room<T>>,
    /// Place of the oldest value in the first block.
    head: usize,
    len: usize,
}

impl<T> Buffer<T> {
    /// A buffer for `cap` values; `None` if there is not so much memory.
    pub(crate) fn bounded(cap: usize) -> Option<Buffer<T>> {
        if cap == 0 {
            return Some(Buffer::None);
        }
        Some(Buffer::Ring(Ring { room: room(cap)?, cap, head: 0, len: 0 }))
    }

    /// A buffer that grows.
    pub(crate) fn unbounded() -> Buffer<T> {
        Buffer::Blocks(Blocks { blocks: VecDeque::new(), spare: None, head: 0, len: 0 })
    }

    /// How many values have room; `None`: any number.
    pub(crate) fn capacity(&self) -> Option<usize> {
        match self {
            Buffer::None => Some(0),
            Buffer::Ring(ring) => Some(ring.cap),
            Buffer::Blocks(_) => None,
        }
    }

    /// Moves the value of a slot in.
    ///
    /// # Safety
    ///
    /// There is room, and `from` points to a value that its owner gives away.
    #[inline]
    pub(super) unsafe fn push(&mut self, from: *const T) {
        let to = match self {
            Buffer::Ring(ring) => ring.tail(),
            Buffer::Blocks(blocks) => blocks.tail(),
            Buffer::None => unreachable!("a rendezvous has no room"),
        };
        // SAFETY: `to` is a free place of the buffer, and `from` a value to be moved.
        unsafe { to.copy_from_nonoverlapping(from, 1) };
    }

    /// Moves the oldest value out.
    ///
    /// # Safety
    ///
    /// There is one, and `to` has room for it.
    #[inline]
    pub(super) unsafe fn pop(&mut self, to: *mut T) {
        match self {
            Buffer::Ring(ring) => {
                let from = ring.head();
                // SAFETY: `from` is the oldest value; the ring counts it no longer.
                unsafe { to.copy_from_nonoverlapping(from, 1) };
            }
            Buffer::Blocks(blocks) => {
                let from = blocks.oldest();
                // SAFETY: `from` is the oldest value; `advance` stops counting it.
                unsafe { to.copy_from_nonoverlapping(from, 1) };
                blocks.advance();
            }
            Buffer::None => unreachable!("a rendezvous keeps no values"),
        }
    }

    fn len(&self) -> usize {
        match self {
            Buffer::None => 0,
            Buffer::Ring(ring) => ring.len,
            Buffer::Blocks(blocks) => blocks.len,
        }
    }
}

impl<T> Ring<T> {
    /// The place for one more value, which counts from now on. There is room.
    #[inline]
    fn tail(&mut self) -> *mut T {
        debug_assert!(self.len < self.cap);
        // How many places there are from the head to the end of the memory.
        let to_end = self.cap - self.head;
        let at = if self.len < to_end { self.head + self.len } else { self.len - to_end };
        self.len += 1;
        // SAFETY: `at` is below `cap`, and there is memory for `cap` values.
        unsafe { self.room.as_mut_ptr().add(at).cast() }
    }

    /// The place of the oldest value, which no longer counts. There is one.
    #[inline]
    fn head(&mut self) -> *const T {
        debug_assert!(self.len > 0);
        let at = self.head;
        self.head = if at + 1 == self.cap { 0 } else { at + 1 };
        self.len -= 1;
        // SAFETY: `at` is below `cap`, and there is memory for `cap` values.
        unsafe { self.room.as_mut_ptr().add(at).cast() }
    }
}

impl<T> Blocks<T> {
    /// How many values are in a block: some dozens, in a few KiB at most.
    const SIZE: usize = match size_of::<T>() {
        0 => 1 << 30,
        1..=127 => 32,
        128..=4095 => 4096 / size_of::<T>(),
        _ => 1,
    };

    /// The place for one more value, which counts from now on.
    #[inline]
    fn tail(&mut self) -> *mut T {
        let end = self.head + self.len;
        let (block, at) = (end / Self::SIZE, end % Self::SIZE);
        if block == self.blocks.len() {
            self.grow();
        }
        self.len += 1;
        // SAFETY: `at` is below `SIZE`, and each block has memory for that many.
        unsafe { self.blocks[block].as_mut_ptr().add(at).cast() }
    }

    #[cold]
    fn grow(&mut self) {
        let block = self.spare.take().unwrap_or_else(|| Vec::with_capacity(Self::SIZE));
        self.blocks.push_back(block);
    }

    /// The place of the oldest value. There is one.
    #[inline]
    fn oldest(&mut self) -> *const T {
        debug_assert!(self.len > 0);
        // SAFETY: `head` is below `SIZE`, and each block has memory for that many.
        unsafe { self.blocks[0].as_mut_ptr().add(self.head).cast() }
    }

    /// The oldest value no longer counts.
    #[inline]
    fn advance(&mut self) {
        self.len -= 1;
        self.head += 1;
        if self.head == Self::SIZE {
            self.head = 0;
            self.spare = self.blocks.pop_front();
        } else if self.len == 0 {
            // Start over in the block that is in the cache.
            self.head = 0;
        }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        /// Goes on dropping when one of the values panics.
        struct Rest<'a, T>(&'a mut Buffer<T>);
        impl<T> Rest<'_, T> {
            fn go_on(&mut self) {
                while self.0.len() > 0 {
                    let out = Slot::empty();
                    // SAFETY: there is a value, and `out` is empty.
                    unsafe { self.0.pop(out.place()) };
                    // SAFETY: `pop` has moved one in.
                    unsafe { out.note(true) };
                }
            }
        }
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.go_on();
            }
        }
        if std::mem::needs_drop::<T>() {
            Rest(self).go_on();
        }
    }
}

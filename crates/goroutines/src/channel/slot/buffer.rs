//! The values in a channel: a ring for a bounded one, a chain of blocks for an unbounded one.
//!
//! Not for: deciding who gets them, or counting them: how many there are is told by who holds the lock.
//! Where in a ring the oldest value is, its *head*, is kept for it by who holds the lock too.
//! Places are counted in values, never in bytes, so that values without a size need no care.

use super::cell::Slot;
use std::cell::Cell;
use std::collections::VecDeque;
use std::mem::MaybeUninit;

/// First in, first out.
// A tag of its own: what can be told from the lengths of its parts takes more instructions to tell.
#[derive(Debug)]
#[repr(u8)]
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
}

#[derive(Debug)]
pub(crate) struct Blocks<T> {
    /// The oldest value is in the first.
    blocks: VecDeque<Room<T>>,
    /// An empty one, kept for the next time.
    spare: Option<Room<T>>,
    /// Place of the oldest value in the first block.
    head: usize,
}

impl<T> Buffer<T> {
    /// A buffer for `cap` values; `None` if there is not so much memory.
    pub(crate) fn bounded(cap: usize) -> Option<Buffer<T>> {
        if cap == 0 {
            return Some(Buffer::None);
        }
        Some(Buffer::Ring(Ring {
            room: room(cap)?,
            cap,
        }))
    }

    /// A buffer that grows.
    pub(crate) fn unbounded() -> Buffer<T> {
        Buffer::Blocks(Blocks {
            blocks: VecDeque::new(),
            spare: None,
            head: 0,
        })
    }

    /// Moves a value in, as one more than `len`.
    ///
    /// # Safety
    ///
    /// There are `len` values from `head`, and `from` points to one that its owner gives away.
    #[inline]
    pub(super) unsafe fn push(&mut self, head: usize, len: usize, from: *const T) {
        let to = match self {
            Buffer::Ring(ring) => ring.place(head, len),
            Buffer::Blocks(blocks) => blocks.place(len),
            Buffer::None => unreachable!("a rendezvous has no room"),
        };
        // SAFETY: `to` is a free place of the buffer, and `from` a value to be moved.
        unsafe { to.copy_from_nonoverlapping(from, 1) };
    }

    /// Moves the oldest of `len` values out, and the head on.
    ///
    /// # Safety
    ///
    /// There are `len` values from `head`, which is more than 0, and `to` has room for one.
    // Into its callers: as a call it was 9 % of a channel between two.
    #[inline(always)]
    pub(super) unsafe fn pop(&mut self, head: &Cell<usize>, len: usize, to: *mut T) {
        match self {
            Buffer::Ring(ring) => {
                let at = head.get();
                // SAFETY: the oldest value; it counts no longer.
                unsafe { to.copy_from_nonoverlapping(ring.oldest(at), 1) };
                head.set(ring.after(at));
            }
            Buffer::Blocks(blocks) => {
                // SAFETY: as above.
                unsafe { to.copy_from_nonoverlapping(blocks.oldest(), 1) };
                blocks.advance(len);
            }
            Buffer::None => unreachable!("a rendezvous keeps no values"),
        }
    }

    /// Drops what is left of it, with `len` values.
    ///
    /// # Safety
    ///
    /// There are `len` values from `head`.
    pub(super) unsafe fn drop_with(mut self, head: usize, len: usize) {
        /// Goes on dropping when one of the values panics.
        struct Rest<'a, T>(&'a mut Buffer<T>, usize, Cell<usize>);
        impl<T> Rest<'_, T> {
            fn go_on(&mut self) {
                while self.1 > 0 {
                    let out = Slot::empty();
                    // SAFETY: there is a value, and `out` is empty.
                    unsafe { self.0.pop(&self.2, self.1, out.place()) };
                    self.1 -= 1;
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
            Rest(&mut self, len, Cell::new(head)).go_on();
        }
    }
}

impl<T> Ring<T> {
    /// The place behind `len` values.
    #[inline]
    fn place(&mut self, head: usize, len: usize) -> *mut T {
        assert!(head < self.cap && len < self.cap);
        // How many places there are from the head to the end of the memory.
        let to_end = self.cap - head;
        let at = if len < to_end {
            head + len
        } else {
            len - to_end
        };
        // SAFETY: `at` is below `cap`, and there is memory for `cap` values.
        unsafe { self.room.as_mut_ptr().add(at).cast() }
    }

    #[inline]
    fn oldest(&mut self, head: usize) -> *const T {
        assert!(head < self.cap);
        // SAFETY: `head` is below `cap`, and there is memory for `cap` values.
        unsafe { self.room.as_mut_ptr().add(head).cast() }
    }

    /// The place behind `head`.
    #[inline]
    fn after(&self, head: usize) -> usize {
        if head + 1 == self.cap { 0 } else { head + 1 }
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

    /// The place behind `len` values.
    #[inline]
    fn place(&mut self, len: usize) -> *mut T {
        let end = self.head + len;
        let (block, at) = (end / Self::SIZE, end % Self::SIZE);
        if block == self.blocks.len() {
            self.grow();
        }
        // SAFETY: `at` is below `SIZE`, and each block has memory for that many.
        unsafe { self.blocks[block].as_mut_ptr().add(at).cast() }
    }

    #[cold]
    fn grow(&mut self) {
        let block = self
            .spare
            .take()
            .unwrap_or_else(|| Vec::with_capacity(Self::SIZE));
        self.blocks.push_back(block);
    }

    #[inline]
    fn oldest(&mut self) -> *const T {
        // SAFETY: `head` is below `SIZE`, and each block has memory for that many.
        unsafe { self.blocks[0].as_mut_ptr().add(self.head).cast() }
    }

    /// The oldest of `len` values counts no longer.
    #[inline]
    fn advance(&mut self, len: usize) {
        self.head += 1;
        if self.head == Self::SIZE {
            self.head = 0;
            self.spare = self.blocks.pop_front();
        } else if len == 1 {
            // Start over in the block that is in the cache.
            self.head = 0;
        }
    }
}

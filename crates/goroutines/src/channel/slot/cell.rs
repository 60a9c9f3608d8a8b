//! `Slot`: one value on a stack, on its way out, or the room for one that comes.
//!
//! Not for: values in a channel (`buffer`).
//!
//! While its owner is parked with the slot in a queue, the peer that has claimed the owner moves the
//! value; then it says so in the owner's meeting, and the owner notes it here. So only the owner
//! touches `full`, and a value that nobody took is dropped with its slot.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    /// 1 or 0. Not a `bool`: one byte is stored, and often four are read at once, which waits for the store.
    full: Cell<u32>,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    /// A slot with a value to give away.
    #[inline]
    pub(crate) fn full(value: T) -> Slot<T> {
        Slot {
            full: Cell::new(1),
            value: UnsafeCell::new(MaybeUninit::new(value)),
        }
    }

    /// Room for a value.
    #[inline]
    pub(crate) fn empty() -> Slot<T> {
        Slot {
            full: Cell::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Puts a value into an empty slot.
    pub(crate) fn fill(&self, value: T) {
        assert!(self.full.replace(1) == 0);
        // SAFETY: it was empty, and nobody else uses the place: the owner is not parked.
        unsafe { self.place().write(value) };
    }

    /// Where the value lies.
    #[inline]
    pub(super) fn place(&self) -> *mut T {
        self.value.get().cast()
    }

    /// Notes that somebody has moved a value in (`true`) or out.
    ///
    /// # Safety
    ///
    /// It is so.
    #[inline]
    pub(super) unsafe fn note(&self, full: bool) {
        self.full.set(u32::from(full));
    }

    /// Takes the value out, if there is one.
    #[inline]
    pub(crate) fn take(self) -> Option<T> {
        if self.full.replace(0) == 0 {
            return None;
        }
        // SAFETY: it was full and is not any more, so the value is moved once.
        Some(unsafe { self.place().read() })
    }

    /// As [`Slot::take`], by an owner that does not wait and cannot move the slot.
    pub(super) fn take_out(&self) -> Option<T> {
        if self.full.replace(0) == 0 {
            return None;
        }
        // SAFETY: as in `take`.
        Some(unsafe { self.place().read() })
    }

    /// Whether there is a value.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.full.get() != 0
    }
}

impl<T> Drop for Slot<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_full() {
            // SAFETY: it is full and nobody uses it again.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}

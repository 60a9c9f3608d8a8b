//! The work-stealing deque: its owner puts in and takes out at one end, everybody at the other.
//!
//! Not for: deciding what to steal and when (`steal`).
//!
//! The algorithm is Chase and Lev's (2005) with the orderings of Lê, Pop, Cohen and Zappa Nardelli
//! ("Correct and Efficient Work-Stealing for Weak Memory Models", 2013). Elements are pointers in
//! atomic cells, so a thief that loses a race has read a stale pointer, never half of one. A buffer
//! that was outgrown is kept until the deque goes, because a thief may still read it; all of them
//! together are smaller than the last one.
#![allow(
    unsafe_code,
    reason = "thieves read a buffer that the owner may have outgrown"
)]

use crate::g::list::pointer;
use crate::shim::atomic::{AtomicIsize, AtomicPtr, Ordering, fence};
use std::cell::UnsafeCell;
use std::ptr::NonNull;

#[cfg(not(loom))]
const FIRST: usize = 256;
#[cfg(loom)]
const FIRST: usize = 2;

struct Buffer<T> {
    cells: Box<[AtomicPtr<T>]>,
}

impl<T> Buffer<T> {
    fn new(len: usize) -> Buffer<T> {
        Buffer {
            cells: (0..len)
                .map(|_| AtomicPtr::new(std::ptr::null_mut()))
                .collect(),
        }
    }

    /// `len` is a power of two.
    #[inline]
    fn at(&self, index: isize) -> &AtomicPtr<T> {
        &self.cells[index as usize & (self.cells.len() - 1)]
    }
}

/// A deque of references that live for ever.
pub struct Deque<T: 'static> {
    /// The end that everybody takes from: the index of the oldest.
    top: crossbeam_utils::CachePadded<AtomicIsize>,
    /// The owner's end: one past the newest.
    bottom: crossbeam_utils::CachePadded<AtomicIsize>,
    /// The buffer in use; only the owner changes it.
    buffer: AtomicPtr<Buffer<T>>,
    /// Buffers in use and outgrown; only the owner touches the list.
    kept: UnsafeCell<Vec<NonNull<Buffer<T>>>>,
}

// SAFETY: the elements are shared references; `kept` is touched by the owner only (the contract of
// `push`), and by `drop`, which has the deque for itself.
unsafe impl<T: Sync> Sync for Deque<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Send for Deque<T> {}

impl<T> std::fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deque").finish_non_exhaustive()
    }
}

impl<T: Sync> Default for Deque<T> {
    fn default() -> Self {
        Deque::new()
    }
}

impl<T: Sync> Deque<T> {
    /// An empty deque.
    pub fn new() -> Deque<T> {
        let first = NonNull::from(Box::leak(Box::new(Buffer::new(FIRST))));
        Deque {
            top: AtomicIsize::new(0).into(),
            bottom: AtomicIsize::new(0).into(),
            buffer: AtomicPtr::new(first.as_ptr()),
            kept: UnsafeCell::new(vec![first]),
        }
    }

    #[inline]
    fn buffer(&self) -> &Buffer<T> {
        // Acquire: pairs with the Release in `grow`.
        // SAFETY: every buffer stored here is in `kept` and is freed by `drop` only.
        unsafe { &*self.buffer.load(Ordering::Acquire) }
    }

    /// How many are in it, as seen at some moment of the call.
    #[inline]
    pub fn len(&self) -> usize {
        let top = self.top.load(Ordering::Relaxed);
        let bottom = self.bottom.load(Ordering::Relaxed);
        bottom.saturating_sub(top).max(0) as usize
    }

    /// Whether nothing is in it, as seen at some moment of the call.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index of the oldest: it changes when one is taken from that end.
    pub fn oldest(&self) -> isize {
        self.top.load(Ordering::Relaxed)
    }

    /// Puts one in at the owner's end; gives how many were there before.
    ///
    /// # Safety
    ///
    /// Only the owner calls this: calls of `push` and `pop` come from one thread at a time.
    #[inline]
    pub unsafe fn push(&self, item: &'static T) -> usize {
        let bottom = self.bottom.load(Ordering::Relaxed);
        // Acquire: pairs with the CAS of a thief, whose read of the cell we are about to reuse
        // comes before it.
        let top = self.top.load(Ordering::Acquire);
        let mut buffer = self.buffer();
        let len = bottom.wrapping_sub(top);
        if len >= buffer.cells.len() as isize {
            // SAFETY: we are the owner.
            buffer = unsafe { self.grow(top, bottom) };
        }
        buffer.at(bottom).store(pointer(item), Ordering::Relaxed);
        // Release: who sees the new bottom sees the element, and what it points to.
        self.bottom.store(bottom.wrapping_add(1), Ordering::Release);
        len as usize
    }

    /// Takes the newest.
    ///
    /// # Safety
    ///
    /// As for [`Deque::push`].
    #[inline]
    pub unsafe fn pop(&self) -> Option<&'static T> {
        let bottom = self.bottom.load(Ordering::Relaxed);
        if self.top.load(Ordering::Relaxed) >= bottom {
            // Only the owner adds, and thieves only make it emptier: empty for sure, and no fence.
            return None;
        }
        let bottom = bottom.wrapping_sub(1);
        // Release, here and below: a thief that reads a value stored by `pop` must also see the elements
        // that `push` stored before.
        self.bottom.store(bottom, Ordering::Release);
        // Pairs with the fence in `steal`: of owner and thief at the last element, at least one
        // sees the other's move.
        fence(Ordering::SeqCst);
        let top = self.top.load(Ordering::Relaxed);
        if top > bottom {
            self.bottom.store(bottom.wrapping_add(1), Ordering::Release);
            return None;
        }
        let item = self.buffer().at(bottom).load(Ordering::Relaxed);
        if top == bottom {
            let won = self
                .top
                .compare_exchange(
                    top,
                    top.wrapping_add(1),
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                )
                .is_ok();
            self.bottom.store(bottom.wrapping_add(1), Ordering::Release);
            if !won {
                return None;
            }
        }
        // SAFETY: the cell was written by `push` from a `&'static T`, and taking it made it ours.
        NonNull::new(item).map(|p| unsafe { p.as_ref() })
    }

    /// Takes the oldest; `None` if there is none or another was quicker.
    #[inline]
    pub fn steal(&self) -> Option<&'static T> {
        // Acquire: pairs with the CAS of the thief before us.
        let top = self.top.load(Ordering::Acquire);
        // Pairs with the fence in `pop`.
        fence(Ordering::SeqCst);
        // Acquire: pairs with the Release in `push`.
        let bottom = self.bottom.load(Ordering::Acquire);
        if top >= bottom {
            return None;
        }
        let item = self.buffer().at(top).load(Ordering::Relaxed);
        // SeqCst: Release keeps the read of the cell before it (see `push`).
        self.top
            .compare_exchange(
                top,
                top.wrapping_add(1),
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .ok()?;
        // SAFETY: the CAS made the element ours; while `top` stood still the owner could not reuse
        // its cell, so what was read is what `push` wrote from a `&'static T`.
        NonNull::new(item).map(|p| unsafe { p.as_ref() })
    }

    /// Moves to a buffer twice as large.
    ///
    /// # Safety
    ///
    /// As for [`Deque::push`].
    #[cold]
    unsafe fn grow(&self, top: isize, bottom: isize) -> &Buffer<T> {
        let old = self.buffer();
        let new = Buffer::new(old.cells.len() * 2);
        let mut i = top;
        while i != bottom {
            new.at(i)
                .store(old.at(i).load(Ordering::Relaxed), Ordering::Relaxed);
            i = i.wrapping_add(1);
        }
        let new = NonNull::from(Box::leak(Box::new(new)));
        // SAFETY: the owner alone touches the list.
        unsafe { &mut *self.kept.get() }.push(new);
        // Release: pairs with the Acquire in `buffer`.
        self.buffer.store(new.as_ptr(), Ordering::Release);
        self.buffer()
    }
}

impl<T> Drop for Deque<T> {
    fn drop(&mut self) {
        for buffer in self.kept.get_mut().drain(..) {
            // SAFETY: each was leaked from a box once, and nobody else can reach the deque now.
            drop(unsafe { Box::from_raw(buffer.as_ptr()) });
        }
    }
}

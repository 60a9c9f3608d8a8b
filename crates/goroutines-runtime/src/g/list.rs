//! Intrusive first-in-first-out lists of records: no allocation, one word in the record.
//!
//! Not for: sharing between threads; [`crate::sched::inbox`] does that. A record is in one list at
//! a time: whoever takes it out owns it until it puts it somewhere else.
#![allow(
    unsafe_code,
    reason = "follows links between records that live for ever"
)]

use crate::shim::atomic::{AtomicPtr, Ordering};
use std::cell::Cell;
use std::ptr::NonNull;

/// A record with room for the link of a list.
///
/// # Safety
///
/// `link` returns the same word each time, and nobody but the lists of this crate writes it.
pub unsafe trait Linked: Sized + Sync + 'static {
    /// The word a list uses while the record is in it.
    fn link(&self) -> &AtomicPtr<Self>;
}

/// Reads a link or a head that only ever holds null or a `&'static T`.
#[inline]
pub(crate) fn follow<T: Linked>(ptr: *mut T) -> Option<&'static T> {
    // SAFETY: the lists of this crate store null or pointers made from `&'static T` only (the
    // contract of `Linked` keeps everybody else out), so a non-null one is valid for ever.
    NonNull::new(ptr).map(|p| unsafe { p.as_ref() })
}

/// The pointer that stands for `item` in a link.
#[inline]
pub(crate) fn pointer<T>(item: &'static T) -> *mut T {
    std::ptr::from_ref(item).cast_mut()
}

/// A first-in-first-out list. All methods take `&self`: the list belongs to one thread, or to a lock.
pub struct List<T: 'static> {
    head: Cell<Option<&'static T>>,
    tail: Cell<Option<&'static T>>,
    len: Cell<usize>,
}

impl<T> std::fmt::Debug for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List")
            .field("len", &self.len.get())
            .finish_non_exhaustive()
    }
}

impl<T: Linked> Default for List<T> {
    fn default() -> Self {
        List::new()
    }
}

impl<T: Linked> List<T> {
    /// An empty list.
    pub const fn new() -> Self {
        List {
            head: Cell::new(None),
            tail: Cell::new(None),
            len: Cell::new(0),
        }
    }

    /// How many are in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether nothing is in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The oldest, left where it is.
    #[inline]
    pub fn front(&self) -> Option<&'static T> {
        self.head.get()
    }

    /// The one behind `item`, which is in this list.
    #[cfg(not(loom))]
    #[inline]
    pub(crate) fn after(&self, item: &'static T) -> Option<&'static T> {
        follow(item.link().load(Ordering::Relaxed))
    }

    /// Adds one behind all others.
    #[inline]
    pub fn push_back(&self, item: &'static T) {
        item.link().store(std::ptr::null_mut(), Ordering::Relaxed);
        match self.tail.get() {
            Some(tail) => tail.link().store(pointer(item), Ordering::Relaxed),
            None => self.head.set(Some(item)),
        }
        self.tail.set(Some(item));
        self.len.set(self.len.get() + 1);
    }

    /// Adds one before all others.
    #[inline]
    pub fn push_front(&self, item: &'static T) {
        let next = self.head.get();
        item.link().store(
            next.map_or(std::ptr::null_mut(), pointer),
            Ordering::Relaxed,
        );
        if next.is_none() {
            self.tail.set(Some(item));
        }
        self.head.set(Some(item));
        self.len.set(self.len.get() + 1);
    }

    /// Takes the oldest.
    #[inline]
    pub fn pop_front(&self) -> Option<&'static T> {
        let item = self.head.get()?;
        let next = follow(item.link().load(Ordering::Relaxed));
        self.head.set(next);
        if next.is_none() {
            self.tail.set(None);
        }
        self.len.set(self.len.get() - 1);
        Some(item)
    }

    /// Moves everything of `other` behind what is here.
    pub fn append(&self, other: &List<T>) {
        let Some(first) = other.head.take() else {
            return;
        };
        match self.tail.get() {
            Some(tail) => tail.link().store(pointer(first), Ordering::Relaxed),
            None => self.head.set(Some(first)),
        }
        self.tail.set(other.tail.take());
        self.len.set(self.len.get() + other.len.take());
    }

    /// Takes the `n` oldest, or all.
    pub fn split_front(&self, n: usize) -> List<T> {
        let out = List::new();
        while out.len() < n {
            match self.pop_front() {
                Some(item) => out.push_back(item),
                None => break,
            }
        }
        out
    }
}

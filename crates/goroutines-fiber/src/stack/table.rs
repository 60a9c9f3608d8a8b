//! All stacks there are, readable from a signal handler: which one does an address belong to?
//!
//! Not for owning anything: entries are written by [`slab`](super::slab) and
//! [`large`](super::large), and read by [`guard::locate`](crate::guard::locate).
//!
//! Two tables. Slabs are never unmapped, so theirs only grows. Large stacks come and go; their
//! entries are reused, in chunks that are never freed.

use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Class, LARGE_UNIT, Stack, StackSize};

/// Slabs grow geometrically, so that this many are far beyond any address space, unless a limit
/// on the address space keeps them small: then that limit comes first.
const SLABS: usize = 4096;

/// One range of addresses. Free while `start` is 0.
struct Entry {
    start: AtomicUsize,
    /// Bytes, a multiple of the page size, plus the index of the class.
    extent: AtomicUsize,
}

impl Entry {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(0),
            extent: AtomicUsize::new(0),
        }
    }

    fn set(&self, start: usize, bytes: usize, class: Class) {
        // Relaxed: published by the store of `start`.
        self.extent.store(bytes | class.index(), Ordering::Relaxed);
        // Release: pairs with the Acquire in `get`.
        self.start.store(start, Ordering::Release);
    }

    /// The range, if the entry is in use.
    fn get(&self) -> Option<(usize, usize, Class)> {
        // Acquire: pairs with the Release in `set`.
        let start = self.start.load(Ordering::Acquire);
        if start == 0 {
            return None;
        }
        let extent = self.extent.load(Ordering::Acquire);
        // An entry that was reused in between belongs to stacks other than the one that faults
        // right now (whose entry stays as long as it runs): leave it.
        if self.start.load(Ordering::Relaxed) != start {
            return None;
        }
        Some((start, extent & !0xfff, Class((extent & 7) as u8)))
    }
}

static SLAB_TABLE: [Entry; SLABS] = [const { Entry::new() }; SLABS];
static SLAB_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Enters a slab. False if the table is full.
pub(crate) fn add_slab(start: usize, bytes: usize, class: Class) -> bool {
    // Relaxed: the entry itself publishes. A slot taken beyond the end is never used.
    let index = SLAB_COUNT.fetch_add(1, Ordering::Relaxed);
    let Some(entry) = SLAB_TABLE.get(index) else {
        SLAB_COUNT.fetch_sub(1, Ordering::Relaxed);
        return false;
    };
    entry.set(start, bytes, class);
    true
}

/// How many slabs there are.
pub(crate) fn slabs() -> usize {
    SLAB_COUNT.load(Ordering::Relaxed).min(SLABS)
}

/// Chunk `k` has `FIRST << k` entries.
const FIRST: usize = 64;
const CHUNKS: usize = 24;
static LARGE_CHUNKS: [AtomicPtr<Entry>; CHUNKS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// Which entries of the table of large stacks are in use, and for what.
struct Book {
    free: Vec<usize>,
    next: usize,
    by_start: Option<HashMap<usize, usize>>,
}

static BOOK: Mutex<Book> = Mutex::new(Book {
    free: Vec::new(),
    next: 0,
    by_start: None,
});

fn book() -> MutexGuard<'static, Book> {
    // Nothing is left half done by a panic in here (only allocation can fail, and it aborts).
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The chunk of an entry, and its place there.
fn place(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

fn large_entry(index: usize) -> Option<&'static Entry> {
    let (chunk, offset) = place(index);
    // Acquire: pairs with the Release in `add_large`.
    let chunk = LARGE_CHUNKS.get(chunk)?.load(Ordering::Acquire);
    if chunk.is_null() {
        return None;
    }
    // SAFETY: a chunk has FIRST << k entries, and `place` gives an offset below that.
    let entry = unsafe { chunk.add(offset) };
    // SAFETY: chunks are leaked boxes, never freed and never written to but through atomics.
    Some(unsafe { &*entry })
}

/// Enters a large stack.
pub(crate) fn add_large(stack: &Stack) {
    let mut book = book();
    let index = book.free.pop().unwrap_or_else(|| {
        book.next += 1;
        book.next - 1
    });
    let (chunk, _) = place(index);
    if chunk >= CHUNKS {
        // A billion large stacks. Their overflow would be an ordinary fault.
        return;
    }
    // Relaxed: only written under the lock that we hold.
    if LARGE_CHUNKS[chunk].load(Ordering::Relaxed).is_null() {
        let entries: Box<[Entry]> = (0..FIRST << chunk).map(|_| Entry::new()).collect();
        let entries = Box::leak(entries).as_mut_ptr();
        // Release: pairs with the Acquire in `large_entry`.
        LARGE_CHUNKS[chunk].store(entries, Ordering::Release);
    }
    if let Some(entry) = large_entry(index) {
        entry.set(stack.low(), stack.stack_size().reserved(), Class::LARGE);
    }
    book.by_start
        .get_or_insert_default()
        .insert(stack.low(), index);
}

/// Removes a large stack that is about to be unmapped.
pub(crate) fn remove_large(stack: &Stack) {
    let mut book = book();
    let Some(index) = book
        .by_start
        .as_mut()
        .and_then(|map| map.remove(&stack.low()))
    else {
        return;
    };
    if let Some(entry) = large_entry(index) {
        // Release: what is written to the entry later stays behind this.
        entry.start.store(0, Ordering::Release);
    }
    book.free.push(index);
}

/// Calls `found` with the lowest address and the size of the stack that `addr` belongs to.
/// Async-signal-safe: reads atomics only.
pub(crate) fn find(addr: usize) -> Option<(usize, StackSize)> {
    for entry in &SLAB_TABLE[..slabs()] {
        // An entry that is being written has no stack yet that could fault.
        let Some((start, bytes, class)) = entry.get() else {
            continue;
        };
        if addr.wrapping_sub(start) < bytes {
            let low = start + (addr - start) / class.slot() * class.slot();
            return Some((low, StackSize { class, units: 0 }));
        }
    }
    for chunk in 0..CHUNKS {
        for index in 0..FIRST << chunk {
            let index = FIRST * ((1 << chunk) - 1) + index;
            // Chunks are made in order: where one is missing, the rest is missing.
            let entry = large_entry(index)?;
            let Some((start, bytes, class)) = entry.get() else {
                continue;
            };
            if addr.wrapping_sub(start) < bytes {
                let units = (bytes / LARGE_UNIT) as u16;
                return Some((start, StackSize { class, units }));
            }
        }
    }
    None
}

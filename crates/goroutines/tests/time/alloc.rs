//! Counts what this process allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: everything is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: by the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: by the contract.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        LIVE.fetch_add(new as isize - layout.size() as isize, Relaxed);
        // SAFETY: by the contract.
        unsafe { System.realloc(ptr, layout, new) }
    }
}

/// How many allocations `f` makes at least: other threads may make some too, so the least of a few runs.
pub(crate) fn count(mut f: impl FnMut()) -> usize {
    let once = |f: &mut dyn FnMut()| {
        let before = CALLS.load(Relaxed);
        f();
        CALLS.load(Relaxed) - before
    };
    (0..5).map(|_| once(&mut f)).min().unwrap_or(0)
}

/// Bytes in use.
pub(crate) fn live() -> isize {
    LIVE.load(Relaxed)
}

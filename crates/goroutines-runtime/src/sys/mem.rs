//! Zeroed memory straight from the system, for what is never given back.
//!
//! Not for: stacks (the fiber crate has its own).
#![allow(unsafe_code, reason = "maps memory")]

use std::ptr::NonNull;

/// Reserves `len` bytes of zeroed memory, page-aligned, that become resident when touched. `None` if
/// the system has no room.
pub fn map(len: usize) -> Option<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping, at an address of the system's choice.
    let ptr = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
    if ptr == libc::MAP_FAILED {
        return None;
    }
    NonNull::new(ptr.cast())
}

/// Makes a part of a mapping resident at once, which costs less than a fault for each page. Does
/// nothing where the kernel cannot.
///
/// # Safety
///
/// The pages belong to a mapping from [`map`].
pub unsafe fn populate(start: NonNull<u8>, len: usize) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: by the contract; populating changes no contents.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_POPULATE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

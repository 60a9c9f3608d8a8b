//! Closing what a descriptor stands for, while its number stays taken.
//!
//! Not for: the last close, which is the owner's drop.
#![allow(unsafe_code, reason = "dup3 onto a descriptor that others borrow")]

use crate::shim::OnceLock;
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// A descriptor on which reading, writing, accepting and the rest fail at once.
fn dead() -> Option<&'static OwnedFd> {
    static DEAD: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(dead) = DEAD.get() {
        return Some(dead);
    }
    // If there is no descriptor left now there may be one next time.
    let made = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    Some(DEAD.get_or_init(|| made))
}

/// Closes what `fd` stands for. From now on it stands for something on which every operation fails, in one
/// step: there is no moment in which the number could be given to somebody else.
///
/// Without a descriptor to spare a socket is shut down instead, and closed when its owner drops it.
pub fn replace_by_dead(fd: BorrowedFd<'_>) {
    let replaced = dead().is_some_and(|dead| {
        // SAFETY: both are open. What `fd` stood for may be gone for those who borrow it, but the number
        // stays open and theirs: all they see is errors.
        let result = unsafe { libc::dup3(dead.as_raw_fd(), fd.as_raw_fd(), libc::O_CLOEXEC) };
        result >= 0
    });
    if !replaced {
        // It fails for what is not a socket.
        // SAFETY: `fd` is open.
        let _ = unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

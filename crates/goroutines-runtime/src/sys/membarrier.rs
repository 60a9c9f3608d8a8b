//! A memory barrier on all threads of the process.
//!
//! Not for: when that is needed (`park::bias`).

use crate::shim::atomic::{AtomicBool, Ordering};
use rustix::thread::{MembarrierCommand, membarrier};

static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Tells the kernel that the process will want barriers, if that is quick: as long as it has one thread.
/// Later it takes the kernel many milliseconds.
pub fn register_early() {
    use std::os::unix::fs::MetadataExt;
    // A folder has two links besides those from its own folders, here one for each thread.
    if std::fs::metadata("/proc/self/task").is_ok_and(|task| task.nlink() == 3) {
        register();
    }
}

/// The same, however long it takes.
pub fn register() {
    if !is_registered() && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() {
        // Release: pairs with the Acquire in `is_registered`.
        REGISTERED.store(true, Ordering::Release);
    }
}

/// Whether [`all_threads`] works.
#[inline]
pub fn is_registered() -> bool {
    REGISTERED.load(Ordering::Acquire)
}

/// Each other thread of the process passes a full barrier between the call and its return; so does the
/// caller. `false`: the kernel would not.
pub fn all_threads() -> bool {
    let barrier = || membarrier(MembarrierCommand::PrivateExpedited).is_ok();
    // A process that was copied, by a fork or from an image, may be one that the kernel has not heard of,
    // though the memory says that it has.
    barrier() || (membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() && barrier())
}

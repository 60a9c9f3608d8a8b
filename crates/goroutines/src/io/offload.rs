//! Calls of the system that cannot be told not to block: files, directories, standard streams.

use goroutines_runtime::park::{self, Wakeable};

/// Runs `f` on a thread of the blocking pool while the goroutine waits; here, on a plain thread.
///
/// A goroutine that was asked to unwind does so before `f` begins, and never while it runs.
pub(crate) fn pool<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    // Unwinds if it has to.
    let wait = park::prepare(Wakeable::ByTicket);
    if let Some(cause) = wait.withdraw() {
        park::check(cause);
    }
    park::offload(f)
}

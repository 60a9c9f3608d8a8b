//! Running something that blocks its thread, without blocking a worker.

use goroutines_runtime::park;

/// Runs `f` on a thread where it may block, while the goroutine waits for it.
///
/// For foreign code that blocks: a C library, a `std` call on files, a long computation that should
/// not hold up others. `f` may borrow from the caller. On a plain thread, `f` is simply called.
///
/// ```
/// # goroutines::run(|| {
/// let path = String::from("/proc/self/status");
/// let text = goroutines::blocking(|| std::fs::read_to_string(&path));
/// # drop((path.len(), text));
/// # });
/// ```
///
/// The threads come from a pool that grows as needed up to a limit (512, see
/// [`runtime::Builder::blocking_threads`](crate::runtime::Builder::blocking_threads)) and shrinks when
/// idle; beyond the limit calls wait their turn. If the system gives no thread at all, `f` runs on the
/// worker.
///
/// # Panics
///
/// A panic of `f` goes on in the caller.
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    park::offload(f)
}

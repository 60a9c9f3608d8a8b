//! Futures that need a tokio runtime: run there, awaited by a goroutine.
//!
//! Crates that are made for tokio (`reqwest`, `sqlx`, …) look for its runtime on the thread that polls them.
//! [`run`] gives their futures to one and parks the goroutine until they have ended.
//!
//! ```
//! # goroutines::run(|| {
//! use goroutines::tokio;
//! let text = tokio::run(async {
//!     ::tokio::time::sleep(std::time::Duration::from_millis(1)).await;
//!     "from tokio"
//! });
//! assert_eq!(text, "from tokio");
//! # });
//! ```
//!
//! # Which runtime
//!
//! The one given to [`set_handle`]; otherwise one that is started when it is first needed, with tokio's
//! usual number of threads, which lives as long as the process. [`run_on`] names it for one call.
//! Goroutines do not run on its threads, nor its tasks on our workers.

use super::block_on;
use ::tokio::runtime::{Builder, Handle, Runtime};
use ::tokio::task::{JoinError, JoinHandle};
use goroutines_runtime::shim::OnceLock;
use std::future::Future;
use std::panic::resume_unwind;

static GIVEN: OnceLock<Handle> = OnceLock::new();
static STARTED: OnceLock<Runtime> = OnceLock::new();

/// Has [`run`] use this runtime.
///
/// # Errors
///
/// The handle comes back if one has been given before, or if [`run`] has already started one.
///
/// ```
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// goroutines::tokio::set_handle(runtime.handle().clone()).unwrap();
/// assert!(goroutines::tokio::set_handle(runtime.handle().clone()).is_err());
/// ```
pub fn set_handle(handle: Handle) -> Result<(), Handle> {
    GIVEN.set(handle)
}

/// The runtime that [`run`] uses; starts one if there is none.
///
/// # Panics
///
/// If the system does not give a thread.
///
/// ```
/// let handle = goroutines::tokio::handle();
/// handle.block_on(async {});
/// ```
pub fn handle() -> Handle {
    let start = || {
        let runtime = STARTED.get_or_init(|| {
            let mut builder = Builder::new_multi_thread();
            match builder.thread_name("goroutines-tokio").enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => panic!("cannot start a tokio runtime: {error}"),
            }
        });
        runtime.handle().clone()
    };
    GIVEN.get_or_init(start).clone()
}

/// Runs a future on a tokio runtime and waits for its result; the goroutine only, not its thread.
///
/// If the goroutine is [cancelled](crate::JoinHandle::cancel) while it waits, the tokio task is aborted.
///
/// # Panics
///
/// With what the future panics with; and if the runtime is shut down before the future has ended.
///
/// ```
/// # goroutines::run(|| {
/// assert_eq!(goroutines::tokio::run(async { 6 * 7 }), 42);
/// # });
/// ```
#[track_caller]
pub fn run<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    run_on(&handle(), future)
}

/// As [`run`], on this runtime.
///
/// # Panics
///
/// As [`run`].
///
/// ```
/// # goroutines::run(|| {
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// assert_eq!(goroutines::tokio::run_on(runtime.handle(), async { 42 }), 42);
/// # });
/// ```
#[track_caller]
pub fn run_on<F>(handle: &Handle, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match try_run_on(handle, future) {
        Ok(output) => output,
        Err(error) => panic!("a future given to tokio did not end: {error}"),
    }
}

/// As [`run_on`], but it does not panic if the runtime is shut down.
///
/// # Errors
///
/// If the runtime is shut down before the future has ended.
///
/// # Panics
///
/// With what the future panics with.
///
/// ```
/// # goroutines::run(|| {
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// let handle = runtime.handle().clone();
/// runtime.shutdown_background();
/// let error = goroutines::tokio::try_run_on(&handle, async { 42 }).unwrap_err();
/// assert!(error.is_cancelled());
/// # });
/// ```
pub fn try_run_on<F>(handle: &Handle, future: F) -> Result<F::Output, JoinError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut task = Aborted(handle.spawn(future));
    match block_on(&mut task.0) {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        other => other,
    }
}

/// A tokio task that is aborted if this goes before it has ended.
struct Aborted<T>(JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

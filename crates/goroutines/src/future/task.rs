//! Tasks: futures that the workers run, without a stack while they wait.
//!
//! Not for: goroutines. Whenever a task is woken, a goroutine is started that polls it once. That costs
//! what starting a goroutine costs, takes a stack from the worker's cache for the time of the poll only,
//! and lets the poll do whatever a goroutine may: if it parks, it is that goroutine which parks.
#![allow(
    unsafe_code,
    reason = "pins the future in its wrapper; lends a task to the goroutine that polls it"
)]

use crate::task::handle::{Cancelled, Result};
use async_task::{FallibleTask, Runnable};
use goroutines_runtime::park::shielded;
use goroutines_runtime::spawn::{crash_if_configured, detached_in_turn, start, vouch};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, ready};

/// Starts a task that runs `future` on the workers of the runtime.
///
/// It begins at once, whether the result is awaited or not. It runs on one worker at a time, not always
/// the same. It may call what blocks a goroutine; other tasks go on meanwhile. What is goroutine-local
/// belongs to one poll only.
///
/// Tasks that are ready run in the order in which they were woken, on each worker, in turns with goroutines
/// that have not started. (That is today's behaviour; promised is only that each of them runs in the end.)
///
/// A million tasks that wait need the memory of their futures; a goroutine that waits keeps a stack.
///
/// # Panics
///
/// Never. If there is no runtime to run it, it is [`Cancelled`]. A panic of the future is the task's
/// result, after [`panic_policy`](crate::runtime::Builder::panic_policy) has had its say.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{block_on, future};
/// let tasks: Vec<_> = (0..10).map(|i| future::spawn(async move { i * i })).collect();
/// let sum = block_on(async {
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum, 285);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    let (runnable, task) = async_task::spawn(Caught(Some(future)), move |r| schedule(r, site));
    runnable.schedule();
    Task(Some(task.fallible()))
}

/// Has a goroutine poll a task that has been woken.
fn schedule(runnable: Runnable, site: &'static Location<'static>) {
    let lent = Lent(runnable.into_raw());
    let poll = move || lent.take().run();
    // SAFETY: a runnable may be sent, and owns what it uses.
    if unsafe { detached_in_turn(poll, site) }.is_err() {
        // It must be polled some time, even if there is no stack for that now.
        let poll = move || {
            lent.take().run();
        };
        if start(poll, site).is_err() {
            // There is no runtime, so nobody took it: dropping it cancels the task, and who joins is told.
            drop(lent.take());
        }
    }
}

/// A runnable that belongs to whoever takes it out: dropping this does nothing.
#[derive(Clone, Copy)]
struct Lent(NonNull<()>);

// SAFETY: a `Runnable` may be sent.
unsafe impl Send for Lent {}

impl Lent {
    /// Called for one of the copies: by the goroutine, or if there is none by who wanted to start it.
    fn take(self) -> Runnable {
        // SAFETY: it comes from `Runnable::into_raw`, and is turned back once, see above.
        unsafe { Runnable::from_raw(self.0) }
    }
}

/// A future whose panic is its result. It is there until it has ended.
struct Caught<F>(Option<F>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // It calls `schedule`.
        vouch(cx.waker());
        // SAFETY: the future is pinned as its wrapper is: nothing moves it out, and there is no `Drop`.
        let mut future = unsafe { self.map_unchecked_mut(|caught| &mut caught.0) };
        let poll = || match future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => unreachable!("a task is not polled after its end"),
        };
        let outcome = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => Ok(ready!(poll)),
            Err(payload) => Err(payload),
        };
        // Here, because what its destructors wait for is not to be cut short if it has called `exit`. A panic
        // of theirs has been printed; what the future has come to stands.
        let dropped = catch_unwind(AssertUnwindSafe(|| shielded(|| future.set(None))));
        if let Err(payload) = dropped {
            std::mem::forget(payload);
        }
        crash_if_configured(&outcome);
        Poll::Ready(outcome)
    }
}

/// The right to a task's result, made by [`spawn`]: a future of it.
///
/// Dropping it lets the task go on, as with a [`JoinHandle`](crate::JoinHandle).
///
/// Its output is an `Err` with what the future panicked with; with a [`Cancelled`] if there is no runtime,
/// or if it is polled again after it has given its result.
pub struct Task<T>(Option<FallibleTask<Result<T>>>);

impl<T> Task<T> {
    /// Waits for the task to end and gives its result; the goroutine only, not its thread.
    ///
    /// # Errors
    ///
    /// What it panicked with.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// assert_eq!(goroutines::future::spawn(async { 7 }).join().unwrap(), 7);
    /// # });
    /// ```
    pub fn join(self) -> Result<T> {
        super::block_on(self)
    }

    /// Stops the task at its present or next `await`, and waits until its future has been dropped.
    ///
    /// Gives the result if there is one already. Dropping the future that this gives, once it has been
    /// polled, does not keep the task from stopping.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let task = goroutines::future::spawn(std::future::pending::<()>());
    /// assert!(goroutines::block_on(task.cancel()).is_none());
    /// # });
    /// ```
    pub async fn cancel(mut self) -> Option<Result<T>> {
        self.0.take()?.cancel().await
    }

    /// Whether it has ended.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let task = goroutines::future::spawn(std::future::pending::<()>());
    /// assert!(!task.is_finished());
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(FallibleTask::is_finished)
    }
}

impl<T> Unpin for Task<T> {}

impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Some(task) = &mut self.0 else {
            return Poll::Ready(Err(Box::new(Cancelled)));
        };
        let outcome = ready!(Pin::new(task).poll(cx));
        self.0 = None;
        Poll::Ready(outcome.unwrap_or_else(|| Err(Box::new(Cancelled))))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

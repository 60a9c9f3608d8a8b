//! Joining a goroutine.

use super::goroutine::Goroutine;
use goroutines_runtime::park::Moment;
use goroutines_runtime::spawn::Join;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub use goroutines_runtime::park::{Cancelled, Exited};

/// What a goroutine left: its value, or what it panicked with. As [`std::thread::Result`].
///
/// After [`exit`](crate::exit) it is an `Err` with an [`Exited`] in it, after
/// [`cancel`](JoinHandle::cancel) with a [`Cancelled`].
pub type Result<T> = std::thread::Result<T>;

/// The right to wait for a goroutine and to take its result, as [`std::thread::JoinHandle`].
///
/// Dropping it neither ends the goroutine nor waits for it.
///
/// It is a future too: awaited, it gives what [`join`](JoinHandle::join) gives. Dropping the future of a
/// goroutine that runs is dropping the handle.
///
/// ```
/// # goroutines::run(|| {
/// let sum = goroutines::block_on(async {
///     let (a, b) = (goroutines::spawn(|| 1), goroutines::spawn(|| 2));
///     a.await.unwrap() + b.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// # });
/// ```
pub struct JoinHandle<T>(pub(crate) Join<T>);

impl<T> JoinHandle<T> {
    /// Waits for the goroutine to end and gives its result.
    ///
    /// What the goroutine did is visible afterwards, and it is not counted by
    /// [`num_goroutines`](crate::num_goroutines) any more. One that joins itself waits for ever.
    ///
    /// # Errors
    ///
    /// What it panicked with; an [`Exited`] if it called [`exit`](crate::exit).
    ///
    /// # Panics
    ///
    /// If the handle has been polled as a future and has given the result.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// assert_eq!(goroutines::spawn(|| 1 + 1).join().unwrap(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.0.join()
    }

    /// As [`join`](JoinHandle::join), for `timeout` at most. One that has ended is not late, also with a
    /// timeout of zero.
    ///
    /// # Errors
    ///
    /// The handle, if the goroutine has not ended by then; it goes on. (What it panicked with is in the
    /// `Ok`.)
    ///
    /// # Panics
    ///
    /// As [`join`](JoinHandle::join).
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::bounded, spawn};
    /// use std::time::Duration;
    ///
    /// let (go, wait) = bounded::<()>(0);
    /// let worker = spawn(move || wait.recv().is_err());
    /// let Err(worker) = worker.join_timeout(Duration::from_millis(2)) else { panic!("already?") };
    /// drop(go);
    /// assert!(worker.join_timeout(Duration::from_secs(60)).unwrap().unwrap());
    /// # });
    /// ```
    #[track_caller]
    pub fn join_timeout(self, timeout: Duration) -> std::result::Result<Result<T>, JoinHandle<T>> {
        self.0.join_by(Moment::after(timeout)).map_err(JoinHandle)
    }

    /// As [`join_timeout`](JoinHandle::join_timeout), until `deadline` at most.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Panics
    ///
    /// The same.
    #[track_caller]
    pub fn join_deadline(self, deadline: Instant) -> std::result::Result<Result<T>, JoinHandle<T>> {
        let deadline = Moment::from_instant(deadline);
        self.0.join_by(deadline).map_err(JoinHandle)
    }

    /// Asks the goroutine to unwind at its present or next wait.
    ///
    /// Its destructors run, and [`join`](JoinHandle::join) gives a [`Cancelled`] as error. One that has
    /// not started will not. An operation either happens and returns, or unwinds and has not happened: no
    /// value that was received, and nothing that was read, is lost on the way. A `catch_unwind` that
    /// catches the unwinding only delays it to the next wait or yield. What waits because a destructor runs
    /// during the unwinding is not interrupted, nor what waits inside [`shielded`](crate::shielded), the
    /// end of a [`scope`](crate::scope), or [`blocking`](crate::blocking).
    ///
    /// It does not reach a goroutine that computes without waiting, nor ends one that catches it for ever: that
    /// one goes on as if it had called [`yield_now`](crate::yield_now) each time. It does not wait for the end.
    /// A goroutine that ends before it notices ends as usual.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let sleeper = goroutines::spawn(|| goroutines::sleep(std::time::Duration::MAX));
    /// sleeper.cancel();
    /// assert!(sleeper.join().unwrap_err().is::<goroutines::Cancelled>());
    /// # });
    /// ```
    pub fn cancel(&self) {
        goroutines_runtime::park::cancel(self.0.handle());
    }

    /// Whether it has ended, so that [`join`](JoinHandle::join) would not wait.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// A handle to the goroutine.
    pub fn goroutine(&self) -> &Goroutine {
        Goroutine::from_ref(self.0.handle())
    }

    /// The same as [`goroutine`](JoinHandle::goroutine), under the name `std` has for it.
    pub fn thread(&self) -> &Goroutine {
        self.goroutine()
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T>;

    /// # Panics
    ///
    /// If it has given the result before.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.0.poll(cx)
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("goroutine", self.goroutine())
            .finish_non_exhaustive()
    }
}

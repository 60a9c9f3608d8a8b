//! Waiting without a partner: yield, sleep, park, exit.

use goroutines_runtime::{park, spawn};
use std::time::{Duration, Instant};

/// Lets other goroutines run, as Go's `Gosched`.
///
/// The caller stays ready and goes on after those that were ready on its worker. On a plain thread it is
/// [`std::thread::yield_now`].
///
/// ```
/// # goroutines::run(|| {
/// let ready = goroutines::spawn(|| ());
/// while !ready.is_finished() {
///     goroutines::yield_now();
/// }
/// # });
/// ```
#[inline(always)]
pub fn yield_now() {
    park::yield_now();
}

/// Waits for at least `duration`; the goroutine only, not its thread.
///
/// Never returns early. Zero returns at once without letting others run, as in Go (use [`yield_now`]
/// for that). [`Duration::MAX`] is for ever.
///
/// ```
/// # goroutines::run(|| {
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// goroutines::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
pub fn sleep(duration: Duration) {
    if !duration.is_zero() {
        park::sleep_until(park::Moment::after(duration));
    }
}

/// Waits until `deadline`; returns at once if it has passed.
///
/// ```
/// # goroutines::run(|| {
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(2);
/// goroutines::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
pub fn sleep_until(deadline: Instant) {
    let deadline = park::Moment::from_instant(deadline);
    if deadline > park::Moment::now() {
        park::sleep_until(deadline);
    }
}

/// Waits until somebody gives this goroutine its token with [`unpark`](crate::Goroutine::unpark), and
/// consumes it.
///
/// A token given before counts. As with [`std::thread::park`], it may return without one, though
/// today it does not: check what you wait for in a loop.
///
/// ```
/// # goroutines::run(|| {
/// let me = goroutines::current();
/// goroutines::go!(move || me.unpark());
/// goroutines::park();
/// # });
/// ```
pub fn park() {
    park::park_token(park::Moment::NEVER);
}

/// As [`park()`], for `duration` at most.
///
/// ```
/// # goroutines::run(|| {
/// goroutines::park_timeout(std::time::Duration::from_millis(1));
/// # });
/// ```
pub fn park_timeout(duration: Duration) {
    park::park_token(park::Moment::after(duration));
}

/// Runs `f` so that a [`cancel`](crate::JoinHandle::cancel) of this goroutine does not interrupt the
/// waits in it; it takes effect at the next wait after it.
///
/// ```
/// # goroutines::run(|| {
/// goroutines::shielded(|| goroutines::sleep(std::time::Duration::from_millis(1)));
/// # });
/// ```
pub fn shielded<R>(f: impl FnOnce() -> R) -> R {
    park::shielded(f)
}

/// Whether the calling goroutine, or plain thread, unwinds because of a panic, as
/// [`std::thread::panicking`].
///
/// That is what a destructor asks to find out whether what it leaves behind may be half done: locks decide
/// by it whether they are poisoned. It is `false` in a goroutine that unwinds because it calls [`exit`] or
/// was [cancelled](crate::JoinHandle::cancel); `std`'s function says `true` there too, which is what
/// matters to code that must not panic a second time.
///
/// ```
/// # goroutines::run(|| {
/// struct Log;
/// impl Drop for Log {
///     fn drop(&mut self) {
///         if goroutines::panicking() {
///             println!("not finished");
///         }
///     }
/// }
/// assert!(!goroutines::panicking());
/// # drop(Log);
/// # });
/// ```
pub fn panicking() -> bool {
    park::panicking()
}

/// Ends the calling goroutine, as Go's `Goexit`: its destructors run, others go on.
///
/// Who joins it gets an [`Exited`](crate::Exited) as error. Nothing recovers an exit: if a
/// `catch_unwind` on the way catches it, the goroutine unwinds again at its next call that waits or
/// yields, and its result does not count. If main exits the program goes on until no goroutine is left,
/// and then ends with an error, status 2.
///
/// In a destructor that runs because of a panic, this aborts the process, as a second panic would.
///
/// # Panics
///
/// On a plain thread: only a goroutine can be ended. With `panic = "abort"` it ends the process.
///
/// ```
/// # goroutines::run(|| {
/// let gone = goroutines::spawn(|| -> u32 { goroutines::exit() });
/// assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
/// # });
/// ```
#[track_caller]
pub fn exit() -> ! {
    spawn::exit();
    panic!("goroutines::exit was called on a thread that runs no goroutine")
}

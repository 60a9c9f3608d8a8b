//! Time: sleeping, timers, tickers, and goroutines that start later.
//!
//! - [`sleep`] pauses the goroutine.
//! - [`Timer`] gives one value when its time has come, through a receiver that works in a select. It can
//!   be stopped and set again. One that need not be is [`channel::after`](crate::channel::after).
//! - [`Ticker`] gives one value for each period. One that need not be stopped is
//!   [`channel::tick`](crate::channel::tick).
//! - [`after_func`] starts a goroutine when its time has come.
//! - [`timeout`] runs a closure and cancels it when the time is over.
//!
//! ```
//! # goroutines::run(|| {
//! use goroutines::time::{Ticker, Timer};
//! use std::time::Duration;
//!
//! let ticker = Ticker::new(Duration::from_millis(2));
//! for _ in 0..3 {
//!     ticker.c().recv().unwrap();
//! }
//! let timer = Timer::new(Duration::from_secs(3600));
//! assert!(timer.stop());
//! # });
//! ```
//!
//! # What is promised
//!
//! - Nothing is early, by the monotonic clock. A duration so long that the clock does not reach its end
//!   is for ever.
//! - The value of a timer or ticker is the moment at which it was due, not the one at which it was
//!   received.
//! - After `stop` or `reset`, no value that was due before is received, however the call raced with
//!   the clock, and by whomever.
//! - Timers and tickers that nobody waits for cost nothing: no memory but their own, no wake-ups. They
//!   need not be stopped, dropping is enough.

mod func;
mod ticker;
mod timeout;
mod timer;

pub use func::{FuncTimer, after_func};
pub use ticker::Ticker;
pub use timeout::{Elapsed, timeout};
pub use timer::Timer;

use goroutines_runtime::park::{self, Moment};
use std::time::{Duration, Instant};

/// Waits for at least `duration`; the goroutine only, not its thread. The same as
/// [`goroutines::sleep`](crate::sleep).
///
/// ```
/// # goroutines::run(|| {
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// goroutines::time::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
pub fn sleep(duration: Duration) {
    if !duration.is_zero() {
        park::sleep_until(Moment::after(duration));
    }
}

/// Waits until `deadline`; returns at once if it has passed. The same as
/// [`goroutines::sleep_until`](crate::sleep_until).
///
/// ```
/// # goroutines::run(|| {
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(2);
/// goroutines::time::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
pub fn sleep_until(deadline: Instant) {
    let deadline = Moment::from_instant(deadline);
    if deadline > Moment::now() {
        park::sleep_until(deadline);
    }
}

/// The moment `duration` from now, or one that does not come but is not [`Moment::NEVER`]: a timer set
/// to it is running.
fn moment_after(duration: Duration) -> Moment {
    Moment::after(duration).min(Moment(Moment::NEVER.0 - 1))
}

//! `Timer`: one value, at a moment that can be changed.
//!
//! Not for: how receivers wait for it (`channel::timer`).

use super::moment_after;
use crate::channel::timer::Timer as Clock;
use crate::channel::{Receiver, slot::many::Port};
use goroutines_runtime::park::Moment;
use std::fmt;
use std::time::{Duration, Instant};

/// The receiver of a timer that can be set again.
#[derive(Clone)]
pub(super) struct Settable(Receiver<Instant>);

impl Settable {
    pub(super) fn new() -> Settable {
        Settable(Receiver::timer(Clock::adjustable()))
    }

    pub(super) fn receiver(&self) -> &Receiver<Instant> {
        &self.0
    }

    /// See `channel::timer::Timer::set`.
    pub(super) fn set(&self, when: Moment, period: u64) -> bool {
        match self.0.port() {
            Port::Timer(clock) => clock.set(when, period),
            _ => unreachable!("made by `new`"),
        }
    }
}

/// Gives one value when its time has come, as Go's `time.Timer`.
///
/// Clones are the same timer. Dropping all of them leaves receivers cloned from [`Timer::c`] as they are,
/// and otherwise frees it; it need not be stopped.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::time::Timer;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let timer = Timer::new(Duration::from_secs(3600));
/// assert!(timer.reset(Duration::from_millis(2))); // it was running
/// let due = timer.c().recv().unwrap();
/// assert!(due >= start + Duration::from_millis(2));
/// assert!(!timer.stop()); // it has given its value
/// # });
/// ```
#[derive(Clone)]
pub struct Timer(Settable);

impl Timer {
    /// A timer that is due after `duration`: at once if that is zero, never if the clock does not get
    /// there.
    ///
    /// ```
    /// use goroutines::time::Timer;
    /// use std::time::Duration;
    /// assert!(Timer::new(Duration::ZERO).c().recv().is_ok());
    /// ```
    pub fn new(duration: Duration) -> Timer {
        let timer = Settable::new();
        timer.set(moment_after(duration), 0);
        Timer(timer)
    }

    /// Where the value comes out: the moment at which the timer was due.
    ///
    /// It behaves like a rendezvous channel: [`len`](Receiver::len) and capacity are 0. Of many who
    /// receive, one gets the value. It is never closed.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::Timer;
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Duration::from_millis(1));
    /// assert!(timer.c().try_recv().is_err());
    /// timer.c().recv().unwrap();
    /// # });
    /// ```
    pub fn c(&self) -> &Receiver<Instant> {
        self.0.receiver()
    }

    /// Stops it; `true`: there would have been a value.
    ///
    /// That is so while it is running, and if it was due but nobody has received the value: that value
    /// is gone. `false` if the value was received, or if it was stopped before.
    ///
    /// ```
    /// use goroutines::time::Timer;
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Duration::ZERO); // is due
    /// assert!(timer.stop());
    /// assert!(timer.c().try_recv().is_err());
    /// assert!(!timer.stop());
    /// ```
    pub fn stop(&self) -> bool {
        self.0.set(Moment::NEVER, 0)
    }

    /// Sets it to `duration` from now, whatever it did before; `true`: there would have been a value, as
    /// with [`Timer::stop`].
    ///
    /// Those who wait for it wait for the new moment.
    ///
    /// ```
    /// use goroutines::time::Timer;
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Duration::ZERO);
    /// assert!(timer.reset(Duration::from_secs(3600)));
    /// assert!(timer.c().try_recv().is_err());
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        self.0.set(moment_after(duration), 0)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Timer { .. }")
    }
}

//! `Ticker`: one value for each period.
//!
//! Not for: how receivers wait for it (`channel::timer`).

use super::moment_after;
use super::timer::Settable;
use crate::channel::Receiver;
use goroutines_runtime::park::Moment;
use std::fmt;
use std::time::{Duration, Instant};

/// Gives a value for each period, as Go's `time.Ticker`.
///
/// Ticks are not queued: for a receiver that is late, the first one missed is kept, the others are
/// dropped, and those to come are where they would have been.
///
/// Clones are the same ticker. Dropping all of them leaves receivers cloned from [`Ticker::c`] as they
/// are, and otherwise frees it; it need not be stopped.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::time::Ticker;
/// use std::time::{Duration, Instant};
///
/// let period = Duration::from_millis(2);
/// let (start, ticker) = (Instant::now(), Ticker::new(period));
/// for (i, due) in ticker.c().iter().take(3).enumerate() {
///     assert!(due >= start + period * (i as u32 + 1));
/// }
/// # });
/// ```
#[derive(Clone)]
pub struct Ticker(Settable);

impl Ticker {
    /// A ticker whose first value comes one period from now.
    ///
    /// # Panics
    ///
    /// If the period is zero; [`channel::tick`](crate::channel::tick) gives one that never ticks then.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::Ticker;
    /// use std::time::Duration;
    /// Ticker::new(Duration::from_millis(1)).c().recv().unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn new(period: Duration) -> Ticker {
        let ticker = Ticker(Settable::new());
        ticker.set(period, "Ticker::new");
        ticker
    }

    #[track_caller]
    fn set(&self, period: Duration, who: &str) {
        if period.is_zero() {
            panic!("{who}: the period of a ticker must not be zero");
        }
        let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        self.0.set(moment_after(period), nanos);
    }

    /// Where the values come out: the moments at which they were due.
    ///
    /// It behaves like a rendezvous channel: [`len`](Receiver::len) and capacity are 0. Of many who
    /// receive, one gets each value. It is never closed.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::Ticker;
    /// use std::time::Duration;
    ///
    /// let ticker = Ticker::new(Duration::from_millis(1));
    /// let first = ticker.c().recv().unwrap();
    /// assert!(ticker.c().recv().unwrap() > first);
    /// # });
    /// ```
    pub fn c(&self) -> &Receiver<Instant> {
        self.0.receiver()
    }

    /// Stops it: no value comes any more, also none that was due.
    ///
    /// The receiver is not closed: who receives waits, until the ticker is set again.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::Ticker;
    /// use std::time::Duration;
    ///
    /// let ticker = Ticker::new(Duration::from_nanos(1));
    /// ticker.stop();
    /// assert!(ticker.c().try_recv().is_err());
    /// # });
    /// ```
    pub fn stop(&self) {
        self.0.set(Moment::NEVER, 0);
    }

    /// Changes the period, and starts it again if it was stopped. The next value comes one period from
    /// now; one that was due is gone.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::Ticker;
    /// use std::time::Duration;
    ///
    /// let ticker = Ticker::new(Duration::from_secs(3600));
    /// ticker.reset(Duration::from_millis(1));
    /// ticker.c().recv().unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        self.set(period, "Ticker::reset");
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Ticker { .. }")
    }
}

//! The one clock: nanoseconds of monotonic time since the program first asked.
//!
//! Not for: wall-clock time.

use crate::shim::OnceLock;
use std::time::{Duration, Instant};

/// A moment, in nanoseconds since the clock's start. [`Moment::NEVER`] is later than all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

static START: OnceLock<Instant> = OnceLock::new();

fn start() -> Instant {
    // One second back, so that moments shortly before the first call can still be told apart.
    *START.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
    })
}

impl Moment {
    /// Later than every moment that comes: a deadline that does not pass.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// Now.
    #[inline]
    pub fn now() -> Moment {
        Moment::from_instant(Instant::now())
    }

    /// The moment of a standard instant; one too far away is [`Moment::NEVER`], one before the
    /// clock's start is the start.
    pub fn from_instant(at: Instant) -> Moment {
        let nanos = at.saturating_duration_since(start()).as_nanos();
        Moment(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// `duration` from now; what overflows is [`Moment::NEVER`].
    pub fn after(duration: Duration) -> Moment {
        Moment::now().plus(duration)
    }

    /// This moment moved by `duration`; what overflows is [`Moment::NEVER`].
    pub fn plus(self, duration: Duration) -> Moment {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(nanos))
    }

    /// How long it is from `earlier` to this moment; zero if it is the other way round.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment as a standard instant; `None` for [`Moment::NEVER`].
    pub fn to_instant(self) -> Option<Instant> {
        if self == Moment::NEVER {
            return None;
        }
        start().checked_add(Duration::from_nanos(self.0))
    }
}

//! `sleep` as a future.
//!
//! Not for: goroutines; they call `goroutines::sleep`.

use goroutines_runtime::park::Moment;
use goroutines_runtime::spawn::{self, Alarm, StandIn};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Waits for at least `duration`, from this call on; [`Duration::MAX`] is for ever.
///
/// Never early. The timer is set at the first poll; dropping the future takes it back.
///
/// ```
/// # goroutines::run(|| {
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// goroutines::block_on(goroutines::future::sleep(Duration::from_millis(2)));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::until(Moment::after(duration))
}

/// Waits until `deadline`; ends at once if it has passed.
///
/// ```
/// # goroutines::run(|| {
/// let now = std::time::Instant::now();
/// goroutines::block_on(goroutines::future::sleep_until(now));
/// # });
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::until(Moment::from_instant(deadline))
}

/// Ends when its time has come; made by [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    deadline: Moment,
    /// What waits, and what wakes it.
    set: Option<(StandIn, Alarm)>,
}

impl Sleep {
    fn until(deadline: Moment) -> Sleep {
        Sleep {
            deadline,
            set: None,
        }
    }

    /// Sets another deadline, whether the old one has passed or not. It must be polled after that: the
    /// task that polled it before is not woken.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use std::time::{Duration, Instant};
    /// let mut sleep = goroutines::future::sleep(Duration::MAX);
    /// sleep.reset(Instant::now());
    /// goroutines::block_on(sleep);
    /// # });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.take_back();
        self.deadline = Moment::from_instant(deadline);
    }

    fn take_back(&mut self) {
        if let Some((_, alarm)) = self.set.take() {
            alarm.cancel();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    /// # Panics
    ///
    /// If there is no runtime to keep time.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline == Moment::NEVER {
            return Poll::Pending;
        }
        if self.deadline <= Moment::now() {
            self.take_back();
            return Poll::Ready(());
        }
        if let Some((stand_in, _)) = &mut self.set
            && !stand_in.poll(cx.waker())
        {
            return Poll::Pending;
        }
        let mut stand_in = StandIn::new();
        let end = stand_in.begin(cx.waker());
        let wake = move || {
            end.wake();
        };
        match spawn::alarm(self.deadline, wake, Location::caller()) {
            Ok(alarm) => self.set = Some((stand_in, alarm)),
            Err(error) => panic!("{error}"),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.take_back();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}

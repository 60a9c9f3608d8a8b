//! `after_func`: a goroutine that starts later.
//!
//! Not for: doing something when a context ends (`context`).

use super::moment_after;
use goroutines_runtime::shim::{Arc, Lock};
use goroutines_runtime::spawn::{self, Alarm};
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// Starts a goroutine that runs `f` after `duration`, as Go's `time.AfterFunc`.
///
/// `f` has a goroutine of its own, so it may wait and take long. Dropping the result changes nothing:
/// only [`FuncTimer::stop`] keeps `f` from running.
///
/// # Panics
///
/// If there is no runtime to run it: see [`StartError`](crate::runtime::StartError).
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{channel::bounded, time::after_func};
/// use std::time::Duration;
///
/// let (s, r) = bounded(0);
/// after_func(Duration::from_millis(2), move || s.send("time is up").unwrap());
/// assert_eq!(r.recv(), Ok("time is up"));
/// # });
/// ```
#[track_caller]
pub fn after_func<F>(duration: Duration, f: F) -> FuncTimer
where
    F: Fn() + Send + Sync + 'static,
{
    let timer = FuncTimer(Arc::new(Func {
        alarm: Lock::new(None),
        site: Location::caller(),
        f,
    }));
    timer.reset(duration);
    timer
}

/// A goroutine that is to start later, made by [`after_func`]. Clones are the same one.
#[derive(Clone)]
pub struct FuncTimer(Arc<Func<dyn Fn() + Send + Sync>>);

struct Func<F: ?Sized> {
    /// The last setting, whether it was due or not.
    alarm: Lock<Option<Alarm>>,
    site: &'static Location<'static>,
    f: F,
}

impl FuncTimer {
    /// Stops it; `true`: the goroutine will not start. `false`: it has started, or it was stopped
    /// before. It does not wait for the goroutine.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::time::after_func;
    /// use std::time::Duration;
    ///
    /// let later = after_func(Duration::from_secs(3600), || unreachable!());
    /// assert!(later.stop());
    /// assert!(!later.stop());
    /// # });
    /// ```
    pub fn stop(&self) -> bool {
        let alarm = self.0.alarm.lock().take();
        alarm.is_some_and(Alarm::cancel)
    }

    /// Sets it to `duration` from now; `true`: it was running, `false`: the goroutine has started, or it
    /// was stopped.
    ///
    /// If it has started before, another one starts then; the two may overlap.
    ///
    /// # Panics
    ///
    /// As [`after_func`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::unbounded, time::after_func};
    /// use std::time::Duration;
    ///
    /// let (s, r) = unbounded();
    /// let later = after_func(Duration::from_secs(3600), move || s.send(()).unwrap());
    /// assert!(later.reset(Duration::ZERO));
    /// assert_eq!(r.recv(), Ok(()));
    /// assert!(!later.reset(Duration::ZERO));
    /// assert_eq!(r.recv(), Ok(()));
    /// # });
    /// ```
    #[track_caller]
    pub fn reset(&self, duration: Duration) -> bool {
        let func = self.0.clone();
        let run = move || (func.f)();
        let mut alarm = self.0.alarm.lock();
        // The lock of the timers is taken within this one, by cancelling and by setting; nobody takes
        // them the other way round.
        let running = alarm.take().is_some_and(Alarm::cancel);
        match spawn::alarm(moment_after(duration), run, self.0.site) {
            Ok(set) => *alarm = Some(set),
            Err(error) => panic!("{error}"),
        }
        running
    }
}

impl fmt::Debug for FuncTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuncTimer")
            .field("site", &self.0.site)
            .finish_non_exhaustive()
    }
}

//! What hyper 1 asks of a runtime: tasks and time.
//!
//! Not for: connections.

use super::sleep::{Sleep, sleep, sleep_until};
use super::task::spawn;
use ::hyper::rt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// Runs hyper's futures as [tasks](crate::future::spawn()) of this runtime.
///
/// ```
/// # goroutines::run(|| {
/// use hyper::rt::Executor as _;
/// let (s, r) = goroutines::channel::bounded(1);
/// goroutines::future::Executor.execute(async move { s.send_async(1).await });
/// assert_eq!(r.recv(), Ok(1));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(spawn(future));
    }
}

/// Keeps time for hyper, on the timers of this runtime.
///
/// ```
/// # goroutines::run(|| {
/// use hyper::rt::Timer as _;
/// let sleep = goroutines::future::Timer.sleep(std::time::Duration::from_millis(1));
/// goroutines::block_on(sleep);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep_until(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(sleep) => sleep.get_mut().reset(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl rt::Sleep for Sleep {}

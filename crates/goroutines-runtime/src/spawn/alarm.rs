//! Goroutines that start at a moment, and those that must be started.
//!
//! Not for: results. What is started owns what it uses, so nobody has to vouch for anything here.
//!
//! A timer that is due runs no code of a user on the worker that noticed it: it starts a goroutine.
#![allow(unsafe_code, reason = "starts goroutines that own what they use")]

use super::detached::detached_in_turn;
use super::launch::SpawnError;
use crate::sched::lifecycle::{self, Runtime};
use crate::sched::timers::{self, Set};
use crate::seam::clock::Moment;
use crate::timer::Due;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// How long to wait for memory or stacks before trying again to start what has to be started.
const AGAIN: Duration = Duration::from_millis(10);

/// A goroutine that is to start at a moment. Dropping this changes nothing.
#[derive(Debug)]
pub struct Alarm(Set);

impl Alarm {
    /// Takes it back; `false`: it has been started, or is about to be.
    pub fn cancel(self) -> bool {
        self.0.cancel()
    }
}

/// Starts a goroutine that runs `f` at `when`, or as soon afterwards as there is room for it; those of one
/// worker in the order in which they are due.
///
/// # Errors
///
/// If there is no runtime to run it.
pub fn alarm<F>(when: Moment, f: F, site: &'static Location<'static>) -> Result<Alarm, SpawnError>
where
    F: FnOnce() + Send + 'static,
{
    let runtime = lifecycle::ensure().map_err(SpawnError::Start)?;
    let start = Box::new(Start { runtime, f, site });
    Ok(Alarm(timers::call_at(runtime, when, start)))
}

/// Starts a goroutine that runs `f`, now or as soon as there is room for it.
///
/// # Errors
///
/// If there is no runtime to run it.
pub fn start<F>(f: F, site: &'static Location<'static>) -> Result<(), SpawnError>
where
    F: FnOnce() + Send + 'static,
{
    let runtime = lifecycle::ensure().map_err(SpawnError::Start)?;
    Box::new(Start { runtime, f, site }).due();
    Ok(())
}

struct Start<F> {
    runtime: &'static Runtime,
    f: F,
    site: &'static Location<'static>,
}

/// A box that belongs to whoever takes it out: dropping this does nothing.
struct Lent<T>(*mut T);

// SAFETY: it hands a `T` to one other thread.
unsafe impl<T: Send> Send for Lent<T> {}

impl<T> Lent<T> {
    /// # Safety
    ///
    /// Of all copies of the pointer one is taken.
    unsafe fn take(self) -> Box<T> {
        // SAFETY: it came from a box, and by the contract this is the only one that is made of it.
        unsafe { Box::from_raw(self.0) }
    }
}

impl<F: FnOnce() + Send + 'static> Due for Start<F> {
    /// `f` is not dropped here, whatever happens: that is for a goroutine to do.
    fn due(self: Box<Self>) {
        let site = self.site;
        let start = Box::into_raw(self);
        let lent = Lent(start);
        // SAFETY: a goroutine runs its closure once; and if there is none the box is still ours.
        let run = move || (unsafe { lent.take() }.f)();
        // SAFETY: `F` may be sent and owns what it uses.
        let Err(error) = (unsafe { detached_in_turn(run, site) }) else {
            return;
        };
        // SAFETY: no goroutine was made, so nobody else takes it.
        let start = unsafe { Lent(start).take() };
        match error {
            // A forked child, in which nothing runs any more.
            SpawnError::Start(_) => std::mem::forget(start),
            _ => drop(timers::call_at(start.runtime, Moment::after(AGAIN), start)),
        }
    }
}

impl<F> fmt::Debug for Start<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Start({})", self.site)
    }
}

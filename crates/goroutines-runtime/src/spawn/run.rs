//! The main goroutine, and running something as a goroutine from a plain thread.
//!
//! Not for: the threads behind it (`sched::lifecycle`).
#![allow(
    unsafe_code,
    reason = "lends the caller's stack to a goroutine it waits for"
)]

use super::end::Outcome;
use super::join::joinable;
use super::launch::{Options, SpawnError, launch_main};
use crate::current;
use crate::park::Exited;
use crate::sched::lifecycle;
use std::panic::{Location, resume_unwind};

/// Runs `f` as a goroutine on one of the workers and waits for it; in a goroutine, just calls it.
///
/// A panic of `f` goes on in the caller.
pub fn run<F, T>(f: F, site: &'static Location<'static>) -> Result<T, SpawnError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::goroutine().is_some() {
        return Ok(call(f));
    }
    let options = main_options()?;
    // SAFETY: what `f` borrows lives as long as this call, which returns after the join only: on a
    // plain thread nothing else ends that wait. `f` and its result may be sent.
    let join = unsafe { joinable(Some(options), f, || (), site) }?;
    match join.join() {
        Ok(value) => Ok(value),
        Err(payload) if payload.is::<Exited>() => panic!("the function given to run called exit"),
        Err(payload) => resume_unwind(payload),
    }
}

/// Calls `f` in a frame of its own: inlined, its frame would be part of the caller's also where it runs
/// elsewhere.
#[inline(never)]
fn call<F: FnOnce() -> T, T>(f: F) -> T {
    f()
}

/// Starts the runtime with this thread as worker 0, and runs `f` on it as the main goroutine. If the
/// runtime has been started already this is [`run`].
///
/// When it returns, goroutines at home on this thread do not run any more: the process should end.
pub fn run_main<T: Send>(f: fn() -> T, site: &'static Location<'static>) -> Result<T, SpawnError> {
    if lifecycle::started().is_some() {
        return run(f, site);
    }
    let options = main_options()?;
    let mut outcome: Option<Outcome<T>> = None;
    let out = SendPtr(&raw mut outcome);
    let done = move |left| {
        let out = out;
        // SAFETY: points to `outcome` above, which nobody looks at before the main goroutine's end.
        unsafe { out.0.write(Some(left)) };
    };
    // SAFETY: `f` borrows nothing, and `done` writes to a place that lives until `serve_main`
    // returns, which is after the main goroutine's end.
    let make = || unsafe { launch_main(options, f, done, site) }.ok();
    // SAFETY: called after the main goroutine's end, when nobody else uses `outcome`.
    let gone = || matches!(unsafe { &*out.0 }, Some(Err(payload)) if payload.is::<Exited>());
    lifecycle::serve_main(make, gone).map_err(SpawnError::Start)?;
    match outcome {
        Some(Ok(value)) => Ok(value),
        Some(Err(payload)) => resume_unwind(payload),
        // Another thread was quicker to start the runtime, or there is no memory for a record.
        None => run(f, site),
    }
}

fn main_options() -> Result<Options, SpawnError> {
    let config = lifecycle::config().map_err(SpawnError::Start)?;
    Ok(Options {
        stack: Some(config.main_stack),
        main: true,
        ..Options::default()
    })
}

struct SendPtr<T>(*mut T);

impl<T> Clone for SendPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SendPtr<T> {}

// SAFETY: used as `run_main` says: by the main goroutine while `run_main` waits for it.
unsafe impl<T: Send> Send for SendPtr<T> {}

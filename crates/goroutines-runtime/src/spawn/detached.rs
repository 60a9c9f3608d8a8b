//! Goroutines that nobody joins.
//!
//! Not for: results; `join`.
#![allow(unsafe_code, reason = "takes its own packet out of the record")]

use super::end::{self, Outcome};
use super::launch::{Options, Order, SpawnError, launch};
use super::packet;
use crate::current;
use crate::g::{G, Task, registry};
use std::marker::PhantomData;
use std::panic::Location;

/// A goroutine that runs `F` and then `E` with what that left.
struct Detached<F, E, T>(PhantomData<(F, E, T)>);

impl<F: FnOnce() -> T, E: FnOnce(Outcome<T>), T> Detached<F, E, T> {
    const TASK: Task = Task {
        entry: Self::entry,
        discard: discard_empty,
    };

    /// # Safety
    ///
    /// `arg` is a record with a packet `(F, E)`.
    unsafe fn entry(arg: *mut ()) {
        // SAFETY: by the contract; records live for ever.
        let g = unsafe { &*arg.cast::<G>() };
        // SAFETY: by the contract, and an entry runs once.
        let (f, then) = unsafe { packet::take::<(F, E)>(g) };
        let outcome = end::run(g, f);
        end::crash_if_configured(&outcome);
        end::ended(g);
        end::quietly(|| then(outcome));
        end::gone(g);
    }
}

/// The task of a goroutine that runs `F` and then `E`.
pub(super) fn task<F: FnOnce() -> T, E: FnOnce(Outcome<T>), T>() -> &'static Task {
    &Detached::<F, E, T>::TASK
}

/// Recycles a record whose packet has been taken out.
fn discard_empty(g: &'static G) {
    current::with_pool(|pool| registry::recycle(g, pool));
}

/// Starts a goroutine whose result nobody wants.
///
/// # Safety
///
/// `F` and `T` may be dropped where the goroutine runs, and what `F` borrows outlives the goroutine;
/// with `options`, see `launch`.
#[inline]
pub unsafe fn detached<F: FnOnce() -> T, T>(
    options: Option<Options>,
    f: F,
    site: &'static Location<'static>,
) -> Result<(), SpawnError> {
    // SAFETY: as here.
    unsafe { make(options, Order::NewestFirst, f, forget, site) }
}

/// As [`detached`], behind those that were started so before.
///
/// # Safety
///
/// As [`detached`].
#[inline]
pub unsafe fn detached_in_turn<F: FnOnce() -> T, T>(
    f: F,
    site: &'static Location<'static>,
) -> Result<(), SpawnError> {
    // SAFETY: as here.
    unsafe { make(None, Order::InTurn, f, forget, site) }
}

/// As [`detached`], and at the end, when the goroutine is not counted any more, calls `then`.
///
/// # Safety
///
/// As [`detached`], for `E` too.
#[inline]
pub unsafe fn detached_then<F: FnOnce() -> T, E: FnOnce(Outcome<T>), T>(
    options: Option<Options>,
    f: F,
    then: E,
    site: &'static Location<'static>,
) -> Result<(), SpawnError> {
    // SAFETY: as here.
    unsafe { make(options, Order::NewestFirst, f, then, site) }
}

fn forget<T>(outcome: Outcome<T>) {
    match outcome {
        Ok(value) => drop(value),
        Err(payload) => end::drop_payload(payload),
    }
}

/// # Safety
///
/// As [`detached_then`].
#[inline]
unsafe fn make<F: FnOnce() -> T, E: FnOnce(Outcome<T>), T>(
    options: Option<Options>,
    order: Order,
    f: F,
    then: E,
    site: &'static Location<'static>,
) -> Result<(), SpawnError> {
    let task = task::<F, E, T>();
    // SAFETY: the task is for this packet; the rest is the caller's promise.
    unsafe { launch(options, order, task, false, || (f, then), site) }.map(drop)
}

//! The end of a goroutine: what its closure left, and what is done with it.
//!
//! Not for: telling a particular waiter (`join`, `detached`).

use crate::current;
use crate::g::{Flags, G};
use crate::park::{Cancelled, Exited, is_panic, shielded};
use crate::sched::config::PanicPolicy;
use crate::sched::lifecycle;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a goroutine left: its value, or what it unwound with ([`Exited`] after `exit`).
pub type Outcome<T> = std::thread::Result<T>;

/// Runs the closure; nothing gets past.
#[inline]
pub(super) fn run<T>(g: &'static G, f: impl FnOnce() -> T) -> Outcome<T> {
    if g.has(Flags::CANCEL) {
        return cancelled(f);
    }
    let outcome = catch_unwind(AssertUnwindSafe(f));
    if g.has(Flags::EXITING) {
        return exited(outcome);
    }
    outcome
}

/// It was cancelled before it began: its closure is dropped instead of run.
///
/// Destructors may wait, as they may while a goroutine unwinds; the cancel does not cut them short.
#[cold]
fn cancelled<T>(f: impl FnOnce() -> T) -> Outcome<T> {
    quietly(|| shielded(|| drop(f)));
    Err(Box::new(Cancelled))
}

/// The goroutine has called `exit`: that stands, even if something caught it and went on, unless it
/// panicked afterwards.
#[cold]
fn exited<T>(outcome: Outcome<T>) -> Outcome<T> {
    match outcome {
        Err(payload) if is_panic(&*payload) => Err(payload),
        other => {
            quietly(|| drop(other));
            Err(Box::new(Exited))
        }
    }
}

/// Done by every goroutine after its closure, still on its own stack: its goroutine-local values are
/// dropped, and it is counted as ended.
#[inline]
pub(super) fn ended(g: &'static G) {
    if g.has(Flags::EXITING | Flags::CANCEL) {
        // That is done. What destructors wait for from now on is not to be interrupted.
        g.set(Flags::SHIELDED);
    }
    gone(g);
    match current::worker() {
        Some(header) => {
            header.counts.ended.bump();
            if !g.has(Flags::MIGRATABLE) {
                header.counts.left.bump();
            }
        }
        // In a forked child; `sched` sees to it that this is the end.
        None => std::process::exit(0),
    }
}

/// The last thing on a goroutine's stack: drops goroutine-local values that what came after
/// [`ended`] has made.
#[inline]
pub(super) fn gone(g: &'static G) {
    if g.ext().is_some() {
        drop_locals();
    }
}

#[cold]
fn drop_locals() {
    current::locals().pop_all(|value| quietly(|| drop(value)));
}

/// Runs something that must not unwind further. A panic in it has been printed by the hook.
pub(super) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Drops what a panic carried; if even that panics, it is leaked.
pub(super) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// After an uncaught panic: ends the process if that is the policy.
#[inline]
pub fn crash_if_configured<T>(outcome: &Outcome<T>) {
    if let Err(payload) = outcome
        && is_panic(&**payload)
        && lifecycle::started().is_some_and(|r| r.config.panic == PanicPolicy::Exit)
    {
        // The hook has printed the message, and the goroutine's destructors have run.
        std::process::exit(2);
    }
}

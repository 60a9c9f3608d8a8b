//! The panic count of a thread, when a fiber leaves it in the middle of unwinding.
//!
//! Not for catching panics: whoever writes the function of a fiber does that.
//!
//! # The problem
//!
//! `std` counts panics per OS thread: a panic raises the count, catching it lowers it, and in
//! between `std::thread::panicking()` is true. A fiber that suspends in between (a `Drop` that
//! waits for something) leaves the count raised for every other fiber on that thread: their
//! `std::sync::Mutex` guards poison what they lock, and their first panic aborts the process.
//!
//! # The method
//!
//! There is no stable call that sets the count, but there is a way to *carry* one. A *carrier* is
//! a fiber that is itself in the middle of unwinding: it panics, and a `Drop` suspends it.
//! Starting it raises the count of the thread it is started on by one; resuming it to its end,
//! where it catches its panic, lowers the count of the thread it is resumed on by one. Each
//! carrier that waits is thus the right to lower some thread's count by one.
//!
//! - [`set_aside`] needs such a carrier, for each count: it takes a waiting one from the *stock*,
//!   or has one started by a helper thread, whose count ends with it. It finishes the carrier
//!   here, and keeps its stack.
//! - [`PanicCount::put_back`] starts a carrier on each of these stacks, which raises the count,
//!   and puts it into the stock, where the next `set_aside` finds it. So it cannot fail.
//!
//! The stock never holds more carriers than counts were set aside at the same time. `std` also
//! keeps a count for the whole process, which makes `panicking()` fast while it is zero; each
//! carrier in the stock keeps that one raised, so that a `std` lock then looks at the count of its
//! thread, too.
//!
//! # Thread-locals
//!
//! The carrier moves between threads, so nothing in it may keep the address of a thread-local
//! across its suspension. The code of this file touches none: the count is changed by functions
//! of `std` that are called before (`resume_unwind`) or after (the clean-up of `catch_unwind`),
//! and compute the address when they are called. What can be seen of the suspension from here is
//! one opaque call in a `Drop` that is not inlined.

#[cfg(test)]
mod tests;

use std::panic::{catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::context::{Fiber, Resumed, suspend};
use crate::stack::{Stack, StackSize, put_shared, take_shared};

/// Carriers that wait: each has raised some thread's count, and will lower that of the thread it
/// is resumed on.
static STOCK: Mutex<Vec<Carrier>> = Mutex::new(Vec::new());

fn stock() -> MutexGuard<'static, Vec<Carrier>> {
    // Locked in the middle of panics by design, so poisoned often, which means nothing: a Vec is
    // never left half changed.
    STOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was set aside of a thread's panic count.
///
/// To be put back on the thread that then runs the fiber, before its unwinding goes on. Dropping
/// it instead leaves the thread with a count that is too low, which `std` does not survive when
/// the panic is caught: so dropping aborts, unless the count is zero.
#[must_use = "the fiber must not go on unwinding before its count is put back"]
#[derive(Debug)]
pub struct PanicCount {
    /// One for each count, for a carrier to raise it again.
    stacks: Vec<Stack>,
}

/// Lowers this thread's panic count to zero, so that other fibers can run on it, and remembers
/// what it was. Call it before a switch, if `std::thread::panicking()`.
///
/// If a helper thread is needed and cannot be had, the count stays as it is (or is lowered in
/// part).
#[cold]
#[inline(never)]
pub fn set_aside() -> PanicCount {
    let mut stacks = Vec::new();
    while thread::panicking() {
        let waiting = stock().pop();
        let Some(carrier) = waiting.or_else(started_elsewhere) else {
            break;
        };
        stacks.push(carrier.finish());
    }
    PanicCount { stacks }
}

impl PanicCount {
    /// Raises this thread's panic count to what it was.
    #[cold]
    #[inline(never)]
    pub fn put_back(mut self) {
        for stack in self.stacks.drain(..) {
            let carrier = Carrier::start(stack);
            stock().push(carrier);
        }
    }

    /// How much was set aside.
    #[must_use]
    pub fn count(&self) -> usize {
        self.stacks.len()
    }
}

impl Drop for PanicCount {
    fn drop(&mut self) {
        if !self.stacks.is_empty() {
            eprintln!("goroutines: a panic count was set aside and never put back");
            std::process::abort();
        }
    }
}

/// A carrier started by a thread that ends at once, and takes its raised count with it.
fn started_elsewhere() -> Option<Carrier> {
    let stack = take_shared(StackSize::MIN).ok()?;
    // A thread that cannot be made would drop the stack with the closure: keep it here.
    let stack = std::sync::Arc::new(Mutex::new(Some(stack)));
    let theirs = stack.clone();
    let name = "goroutines-panic-count".to_owned();
    let helper = thread::Builder::new().name(name).spawn(move || {
        let stack = theirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        Some(Carrier::start(stack))
    });
    let carrier = helper.ok().and_then(|helper| helper.join().ok()).flatten();
    if let Some(unused) = stack.lock().unwrap_or_else(PoisonError::into_inner).take() {
        put_shared(unused);
    }
    carrier
}

/// A fiber that is suspended in the middle of unwinding.
#[derive(Debug)]
struct Carrier(Fiber);

impl Carrier {
    /// Raises this thread's count by one.
    #[inline(never)]
    fn start(stack: Stack) -> Carrier {
        let itself = ptr::with_exposed_provenance_mut(stack.base());
        // SAFETY: `carry` does not unwind, and a fiber is at the base of its stack.
        let fiber = unsafe { Fiber::new(stack, carry, itself) };
        // SAFETY: just made.
        let resumed = unsafe { fiber.resume() };
        assert_eq!(resumed, Resumed::Suspended);
        Carrier(fiber)
    }

    /// Lowers this thread's count by one.
    #[inline(never)]
    fn finish(self) -> Stack {
        // SAFETY: suspended by `start`, once, and handed on through a lock or a join. Nothing
        // on its stack belongs to a thread (see the head of this file).
        let resumed = unsafe { self.0.resume() };
        assert_eq!(resumed, Resumed::Finished);
        // SAFETY: finished, and no copy of the pointer is left.
        unsafe { self.0.into_stack() }
    }
}

/// What a carrier runs. `fiber` is the carrier itself.
///
/// # Safety
///
/// `fiber` is the fiber that this is the entry of.
#[inline(never)]
unsafe fn carry(fiber: *mut ()) {
    let caught = catch_unwind(|| {
        let _suspends = SuspendOnDrop(fiber);
        resume_unwind(Box::new(()))
    });
    let Err::<(), _>(payload) = caught else {
        unreachable!("it unwinds")
    };
    drop(payload);
}

/// Suspends its fiber when it is dropped.
struct SuspendOnDrop(*mut ());

impl Drop for SuspendOnDrop {
    #[inline(never)]
    fn drop(&mut self) {
        let Some(fiber) = NonNull::new(self.0) else {
            return;
        };
        // SAFETY: this is the fiber we run on, by the contract of `carry`; nothing on its stack
        // belongs to a thread (see the head of this file).
        unsafe { suspend(fiber) };
    }
}

//! Running a closure on a thread of the blocking pool while the goroutine waits.
//!
//! Not for: the pool itself (`blocking`).
#![allow(
    unsafe_code,
    reason = "lends a closure on a parked stack to another thread"
)]

use super::{Moment, Reason, Wakeable, Waker, prepare};
use crate::blocking::{self, Job};
use crate::current;
use crate::sched::lifecycle;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

struct Loan<F, T> {
    f: Option<F>,
    out: Option<std::thread::Result<T>>,
    waker: Waker,
}

/// Runs `f` where it may block, and waits for it. On a plain thread that is here.
///
/// A panic of `f` goes on in the caller.
pub fn offload<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::goroutine().is_none() || current::waiter().has(crate::g::Flags::SYSTEM) {
        return call(f);
    }
    // The closure borrows from this stack: nothing but its end may end this wait.
    let wait = prepare(Wakeable::Shielded);
    let mut loan = Loan {
        f: Some(f),
        out: None,
        waker: wait.waker(),
    };
    let most = lifecycle::started().map_or(1, |r| r.config.blocking);
    let job = Job {
        run: run::<F, T>,
        arg: (&raw mut loan).cast(),
    };
    // SAFETY: `loan` lives until `run` has woken this wait, which is the last thing it does; this
    // goroutine parks for exactly that. `F` and `T` may be sent.
    unsafe { blocking::submit(job, most) };
    wait.park(Reason::Blocking, Moment::NEVER);
    match loan.out {
        Some(Ok(value)) => value,
        Some(Err(payload)) => resume_unwind(payload),
        None => crate::fatal!("a blocking job ended without a result"),
    }
}

/// Calls `f` in a frame of its own: inlined, its frame would be part of the caller's, which may be on a
/// much smaller stack than the one `f` was meant for.
#[inline(never)]
fn call<F: FnOnce() -> T, T>(f: F) -> T {
    f()
}

/// # Safety
///
/// `arg` points to a `Loan<F, T>` that stays until its wait is woken.
unsafe fn run<F: FnOnce() -> T, T>(arg: *mut ()) {
    // SAFETY: by the contract; the owner is parked and does not touch it meanwhile.
    let loan = unsafe { &mut *arg.cast::<Loan<F, T>>() };
    if let Some(f) = loan.f.take() {
        loan.out = Some(catch_unwind(AssertUnwindSafe(f)));
    }
    let waker = loan.waker;
    waker.wake();
}

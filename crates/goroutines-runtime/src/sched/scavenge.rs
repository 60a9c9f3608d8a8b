//! Giving memory back: the pages below the stack pointers of parked goroutines, and idle stacks.
//!
//! Not for: how pages are given back (the fiber crate).
//!
//! Only the home worker gives back pages of a parked goroutine: on that thread the goroutine cannot
//! run meanwhile. A pass is asked for by raising a number; each worker goes through the records in
//! steps, between goroutines and before it sleeps. A goroutine found parked in one pass and still
//! parked in the next is lean afterwards, and is not looked at again until it has run.

use super::lifecycle::Runtime;
use super::worker::Here;
use crate::g::{Flags, G, Status, registry};
use crate::shim::atomic::{AtomicU64, AtomicUsize, Ordering};
use goroutines_fiber::Scavenger;
use std::cell::Cell;

/// How many records one step looks at.
const STEP: usize = 4096;

/// Passes asked for, and how far the workers are.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    /// Twice the number of the pass asked for, plus one if it takes even those parked just now.
    wanted: AtomicU64,
    /// Workers that have finished the pass.
    done: AtomicUsize,
    /// Bytes of address space given back so far.
    bytes: AtomicU64,
}

/// How far one worker is.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    pass: Cell<u64>,
    at: Cell<usize>,
}

impl Cursor {
    /// Whether there is something to do.
    #[inline]
    pub(super) fn is_due(&self, runtime: &Runtime) -> bool {
        self.pass.get() != runtime.passes.wanted.load(Ordering::Relaxed)
    }
}

impl Passes {
    /// Asks for another pass; gives its number.
    pub(super) fn ask(&self, all: bool) -> u64 {
        self.done.store(0, Ordering::Relaxed);
        let mut wanted = self.wanted.load(Ordering::Relaxed);
        loop {
            let next = ((wanted >> 1) + 1) << 1 | u64::from(all);
            match self.wanted.compare_exchange_weak(
                wanted,
                next,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return next,
                Err(now) => wanted = now,
            }
        }
    }

    /// How many workers have finished the newest pass.
    pub(super) fn done(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }
}

/// Does a part of the pass that is due.
#[cold]
pub(super) fn step(here: Here) {
    let cursor = &here.local().scavenger;
    let passes = &here.runtime.passes;
    // Acquire: what was asked before the pass is seen in it.
    let wanted = passes.wanted.load(Ordering::Acquire);
    let all = wanted & 1 == 1;
    let mut scavenger = Scavenger::new();
    let mut at = cursor.at.get();
    let end = at + STEP;
    let mut bytes = 0;
    while at < end {
        let records = registry::slice_from(at);
        if records.is_empty() {
            break;
        }
        for g in records {
            bytes += visit(here, g, all, &mut scavenger);
        }
        at += records.len();
    }
    scavenger.flush();
    if at < end {
        here.local().stacks.borrow_mut().drain();
        cursor.at.set(0);
        cursor.pass.set(wanted);
        passes.done.fetch_add(1, Ordering::Release);
    } else {
        cursor.at.set(at);
    }
    passes.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
}

#[allow(
    unsafe_code,
    reason = "gives back the pages below a parked goroutine's stack pointer"
)]
fn visit(here: Here, g: &'static G, all: bool, scavenger: &mut Scavenger) -> usize {
    // The status first: it is written after the home, with Release.
    let status = g.status();
    if !matches!(status, Status::Parked | Status::ParkedSettled)
        || g.home() != here.index
        || g.has(Flags::MIGRATABLE)
    {
        return 0;
    }
    if status == Status::Parked && !all {
        // It may have run until now: wait for the next pass.
        g.set_status(Status::ParkedSettled);
        return 0;
    }
    let Some(fiber) = g.fiber() else { return 0 };
    g.set_status(Status::ParkedLean);
    // SAFETY: a goroutine of this worker, parked with a fiber, so the pointer is a suspended one's;
    // it is not resumed while this thread is here.
    let fiber = unsafe { goroutines_fiber::Fiber::from_ptr(fiber) };
    // SAFETY: nothing below the stack pointer of a suspended fiber is in use.
    unsafe { scavenger.push(fiber.stack(), fiber.stack_pointer()) }
}

/// Gives back now what can be given back: of all parked goroutines and all idle stacks. Blocks the
/// calling thread or goroutine until the workers that are not busy have done so, half a second at most.
/// Gives the number of bytes of address space given back so far by the process.
pub fn now() -> u64 {
    let Some(runtime) = super::lifecycle::started() else {
        return 0;
    };
    runtime.passes.ask(true);
    runtime.wake_all();
    let deadline = crate::seam::clock::Moment::after(std::time::Duration::from_millis(500));
    while runtime.passes.done() < runtime.serving() && crate::seam::clock::Moment::now() < deadline
    {
        match super::worker::here() {
            Some(here) if here.local().scavenger.is_due(runtime) => step(here),
            _ => std::thread::sleep(std::time::Duration::from_micros(200)),
        }
    }
    let idle = goroutines_fiber::scavenge_idle();
    runtime
        .passes
        .bytes
        .fetch_add(idle as u64, Ordering::Relaxed);
    runtime.passes.bytes.load(Ordering::Relaxed)
}

//! Making a goroutine ready, from its own worker, from another, from a plain thread.
//!
//! Not for: claiming it first (`g::state`): whoever calls this owns the goroutine.
//!
//! A goroutine with a home needs no hand-shake with its waker: on the same thread it is off its
//! stack while the waker runs, and from another thread it goes through the inbox, which its worker
//! looks into when no goroutine is on that thread. Only a migratable one may be found by a third
//! worker while it is still leaving its stack; for it, waker and worker meet in the record's `futex`
//! word (`HAND_*`), and whoever comes second queues it.

use super::worker::{Here, here};
use crate::g::{Flags, G, Status};
use crate::shim::atomic::Ordering;
use crate::sys::futex;

/// The goroutine is on its stack, or has no wait behind it yet.
const HAND_ON_STACK: u32 = 0;
/// It is off its stack and may be resumed.
const HAND_OFF_STACK: u32 = 1;
/// Its waker was here first.
const HAND_WOKEN: u32 = 2;

/// Whether a goroutine is resumed by this worker and no other.
#[inline]
pub(crate) fn is_home(here: Here, g: &G) -> bool {
    !g.has(Flags::MIGRATABLE | Flags::SYSTEM) && g.home() == here.index
}

/// Queues a goroutine that the caller has claimed. At home here, it runs next.
#[inline]
pub(crate) fn ready(g: &'static G) {
    ready_from(here(), g);
}

/// As [`ready`], for a caller who knows where it runs.
#[inline]
pub(crate) fn ready_from(here: Option<Here>, g: &'static G) {
    if let Some(here) = here
        && is_home(here, g)
    {
        // For show only; a goroutine that is just about to park may write `Parked` after this.
        g.set_status(Status::Active);
        let local = here.local();
        // Who ran last in this slot goes behind the others, and so does a pair that has had its slice.
        let last = if here.header().preempt.load(Ordering::Relaxed) {
            Some(g)
        } else {
            local.next.replace(Some(g))
        };
        if let Some(last) = last {
            local.homed.push_back(last);
        }
        return;
    }
    ready_elsewhere(g);
}

/// As [`ready`], but behind those that are ready already.
pub(crate) fn ready_later(g: &'static G) {
    if let Some(here) = here()
        && is_home(here, g)
    {
        g.set_status(Status::Active);
        here.push_homed(g);
        return;
    }
    ready_elsewhere(g);
}

#[cold]
#[inline(never)]
fn ready_elsewhere(g: &'static G) {
    if g.has(Flags::SYSTEM) {
        if g.has(Flags::STAND_IN) {
            g.tell();
            return;
        }
        // Release: pairs with the Acquire in `park::thread::block`.
        g.futex.store(1, Ordering::Release);
        futex::wake(&g.futex);
        return;
    }
    g.set_status(if g.fiber().is_some() {
        Status::Active
    } else {
        Status::Unstarted
    });
    if g.has(Flags::MIGRATABLE) {
        // AcqRel: whoever of waker and worker comes second sees what the first did.
        match g.futex.swap(HAND_WOKEN, Ordering::AcqRel) {
            HAND_ON_STACK => {} // `left_stack` will queue it.
            _ => push_migratable(g),
        }
        return;
    }
    send_home(g);
}

/// Puts a goroutine into its home's inbox and wakes that worker if it sleeps.
pub(crate) fn send_home(g: &'static G) {
    let Some(runtime) = super::lifecycle::started() else {
        crate::fatal!("ready before start")
    };
    let Some(worker) = runtime.worker(g.home()) else {
        crate::fatal!("a goroutine without a home")
    };
    worker.inbox.push(g);
    worker.wake();
}

/// Called by the worker once a migratable goroutine is off its stack.
pub(super) fn left_stack(here: Here, g: &'static G) {
    // AcqRel: see `ready_elsewhere`.
    let before = g.futex.swap(HAND_OFF_STACK, Ordering::AcqRel);
    if before == HAND_WOKEN {
        here.push_movable(g);
    }
}

/// A migratable goroutine is going to wait: wakers must meet the worker.
pub(crate) fn begin_hand_off(g: &'static G) {
    g.futex.store(HAND_ON_STACK, Ordering::Relaxed);
}

fn push_migratable(g: &'static G) {
    match here() {
        Some(here) => here.push_movable(g),
        None => {
            let Some(runtime) = super::lifecycle::started() else {
                crate::fatal!("ready before start")
            };
            runtime.inject.push(g);
            runtime.idle.wake_for_inject(runtime);
        }
    }
}

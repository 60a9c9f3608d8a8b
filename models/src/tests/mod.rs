//! The models, and what they have in common.

mod channel;
mod future;
mod lean;
mod select;
mod sync;

use crate::park::{self, When};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Tries all orders with so many forced switches, or LOOM_MAX_PREEMPTIONS if that is more.
fn model(preemptions: usize, step: Duration, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(preemptions));
    builder.max_branches = 10_000;
    let (start, runs) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        park::set_clock(step);
        f();
    });
    let runs = runs.load(Ordering::Relaxed);
    eprintln!("{runs} orders, {:.1} s", start.elapsed().as_secs_f64());
}

/// Runs `f` as one that is cancelled; `None`: it was.
fn cancelled<T>(when: When, f: impl FnOnce() -> T) -> Option<T> {
    park::cancel_me(when);
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(payload) => {
            assert!(payload.is::<park::Cancelled>());
            None
        }
    }
}

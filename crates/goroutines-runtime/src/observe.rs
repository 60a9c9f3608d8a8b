//! Reading out what the runtime counts.
//!
//! Not for: counting (`probe`), or showing it (the crates above).

use crate::g::registry;
use crate::sched::lifecycle;

/// What one worker has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Goroutines at home on it now.
    pub goroutines: u64,
    /// Goroutines it has ever started.
    pub started: u64,
    /// Times it put a goroutine on the processor.
    pub runs: u64,
    /// Unstarted goroutines it took from other workers.
    pub stolen: u64,
    /// Unstarted goroutines it handed to workers that had fewer.
    pub placed: u64,
    /// Times it went to sleep.
    pub sleeps: u64,
    /// Times it woke another worker.
    pub wakes: u64,
}

/// What the runtime has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Goroutines now, main included.
    pub goroutines: u64,
    /// Goroutines there have ever been.
    pub spawned: u64,
    /// One for each worker.
    pub workers: Vec<WorkerMetrics>,
    /// Stacks that goroutines have.
    pub stacks_in_use: u64,
    /// Stacks kept for the next ones.
    pub stacks_idle: u64,
    /// Address space reserved for stacks, in bytes.
    pub stack_reserved_bytes: u64,
    /// Records of goroutines, 128 bytes each, used or free.
    pub records: u64,
    /// Threads of the blocking pool.
    pub blocking_threads: u64,
    /// Closures that wait for one of them.
    pub blocking_queued: u64,
}

/// The numbers now; not all from one instant.
pub fn metrics() -> Metrics {
    let Some(runtime) = lifecycle::started() else {
        return Metrics::default();
    };
    let stacks = goroutines_fiber::stats();
    let (threads, queued) = crate::blocking::stats();
    let workers: Vec<WorkerMetrics> = runtime
        .each_worker()
        .map(|w| {
            let counts = w.counts();
            let left = counts.left.get();
            WorkerMetrics {
                goroutines: counts.homed.get().saturating_sub(left),
                started: counts.started.get(),
                runs: counts.runs.get(),
                stolen: counts.stolen.get(),
                placed: counts.placed.get(),
                sleeps: counts.sleeps.get(),
                wakes: counts.wakes.get(),
            }
        })
        .collect();
    Metrics {
        goroutines: runtime.live(),
        spawned: runtime.spawned(),
        stacks_in_use: workers.iter().map(|w| w.goroutines).sum(),
        workers,
        stacks_idle: stacks.idle as u64,
        stack_reserved_bytes: stacks.reserved_bytes as u64,
        records: registry::records() as u64,
        blocking_threads: threads as u64,
        blocking_queued: queued as u64,
    }
}

/// How many goroutines there are.
pub fn num_goroutines() -> u64 {
    lifecycle::started().map_or(0, |r| r.live())
}

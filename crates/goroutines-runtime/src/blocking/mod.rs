//! A pool of threads for work that blocks: grows on demand, shrinks when idle.
//!
//! Not for: knowing who waits for a job; a job is a function and an argument.
#![allow(unsafe_code, reason = "calls jobs by pointer")]

use crate::current;
use crate::shim::{Condvar, Lock, wait_timeout};
use std::collections::VecDeque;
use std::time::Duration;

/// How long an idle thread waits for another job before it ends.
const KEEP: Duration = Duration::from_secs(10);

/// A function and its argument.
#[derive(Debug)]
pub struct Job {
    /// What to call; it must not unwind.
    pub run: unsafe fn(*mut ()),
    /// With what.
    pub arg: *mut (),
}

// SAFETY: `submit`'s contract says that a job may run on any thread.
unsafe impl Send for Job {}

#[derive(Debug)]
struct Pool {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static POOL: Lock<Pool> = Lock::new(Pool {
    queue: VecDeque::new(),
    threads: 0,
    idle: 0,
});
static WORK: Condvar = Condvar::new();

/// Has `job` run on a thread of the pool, of which there are `most` at most; jobs that find no thread
/// wait in order. If there is no thread at all and none can be started, the caller runs what waits:
/// better late than never.
///
/// # Safety
///
/// Calling `job.run(job.arg)` once, at any time from now on, on any thread, must be sound.
pub unsafe fn submit(job: Job, most: usize) {
    let mut pool = POOL.lock();
    pool.queue.push_back(job);
    if pool.idle >= pool.queue.len() {
        drop(pool);
        WORK.notify_one();
        return;
    }
    if pool.threads >= most {
        return;
    }
    pool.threads += 1;
    drop(pool);
    let spawned = std::thread::Builder::new()
        .name("goroutines-blk".into())
        .spawn(serve);
    if spawned.is_err() {
        let mut pool = POOL.lock();
        pool.threads -= 1;
        while pool.threads == 0
            && let Some(job) = pool.queue.pop_front()
        {
            drop(pool);
            // The submitter may have begun a wait already, so the job must not begin another one.
            current::without_switching(|| {
                // SAFETY: by the contract.
                unsafe { (job.run)(job.arg) };
            });
            pool = POOL.lock();
        }
    }
}

/// How many threads the pool has, and how many jobs wait.
pub fn stats() -> (usize, usize) {
    let pool = POOL.lock();
    (pool.threads, pool.queue.len())
}

fn serve() {
    let mut pool = POOL.lock();
    loop {
        if let Some(job) = pool.queue.pop_front() {
            drop(pool);
            // SAFETY: the contract of `submit`.
            unsafe { (job.run)(job.arg) };
            pool = POOL.lock();
            continue;
        }
        pool.idle += 1;
        let (guard, timed_out) = wait_timeout(&WORK, pool, KEEP);
        pool = guard;
        pool.idle -= 1;
        if timed_out && pool.queue.is_empty() {
            pool.threads -= 1;
            return;
        }
    }
}

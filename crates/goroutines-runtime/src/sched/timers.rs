//! The timers of the workers: adding, cancelling, and what is done when they are due.
//!
//! Not for: their order (`timer`). A goroutine's timer is with the worker it is on. One that is added
//! from a plain thread is with any worker, which may be asleep: README.md argues why it wakes in time.

use super::lifecycle::Runtime;
use super::worker::{Worker, here};
use crate::current;
use crate::g::state::Cause;
use crate::seam::clock::Moment;
use crate::shim::atomic::Ordering;
use crate::timer::{Due, Entry, Key, Timers};

/// A timer that has been set.
#[derive(Debug)]
pub(crate) struct Set {
    worker: &'static Worker,
    key: Key,
}

impl Set {
    /// Takes it back; `false`: it was due, and has been or is about to be called.
    pub(crate) fn cancel(self) -> bool {
        self.worker.cancel_timer(self.key)
    }
}

impl Worker {
    /// Adds a timer; on the worker that the waiting goroutine is on.
    pub(crate) fn add_timer(&self, when: Moment, entry: Entry) -> Key {
        let mut timers = self.timers.lock();
        let key = timers.add(when, entry);
        self.publish_deadline(&timers);
        key
    }

    /// As [`Worker::add_timer`], from any thread.
    fn add_timer_from_outside(&self, when: Moment, entry: Entry) -> Key {
        let mut timers = self.timers.lock();
        let earliest = timers.next().is_none_or(|next| when < next);
        let key = timers.add(when, entry);
        self.publish_deadline(&timers);
        drop(timers);
        if earliest {
            // It may sleep until later, or for good.
            self.wake();
        }
        key
    }

    /// Takes a timer back; `false`: it was due before.
    pub(crate) fn cancel_timer(&self, key: Key) -> bool {
        let mut timers = self.timers.lock();
        let entry = timers.cancel(key);
        if entry.is_some() {
            self.publish_deadline(&timers);
        }
        drop(timers);
        // Dropped without the lock: what a `Call` owns may be anything.
        entry.is_some()
    }

    fn publish_deadline(&self, timers: &Timers) {
        self.deadline
            .store(timers.next().map_or(u64::MAX, |m| m.0), Ordering::Relaxed);
    }

    /// Does everything whose time has come; any thread may do this for any worker.
    pub(super) fn run_timers(&self, now: Moment) -> usize {
        if self.deadline.load(Ordering::Relaxed) > now.0 {
            return 0;
        }
        let mut n = 0;
        let mut calls = Vec::new();
        let mut timers = self.timers.lock();
        while let Some(entry) = timers.expired(now) {
            match entry {
                Entry::Wake { g, ticket } => {
                    if g.wait.claim(ticket, Cause::Deadline) {
                        super::ready::ready_later(g);
                        n += 1;
                    }
                }
                Entry::Call(call) => calls.push(call),
            }
        }
        self.publish_deadline(&timers);
        drop(timers);
        n += calls.len();
        calls.into_iter().for_each(Due::due);
        n
    }
}

/// Has `call` called at `when`. Any thread may do this.
pub(crate) fn call_at(runtime: &'static Runtime, when: Moment, call: Box<dyn Due>) -> Set {
    let entry = Entry::Call(call);
    if let Some(here) = here() {
        let worker = here.worker();
        let key = worker.add_timer(when, entry);
        return Set { worker, key };
    }
    let worker = some_worker(runtime);
    let key = worker.add_timer_from_outside(when, entry);
    Set { worker, key }
}

/// A worker that gets to what it is given, if there is one: threads tend to get different ones.
pub(super) fn some_worker(runtime: &'static Runtime) -> &'static Worker {
    let n = runtime.config.workers;
    // Records are 128 bytes long.
    let first = std::ptr::from_ref(current::thread()).addr() >> 7;
    let workers = || (0..n).filter_map(|i| runtime.worker((first + i) % n));
    let Some(worker) = workers()
        .find(|w| w.takes_new())
        .or_else(|| workers().find(|w| !w.absent.load(Ordering::Relaxed)))
        .or_else(|| workers().next())
    else {
        crate::fatal!("a runtime without workers")
    };
    worker
}

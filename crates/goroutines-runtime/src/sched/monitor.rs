//! The monitor: a thread that watches the workers while any of them is awake.
//!
//! Not for: anything a worker can do in its own loop. It sleeps for good when all workers do, so an
//! idle program uses no processor time. Its tasks, once per tick:
//!
//! - end the time slice of a goroutine, or of a pair that hands each other the processor;
//! - wake a sleeping worker for unstarted goroutines that nobody has got to;
//! - for a worker stuck in one goroutine: run its timers, look at its poller, see that its unstarted ones are taken, by
//!   a spare worker if there is no other, and report what holds up its home-mates;
//! - ask for a scavenging pass now and then, and once more when everything has become idle.

use super::idle::block_on;
use super::lifecycle::Runtime;
use super::sleep::{Bed, SleepWord};
use super::worker::Worker;
use crate::g::list::List;
use crate::g::{Flags, Status, registry};
use crate::poll::Found;
use crate::seam::clock::Moment;
use crate::shim::atomic::Ordering;
use std::time::Duration;

/// How often it looks, and how long a time slice is.
const TICK: Duration = Duration::from_millis(10);

/// Ticks without a running worker after which it sleeps for good.
const QUIET: u32 = 20;

/// Stuck for so many ticks means: others take over what they can.
const STUCK: u32 = 2;

/// Computing, as opposed to blocked in the kernel, for so many ticks means the same: a long
/// computation is no reason to use more processors than allowed, starving others is.
const STUCK_COMPUTING: u32 = 10;

/// The most that is moved away from a stuck worker in one tick.
const RELIEF: usize = 1024;

/// The least time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The part that workers see.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    sleep: SleepWord,
    /// Goroutines to be cancelled that had no home when that was asked.
    pub(super) cancels: super::cancel::Requests,
}

impl Monitor {
    /// A worker has woken: somebody has to watch it.
    pub(super) fn worker_woke(&self) {
        if self.sleep.wake().is_some() {
            crate::sys::futex::wake(self.sleep.word().0);
        }
    }
}

/// What it remembers of one worker from tick to tick.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    slice: u32,
    runs: u64,
    /// Ticks in a row in the same run of the same goroutine.
    same: u32,
    oldest: isize,
    reported: u64,
}

struct Watch {
    runtime: &'static Runtime,
    seen: Vec<Seen>,
    last_report: Option<Moment>,
    last_pass: Moment,
    /// Something ran since the last pass was asked for.
    ran: bool,
    /// How often starving goroutines were given another chance.
    fed: u32,
    /// For looking at the pollers of stuck workers.
    found: Found,
}

/// Starts the monitor's thread.
pub(super) fn start(runtime: &'static Runtime) {
    let watch = move || {
        // It may take long; this thread has time.
        crate::sys::membarrier::register();
        Watch {
            runtime,
            seen: Vec::new(),
            last_report: None,
            last_pass: Moment::now(),
            ran: true,
            fed: 0,
            found: Found::default(),
        }
        .watch();
    };
    if let Err(error) = std::thread::Builder::new()
        .name("goroutines-mon".into())
        .spawn(watch)
    {
        crate::note!("goroutines: no monitor, so no time slices and no reports: {error}");
    }
}

impl Watch {
    fn watch(&mut self) {
        let mut quiet = 0;
        loop {
            std::thread::sleep(TICK);
            let idle = self.all_asleep();
            quiet = if idle { quiet + 1 } else { 0 };
            self.tick();
            if quiet < QUIET {
                continue;
            }
            if self.ran && self.runtime.config.scavenge.is_some() {
                // Two passes: the first one finds who is parked, the second who still is.
                self.final_passes();
            }
            let sleep = &self.runtime.monitor.sleep;
            sleep.announce(Bed::Word);
            if self.all_asleep() && self.runtime.monitor.cancels.is_empty() {
                block_on(sleep, None);
            }
            sleep.stay_awake();
            quiet = 0;
        }
    }

    /// Goroutines wait for a stack: lets the next of them try again, and now and then has the workers
    /// give up the idle stacks that they keep.
    fn feed(&mut self) {
        let runtime = self.runtime;
        if let Some(g) = runtime.starved.pop(runtime) {
            if g.has(Flags::PLACED) {
                super::ready::send_home(g);
            } else {
                runtime.inject.push(g);
                runtime.idle.wake_for_inject(runtime);
            }
        }
        self.fed = self.fed.wrapping_add(1);
        if self.fed.is_multiple_of(16) {
            runtime.passes.ask(false);
            runtime.wake_all();
        }
    }

    fn all_asleep(&self) -> bool {
        self.runtime.starved.is_empty() && self.runtime.idle.sleeping() >= self.runtime.serving()
    }

    fn tick(&mut self) {
        let now = Moment::now();
        let runtime = self.runtime;
        runtime.idle.add_credit();
        if !runtime.starved.is_empty() {
            self.feed();
        }
        if !runtime.monitor.cancels.is_empty() {
            super::cancel::deliver_again(runtime);
        }
        self.seen.resize(runtime.workers(), Seen::default());
        let mut waiting = runtime.inject.len() > 0;
        for worker in runtime.each_worker() {
            waiting |= self.watch_worker(worker, now);
        }
        if waiting && !runtime.idle.wake_one(runtime) {
            self.spare();
        }
        self.retire();
        if let Some(every) = runtime.config.scavenge
            && self.ran
            && now.since(self.last_pass) >= every
        {
            self.pass(now);
        }
    }

    /// Looks at one worker; whether unstarted goroutines of it have waited since the last tick.
    fn watch_worker(&mut self, worker: &'static Worker, now: Moment) -> bool {
        let seen = &mut self.seen[worker.index];
        let asleep = worker.sleep.asleep() || worker.absent.load(Ordering::Relaxed);
        let slice = worker.slice.load(Ordering::Relaxed);
        let runs = worker.counts().runs.get();
        if !asleep {
            worker.raise_tick();
            if slice == seen.slice {
                worker.raise_preempt();
            }
        }
        if !asleep && runs == seen.runs {
            seen.same += 1;
        } else {
            seen.same = 0;
        }
        self.ran |= runs != seen.runs;
        (seen.slice, seen.runs) = (slice, runs);
        let oldest = worker.unstarted.oldest();
        let aged = (!worker.unstarted.is_empty() && oldest == seen.oldest)
            || (!worker.movable.is_empty() && seen.same > 0);
        seen.oldest = oldest;
        let same = seen.same;
        let stuck = same >= STUCK_COMPUTING
            || (same >= STUCK
                && !crate::sys::thread::is_running(worker.tid.load(Ordering::Relaxed)));
        worker.stuck.store(stuck, Ordering::Relaxed);
        if stuck {
            self.relieve(worker);
        }
        if same >= STUCK {
            worker.run_timers(now);
            worker.poll_for(&mut self.found);
            self.maybe_report(worker, same, runs, now);
        }
        aged
    }

    /// Reports a goroutine that keeps its home-mates waiting.
    fn maybe_report(&mut self, worker: &'static Worker, same: u32, runs: u64, now: Moment) {
        let Some(limit) = self.runtime.config.stall else {
            return;
        };
        let stuck_for = TICK * same;
        let seen = &mut self.seen[worker.index];
        // Finding out whether anybody waits means going through all records: now, and then ever less
        // often.
        let ticks = (limit.as_millis() / TICK.as_millis()).max(1) as u32;
        let look = same.is_multiple_of(ticks) && (same / ticks).is_power_of_two();
        if !look
            || seen.reported == runs
            || self
                .last_report
                .is_some_and(|last| now.since(last) < REPORT_EVERY)
        {
            return;
        }
        let mates = home_mates(worker.index);
        if mates == 0 || worker.counts().runs.get() != runs {
            return;
        }
        seen.reported = runs;
        self.last_report = Some(now);
        // Resolving symbols may take seconds: not on this thread, which has others to look after.
        let report = move || {
            let sample = super::report::sample(worker.tid.load(Ordering::Relaxed));
            // If it has gone on meanwhile there is nothing to report.
            if worker.counts().runs.get() == runs {
                super::report::stall(worker.index, sample, mates, stuck_for.as_millis());
            }
        };
        let _ = std::thread::Builder::new()
            .name("goroutines-rep".into())
            .spawn(report);
    }

    /// Moves what can start elsewhere from a stuck worker to where every worker looks now and then.
    fn relieve(&self, worker: &'static Worker) {
        let came = List::new();
        worker.inbox.take(&came);
        while let Some(g) = came.pop_front() {
            if super::worker::is_handed(g) {
                self.runtime.inject.push(g);
            } else {
                worker.inbox.push(g);
            }
        }
        // What was put back may be all it has, and it may have gone on and slept in between.
        worker.wake();
        for _ in 0..RELIEF {
            let Some(g) = worker.unstarted.steal().or_else(|| worker.movable.steal()) else {
                return;
            };
            self.runtime.inject.push(g);
        }
    }

    /// Work waits and everybody who is not stuck is busy: if too few are, start another worker.
    fn spare(&self) {
        let runtime = self.runtime;
        let allowed = runtime.config.workers;
        let taking = runtime.each_worker().filter(|w| w.takes_new()).count();
        if taking >= allowed {
            return;
        }
        if let Some(back) = runtime
            .each_worker()
            .find(|w| w.retiring.load(Ordering::Relaxed))
        {
            back.retiring.store(false, Ordering::Relaxed);
            back.wake();
        } else {
            runtime.replace_worker();
        }
    }

    /// More workers take new goroutines than are allowed: the newest stop.
    fn retire(&self) {
        let runtime = self.runtime;
        let allowed = runtime.config.workers;
        if runtime.serving() <= allowed {
            return;
        }
        for worker in runtime
            .each_worker()
            .filter(|w| w.takes_new())
            .skip(allowed)
        {
            worker.retiring.store(true, Ordering::Relaxed);
        }
    }

    fn pass(&mut self, now: Moment) {
        self.last_pass = now;
        self.ran = false;
        self.runtime.passes.ask(false);
        goroutines_fiber::scavenge_idle();
    }

    fn final_passes(&mut self) {
        for _ in 0..2 {
            self.pass(Moment::now());
            self.runtime.wake_all();
            std::thread::sleep(TICK);
        }
        goroutines_fiber::scavenge_idle();
        self.ran = false;
    }
}

/// How many ready goroutines at home on that worker wait for the one that runs.
fn home_mates(index: usize) -> usize {
    let mut active = 0;
    registry::for_each(|g| {
        let ready = match g.status() {
            Status::Active => !g.has(Flags::MIGRATABLE),
            Status::Unstarted => g.has(Flags::PLACED),
            _ => false,
        };
        active += usize::from(ready && g.home() == index);
    });
    active.max(1) - 1
}

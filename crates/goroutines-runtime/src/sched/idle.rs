//! Looking for work, going to sleep, and whom to wake.
//!
//! Not for: what may be taken from another worker (`steal`). The protocol and its argument are in
//! README.md.

use super::lifecycle::Runtime;
use super::sleep::{Bed, SleepWord};
use super::worker::{Here, Worker};
use crate::g::G;
use crate::seam::clock::Moment;
use crate::shim::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use crate::shim::store_load_fence;
use crate::sys::futex;
use std::time::Duration;

/// An unstarted queue of this length is worth another worker at once.
pub(super) const LONG: usize = 8;

/// Wakes that shorter queues may cause before the monitor allows more.
const CREDIT: i32 = 4;

/// How long to wait for another worker to notice that it need not spin any more.
const ROOM: Duration = Duration::from_micros(2);

/// Who sleeps and who looks for work.
#[derive(Debug)]
pub(crate) struct Idle {
    /// One bit per worker that sleeps or is about to.
    sleepers: Box<[AtomicU64]>,
    sleeping: AtomicUsize,
    /// Those of them that do not want to be offered anything, and will look by themselves.
    resting: AtomicUsize,
    /// Those of them that have been woken and do not know yet. Who wakes one adds it afterwards: wraps
    /// below zero for moments.
    notified: AtomicUsize,
    searching: AtomicUsize,
    /// How many more times a short queue may wake a worker. Each such wake costs one; one that
    /// found work gives it back; the monitor adds one now and then. So a program whose goroutines
    /// would have been run by their spawner anyway wakes nobody in vain.
    credit: AtomicI32,
}

impl Idle {
    pub(super) fn new(workers: usize) -> Idle {
        Idle {
            sleepers: (0..workers.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            sleeping: AtomicUsize::new(0),
            resting: AtomicUsize::new(0),
            notified: AtomicUsize::new(0),
            searching: AtomicUsize::new(0),
            credit: AtomicI32::new(CREDIT),
        }
    }

    /// How many workers sleep.
    pub(super) fn sleeping(&self) -> usize {
        self.sleeping.load(Ordering::Relaxed)
    }

    /// How many of `serving` workers are awake, or will be in a moment. Somewhat out of date.
    fn awake(&self, serving: usize) -> usize {
        let asleep = self
            .sleeping()
            .wrapping_sub(self.notified.load(Ordering::Relaxed));
        serving.wrapping_sub(asleep).min(serving)
    }

    /// The monitor lets short queues wake a worker again.
    pub(super) fn add_credit(&self) {
        if self.credit.load(Ordering::Relaxed) < CREDIT {
            self.credit.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Something was put into a stealable queue that held `before`. The owner will get to it, so
    /// this is about being quick, not about being sure: no barrier.
    #[inline]
    pub(super) fn offer(&self, from: &Worker, before: usize) {
        if self.sleeping.load(Ordering::Relaxed) > self.resting.load(Ordering::Relaxed) {
            self.offer_to_sleepers(from, before);
        }
    }

    #[cold]
    fn offer_to_sleepers(&self, from: &Worker, before: usize) {
        if self.searching.load(Ordering::Relaxed) > 0 {
            return;
        }
        if before + 1 < LONG {
            if self.credit.load(Ordering::Relaxed) <= 0 {
                return;
            }
            self.credit.fetch_sub(1, Ordering::Relaxed);
        }
        // The call may take long, on a virtual machine as long as a thief waits. It is not for lack of
        // time that the owner does not get to its queue meanwhile.
        from.offering.store(true, Ordering::Relaxed);
        self.wake_one(from.runtime);
        from.offering.store(false, Ordering::Relaxed);
    }

    /// Something was put into the global queue: somebody must come for it.
    pub(super) fn wake_for_inject(&self, runtime: &Runtime) {
        // Pairs with the fence in `Here::sleep` and the one after searching ends: either that
        // worker sees what was put there, or we see that it sleeps or searches.
        store_load_fence();
        if self.searching.load(Ordering::Relaxed) == 0 {
            self.wake_one(runtime);
        }
    }

    /// Wakes a sleeping worker, if there is one.
    pub(super) fn wake_one(&self, runtime: &Runtime) -> bool {
        for (i, word) in self.sleepers.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let worker = runtime.worker(i * 64 + bit);
                // A retiring one would not take it.
                if worker.is_some_and(|w| !w.retiring.load(Ordering::Relaxed) && w.wake()) {
                    return true;
                }
            }
        }
        false
    }

    fn mark(&self, index: usize) {
        self.sleepers[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
        self.sleeping.fetch_add(1, Ordering::Relaxed);
    }

    fn unmark(&self, index: usize) {
        self.sleepers[index / 64].fetch_and(!(1 << (index % 64)), Ordering::Relaxed);
        self.sleeping.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    /// Wakes this worker if it sleeps; called after putting something into its inbox.
    #[inline]
    pub(super) fn wake(&self) -> bool {
        let bed = self.sleep.wake();
        if let Some(bed) = bed {
            self.runtime.idle.notified.fetch_add(1, Ordering::Relaxed);
            match (bed, self.netpoll.get()) {
                (Bed::Poller, Some(poller)) => poller.notify(),
                _ => futex::wake(self.sleep.word().0),
            }
            if let Some(here) = super::worker::here() {
                here.counts().wakes.bump();
            }
        }
        bed.is_some()
    }
}

impl Here {
    /// Finds a goroutine to run, sleeping until there is one.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_work(self) -> &'static G {
        loop {
            if let Some(g) = self.search() {
                return g;
            }
            self.sleep();
        }
    }

    /// Looks everywhere, for a short while.
    fn search(self) -> Option<&'static G> {
        self.new_slice();
        self.local().thief.look_back();
        let runtime = self.runtime;
        let idle = &runtime.idle;
        if let Some(g) = self.look() {
            return Some(g);
        }
        if self.poll_io() > 0
            && let Some(g) = self.look()
        {
            return Some(g);
        }
        if !self.may_take() {
            if runtime.inject.len() > 0 {
                // Told to retire just now: what we were woken for is for another.
                idle.wake_one(runtime);
            }
            return None;
        }
        let (spins, mut found) = self.await_room();
        idle.searching.fetch_add(1, Ordering::Relaxed);
        if found.is_none() {
            found = if spins { self.spin() } else { self.steal() };
        }
        idle.searching.fetch_sub(1, Ordering::Relaxed);
        // Pairs with the fence in `wake_for_inject`.
        store_load_fence();
        if let Some(g) = found {
            // One was found; if there is more, let the next sleeper look for it.
            if runtime.inject.len() > 0 && idle.searching.load(Ordering::Relaxed) == 0 {
                idle.wake_one(runtime);
            }
            return Some(g);
        }
        self.look()
    }

    /// Whether to spin: if somebody is running who could produce work, and at most half of those spin.
    ///
    /// One who spun and has just been sent something, by this worker perhaps, is counted among them until
    /// it notices. So where there are too many this waits for a moment: of two workers whose goroutines
    /// send each other messages one spins and the other works, and they change places all the time.
    fn await_room(self) -> (bool, Option<&'static G>) {
        let runtime = self.runtime;
        let idle = &runtime.idle;
        if runtime.config.spin.is_zero() {
            return (false, None);
        }
        let mut since = None;
        loop {
            let running = idle.awake(runtime.serving());
            if running <= 1 {
                return (false, None);
            }
            if 2 * idle.searching.load(Ordering::Relaxed) < running {
                return (true, None);
            }
            let now = Moment::now();
            if now.since(*since.get_or_insert(now)) >= ROOM {
                return (false, None);
            }
            pause();
            let found = self.look();
            if found.is_some() {
                return (false, found);
            }
        }
    }

    /// Looks again and again, here and elsewhere, for as long as that has been worth it of late.
    fn spin(self) -> Option<&'static G> {
        let thief = &self.local().thief;
        let (start, most) = (Moment::now(), thief.spin(self.runtime.config.spin));
        let mut found = None;
        while found.is_none() && Moment::now().since(start) < most {
            pause();
            found = self.look().or_else(|| self.steal());
        }
        thief.spun(found.is_some());
        found
    }

    /// Whether it may take what has no home yet.
    fn may_take(self) -> bool {
        !self.retiring.load(Ordering::Relaxed)
    }

    /// Everything that is ours or everybody's.
    fn look(self) -> Option<&'static G> {
        let local = self.local();
        self.poll();
        if let Some(g) = local.next.take() {
            return Some(g);
        }
        local
            .homed
            .pop_front()
            .or_else(|| self.movable.steal())
            .or_else(|| self.pop_unstarted())
            .or_else(|| {
                if self.may_take() {
                    self.runtime.inject.pop()
                } else {
                    None
                }
            })
    }

    fn sleep(self) {
        let runtime = self.runtime;
        let idle = &runtime.idle;
        let rests = self.local().thief.rests();
        idle.mark(self.index);
        idle.resting
            .fetch_add(usize::from(rests), Ordering::Relaxed);
        let bed = self.bed();
        self.sleep.announce(bed);
        // It may have got a poller just now.
        if !self.something_came() && bed == self.bed() {
            self.counts().sleeps.bump();
            self.block(bed);
        }
        let notified = self.sleep.stay_awake();
        idle.notified
            .fetch_sub(usize::from(notified), Ordering::Relaxed);
        idle.resting
            .fetch_sub(usize::from(rests), Ordering::Relaxed);
        idle.unmark(self.index);
        runtime.monitor.worker_woke();
    }

    /// The look between announcing and blocking, at everything whose producers may rely on us.
    fn something_came(self) -> bool {
        !self.inbox.is_empty()
            || !self.movable.is_empty()
            || !self.unstarted.is_empty()
            || self.has_cancels()
            || (self.may_take() && self.runtime.inject.len() > 0)
            || self.local().scavenger.is_due(self.runtime)
    }

    /// Where it is to sleep: in its poller, once it has one.
    fn bed(self) -> Bed {
        if self.netpoll.get().is_some() {
            Bed::Poller
        } else {
            Bed::Word
        }
    }

    fn block(self, bed: Bed) {
        let doze = self.local().thief.doze();
        let deadline = self.deadline.load(Ordering::Relaxed);
        let (word, value) = self.sleep.word();
        while self.sleep.asleep() {
            let now = Moment::now();
            let until_timer = (deadline != u64::MAX).then(|| Moment(deadline).since(now));
            let timeout = match (until_timer, doze) {
                (Some(t), Some(d)) => Some(t.min(d)),
                (t, d) => t.or(d),
            };
            if timeout == Some(Duration::ZERO) {
                return;
            }
            if bed == Bed::Poller {
                // Whatever ended it: look.
                self.wait_for_io(timeout);
                return;
            }
            futex::wait(word, value, timeout);
            if timeout.is_some() {
                // The time is over, or somebody woke us: look either way.
                return;
            }
        }
    }
}

/// Leaves the shared cache lines alone for a moment.
fn pause() {
    for _ in 0..16 {
        std::hint::spin_loop();
    }
}

/// Blocks the calling thread on `word` until somebody wakes it, or for `timeout`.
pub(super) fn block_on(sleep: &SleepWord, timeout: Option<Duration>) {
    let (word, value) = sleep.word();
    if sleep.asleep() {
        futex::wait(word, value, timeout);
    }
}

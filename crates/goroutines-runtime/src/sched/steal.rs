//! The reluctant thief: takes from another worker only what has waited.
//!
//! Not for: when to look (`idle`).
//!
//! A goroutine that starts stays on its thread, so taking one is for life. What was spawned just now
//! by a goroutine that is about to wait for it belongs with its spawner. A thief therefore takes from
//! a queue that is long, or an entry that it has seen at the head of a queue for a while ([`AGE`]), or
//! from one in which goroutines take turns and that has never been empty for long ([`CROWDED`]).
//! It is the thief that keeps the time: the owner, whose path is the hot one, pays nothing for it.

use super::deque::Deque;
use super::idle::LONG;
use super::worker::{Here, Worker};
use crate::g::G;
use crate::seam::clock::Moment;
use crate::shim::atomic::Ordering;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How long an entry of a short queue has to have been the oldest before a thief takes it.
const AGE: Duration = Duration::from_micros(100);

/// How long a queue in which goroutines take turns has to have had an entry at each look before a thief
/// takes half of it: its head is never old, but there is more to do than one worker can.
const CROWDED: Duration = Duration::from_millis(10);

/// The most that one raid takes from a long queue.
const RAID: usize = 16;

/// A stolen goroutine should keep its thief busy for so long, with all that it starts.
const WORTH: Duration = Duration::from_nanos(500);

/// How long a thief leaves long queues alone after the first raid that was not worth it; then twice
/// as long each time, to 128 times.
const REST_FIRST: Duration = Duration::from_micros(50);

/// The first and the longest nap of a worker that has seen entries too young to take.
const DOZE_FIRST: Duration = Duration::from_micros(60);
const DOZE_LAST: Duration = Duration::from_millis(10);

/// A queue of a worker that others may take from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Queue {
    /// See [`Worker::movable`].
    Movable,
    /// See [`Worker::unstarted`].
    Unstarted,
}

impl Queue {
    pub(super) fn of(self, worker: &'static Worker) -> &'static Deque<G> {
        match self {
            Queue::Movable => &worker.movable,
            Queue::Unstarted => &worker.unstarted,
        }
    }
}

/// What a thief has seen of a queue that was not empty at any of its last looks.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The index of the oldest entry, and since when it is that.
    oldest: isize,
    since: Moment,
    /// Since when the queue has not been empty at any look, and the last look.
    crowded: Moment,
    looked: Moment,
}

/// Why a thief may take from a short queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    /// It may not.
    No,
    /// The oldest entry has waited.
    Oldest,
    /// The goroutines in it have taken turns for long.
    Crowd,
}

/// What a worker remembers as a thief.
#[derive(Debug, Default)]
pub(super) struct Thief {
    /// For each queue of each other worker.
    seen: RefCell<Vec<[Option<Seen>; 2]>>,
    /// The last look saw something too young.
    young: Cell<bool>,
    naps: Cell<u32>,
    /// How often the last spins were in vain: each time halves the next one.
    vain: Cell<u32>,
    /// The last theft from a long queue: when, and how many.
    raid: Cell<Option<(Moment, u32)>>,
    /// How often in a row such a theft was not worth it.
    shy: Cell<u32>,
    /// Until when long queues are left alone because of that.
    rest: Cell<Option<Moment>>,
}

impl Thief {
    /// Called when everything stolen has been dealt with: was it worth it?
    ///
    /// Moving a goroutine to another core costs some hundred nanoseconds in cache misses on both
    /// sides. If those of a raid, and all they started, kept this worker busy for less than
    /// [`WORTH`] each, their owner does better alone: leave its queue for a while.
    pub(super) fn look_back(&self) {
        let Some((since, n)) = self.raid.take() else {
            return;
        };
        let now = Moment::now();
        if now.since(since) >= WORTH * n {
            self.shy.set(0);
            self.rest.set(None);
        } else {
            let shy = self.shy.get();
            self.shy.set((shy + 1).min(7));
            self.rest.set(Some(now.plus(REST_FIRST * (1 << shy))));
        }
    }

    /// Whether long queues are left alone for now.
    pub(super) fn rests(&self) -> bool {
        match self.rest.get() {
            Some(until) if Moment::now() < until => true,
            Some(_) => {
                self.rest.set(None);
                false
            }
            None => false,
        }
    }

    /// How long to look before sleeping.
    pub(super) fn spin(&self, most: Duration) -> Duration {
        most / (1 << self.vain.get().min(6))
    }

    /// Whether the last spin was worth it.
    pub(super) fn spun(&self, found: bool) {
        self.vain.set(if found {
            0
        } else {
            (self.vain.get() + 1).min(6)
        });
    }

    /// How long to sleep at most, if there is something to come back for.
    pub(super) fn doze(&self) -> Option<Duration> {
        if let Some(until) = self.rest.get() {
            return Some(until.since(Moment::now()).max(DOZE_FIRST));
        }
        if !self.young.get() {
            self.naps.set(0);
            return None;
        }
        let naps = self.naps.get();
        self.naps.set(naps + 1);
        Some((DOZE_FIRST * (1 << naps.min(12))).min(DOZE_LAST))
    }

    /// Whether the entries of that queue of worker `victim`, the `oldest` of them that number, have been
    /// there for long enough, in which its owner was not `offering` something, this perhaps.
    fn waited(&self, victim: usize, from: Queue, oldest: isize, offering: bool) -> Waited {
        let now = Moment::now();
        let mut all = self.seen.borrow_mut();
        if all.len() <= victim {
            all.resize(victim + 1, [None; 2]);
        }
        let seen = all[victim][from as usize].get_or_insert(Seen {
            oldest,
            since: now,
            crowded: now,
            looked: now,
        });
        if now.since(seen.looked) > 2 * DOZE_LAST {
            // This worker had something else to do, and does not know.
            seen.crowded = now;
        }
        seen.looked = now;
        if seen.oldest != oldest || offering {
            (seen.oldest, seen.since) = (oldest, now);
        }
        if now.since(seen.since) >= AGE {
            Waited::Oldest
        } else if matches!(from, Queue::Movable) && now.since(seen.crowded) >= CROWDED {
            seen.crowded = now;
            Waited::Crowd
        } else {
            Waited::No
        }
    }

    /// That queue of worker `victim` was empty.
    fn saw_empty(&self, victim: usize, from: Queue) {
        if let Some(seen) = self.seen.borrow_mut().get_mut(victim) {
            seen[from as usize] = None;
        }
    }
}

impl Here {
    /// Takes something from another worker, if it has waited.
    pub(super) fn steal(self) -> Option<&'static G> {
        let thief = &self.local().thief;
        thief.young.set(false);
        let n = self.runtime.workers();
        let first = self.local().choice.below(n);
        for i in 0..n {
            let victim = (first + i) % n;
            if victim == self.index {
                continue;
            }
            let Some(victim) = self.runtime.worker(victim) else {
                continue;
            };
            if let Some(g) = self.steal_from(victim) {
                thief.naps.set(0);
                thief.young.set(false);
                self.runtime.idle.add_credit();
                return Some(g);
            }
        }
        None
    }

    /// Takes the oldest of what `victim` takes in turn itself, or of what it starts newest first.
    fn steal_from(self, victim: &'static Worker) -> Option<&'static G> {
        self.take_old(victim, Queue::Movable)
            .or_else(|| self.take_old(victim, Queue::Unstarted))
    }

    fn take_old(self, victim: &'static Worker, from: Queue) -> Option<&'static G> {
        let thief = &self.local().thief;
        let queue = from.of(victim);
        let len = queue.len();
        if len == 0 {
            thief.saw_empty(victim.index, from);
            return None;
        }
        let long = len >= LONG;
        let waited = if long {
            if thief.rests() {
                Waited::No
            } else {
                Waited::Crowd
            }
        } else {
            let offering = victim.offering.load(Ordering::Relaxed);
            thief.waited(victim.index, from, queue.oldest(), offering)
        };
        if waited == Waited::No {
            thief.young.set(true);
            return None;
        }
        let g = queue.steal()?;
        self.counts().stolen.bump();
        if waited == Waited::Crowd {
            let mut n = 1;
            for _ in 1..(len / 2).min(RAID) {
                let Some(more) = queue.steal() else { break };
                self.counts().stolen.bump();
                self.keep(more, from);
                n += 1;
            }
            if long {
                thief.raid.set(Some((Moment::now(), n)));
            }
        }
        Some(g)
    }
}

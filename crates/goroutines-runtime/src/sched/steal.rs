//! The reluctant thief: takes from another worker only what has waited.
//!
//! Not for: when to look (`idle`).
//!
//! A goroutine that starts stays on its thread, so taking one is for life. What was spawned just now
//! by a goroutine that is about to wait for it belongs with its spawner. A thief therefore takes from
//! a queue that is long, or an entry that it has seen at the head of a queue for a while ([`AGE`]).
//! It is the thief that keeps the time: the owner, whose path is the hot one, pays nothing for it.

use super::idle::LONG;
use super::worker::{Here, Worker};
use crate::g::G;
use crate::seam::clock::Moment;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How long an entry of a short queue has to have been the oldest before a thief takes it.
const AGE: Duration = Duration::from_micros(30);

/// The most that one raid takes from a long queue.
const RAID: usize = 16;

/// The first and the longest nap of a worker that has seen entries too young to take.
const DOZE_FIRST: Duration = Duration::from_micros(60);
const DOZE_LAST: Duration = Duration::from_millis(10);

/// What a worker remembers as a thief.
#[derive(Debug, Default)]
pub(super) struct Thief {
    /// For each other worker: the index of its oldest entry, and when we saw it first.
    seen: RefCell<Vec<Option<(isize, Moment)>>>,
    /// The last look saw something too young.
    young: Cell<bool>,
    naps: Cell<u32>,
    /// How often the last spins were in vain: each time halves the next one.
    vain: Cell<u32>,
}

impl Thief {
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
        if !self.young.get() {
            self.naps.set(0);
            return None;
        }
        let naps = self.naps.get();
        self.naps.set(naps + 1);
        Some((DOZE_FIRST * (1 << naps.min(12))).min(DOZE_LAST))
    }

    /// Whether the oldest entry of worker `victim`, number `oldest`, has been there for long enough.
    fn has_waited(&self, victim: usize, oldest: isize) -> bool {
        let now = Moment::now();
        let mut seen = self.seen.borrow_mut();
        if seen.len() <= victim {
            seen.resize(victim + 1, None);
        }
        match seen[victim] {
            Some((index, since)) if index == oldest => now.since(since) >= AGE,
            _ => {
                seen[victim] = Some((oldest, now));
                false
            }
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

    fn steal_from(self, victim: &'static Worker) -> Option<&'static G> {
        let thief = &self.local().thief;
        // A migratable goroutine can go back: no reluctance, unless its worker gets to it anyway.
        if let Some(g) = victim.movable.steal() {
            self.counts().stolen.bump();
            return Some(g);
        }
        let len = victim.unstarted.len();
        if len == 0 {
            return None;
        }
        if len < LONG && !thief.has_waited(victim.index, victim.unstarted.oldest()) {
            thief.young.set(true);
            return None;
        }
        let g = victim.unstarted.steal()?;
        self.counts().stolen.bump();
        if len >= LONG {
            for _ in 1..(len / 2).min(RAID) {
                let Some(more) = victim.unstarted.steal() else {
                    break;
                };
                self.counts().stolen.bump();
                self.keep_unstarted(more);
            }
        }
        Some(g)
    }
}

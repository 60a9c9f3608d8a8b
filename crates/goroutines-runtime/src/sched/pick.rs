//! Which goroutine a worker runs next, of those that are ready or may start on it.
//!
//! Not for: what to do when there is none (`idle`), and what other workers may take (`steal`). The order,
//! and why nothing starves in it, is in the README: "Order, and fairness by exception".
#![allow(
    unsafe_code,
    reason = "takes from the owner's end of a queue; looks at suspended fibers"
)]

use super::worker::Here;
use crate::g::G;
use crate::g::list::List;
use crate::seam::clock::Moment;
use crate::shim::atomic::Ordering;
use goroutines_fiber::Fiber;
use std::cell::Cell;
use std::time::Duration;

/// Every so many rounds the newest of a few unstarted goroutines comes before the started ones.
const FRESH: u32 = 8;

/// Every so many rounds the queues that others fill come first. (61 in Go, a prime, so as not to fall in step
/// with the program. Here the monitor's tick sees to that, and a multiple of the other leaves the rounds in
/// between with one thing to ask.)
const FAIR: u32 = 7 * FRESH;

/// What a few are.
const FEW: usize = 8;

/// How long the newest unstarted goroutine goes before the oldest.
const PATIENCE: Duration = Duration::from_millis(1);

/// What a worker remembers of its picks.
#[derive(Debug)]
pub(super) struct Picks {
    round: Cell<u32>,
    /// The newest unstarted goroutine goes before the next of those that take turns.
    newest_next: Cell<bool>,
    /// An unstarted goroutine was taken since the last round for fairness.
    took_unstarted: Cell<bool>,
    /// The index of the oldest unstarted one at such a round, and since when it is that.
    oldest_seen: Cell<(isize, Moment)>,
    /// How many more of the oldest go before the newest, one each such round.
    oldest_quota: Cell<usize>,
}

impl Picks {
    pub(super) fn new() -> Picks {
        Picks {
            round: Cell::new(0),
            newest_next: Cell::new(false),
            took_unstarted: Cell::new(false),
            oldest_seen: Cell::new((-1, Moment(0))),
            oldest_quota: Cell::new(0),
        }
    }

    /// Counts the rounds.
    #[inline]
    fn next_round(&self) -> u32 {
        let round = self.round.get().wrapping_add(1);
        self.round.set(round);
        round
    }

    /// Counts the rounds of a goroutine that goes on because it is alone; whether it should look around.
    pub(super) fn is_fair_round(&self) -> bool {
        self.next_round().is_multiple_of(FAIR)
    }
}

impl Here {
    /// The next goroutine to run, if there is one without looking at other workers.
    #[inline(always)]
    pub(super) fn pick(self) -> Option<&'static G> {
        let picks = &self.local().picks;
        let round = picks.next_round();
        if round.is_multiple_of(FRESH) | self.header().tick.load(Ordering::Relaxed) {
            return self.pick_by_turns(round);
        }
        self.pick_next()
    }

    /// As [`Here::pick`], in the rounds in which others may come first.
    #[inline(never)]
    fn pick_by_turns(self, round: u32) -> Option<&'static G> {
        if (round.is_multiple_of(FAIR) || self.header().tick.load(Ordering::Relaxed))
            && let Some(g) = self.fair_pick(round)
        {
            return Some(g);
        }
        if round.is_multiple_of(FRESH)
            && !self.unstarted.is_empty()
            && let Some(g) = self.fresh_pick()
        {
            return Some(g);
        }
        self.pick_next()
    }

    /// As [`Here::pick`], in the other rounds.
    #[inline(always)]
    fn pick_next(self) -> Option<&'static G> {
        let local = self.local();
        if let Some(g) = local.next.take() {
            if !self.header().preempt.load(Ordering::Relaxed) {
                // Runs in the slice of the one that made it ready.
                return Some(g);
            }
            local.homed.push_back(g);
        }
        self.pick_queued()
    }

    /// The oldest of those that are ready.
    #[inline(never)]
    fn pick_queued(self) -> Option<&'static G> {
        let local = self.local();
        self.new_slice();
        if let Some(g) = local.homed.pop_front() {
            prefetch_next(&local.homed);
            return Some(g);
        }
        self.pick_shared()
    }

    /// The newest unstarted goroutine, if there are a few.
    ///
    /// Those that were spawned together to talk to each other have then all started here before a thief
    /// finds that one has waited; else some lived elsewhere, and each message between the two halves was
    /// a cache miss. If there are many the work is not theirs but more of their kind: a tree's, whose stacks
    /// count.
    #[cold]
    #[inline(never)]
    fn fresh_pick(self) -> Option<&'static G> {
        if self.unstarted.len() > FEW {
            return None;
        }
        self.pop_unstarted()
    }

    /// As [`Here::pick`], from the queues that others may touch.
    fn pick_shared(self) -> Option<&'static G> {
        let local = self.local();
        if self.empty_inbox() > 0
            && let Some(g) = local.homed.pop_front()
        {
            return Some(g);
        }
        // In turns: of tasks that keep each other busy there are always some ready.
        if !self.movable.is_empty()
            && (self.unstarted.is_empty() || !local.picks.newest_next.replace(false))
            && let Some(g) = self.movable.steal()
        {
            local.picks.newest_next.set(true);
            return Some(g);
        }
        self.pop_unstarted()
    }

    /// Every so often what others put in comes first, and the oldest of what has not started.
    #[cold]
    #[inline(never)]
    fn fair_pick(self, round: u32) -> Option<&'static G> {
        // The time slice goes on: it is bounded by time, not by rounds (SEMANTICS FA-2).
        self.header().tick.store(false, Ordering::Relaxed);
        self.poll();
        let oldest = || self.oldest_if_due();
        let global = || self.runtime.inject.pop();
        let movable = || self.movable.steal();
        // Take turns, so that none of the three starves another.
        match (round / FAIR) % 4 {
            0 => global().or_else(oldest).or_else(movable),
            1 => oldest().or_else(global).or_else(movable),
            _ => movable().or_else(oldest).or_else(global),
        }
    }

    /// The oldest unstarted goroutine, if it should come before the newest now: because none has been
    /// started since the last such round, or because this one has waited for [`PATIENCE`].
    ///
    /// Starting the oldest without need would open one shallow branch of a tree of goroutines after
    /// the other, and each costs a stack.
    fn oldest_if_due(self) -> Option<&'static G> {
        let picks = &self.local().picks;
        if self.unstarted.is_empty() {
            return None;
        }
        if picks.took_unstarted.replace(false) {
            let quota = picks.oldest_quota.get();
            if quota == 0 {
                let now = Moment::now();
                let index = self.unstarted.oldest();
                let (seen, since) = picks.oldest_seen.get();
                if seen != index {
                    picks.oldest_seen.set((index, now));
                    return None;
                }
                if now.since(since) < PATIENCE {
                    return None;
                }
                // Of a long backlog a part, so that it drains although newer ones keep coming.
                picks.oldest_quota.set(self.unstarted.len() / 64);
            } else {
                picks.oldest_quota.set(quota - 1);
            }
        }
        self.unstarted.steal()
    }

    /// Takes the newest of the unstarted ones.
    #[inline]
    pub(super) fn pop_unstarted(self) -> Option<&'static G> {
        self.local().picks.took_unstarted.set(true);
        // SAFETY: this is the owner's thread.
        unsafe { self.unstarted.pop() }
    }
}

/// Has the processor fetch what resuming the next ready goroutines will touch. Going round thousands
/// of them is a chain of cache misses otherwise: from a record to its fiber's header to its frames.
/// So this fetches the frames of the next one, the header of the one behind it, and the record of the
/// third, each of which depends on what was fetched a round before.
#[inline]
fn prefetch_next(ready: &List<G>) {
    let Some(first) = ready.front() else { return };
    if let Some(fiber) = first.fiber() {
        // SAFETY: `start` made the pointer, and a goroutine in this worker's queue has not finished.
        let fiber = unsafe { Fiber::from_ptr(fiber) };
        // SAFETY: it is suspended: it is in a queue of this worker, whose thread this is.
        unsafe { fiber.prefetch_frames() };
    }
    let Some(second) = ready.after(first) else {
        return;
    };
    if let Some(fiber) = second.fiber() {
        // SAFETY: as above.
        let fiber = unsafe { Fiber::from_ptr(fiber) };
        fiber.prefetch_header();
    }
    if let Some(third) = ready.after(second) {
        third.prefetch();
    }
}

//! What all waits of this room have in common.
//!
//! Not for: the queues themselves (`park::waitq`).

use goroutines_runtime::park::{self, Cause, Moment};
use goroutines_runtime::shim::atomic::{AtomicU32, Ordering};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Ends a wait that neither a peer nor a deadline ended: the goroutine has been cancelled, and unwinds.
///
/// Whoever calls this has left all queues and holds nothing that the wait was for.
#[cold]
pub(super) fn interrupted(cause: Cause) -> ! {
    park::check(cause);
    // `WaitQueue` shields the waits of a goroutine that unwinds already.
    unreachable!("a wait ended for no reason")
}

/// Looking a few more times at something that is about to change, before waiting for it.
#[derive(Debug)]
pub(super) struct Spin(u32);

impl Spin {
    /// Each turn is twice as long as the one before: the peer shall have the cache line to itself.
    const TURNS: u32 = 6;

    pub(super) fn new() -> Spin {
        Spin(0)
    }

    /// Spends a moment; `false`: it has been long enough.
    #[inline]
    pub(super) fn turn(&mut self) -> bool {
        if self.0 >= Spin::TURNS || !park::may_spin() {
            return false;
        }
        for _ in 0..1 << self.0 {
            std::hint::spin_loop();
        }
        self.0 += 1;
        true
    }
}

/// When the waiters of a lock starve, and when they have been helped enough.
///
/// While they starve the lock is handed from one to the next, which is fair, and dear where the next is
/// at home elsewhere: it may have to be woken. So that phase serves those that waited when it began, and
/// leaves at least as much time as it took to whoever is quick. Why: `sync/README.md`.
#[derive(Debug)]
pub(super) struct Patience {
    /// While they starve: since when. Otherwise: nobody starves before this moment. Used with the queue
    /// locked only.
    turn: AtomicU32,
}

/// A moment in units of 2^16 ns, 15 to a millisecond. Comes round after three days.
fn coarse(at: Moment) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "it comes round")]
    let units = (at.0 >> 16) as u32;
    units
}

impl Patience {
    /// Who has waited longer than this and finds the lock taken again starves (Go: the same).
    const PATIENCE: Duration = Duration::from_millis(1);

    /// How long nobody starves afterwards: a millisecond at least and a second at most. What says more is
    /// days old.
    const CALM: RangeInclusive<u32> = 16..=15_000;

    pub(super) const fn new() -> Patience {
        Patience {
            turn: AtomicU32::new(0),
        }
    }

    /// Whether one that came at `came`, and finds the lock taken again, starves by `now`.
    pub(super) fn is_over(&self, came: Moment, now: Moment) -> bool {
        let calm = self.turn().wrapping_sub(coarse(now));
        now.since(came) > Patience::PATIENCE && !(1..=*Patience::CALM.end()).contains(&calm)
    }

    /// The first one starves.
    pub(super) fn starts(&self, now: Moment) {
        self.turn.store(coarse(now), Ordering::Relaxed);
    }

    /// Whether it is enough with the one that came at `came` and is given the lock.
    pub(super) fn is_enough(&self, came: Moment, now: Moment) -> bool {
        let took = coarse(now).wrapping_sub(self.turn());
        let waited = coarse(now).wrapping_sub(coarse(came));
        let enough = waited < took || now.since(came) < Patience::PATIENCE;
        if enough {
            let calm = took.clamp(*Patience::CALM.start(), *Patience::CALM.end());
            let until = coarse(now).wrapping_add(calm);
            self.turn.store(until, Ordering::Relaxed);
        }
        enough
    }

    fn turn(&self) -> u32 {
        self.turn.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Moment {
        Moment(ms * MS)
    }

    // MU-7
    #[test]
    fn a_waiter_starves_after_a_millisecond() {
        let patience = Patience::new();
        assert!(!patience.is_over(at(10), at(11)));
        assert!(patience.is_over(at(10), at(12)));
    }

    // MU-7
    #[test]
    fn it_is_enough_with_one_that_waited_for_less_than_that() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(!patience.is_enough(at(17), at(20)));
        assert!(patience.is_enough(at(19), Moment(20 * MS - 1)));
    }

    #[test]
    fn those_that_waited_when_it_began_are_served_however_long_that_takes() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(!patience.is_enough(at(18), at(30)));
        assert!(!patience.is_enough(at(20), at(60)));
        assert!(patience.is_enough(at(21), at(70)));
    }

    #[test]
    fn then_nobody_starves_for_as_long_as_it_took() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(patience.is_enough(at(21), at(70)));
        assert!(!patience.is_over(at(21), at(119)));
        assert!(patience.is_over(at(21), at(121)));
    }

    #[test]
    fn a_short_phase_leaves_a_millisecond() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(patience.is_enough(at(20), at(20)));
        assert!(!patience.is_over(at(2), at(21)));
        assert!(patience.is_over(at(2), at(22)));
    }

    #[test]
    fn what_was_days_ago_calms_nobody() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(patience.is_enough(at(21), at(70)));
        for hours in 1..200 {
            let now = at(70 + hours * 3_600_000);
            assert!(patience.is_over(at(60), now), "after {hours} hours");
        }
    }

    #[test]
    fn a_phase_of_hours_leaves_a_second() {
        let patience = Patience::new();
        patience.starts(at(20));
        assert!(patience.is_enough(at(21), at(9_000_000)));
        assert!(!patience.is_over(at(21), at(9_000_900)));
        assert!(patience.is_over(at(21), at(9_001_000)));
    }
}

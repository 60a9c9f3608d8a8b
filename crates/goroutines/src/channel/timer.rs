//! Timers that look like channels: `after`, `at`, `tick`.
//!
//! Not for: waiting; a receiver looks at the clock, and parks until the timer is due. So a timer that
//! nobody receives from costs nothing (SEMANTICS TI-12), and one that many receive from gives each value
//! to one of them.

use super::env::{AtomicU64, Moment, Ordering, Reason, Wakeable, prepare};
use std::time::{Duration, Instant};

/// When the next value is due, and what follows.
#[derive(Debug)]
pub(crate) struct Timer {
    /// [`Moment::NEVER`]: nothing comes any more.
    next: AtomicU64,
    what: What,
}

#[derive(Debug)]
enum What {
    /// One value, which is this.
    Once(Instant),
    /// One value for each period.
    Every(Duration),
}

impl Timer {
    /// Due once.
    pub(crate) fn at(when: Instant) -> Timer {
        let next = AtomicU64::new(Moment::from_instant(when).0);
        Timer {
            next,
            what: What::Once(when),
        }
    }

    /// Due each time a period has passed; the period is not zero.
    pub(crate) fn every(period: Duration) -> Timer {
        let next = AtomicU64::new(Moment::after(period).0);
        Timer {
            next,
            what: What::Every(period),
        }
    }

    /// When a value is due, as far as is known.
    pub(crate) fn deadline(&self) -> Moment {
        Moment(self.next.load(Ordering::Relaxed))
    }

    /// Whether a value is due.
    pub(crate) fn due(&self, now: Moment) -> bool {
        let next = self.deadline();
        next != Moment::NEVER && next <= now
    }

    /// Takes the value that is due.
    pub(crate) fn take(&self, now: Moment) -> Option<Instant> {
        let mut due = self.next.load(Ordering::Relaxed);
        loop {
            if due == Moment::NEVER.0 || due > now.0 {
                return None;
            }
            let (value, next) = match self.what {
                What::Once(when) => (when, Moment::NEVER.0),
                What::Every(period) => {
                    // The first one missed is delivered, the others are dropped, and those to come
                    // stay on the grid (SEMANTICS TI-20).
                    let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
                    let periods = (now.0 - due) / period + 1;
                    let next = due.saturating_add(period.saturating_mul(periods));
                    (Moment(due).to_instant()?, next)
                }
            };
            // Relaxed: only the clock orders what a timer does.
            match self
                .next
                .compare_exchange_weak(due, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(value),
                Err(other) => due = other,
            }
        }
    }

    /// Whoever took this value does not want it after all.
    #[cold]
    pub(crate) fn give_back(&self, value: Instant) {
        if let What::Once(_) = self.what {
            self.next
                .store(Moment::from_instant(value).0, Ordering::Relaxed);
        }
        // Of a ticker, one value is lost, as when its receiver is slow.
    }

    /// Waits for the value; `None`: the deadline passed first.
    pub(crate) fn recv_by(&self, deadline: Moment) -> Option<Instant> {
        loop {
            let now = Moment::now();
            if let Some(value) = self.take(now) {
                return Some(value);
            }
            if deadline <= now {
                return None;
            }
            let wait = prepare(Wakeable::ByTicket);
            wait.park(Reason::ChanReceive, self.deadline().min(deadline));
        }
    }
}

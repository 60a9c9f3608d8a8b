//! Timers that look like channels: `after`, `at`, `tick`, and those of [`time`](crate::time).
//!
//! Not for: keeping time; a receiver looks at the clock, and parks until the timer is due. So a timer that
//! nobody receives from costs nothing (SEMANTICS TI-12), and one that many receive from gives each value
//! to one of them.
//!
//! A timer has a [`Core`], through which values never go: receivers queue in it while they wait, so that
//! who sets the timer to an earlier moment, or gives a value back, can end their waits, and they look
//! again. It is set under the lock of the core; a waiter reads the moment with the lock held and queues
//! before it lets go, so it either waits for the new moment or is found in the queue. Values are taken
//! without the lock, by changing the moment if it is still the one that was due: so each is taken once,
//! or was taken away by setting the timer.

use super::env::{AtomicU64, Moment, Ordering, Wakeable, checkpoint, spot};
use super::slot::lock::{Core, Guard};
use super::slot::many::{AllLocked, Case, Port};
use super::slot::node::{Kind, Outcome, Side};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// Marks the moment of a value that has been taken, after which nothing comes unless it is given back.
/// No clock of a running system gets there.
const TAKEN: u64 = 1 << 63;

/// When the next value is due, and what follows.
#[derive(Debug)]
pub(crate) struct Timer {
    core: Core,
    /// From [`TAKEN`] on: nothing comes any more.
    next: AtomicU64,
    /// In nanoseconds; 0: one value only. Written with the lock of the core, before the moment.
    period: AtomicU64,
    /// What the value of [`Timer::at`] is, which the clock of the runtime need not be able to say.
    exact: Option<Instant>,
}

impl Timer {
    fn new(when: Moment, period: u64, exact: Option<Instant>) -> Timer {
        Timer {
            core: Core::new(0),
            next: AtomicU64::new(kept(when)),
            period: AtomicU64::new(period),
            exact,
        }
    }

    /// Due once.
    pub(crate) fn at(when: Instant) -> Timer {
        Timer::new(Moment::from_instant(when), 0, Some(when))
    }

    /// Due each time a period has passed; the period is not zero.
    pub(crate) fn every(period: Duration) -> Timer {
        let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        Timer::new(Moment::after(period), nanos, None)
    }

    /// One that gives nothing before it is [`set`](Timer::set).
    pub(crate) fn adjustable() -> Timer {
        Timer::new(Moment::NEVER, 0, None)
    }

    /// From now on it gives a value at `when`, and then one each `period` nanoseconds (0: no others).
    /// What it was set to before counts no more. `true`: then there would have been another value.
    /// [`Moment::NEVER`] stops it.
    pub(crate) fn set(&self, when: Moment, period: u64) -> bool {
        let locked = self.core.lock();
        self.period.store(period, Ordering::Relaxed);
        let when = kept(when);
        // Release: who reads this moment in `take` reads its period too.
        let before = self.next.swap(when, Ordering::AcqRel);
        if when < before.min(TAKEN) {
            // They wait for a later moment.
            look_again(locked);
        }
        before < TAKEN
    }

    /// What receivers queue in.
    #[inline]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// When a value is due, as far as is known: until the timer is set again, which takes the lock of
    /// its core.
    pub(crate) fn deadline(&self) -> Moment {
        let next = self.next.load(Ordering::Relaxed);
        if next < TAKEN {
            Moment(next)
        } else {
            Moment::NEVER
        }
    }

    /// Whether a value is due.
    pub(crate) fn due(&self, now: Moment) -> bool {
        let next = self.deadline();
        next != Moment::NEVER && next <= now
    }

    /// Takes the value that is due, of which it gives the moment.
    pub(crate) fn take(&self, now: Moment) -> Option<Moment> {
        // Acquire: pairs with the Release in `set`.
        let mut due = self.next.load(Ordering::Acquire);
        loop {
            if due >= TAKEN || due > now.0 {
                return None;
            }
            // If this period is newer than the moment, so is the moment that follows, and the exchange
            // fails.
            let next = match self.period.load(Ordering::Relaxed) {
                0 => due | TAKEN,
                period => next_on_grid(due, period, now),
            };
            // Acquire on failure: as above. For the rest only the clock orders what a timer does.
            match self
                .next
                .compare_exchange_weak(due, next, Ordering::Relaxed, Ordering::Acquire)
            {
                Ok(_) => return Some(Moment(due)),
                Err(other) => due = other,
            }
        }
    }

    /// The value of a moment that was taken.
    pub(crate) fn value(&self, taken: Moment) -> Option<Instant> {
        self.exact.or_else(|| taken.to_instant())
    }

    /// Whoever took this value does not want it after all: others may. Of a timer with a period, one
    /// value is lost, as when its receiver is slow.
    #[cold]
    pub(crate) fn give_back(&self, value: Moment) {
        let Moment(value) = value;
        let locked = self.core.lock();
        // If it has been set since, that counts.
        let again =
            self.next
                .compare_exchange(value | TAKEN, value, Ordering::Relaxed, Ordering::Relaxed);
        if again.is_ok() {
            look_again(locked);
        }
    }

    /// Waits for the value; `None`: the deadline passed first.
    pub(crate) fn recv_by(&self, deadline: Moment) -> Option<Instant> {
        checkpoint();
        loop {
            let now = Moment::now();
            if let Some(value) = self.take(now) {
                return self.value(value);
            }
            if deadline <= now {
                return None;
            }
            let spot = spot();
            let wait = spot.prepare(Wakeable::ByTicket);
            let (cases, mut order) = ([Case::later(Port::Timer(self), Side::Recv)], [0]);
            let locked = AllLocked::lock(&cases, &mut order, true, spot);
            // With the lock held: see the module's head.
            let until = self.deadline().min(deadline);
            locked.park(Kind::Later, &mut [MaybeUninit::uninit()], wait, until);
        }
    }
}

/// What is kept of a moment that may be further away than any clock gets.
fn kept(when: Moment) -> u64 {
    if when == Moment::NEVER {
        when.0
    } else {
        when.0.min(TAKEN - 1)
    }
}

/// Ends the waits of all who are queued in a timer's core: they look at its moment again.
fn look_again(locked: Guard<'_>) {
    let mut peers = Vec::new();
    // All before the first goes on, because they come back.
    while let Some(peer) = locked.queue(Side::Recv).claim_first() {
        peers.push(peer);
    }
    while let Some(peer) = locked.watchers().claim_first_of(Side::Recv) {
        peers.push(peer);
    }
    drop(locked);
    peers.into_iter().for_each(|peer| peer.end(Outcome::Retry));
}

/// The next moment of a ticker whose value for `due` is taken at `now`: the first one missed is
/// delivered, the others are dropped, and those to come stay on the grid (SEMANTICS TI-20).
fn next_on_grid(due: u64, period: u64, now: Moment) -> u64 {
    let periods = (now.0 - due) / period + 1;
    due.saturating_add(period.saturating_mul(periods))
}

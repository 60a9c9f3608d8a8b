//! The waist, as a model: each of loom's threads is a goroutine that waits by the real wait word.
//!
//! A deadline may pass at any time: who waits with one ends its wait itself, unless somebody has done
//! that before. In the same way a cancelled one ends its waits.

include!(concat!(env!("OUT_DIR"), "/waitq.rs"));

pub use crate::g::reason::Reason;
pub use crate::g::state::{Cause, Wakeable};
use crate::g::state::{Ticket, WaitWord};
use crate::shim::bell;
use loom::sync::Notify;
use loom::sync::atomic::AtomicBool;
use loom::thread;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One that waits.
#[derive(Debug)]
pub struct G {
    wait: WaitWord,
    ready: AtomicBool,
    bell: &'static Notify,
    cancelled: Cell<Option<When>>,
}

/// When a cancel is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While it is parked: in each wait that nothing else ends before.
    Parked,
    /// When it begins a wait, after so many that are not disturbed.
    Begins(u32),
}

// SAFETY: `cancelled` is used by its own thread only.
unsafe impl Sync for G {}

loom::thread_local! {
    static ME: &'static G = Box::leak(Box::new(G {
        wait: WaitWord::new(),
        ready: AtomicBool::new(false),
        bell: bell(),
        cancelled: Cell::new(None),
    }));
}

fn me() -> &'static G {
    ME.with(|g| *g)
}

/// What a cancelled one unwinds with.
#[derive(Debug)]
pub struct Cancelled;

/// From now on this thread is cancelled.
pub fn cancel_me(when: When) {
    me().cancelled.set(Some(when));
}

/// A wait that has begun.
#[derive(Debug)]
pub struct Wait(&'static G, Ticket);

/// The right to end it.
#[derive(Clone, Copy, Debug)]
pub struct Waker(&'static G, Ticket);

/// Whose wait has been ended.
#[derive(Debug)]
pub struct Claimed(&'static G);

/// Begins a wait.
pub fn prepare(wakeable: Wakeable) -> Wait {
    let g = me();
    match g.cancelled.get() {
        Some(When::Begins(0)) => check(Cause::Cancelled),
        Some(When::Begins(n)) => g.cancelled.set(Some(When::Begins(n - 1))),
        _ => {}
    }
    Wait(g, g.wait.begin(wakeable))
}

/// Unwinds a cancelled one.
pub fn check(cause: Cause) {
    if cause == Cause::Cancelled {
        std::panic::resume_unwind(Box::new(Cancelled));
    }
}

#[allow(missing_docs)]
impl Wait {
    pub fn waker(&self) -> Waker {
        Waker(self.0, self.1)
    }

    pub fn park(self, _reason: Reason, deadline: Moment) -> Cause {
        let Wait(g, ticket) = self;
        let ends = (deadline != Moment::NEVER).then_some(Cause::Deadline);
        let ends = ends.or((g.cancelled.get() == Some(When::Parked)).then_some(Cause::Cancelled));
        if let Some(cause) = ends {
            thread::yield_now();
            if g.wait.claim(ticket, cause) {
                return cause;
            }
        }
        // Acquire: pairs with the Release in `ready`.
        while !g.ready.swap(false, Ordering::Acquire) {
            g.bell.wait();
        }
        g.wait.cause()
    }

    pub fn withdraw(self) -> Option<Cause> {
        assert!(self.0.wait.withdraw(self.1), "nobody has had its waker");
        None
    }
}

#[allow(missing_docs)]
impl Waker {
    pub fn claim(self) -> Option<Claimed> {
        self.0
            .wait
            .claim(self.1, Cause::Ready)
            .then_some(Claimed(self.0))
    }
}

#[allow(missing_docs)]
impl Claimed {
    pub fn ready(self) {
        // Release: pairs with the Acquire in `park`.
        assert!(
            !self.0.ready.swap(true, Ordering::Release),
            "made ready twice"
        );
        self.0.bell.notify();
    }

    pub fn ready_later(self) {
        self.ready();
    }
}

/// A moment of a clock that a model sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

static CLOCK: AtomicU64 = AtomicU64::new(0);
static STEP: AtomicU64 = AtomicU64::new(0);

/// Begins a run; each look at the clock takes it `step` further.
pub fn set_clock(step: Duration) {
    CLOCK.store(0, Ordering::Relaxed);
    STEP.store(step.as_nanos() as u64, Ordering::Relaxed);
}

#[allow(missing_docs)]
impl Moment {
    pub const NEVER: Moment = Moment(u64::MAX);

    pub fn now() -> Moment {
        Moment(CLOCK.fetch_add(STEP.load(Ordering::Relaxed), Ordering::Relaxed))
    }

    pub fn after(duration: Duration) -> Moment {
        Moment::now().plus(duration)
    }

    pub fn plus(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration.as_nanos() as u64))
    }

    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub fn from_instant(_at: Instant) -> Moment {
        Moment::NEVER
    }
}

/// Lets others run.
pub fn yield_now() {
    thread::yield_now();
}

/// No time slice is over in a model.
pub fn checkpoint() {}

/// Spinning is of no use to a model.
pub fn may_spin() -> bool {
    false
}

/// No poison.
pub fn panicking() -> bool {
    false
}

//! The waist, as a model: each of loom's threads is a goroutine that waits by the real wait word.
//!
//! A deadline may pass at any time: who waits with one ends its wait itself, unless somebody has done
//! that before. In the same way a cancelled one ends its wait.

include!(concat!(env!("OUT_DIR"), "/waitq.rs"));

pub use crate::g::reason::Reason;
pub use crate::g::state::{Cause, Wakeable};
use crate::g::state::{Ticket, WaitWord};
use loom::thread::{self, Thread};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One that waits.
///
/// What is not the wait word are std's atomics, which loom does not see: they are no part of what is
/// checked. What a waker did is before what the woken does, as it is by the runtime's queues.
#[derive(Debug)]
pub struct G {
    wait: WaitWord,
    /// The number of the last wait.
    last: AtomicU64,
    ready: AtomicBool,
    thread: Thread,
}

/// When a cancel is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While it is parked, unless something else ends that wait before.
    Parked,
    /// When it begins a wait, after so many that are not disturbed.
    Begins(u32),
}

loom::thread_local! {
    static ME: &'static G = new_g();
    static CANCELLED: Cell<Option<When>> = Cell::new(None);
    static IS_THREAD: Cell<bool> = Cell::new(false);
    static CHOICE: Cell<usize> = Cell::new(0);
    static WORKER: Cell<u32> = Cell::new(0);
    /// The last deadline that it has seen pass.
    static PASSED: Cell<Moment> = Cell::new(Moment(0));
}

fn new_g() -> &'static G {
    Box::leak(Box::new(G {
        wait: WaitWord::new(),
        last: AtomicU64::new(0),
        ready: AtomicBool::new(false),
        thread: thread::current(),
    }))
}

fn me() -> &'static G {
    ME.with(|g| *g)
}

/// What a cancelled one unwinds with.
#[derive(Debug)]
pub struct Cancelled;

/// From now on this thread is cancelled.
pub fn cancel_me(when: When) {
    CANCELLED.with(|cancelled| cancelled.set(Some(when)));
}

/// From now on this thread is one that is dear to put to sleep.
pub fn be_a_thread() {
    IS_THREAD.with(|is| is.set(true));
}

/// From now on this thread is the one of this worker, which are counted from 1.
pub fn be_a_worker(number: u32) {
    WORKER.with(|worker| worker.set(number));
}

/// Where a thread runs. No two goroutines of a model are at home on one worker.
#[derive(Clone, Copy, Debug)]
pub struct Spot(());

/// Where the caller runs.
pub fn spot() -> Spot {
    Spot(())
}

#[allow(missing_docs)]
impl Spot {
    pub fn prepare(self, wakeable: Wakeable) -> Wait {
        prepare(wakeable)
    }

    pub fn leave(self, _reason: Reason) -> Option<(Waker, Leaving)> {
        // A cancelled one takes the long way, as in the runtime.
        let unwinds = matches!(CANCELLED.with(Cell::get), Some(When::Begins(0)));
        if self.is_thread() || unwinds {
            return None;
        }
        let wait = prepare(Wakeable::ByTicket);
        Some((wait.waker(), Leaving(wait)))
    }

    pub fn is_thread(self) -> bool {
        IS_THREAD.with(Cell::get)
    }

    pub fn number(self) -> u32 {
        match WORKER.with(Cell::get) {
            0 if !IS_THREAD.with(Cell::get) => u32::from(u16::MAX),
            number => number,
        }
    }

    pub fn slice_over(self) -> bool {
        false
    }
}

/// A wait that lacks only the switch.
#[derive(Debug)]
pub struct Leaving(Wait);

#[allow(missing_docs)]
impl Leaving {
    pub fn switch(self) -> Cause {
        self.0.park(Reason::Park, Moment::NEVER)
    }
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
    CANCELLED.with(|cancelled| match cancelled.get() {
        Some(When::Begins(0)) if wakeable != Wakeable::Shielded => check(Cause::Cancelled),
        Some(When::Begins(n @ 1..)) => cancelled.set(Some(When::Begins(n - 1))),
        _ => {}
    });
    let ticket = g.wait.begin(wakeable);
    g.last.store(ticket.as_u64(), Ordering::Relaxed);
    Wait(g, ticket)
}

/// Unwinds a cancelled one.
pub fn check(cause: Cause) {
    if cause == Cause::Cancelled {
        std::panic::resume_unwind(Box::new(Cancelled));
    }
}

/// Takes turns.
pub fn choose(n: usize) -> usize {
    CHOICE.with(|choice| {
        choice.set(choice.get() + 1);
        choice.get() % n
    })
}

#[allow(missing_docs)]
impl Wait {
    pub fn blocks_thread(&self) -> bool {
        IS_THREAD.with(Cell::get)
    }

    pub fn waker(&self) -> Waker {
        Waker(self.0, self.1)
    }

    pub fn park(self, _reason: Reason, deadline: Moment) -> Cause {
        let Wait(g, ticket) = self;
        let cancelled = CANCELLED.with(Cell::get) == Some(When::Parked);
        if deadline != Moment::NEVER && g.wait.claim(ticket, Cause::Deadline) {
            PASSED.with(|passed| passed.set(deadline));
            return Cause::Deadline;
        }
        if cancelled && g.wait.claim(ticket, Cause::Cancelled) {
            cancel_me(When::Begins(0));
            return Cause::Cancelled;
        }
        while !g.ready.swap(false, Ordering::Relaxed) {
            thread::park();
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
        let Waker(g, ticket) = self;
        // It would be harmless, but it was found in a node that is gone.
        let last = g.last.load(Ordering::Relaxed);
        assert_eq!(ticket.as_u64(), last, "who goes on leaves no node behind");
        g.wait.claim(ticket, Cause::Ready).then_some(Claimed(g))
    }
}

/// No two of loom's threads are one: what those on one worker do without an exchange is not modelled.
#[allow(missing_docs)]
impl Waker {
    pub fn is_near(self, _spot: Spot) -> bool {
        false
    }

    pub fn prefetch<T>(self, _local: *const T) {}

    /// # Safety
    ///
    /// It is near.
    pub unsafe fn claim_near(self) -> Option<Claimed> {
        unreachable!("nobody is near")
    }

    /// # Safety
    ///
    /// As in the runtime.
    pub unsafe fn claimed(self) -> Claimed {
        Claimed(self.0)
    }
}

#[allow(missing_docs)]
impl Claimed {
    pub fn ready_from(self, _spot: Spot) {
        self.ready();
    }

    pub fn ready(self) {
        let before = self.0.ready.swap(true, Ordering::Relaxed);
        assert!(!before, "made ready twice");
        self.0.thread.unpark();
    }

    pub fn ready_later(self) {
        self.ready();
    }
}

/// What waits for a task, here for the thread that has made it.
#[derive(Debug)]
pub struct StandIn {
    g: &'static G,
    ticket: Option<Ticket>,
}

/// As the runtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Settled {
    Never,
    Yes,
    Soon,
}

#[allow(missing_docs)]
impl StandIn {
    pub fn new() -> StandIn {
        StandIn {
            g: new_g(),
            ticket: None,
        }
    }

    pub fn waits(&self) -> bool {
        self.ticket.is_some()
    }

    pub fn begin(&mut self, _: &std::task::Waker) -> Waker {
        assert!(self.ticket.is_none());
        let ticket = self.g.wait.begin(Wakeable::ByTicket);
        self.g.last.store(ticket.as_u64(), Ordering::Relaxed);
        self.ticket = Some(ticket);
        Waker(self.g, ticket)
    }

    pub fn poll(&mut self, _: &std::task::Waker) -> bool {
        if self.ticket.is_some() && !self.g.ready.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.ticket = None;
        true
    }

    pub fn end(&mut self) -> Settled {
        let Some(ticket) = self.ticket else {
            return Settled::Yes;
        };
        if self.g.wait.withdraw(ticket) {
            self.ticket = None;
            return Settled::Never;
        }
        if self.g.ready.swap(false, Ordering::Relaxed) {
            self.ticket = None;
            return Settled::Yes;
        }
        Settled::Soon
    }

    /// Here it is the owner that waits for the claimer and then drops what was kept.
    pub fn leave(&mut self, keep: Box<dyn Send>) {
        while !self.g.ready.swap(false, Ordering::Relaxed) {
            thread::park();
        }
        self.ticket = None;
        drop(keep);
    }
}

/// A moment of a clock that a model sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

// Models run beside each other, each with its loom threads in a thread of its own.
thread_local! {
    static CLOCK: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Begins a run; each look at the clock takes it `step` further.
pub fn set_clock(step: Duration) {
    CLOCK.set((0, step.as_nanos() as u64));
}

#[allow(missing_docs)]
impl Moment {
    pub const NEVER: Moment = Moment(u64::MAX);
    /// Not yet, but at any time.
    pub const SOON: Moment = Moment(u64::MAX - 1);

    pub fn now() -> Moment {
        let (now, step) = CLOCK.get();
        CLOCK.set((now + step, step));
        Moment(now).max(PASSED.with(Cell::get))
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

/// Lets others run.
pub fn give_way() {
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

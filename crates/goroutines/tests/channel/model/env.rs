//! What the protocol stands on, as loom's: each of its threads waits by the real wait word.
//!
//! A deadline may pass at any time: who waits with one ends its wait itself, unless a peer has done that
//! before; a cancelled one likewise.

pub(crate) use crate::state::{Cause, Wakeable};
pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};

use crate::state::{Ticket, WaitWord};
use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use std::cell::Cell;

/// The status word. Loom orders plain stores by its clocks alone and then sometimes finds two that it
/// cannot order, so the store of a holder of the lock is an exchange here.
#[derive(Debug)]
pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

impl AtomicU64 {
    #[track_caller]
    pub(crate) fn new(value: u64) -> AtomicU64 {
        AtomicU64(loom::sync::atomic::AtomicU64::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.0.swap(value, ordering);
    }

    pub(crate) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(old, new, success, failure)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(old, new, success, failure)
    }
}

/// One that waits.
#[derive(Debug)]
pub(crate) struct G {
    wait: WaitWord,
    ready: Mutex<bool>,
    made_ready: Condvar,
    /// Its first wait is ended by a cancel, unless somebody is quicker.
    cancelled: Cell<bool>,
    /// Which of several equals it takes.
    choice: Cell<usize>,
    /// It has been given to a stand-in.
    stood_in: Cell<bool>,
}

// SAFETY: the cells are used by its own thread only.
unsafe impl Sync for G {}

loom::thread_local! {
    static ME: &'static G = new_g();
}

fn new_g() -> &'static G {
    Box::leak(Box::new(G {
        wait: WaitWord::new(),
        ready: Mutex::new(false),
        made_ready: Condvar::new(),
        cancelled: Cell::new(false),
        choice: Cell::new(0),
        stood_in: Cell::new(false),
    }))
}

/// The first wait of this thread is ended by a cancel, unless somebody is quicker.
pub(crate) fn cancel_me() {
    ME.with(|g| g.cancelled.set(true));
}

#[derive(Debug)]
pub(crate) struct Wait(&'static G, Ticket);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Waker(&'static G, Ticket);

#[derive(Debug)]
pub(crate) struct Claimed(&'static G);

pub(crate) fn prepare(wakeable: Wakeable) -> Wait {
    ME.with(|g| Wait(g, g.wait.begin(wakeable)))
}

/// Takes turns.
pub(crate) fn choose(n: usize) -> usize {
    ME.with(|g| {
        g.choice.set(g.choice.get() + 1);
        g.choice.get() % n
    })
}

impl Wait {
    pub(crate) fn blocks_thread(&self) -> bool {
        false
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(self.0, self.1)
    }

    pub(crate) fn park(self, _: Reason, deadline: Moment) -> Cause {
        let Wait(g, ticket) = self;
        let ends = if deadline != Moment::NEVER {
            Some(Cause::Deadline)
        } else {
            g.cancelled.take().then_some(Cause::Cancelled)
        };
        if let Some(cause) = ends {
            loom::thread::yield_now();
            // A shielded wait does not end by a cancel, and none with a deadline is shielded.
            if g.wait.claim(ticket, cause) {
                return cause;
            }
        }
        let mut ready = g.ready.lock().unwrap();
        while !*ready {
            ready = g.made_ready.wait(ready).unwrap();
        }
        *ready = false;
        g.wait.cause()
    }

    pub(crate) fn withdraw(self) -> Option<Cause> {
        assert!(self.0.wait.withdraw(self.1), "nobody has had its waker");
        None
    }
}

impl Waker {
    pub(crate) fn claim(self) -> Option<Claimed> {
        self.0
            .wait
            .claim(self.1, Cause::Ready)
            .then_some(Claimed(self.0))
    }
}

impl Claimed {
    pub(crate) fn ready(self) {
        let mut ready = self.0.ready.lock().unwrap();
        assert!(!*ready, "made ready twice");
        *ready = true;
        self.0.made_ready.notify_one();
    }
}

/// What waits for a task: the thread that has made it, for the first one.
#[derive(Debug)]
pub(crate) struct StandIn {
    g: &'static G,
    ticket: Option<Ticket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Never,
    Yes,
    Soon,
}

impl StandIn {
    pub(crate) fn new() -> StandIn {
        let me = ME.with(|g| *g);
        let g = if me.stood_in.replace(true) {
            new_g()
        } else {
            me
        };
        StandIn { g, ticket: None }
    }

    pub(crate) fn waits(&self) -> bool {
        self.ticket.is_some()
    }

    pub(crate) fn begin(&mut self, _: &std::task::Waker) -> Waker {
        assert!(self.ticket.is_none());
        let ticket = self.g.wait.begin(Wakeable::ByTicket);
        self.ticket = Some(ticket);
        Waker(self.g, ticket)
    }

    pub(crate) fn poll(&mut self, _: &std::task::Waker) -> bool {
        if self.ticket.is_some() && !std::mem::take(&mut *self.g.ready.lock().unwrap()) {
            return false;
        }
        self.ticket = None;
        true
    }

    pub(crate) fn end(&mut self) -> Settled {
        let Some(ticket) = self.ticket else {
            return Settled::Yes;
        };
        if self.g.wait.withdraw(ticket) {
            self.ticket = None;
            return Settled::Never;
        }
        if std::mem::take(&mut *self.g.ready.lock().unwrap()) {
            self.ticket = None;
            return Settled::Yes;
        }
        Settled::Soon
    }

    /// Here it is the owner that waits for the claimer and then drops what was kept.
    pub(crate) fn leave(&mut self, keep: Box<dyn Send>) {
        sleep_as(self.g);
        *self.g.ready.lock().unwrap() = false;
        self.ticket = None;
        drop(keep);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.g.stood_in.set(false);
    }
}

/// Sleeps until the wait of this thread's first stand-in has been settled.
pub(crate) fn sleep() {
    sleep_as(ME.with(|g| *g));
}

fn sleep_as(g: &G) {
    let mut ready = g.ready.lock().unwrap();
    while !*ready {
        ready = g.made_ready.wait(ready).unwrap();
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    ChanSend,
    ChanReceive,
    Select,
    SelectNoCases,
}

/// The first time one is asked for, time begins; a deadline other than never has passed then, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) const NEVER: Moment = Moment(u64::MAX);
    pub(crate) const SOON: Moment = Moment(1);

    /// Before all deadlines: they pass while one is parked.
    pub(crate) fn now() -> Moment {
        Moment(0)
    }
}

pub(crate) fn relax(_: u32) {
    loom::thread::yield_now();
}

pub(crate) fn linger(_: impl FnMut() -> bool) {}

/// Loom complains if two threads touch it without one being before the other.
#[derive(Debug)]
pub(crate) struct Witness(UnsafeCell<()>);

impl Witness {
    pub(crate) fn new() -> Witness {
        Witness(UnsafeCell::new(()))
    }

    #[track_caller]
    pub(crate) fn write(&self) {
        drop(self.0.get_mut());
    }
}

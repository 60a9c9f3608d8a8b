//! A record that waits in place of a task, so that a future can wait wherever a goroutine can.
//!
//! Not for: a deadline (an alarm that wakes it is one), or what it waits for. A queue of waiters sees no difference: it claims the wait with a
//! `park::Waker` and makes its owner ready. What that means for a stand-in is told here.
//!
//! A stand-in is a record as that of a plain thread is, with a [`Room`] as its packet. Two count it: its
//! owner, the future; and the wait, from [`StandIn::begin`] until it is *settled* (the claimer has made
//! it ready) or taken back by its owner, which decide between them by the compare-and-swap that every
//! wait is ended by. So the record outlives a future that is dropped between a claim and its end, and
//! what the claimer still uses then is kept in the room until it has finished ([`StandIn::leave`]).
//!
//! *No wake is lost*: settling and polling happen under the room's lock. If settling is first, the poll
//! sees it; if polling is first, it has left its waker there.
//!
//! *Where the task's waker is called*: on the stack of the goroutine or thread that made the stand-in
//! ready, which may be just about to park in a wait of its own. A waker is foreign code; so that it cannot
//! begin another wait of that goroutine's, one that waits blocks the thread. If the caller is a worker
//! between two goroutines, `foreign` sees to it.
#![allow(unsafe_code, reason = "its packet lies in raw storage")]

use super::{end, foreign, packet};
use crate::current;
use crate::g::state::{Ticket, Wakeable};
use crate::g::{Flags, G, Handle, Status, Task, registry, release};
use crate::park::Waker;
use crate::shim::Lock;
use std::fmt;
use std::panic::Location;
use std::task;

/// See the module's head.
pub struct StandIn {
    record: Handle,
    /// Of the wait that has begun and has not been seen to end.
    ticket: Option<Ticket>,
}

/// How a wait stands that its owner wants to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "says who may touch what hangs in the queue"]
pub enum Settled {
    /// It was taken back: nobody has ended it, nobody will.
    Never,
    /// Somebody has ended it, and has finished.
    Yes,
    /// Somebody has ended it and is not finished.
    Soon,
}

#[derive(Default)]
struct State {
    settled: bool,
    waker: Option<task::Waker>,
    keep: Option<Box<dyn Send>>,
}

/// The packet of a stand-in.
struct Room(Lock<State>);

const _: () = assert!(packet::fits::<Room>());

static TASK: Task = Task {
    entry: settle,
    discard,
};

impl StandIn {
    /// A stand-in that does not wait.
    #[must_use]
    #[track_caller]
    pub fn new() -> StandIn {
        let record = current::with_pool(|pool| match pool {
            Some(pool) => pool.take(),
            None => registry::take_shared(),
        });
        let Ok(g) = record else {
            crate::fatal!("no memory for a future to wait")
        };
        // It needs no number: it is never shown.
        let flags = Flags::SYSTEM | Flags::STAND_IN;
        g.init(0, &TASK, flags, Status::Thread, Location::caller());
        // SAFETY: a free record is its taker's, and has no packet yet.
        unsafe { packet::put(g, Room(Lock::new(State::default()))) };
        StandIn {
            record: Handle::adopt(g),
            ticket: None,
        }
    }

    /// Whether a wait has begun that has not been seen to end.
    pub fn waits(&self) -> bool {
        self.ticket.is_some()
    }

    /// Where its record is, which names it.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self.record.g()) as usize
    }

    /// Begins a wait. Whoever ends it with the result wakes `waker`, or the one of the latest poll.
    pub fn begin(&mut self, waker: &task::Waker) -> Waker {
        assert!(self.ticket.is_none(), "a stand-in waits for one thing");
        let g = self.record.g();
        let waker = waker.clone();
        let old = {
            let mut state = room(g).0.lock();
            state.settled = false;
            state.waker.replace(waker)
        };
        drop(old);
        // The wait's reference.
        std::mem::forget(self.record.clone());
        let ticket = g.wait.begin(Wakeable::ByTicket);
        self.ticket = Some(ticket);
        Waker::from_parts(g, ticket)
    }

    /// Whether the wait has been settled, or none has begun. If not, `waker` is the one to wake.
    pub fn poll(&mut self, waker: &task::Waker) -> bool {
        if self.ticket.is_none() {
            return true;
        }
        let room = room(self.record.g());
        let keeps = |state: &State| {
            let same = |old: &task::Waker| old.will_wake(waker);
            state.settled || state.waker.as_ref().is_some_and(same)
        };
        let state = room.0.lock();
        let (mut settled, keep) = (state.settled, keeps(&state));
        drop(state);
        if !keep {
            // Cloned without the lock: it is foreign code.
            let new = waker.clone();
            let mut state = room.0.lock();
            settled = state.settled;
            let old = if settled {
                Some(new)
            } else {
                state.waker.replace(new)
            };
            drop(state);
            drop(old);
        }
        if settled {
            self.ticket = None;
        }
        settled
    }

    /// Takes the wait back if nobody has ended it. Unless it is [`Settled::Soon`], no wait has begun
    /// afterwards.
    pub fn end(&mut self) -> Settled {
        let Some(ticket) = self.ticket else {
            return Settled::Yes;
        };
        let g = self.record.g();
        if g.wait.withdraw(ticket) {
            self.ticket = None;
            // The wait's reference. There is another one: ours.
            release(g);
            return Settled::Never;
        }
        if room(g).0.lock().settled {
            self.ticket = None;
            return Settled::Yes;
        }
        Settled::Soon
    }

    /// Forgets a wait in the middle of [`Settled::Soon`]: `keep` is what the claimer may still use. It is
    /// dropped when that has finished, by the claimer itself.
    pub fn leave(&mut self, keep: Box<dyn Send>) {
        let mut state = room(self.record.g()).0.lock();
        let waker = state.waker.take();
        let unused = if state.settled {
            Some(keep)
        } else {
            state.keep.replace(keep)
        };
        drop(state);
        self.ticket = None;
        drop(unused);
        drop(waker);
    }
}

impl Default for StandIn {
    fn default() -> Self {
        StandIn::new()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if self.end() == Settled::Soon {
            let waker = room(self.record.g()).0.lock().waker.take();
            drop(waker);
        }
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn")
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

fn room(g: &'static G) -> &'static Room {
    assert!(g.has(Flags::STAND_IN));
    // SAFETY: a stand-in has a packet until its last reference goes, and the callers have one.
    let at = unsafe { packet::at(g) }.cast::<Room>();
    // SAFETY: as above, and the packet of a stand-in is a room, which is shared behind its lock only.
    unsafe { &*at }
}

/// Called by the claimer, who has done with the waiter all it wanted.
///
/// # Safety
///
/// `arg` is the record of a stand-in, and the caller has claimed its wait and calls this once.
unsafe fn settle(arg: *mut ()) {
    // SAFETY: by the contract; records live for ever.
    let g: &'static G = unsafe { &*arg.cast::<G>() };
    let (waker, keep) = {
        let mut state = room(g).0.lock();
        state.settled = true;
        (state.waker.take(), state.keep.take())
    };
    // The wait's reference; from here on the record is the owner's.
    release(g);
    // Here, because what it borrows is only known to be there as long as the claimer is.
    end::quietly(|| drop(keep));
    let Some(waker) = waker else { return };
    // Only where a wait of the waker's would be another one than the caller's, which may have begun:
    // on a plain thread, or where switching is forbidden already, they would share the thread's record.
    let has_own = current::worker().is_some_and(|w| w.no_switch.get() == 0 && w.g.get().is_some());
    if has_own {
        current::without_switching(|| end::quietly(|| waker.wake()));
    } else {
        foreign::wake(waker);
    }
}

/// # Safety
///
/// The record is that of a stand-in, and the last reference to it is gone.
unsafe fn discard(g: &'static G) {
    // SAFETY: by the contract the packet is there, and nobody uses it afterwards.
    let room = unsafe { packet::take::<Room>(g) };
    current::with_pool(|pool| registry::recycle(g, pool));
    end::quietly(|| drop(room));
}

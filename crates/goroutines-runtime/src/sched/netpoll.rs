//! The poller of a worker: making it, looking at it, and making ready whom events wake.
//!
//! Not for: what an event means (`poll`), or sleeping in it (`idle`). README.md has the argument.

use super::lifecycle::Runtime;
use super::timers::some_worker;
use super::worker::{Here, Worker, here};
use crate::g::state::Cause;
use crate::poll::slot::{Side, Slot, Waiters, Wakened};
use crate::poll::{Found, Poller};
use crate::seam::clock::Moment;
use crate::shim::{Lock, OnceLock};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

/// A worker that has other things to do looks at its poller after this time.
const PATIENCE: Duration = Duration::from_micros(100);

/// Reads in a row that wait on another worker than the descriptor's, after which it moves.
const STRANGERS: u32 = 3;

/// The part of a poller that any thread may use.
#[derive(Debug, Default)]
pub(super) struct Shared {
    poller: OnceLock<Poller>,
    making: Lock<()>,
}

/// The part that the worker's thread uses.
#[derive(Debug)]
pub(super) struct Own {
    found: RefCell<Found>,
    looked: Cell<Moment>,
}

impl Default for Own {
    fn default() -> Self {
        Own {
            found: RefCell::default(),
            looked: Cell::new(Moment(0)),
        }
    }
}

impl Shared {
    /// Its poller, if it has had a use for one.
    #[inline]
    pub(super) fn get(&self) -> Option<&Poller> {
        self.poller.get()
    }
}

impl Worker {
    /// Its poller, which is made now if this is the first use. Any thread may do this.
    fn poller(&self) -> io::Result<&Poller> {
        if let Some(poller) = self.netpoll.get() {
            return Ok(poller);
        }
        let _making = self.netpoll.making.lock();
        if let Some(poller) = self.netpoll.get() {
            return Ok(poller);
        }
        let poller = Poller::new()?;
        let poller = self.netpoll.poller.get_or_init(|| poller);
        // If it sleeps, then not in the poller.
        self.wake();
        Ok(poller)
    }

    /// Looks at the poller of a worker that does not get to it; from the monitor's thread.
    pub(super) fn poll_for(&self, found: &mut Found) {
        let Some(poller) = self.netpoll.get() else {
            return;
        };
        if poller.wait(found, Some(Duration::ZERO)) {
            // That was meant for the worker, which may be about to block in there.
            poller.notify();
        }
        wake_all(found.drain());
    }
}

impl Here {
    /// Looks at the poller without waiting; how many have become ready here or elsewhere.
    pub(super) fn poll_io(self) -> usize {
        self.wait_for_io(Some(Duration::ZERO))
    }

    /// As [`Here::poll_io`], unless that was done a moment ago.
    #[inline]
    pub(super) fn poll_io_now_and_then(self) {
        if self.netpoll.get().is_some() {
            let now = Moment::now();
            if now.since(self.local().io.looked.get()) >= PATIENCE {
                self.poll_io();
            }
        }
    }

    /// Blocks in the poller until something happens, for `timeout` at most.
    pub(super) fn wait_for_io(self, timeout: Option<Duration>) -> usize {
        let Some(poller) = self.netpoll.get() else {
            return 0;
        };
        let own = &self.local().io;
        let mut found = own.found.borrow_mut();
        poller.wait(&mut found, timeout);
        own.looked.set(Moment::now());
        wake_all(found.drain())
    }
}

/// Makes everybody ready whose wait this ends; how many.
fn wake_all(woken: impl Iterator<Item = Wakened>) -> usize {
    let mut n = 0;
    for who in woken {
        match who {
            Wakened::Wait(g, ticket) => {
                if g.wait.claim(ticket, Cause::Ready) {
                    super::ready::ready_later(g);
                    n += 1;
                }
            }
            Wakened::Task(waker, wake) => {
                wake(waker);
                n += 1;
            }
        }
    }
    n
}

/// Makes those ready who waited for something that has changed, other than by an event.
pub(crate) fn wake_waiters(waiters: Waiters) {
    wake_all(waiters.each());
}

/// Sees to it that a descriptor is watched: by the worker of the goroutine that is going to wait for it,
/// or by some worker if that is a thread.
pub(crate) fn watch(
    runtime: &'static Runtime,
    slot: &Slot,
    fd: BorrowedFd<'_>,
    side: Side,
) -> io::Result<()> {
    let here = here();
    if let Some(home) = slot.home() {
        let Some(here) = here else { return Ok(()) };
        if home == here.index {
            if side == Side::Read {
                slot.at_home();
            }
            return Ok(());
        }
        // A reader that has come to stay takes its descriptor along, so that events for it are found
        // where it is. The other direction may wake across workers then.
        if side != Side::Read || !slot.stranger(STRANGERS) {
            return Ok(());
        }
    }
    let worker = match here {
        Some(here) => here.worker(),
        None => some_worker(runtime),
    };
    let (index, poller) = poller_for(runtime, worker)?;
    slot.with_home(|home| {
        // `close` says so before it takes this lock: what is closed is not watched again.
        if home == Some(index) || (home.is_some() && here.is_none()) || slot.is_closed() {
            return Ok(home);
        }
        // If it is ready already there is an event at once: nothing is lost in between. While it moves both
        // watch it; if the new one cannot, the old one goes on.
        match (poller.add(fd, slot), home) {
            (Ok(()), None) => {}
            (Ok(()), Some(old)) => {
                if let Some(old) = runtime.worker(old).and_then(|w| w.netpoll.get()) {
                    old.remove(fd);
                }
            }
            (Err(error), None) => return Err(error),
            (Err(_), Some(_)) => return Ok(home),
        }
        Ok(Some(index))
    })
}

/// The poller of `worker`, or of another one if there are no descriptors left to make one with.
fn poller_for(
    runtime: &'static Runtime,
    worker: &'static Worker,
) -> io::Result<(usize, &'static Poller)> {
    worker
        .poller()
        .map(|poller| (worker.index, poller))
        .or_else(|error| {
            runtime
                .each_worker()
                .find_map(|w| Some((w.index, w.netpoll.get()?)))
                .ok_or(error)
        })
}

/// Has a descriptor watched no longer.
pub(crate) fn unwatch(slot: &Slot, fd: BorrowedFd<'_>) {
    leave(slot, |poller| poller.remove(fd));
}

/// As [`unwatch`], for a descriptor of this number that the caller knows to be open.
pub(crate) fn unwatch_number(slot: &Slot, number: RawFd) {
    leave(slot, |poller| poller.remove_number(number));
}

fn leave(slot: &Slot, remove: impl FnOnce(&Poller)) {
    let _ = slot.with_home(|home| {
        if let Some(home) = home
            // A forked child shares its parent's pollers, which go on watching what the parent has open.
            && let Some(poller) = super::lifecycle::started()
                .filter(|runtime| !runtime.is_forked())
                .and_then(|runtime| runtime.worker(home))
                .and_then(|worker| worker.netpoll.get())
        {
            remove(poller);
        }
        Ok::<_, std::convert::Infallible>(None)
    });
}

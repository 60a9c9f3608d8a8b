//! `Poller`: the operating system's events, turned into a list of who is to be woken.
//!
//! Not for: the meaning of an event for one descriptor (`slot`).

use super::slot::{Side, Slot, Wakened};
use super::table;
use crate::sys::epoll::{Epoll, Events, NOTIFIED};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

/// What one worker waits with.
#[derive(Debug)]
pub struct Poller(Epoll);

/// Room for what one look at a [`Poller`] finds.
#[derive(Debug, Default)]
pub struct Found {
    events: Events,
    woken: Vec<Wakened>,
}

impl Found {
    /// Takes out who is to be woken.
    pub fn drain(&mut self) -> impl Iterator<Item = Wakened> + '_ {
        self.woken.drain(..)
    }
}

impl Poller {
    /// One that watches nothing.
    pub fn new() -> io::Result<Poller> {
        Epoll::new().map(Poller)
    }

    /// Watches the descriptor of a slot.
    pub fn add(&self, fd: BorrowedFd<'_>, slot: &Slot) -> io::Result<()> {
        self.0.add(fd, slot.data())
    }

    /// Watches it no longer. Events that were fetched already may still come.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        // It fails if it is not there, which is as well.
        let _ = self.0.delete(fd);
    }

    /// As [`Poller::remove`], for a descriptor of this number that the caller knows to be open.
    pub fn remove_number(&self, number: RawFd) {
        self.0.delete_number(number);
    }

    /// Ends the present or next [`Poller::wait`]. Any thread may do this.
    pub fn notify(&self) {
        self.0.notify();
    }

    /// Waits for events, for `timeout` at most, and puts who waited for them into `found`. `true`:
    /// somebody called [`Poller::notify`].
    pub fn wait(&self, found: &mut Found, timeout: Option<Duration>) -> bool {
        let mut notified = false;
        for event in self.0.wait(&mut found.events, timeout) {
            if event.data == NOTIFIED {
                notified = true;
                continue;
            }
            // The lower half of the data is the number.
            let Some(slot) = table::get(event.data as u32 as usize).filter(|s| s.is(event.data))
            else {
                // Fetched before its owner closed it.
                continue;
            };
            let sides = [
                (event.read, Side::Read, event.read_final),
                (event.write, Side::Write, event.write_final),
            ];
            for (happened, side, last) in sides {
                if happened && let Some(waiters) = slot.direction(side).event(last) {
                    found.woken.extend(waiters.each());
                }
            }
        }
        notified
    }
}

/// A slot for a descriptor that is registered nowhere yet; `None`: there are too many.
pub fn take_slot() -> Option<&'static Slot> {
    table::take()
}

/// Gives a slot back. Nobody waits for it any more, and its descriptor is not watched, or closed by
/// now or soon.
pub fn put_slot(slot: &'static Slot) {
    table::put(slot);
}

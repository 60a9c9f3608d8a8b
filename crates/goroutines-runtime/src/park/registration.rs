//! Waiting for a descriptor: the part of the waist that sockets, pipes and processes are built on.
//!
//! Not for: the operation itself, which its owner tries when this says that it may succeed.
//!
//! ```text
//! loop {
//!     let seen = registration.ready(fd, Side::Read, limit)?;   // waits
//!     match the operation {
//!         would block => registration.would_block(Side::Read, seen),
//!         result => return result,
//!     }
//! }
//! ```

use super::{Cause, Moment, Reason, Wakeable, check, prepare};
use crate::poll::readiness::Look;
use crate::poll::slot::Slot;
use crate::sched::{lifecycle, netpoll};
use crate::shim::atomic::{AtomicI32, Ordering};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::task::{Context, Poll, Waker};

pub use crate::poll::readiness::Seen;
pub use crate::poll::slot::Side;

/// What the runtime knows of a descriptor. It is registered with a poller when somebody has to wait for
/// it for the first time, once.
///
/// The descriptor belongs to the owner of this, who passes the same one each time, and closes it only
/// after this has been dropped or [`Registration::forget`] has been called.
pub struct Registration {
    slot: &'static Slot,
    /// The descriptor's number, if the same file may be open by another one; otherwise -1.
    lent: AtomicI32,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}

/// Why an operation must not be tried.
#[derive(Debug)]
pub enum NotReady {
    /// The deadline has passed.
    Deadline,
    /// [`Registration::close`] was called.
    Closed,
    /// The system cannot watch the descriptor, or the runtime cannot be started.
    Failed(io::Error),
}

impl Registration {
    /// For a descriptor that does not block. Fails if there are too many.
    pub fn new() -> io::Result<Registration> {
        match crate::poll::take_slot() {
            Some(slot) => Ok(Registration {
                slot,
                lent: AtomicI32::new(-1),
            }),
            None => Err(io::Error::other(
                "more descriptors are in use than the runtime can watch",
            )),
        }
    }

    /// Waits until an operation may succeed, until `limit` or the direction's own deadline at most.
    ///
    /// Unwinds if the goroutine is cancelled.
    #[inline]
    pub fn ready(&self, fd: BorrowedFd<'_>, side: Side, limit: Moment) -> Result<Seen, NotReady> {
        let direction = self.slot.direction(side);
        let deadline = direction.deadline().min(limit);
        match direction.readiness.look() {
            Look::Ready(seen) if deadline == Moment::NEVER => Ok(seen),
            Look::Closed => Err(NotReady::Closed),
            _ => self.wait(fd, side, limit),
        }
    }

    #[inline(never)]
    fn wait(&self, fd: BorrowedFd<'_>, side: Side, limit: Moment) -> Result<Seen, NotReady> {
        let direction = self.slot.direction(side);
        loop {
            let look = direction.readiness.look();
            if look == Look::Closed {
                return Err(NotReady::Closed);
            }
            // A deadline that has passed comes before data that is there (SEMANTICS NE-5).
            let deadline = direction.deadline().min(limit);
            if deadline != Moment::NEVER && deadline <= Moment::now() {
                return Err(NotReady::Deadline);
            }
            if let Look::Ready(seen) = look {
                return Ok(seen);
            }
            self.watch(fd, side)?;
            self.park(side, Reason::Io, deadline, || {
                direction.readiness.look_to_wait() == Look::NotReady
                    && direction.deadline().min(limit) == deadline
            });
        }
    }

    /// Waits until `until`, whatever comes, for an operation that is to be tried again then. The direction's
    /// deadline and [`Registration::close`] end it.
    ///
    /// Unwinds if the goroutine is cancelled.
    pub fn pause(&self, side: Side, until: Moment) -> Result<(), NotReady> {
        let direction = self.slot.direction(side);
        loop {
            if self.is_closed() {
                return Err(NotReady::Closed);
            }
            let deadline = direction.deadline();
            let now = Moment::now();
            if deadline <= now {
                return Err(NotReady::Deadline);
            }
            if until <= now {
                return Ok(());
            }
            self.park(side, Reason::IoAgain, until.min(deadline), || {
                direction.readiness.look() != Look::Closed && direction.deadline() == deadline
            });
        }
    }

    /// Parks among the waiters of a direction if `enter`, which is called with their lock held, says so.
    fn park(&self, side: Side, reason: Reason, until: Moment, enter: impl FnOnce() -> bool) {
        let direction = self.slot.direction(side);
        let wait = prepare(Wakeable::ByTicket);
        let (g, ticket) = wait.waker().parts();
        let enters = direction.with_waiters(|waiters| {
            let enters = enter();
            if enters {
                waiters.add(g, ticket);
            }
            enters
        });
        if !enters {
            let _ = wait.withdraw();
            return;
        }
        let cause = wait.park(reason, until);
        if cause != Cause::Ready {
            direction.with_waiters(|waiters| waiters.remove(g, ticket));
            check(cause);
        }
    }

    /// As [`Registration::ready`] for a task, which is woken when it should look again. Only the task
    /// that called this last for a direction is. Deadlines are not looked at.
    ///
    /// `wake` is what it is woken with, by whoever sees the event: it must not wait or unwind.
    pub fn poll_ready(
        &self,
        fd: BorrowedFd<'_>,
        side: Side,
        context: &mut Context<'_>,
        wake: fn(Waker),
    ) -> Poll<Result<Seen, NotReady>> {
        let direction = self.slot.direction(side);
        let mut look = direction.readiness.look();
        if look == Look::NotReady {
            self.watch(fd, side)?;
            let mut known = false;
            direction.with_waiters(|waiters| {
                look = direction.readiness.look_to_wait();
                known = waiters.has_task(context.waker());
            });
            if look == Look::NotReady && !known {
                // Cloned and dropped without the lock: a waker is foreign code.
                let mut waker = Some(context.waker().clone());
                let mut too_many = Vec::new();
                direction.with_waiters(|waiters| {
                    look = direction.readiness.look_to_wait();
                    if look == Look::NotReady
                        && let Some(waker) = waker.take()
                    {
                        too_many = waiters.add_task(waker, wake);
                    }
                });
                drop(waker);
                too_many.into_iter().for_each(|(waker, wake)| wake(waker));
            }
        }
        match look {
            Look::Ready(seen) => Poll::Ready(Ok(seen)),
            Look::NotReady => Poll::Pending,
            Look::Closed => Poll::Ready(Err(NotReady::Closed)),
        }
    }

    fn watch(&self, fd: BorrowedFd<'_>, side: Side) -> Result<(), NotReady> {
        let watched = lifecycle::ensure()
            .map_err(io::Error::other)
            .and_then(|runtime| netpoll::watch(runtime, self.slot, fd, side));
        watched.map_err(|error| match self.is_closed() {
            // Meanwhile: what the descriptor stands for since then cannot be watched.
            true => NotReady::Closed,
            false => NotReady::Failed(error),
        })
    }

    /// An operation that was tried after `seen` would have blocked.
    #[inline]
    pub fn would_block(&self, side: Side, seen: Seen) {
        self.slot.direction(side).readiness.would_block(seen);
    }

    /// An operation that was tried after `seen` got less than it asked for, of a stream: the next one
    /// waits first.
    #[inline]
    pub fn short(&self, side: Side, seen: Seen) {
        self.slot.direction(side).readiness.short(seen);
    }

    /// Whether [`Registration::close`] was called.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.slot.is_closed()
    }

    /// From `deadline` on every operation in this direction fails, those that wait now as well.
    pub fn set_deadline(&self, side: Side, deadline: Moment) {
        netpoll::wake_waiters(self.slot.direction(side).set_deadline(deadline));
    }

    /// The deadline of a direction.
    pub fn deadline(&self, side: Side) -> Moment {
        self.slot.direction(side).deadline()
    }

    /// Something was done to the descriptor that may end waits in this direction without an event: those who
    /// wait are to try again.
    pub fn changed(&self, side: Side) {
        if let Some(waiters) = self.slot.direction(side).event(true) {
            netpoll::wake_waiters(waiters);
        }
    }

    /// Every operation fails from now on, those that wait now as well, and what was open is closed, though
    /// the number stays taken until its owner drops it. `false`: that was so.
    pub fn close(&self, fd: BorrowedFd<'_>) -> bool {
        let Some(waiters) = self.slot.close() else {
            return false;
        };
        // Others may have the same file open by another descriptor.
        self.forget(fd);
        crate::sys::fd::replace_by_dead(fd);
        waiters.into_iter().for_each(netpoll::wake_waiters);
        true
    }

    /// The same file may be open by another descriptor from now on, so that closing this one is not enough for
    /// the system to forget it: dropping the registration, which must come first, sees to that.
    pub fn lend(&self, fd: BorrowedFd<'_>) {
        self.lent.store(fd.as_raw_fd(), Ordering::Relaxed);
    }

    /// Has the descriptor watched no longer, because it lives on somewhere else.
    ///
    /// Not needed before it is closed for good: the system forgets it then, unless it was [lent](Self::lend).
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        netpoll::unwatch(self.slot, fd);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let lent = *self.lent.get_mut();
        if lent >= 0 {
            netpoll::unwatch_number(self.slot, lent);
        }
        // Who waits borrows the registration, so nobody does.
        crate::poll::put_slot(self.slot);
    }
}

//! Waiting for descriptors to become ready: epoll, and the `eventfd` that ends such a wait.
//!
//! Not for: who waits for what (`poll`).
#![allow(unsafe_code, reason = "removes a descriptor by its number")]

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// How many events one look takes at most.
const BATCH: usize = 256;

/// The data of the event that says somebody called [`Epoll::notify`].
pub const NOTIFIED: u64 = u64::MAX;

/// A set of descriptors, each watched for changes of its readiness ("edge-triggered").
#[derive(Debug)]
pub struct Epoll {
    set: OwnedFd,
    wake: OwnedFd,
}

/// What happened to one descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// What was given to [`Epoll::add`], or [`NOTIFIED`].
    pub data: u64,
    /// A read may succeed, or fail with something new.
    pub read: bool,
    /// The same for a write.
    pub write: bool,
    /// A read that gives less than was asked for does not mean that there is no more, and no further event
    /// says so: the other side will not write any more, or there is urgent data, at which reads stop.
    pub read_final: bool,
    /// Writes fail from now on.
    pub write_final: bool,
}

/// Room for the events of one look.
pub struct Events(Vec<epoll::Event>);

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.0.len()).finish()
    }
}

impl Default for Events {
    fn default() -> Self {
        Events(Vec::with_capacity(BATCH))
    }
}

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Epoll> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&set, &wake, epoll::EventData::new_u64(NOTIFIED), flags)?;
        Ok(Epoll { set, wake })
    }

    /// Watches a descriptor. If it is ready now there is an event at once.
    pub fn add(&self, fd: BorrowedFd<'_>, data: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::PRI
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(data);
        match epoll::add(&self.set, fd, data, flags) {
            // Somebody else has the same file open, and it was watched under this number before: take
            // that over, which gives an event at once too.
            Err(Errno::EXIST) => Ok(epoll::modify(&self.set, fd, data, flags)?),
            added => Ok(added?),
        }
    }

    /// Watches it no longer.
    pub fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.set, fd)?)
    }

    /// As [`Epoll::delete`], for a descriptor of this number, if it is one and is watched.
    pub fn delete_number(&self, number: RawFd) {
        // SAFETY: the kernel looks the number up in this set and changes nothing else; one that is not open, or
        // means something else by now, is not found or not watched, which is an error.
        let _ = unsafe {
            libc::epoll_ctl(
                self.set.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                number,
                std::ptr::null_mut(),
            )
        };
    }

    /// Ends the present or next [`Epoll::wait`]. Any thread may call this.
    pub fn notify(&self) {
        // It fails only if the counter is full, and then there is an event that nobody has seen. The
        // counter is never read: each write is a change, and changes are what is watched.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits for events, for `timeout` at most, and gives those there are; perhaps none.
    pub fn wait<'e>(
        &self,
        events: &'e mut Events,
        timeout: Option<Duration>,
    ) -> impl Iterator<Item = Event> + 'e {
        let timeout = timeout.map(timespec);
        let mut look = |timeout: Option<Timespec>| {
            events.0.clear();
            epoll::wait(&self.set, spare_capacity(&mut events.0), timeout.as_ref())
        };
        let mut looked = look(timeout);
        if looked == Err(Errno::NOSYS) {
            // A kernel before 5.11 counts in milliseconds: rather late than early.
            looked = look(timeout.map(in_millis));
        }
        if looked == Err(Errno::BADF) {
            crate::fatal!(
                "the descriptor that sockets are waited for with was closed: close only what is yours, and \
                 become a daemon before the first goroutine"
            );
        }
        // After another error, which is a signal that came, there are no events.
        events.0.iter().map(|event| {
            use epoll::EventFlags as F;
            let flags = event.flags;
            let has = |some: F| flags.intersects(some);
            Event {
                data: event.data.u64(),
                read: has(F::IN | F::PRI | F::RDHUP | F::HUP | F::ERR),
                write: has(F::OUT | F::HUP | F::ERR),
                read_final: has(F::PRI | F::RDHUP | F::HUP | F::ERR),
                write_final: has(F::HUP | F::ERR),
            }
        })
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        // More seconds than the kernel can count are as good as for ever.
        tv_sec: i64::try_from(duration.as_secs()).map_or(i64::MAX / 4, |s| s.min(i64::MAX / 4)),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

fn in_millis(exact: Timespec) -> Timespec {
    // As much as fits the number of milliseconds that the old call takes.
    let secs = exact.tv_sec.min(i64::from(i32::MAX) / 1_000 - 1);
    let millis = (exact.tv_nsec + 999_999) / 1_000_000;
    Timespec {
        tv_sec: secs + millis / 1_000,
        tv_nsec: millis % 1_000 * 1_000_000,
    }
}

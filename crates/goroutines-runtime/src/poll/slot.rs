//! A slot: what the runtime knows of one registered descriptor, and who waits for it.
//!
//! Not for: the operating system's part (`sys::epoll`), or parking.
//!
//! | what | by whom |
//! |---|---|
//! | the readiness words, the deadlines | anyone |
//! | who waits | who holds the lock beside it |
//! | where it is registered | who holds that lock; read by anyone, as a hint |
//!
//! *No event is lost*: README.md has the argument.
//!
//! Slots are never freed, only used again, as records are: an event that was fetched before its
//! descriptor was closed finds a slot, whose number has changed.

use super::readiness::{Look, Readiness};
use crate::g::G;
use crate::g::state::Ticket;
use crate::seam::clock::Moment;
use crate::shim::Lock;
use crate::shim::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Reading, accepting.
    Read,
    /// Writing, connecting.
    Write,
}

/// One direction of a descriptor.
#[derive(Debug)]
pub struct Direction {
    /// What is known.
    pub readiness: Readiness,
    deadline: AtomicU64,
    waiters: Lock<Waiters>,
}

/// Those who wait for one direction. Most of the time it is one.
#[derive(Debug, Default)]
pub struct Waiters {
    first: Option<(&'static G, Ticket)>,
    more: Vec<(&'static G, Ticket)>,
    task: Option<Task>,
    more_tasks: Vec<Task>,
    /// When they were all woken because there were so many.
    purged: Option<Moment>,
}

/// A task that waits, and how to wake it from where foreign code must not run.
type Task = (Waker, fn(Waker));

/// How many tasks may want to know, beside the first, before all are woken to find out which of them still
/// do. A task may be dropped, and nobody is told.
const TASKS: usize = 32;

/// How long they are left alone then: if all still want to know they are that many.
const CALM: Duration = Duration::from_secs(1);

/// One whose wait is to be ended.
#[derive(Debug)]
pub enum Wakened {
    /// A goroutine or thread, if it is still in this wait.
    Wait(&'static G, Ticket),
    /// A task, and what to wake it with. To be done without a lock.
    Task(Waker, fn(Waker)),
}

impl Waiters {
    /// Adds one; a ticket is used once.
    pub fn add(&mut self, g: &'static G, ticket: Ticket) {
        if self.first.is_none() {
            self.first = Some((g, ticket));
        } else {
            self.more.push((g, ticket));
        }
    }

    /// Takes out one whose wait was ended by something else.
    pub fn remove(&mut self, g: &'static G, ticket: Ticket) {
        let same = |w: &(&'static G, Ticket)| std::ptr::eq(w.0, g) && w.1 == ticket;
        if self.first.as_ref().is_some_and(same) {
            self.first = None;
        } else {
            self.more.retain(|w| !same(w));
        }
    }

    /// Whether this is a task that wants to know.
    pub fn has_task(&self, waker: &Waker) -> bool {
        let mut tasks = self.task.iter().chain(&self.more_tasks);
        tasks.any(|(task, _)| task.will_wake(waker))
    }

    /// Adds a task that wants to know. It will be woken with `wake`, on any thread: that must not wait or
    /// unwind. Gives those that are to be woken without the lock, because they are too many.
    #[must_use = "they wait no longer"]
    pub fn add_task(&mut self, waker: Waker, wake: fn(Waker)) -> Vec<Task> {
        let mut woken = Vec::new();
        if self.more_tasks.len() >= TASKS {
            let now = Moment::now();
            if self.purged.is_none_or(|at| now.since(at) >= CALM) {
                self.purged = Some(now);
                woken = std::mem::take(&mut self.more_tasks);
            }
        }
        if self.task.is_none() {
            self.task = Some((waker, wake));
        } else {
            self.more_tasks.push((waker, wake));
        }
        woken
    }

    /// Everybody, in order.
    pub fn each(self) -> impl Iterator<Item = Wakened> {
        let waits = self.first.into_iter().chain(self.more);
        let tasks = self.task.into_iter().chain(self.more_tasks);
        waits
            .map(|(g, ticket)| Wakened::Wait(g, ticket))
            .chain(tasks.map(|(waker, wake)| Wakened::Task(waker, wake)))
    }
}

impl Direction {
    fn new() -> Direction {
        Direction {
            readiness: Readiness::default(),
            deadline: AtomicU64::new(Moment::NEVER.0),
            waiters: Lock::new(Waiters::default()),
        }
    }

    /// With the lock held, `f` looks at the word again and adds or removes a waiter.
    pub fn with_waiters<R>(&self, f: impl FnOnce(&mut Waiters) -> R) -> R {
        f(&mut self.waiters.lock())
    }

    /// The moment from which on every operation fails.
    #[inline]
    pub fn deadline(&self) -> Moment {
        Moment(self.deadline.load(Ordering::Relaxed))
    }

    fn take_waiters(&self) -> Waiters {
        std::mem::take(&mut self.waiters.lock())
    }

    /// Sets the deadline; those who wait have to look at it.
    #[must_use = "they wait for the old one"]
    pub fn set_deadline(&self, deadline: Moment) -> Waiters {
        self.deadline.store(deadline.0, Ordering::Relaxed);
        self.take_waiters()
    }

    /// An event has come; those who waited for it.
    pub fn event(&self, last: bool) -> Option<Waiters> {
        self.readiness.event(last).then(|| self.take_waiters())
    }
}

/// See the module's head.
#[derive(Debug)]
#[repr(align(64))]
pub struct Slot {
    number: u32,
    /// Changes with the owner.
    generation: AtomicU32,
    /// In whose poller it is: the number of the worker plus one; 0: in none.
    home: AtomicU32,
    registering: Lock<()>,
    /// Reads from another worker than `home`, in a row.
    strangers: AtomicU32,
    read: Direction,
    write: Direction,
}

impl Slot {
    pub(super) fn new(number: u32) -> Slot {
        Slot {
            number,
            generation: AtomicU32::new(0),
            home: AtomicU32::new(0),
            registering: Lock::new(()),
            strangers: AtomicU32::new(0),
            read: Direction::new(),
            write: Direction::new(),
        }
    }

    /// One of the directions.
    #[inline]
    pub fn direction(&self, side: Side) -> &Direction {
        match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        }
    }

    /// What events carry to find this slot while it has this owner.
    pub fn data(&self) -> u64 {
        u64::from(self.generation.load(Ordering::Relaxed)) << 32 | u64::from(self.number)
    }

    pub(super) fn is(&self, data: u64) -> bool {
        self.data() == data
    }

    /// In which worker's poller it is, as a hint.
    #[inline]
    pub fn home(&self) -> Option<usize> {
        // Acquire: pairs with the Release in `with_home`.
        match self.home.load(Ordering::Acquire) {
            0 => None,
            home => Some(home as usize - 1),
        }
    }

    /// Changes where it is registered: `f` gets that and gives what it is now.
    pub fn with_home<E>(
        &self,
        f: impl FnOnce(Option<usize>) -> Result<Option<usize>, E>,
    ) -> Result<(), E> {
        let _registering = self.registering.lock();
        let home = f(self.home())?;
        // Release: who sees it registered may rely on it.
        self.home
            .store(home.map_or(0, |h| h as u32 + 1), Ordering::Release);
        self.strangers.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// A read waits on another worker than its home: whether that has happened `often` times in a row.
    pub fn stranger(&self, often: u32) -> bool {
        self.strangers.fetch_add(1, Ordering::Relaxed) + 1 >= often
    }

    /// A read waits at home.
    #[inline]
    pub fn at_home(&self) {
        if self.strangers.load(Ordering::Relaxed) != 0 {
            self.strangers.store(0, Ordering::Relaxed);
        }
    }

    /// Every operation fails from now on; `None`: that was so. Those who wait are to be told.
    pub fn close(&self) -> Option<[Waiters; 2]> {
        if !self.read.readiness.close() {
            return None;
        }
        self.write.readiness.close();
        Some([self.read.take_waiters(), self.write.take_waiters()])
    }

    /// Whether [`Slot::close`] was called.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.read.readiness.look() == Look::Closed
    }

    /// For the next owner. Nobody waits, and it is registered nowhere.
    pub(super) fn reset(&self) {
        // Events of the last owner find another number from now on.
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.home.store(0, Ordering::Relaxed);
        self.strangers.store(0, Ordering::Relaxed);
        for direction in [&self.read, &self.write] {
            // A task may have wanted to know to the last.
            drop(direction.set_deadline(Moment::NEVER));
            direction.readiness.reset();
        }
    }
}

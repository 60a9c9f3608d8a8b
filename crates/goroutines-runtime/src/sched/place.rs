//! Where a goroutine starts: here, or on a worker with fewer; and what happens without a stack.
//!
//! Not for: moving started ones; nobody does.
//!
//! Started goroutines stay. So that an accept loop does not home every connection on its own worker,
//! one that would make a worker's share clearly larger than the smallest share starts there instead.
//! Small programs never notice: up to [`SLACK`] goroutines more than the others stay together.
#![allow(unsafe_code, reason = "makes the fiber that runs a goroutine")]

use super::lifecycle::{Runtime, STARVED};
use super::worker::Here;
use crate::g::{Flags, G};
use crate::seam::clock::Moment;
use crate::shim::Lock;
use crate::shim::atomic::{AtomicUsize, Ordering};
use goroutines_fiber::{Fiber, StackError};
use std::ptr::NonNull;
use std::time::Duration;

/// How many more than the least loaded worker a worker may have without a second look.
const SLACK: usize = 64;

/// The least time between two notes that goroutines wait for a stack.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What came of starting a goroutine.
pub(super) enum Start {
    /// It has a stack and can be resumed.
    Here(NonNull<()>),
    /// Another worker will start it, or it waits for a stack.
    Elsewhere,
}

/// Goroutines that could not start because there was no stack for them.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    list: Lock<crate::g::list::List<G>>,
    len: AtomicUsize,
    /// The last error; spawning fails with it until a stack comes free.
    error: Lock<Option<StackError>>,
    /// When that was said last.
    told: Lock<Option<Moment>>,
}

impl Starved {
    /// Why spawning should fail now, if it should.
    #[inline]
    pub(crate) fn error(&self) -> Option<StackError> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        *self.error.lock()
    }

    fn push(&self, runtime: &Runtime, g: &'static G, error: StackError) {
        let first = self.error.lock().replace(error).is_none();
        let list = self.list.lock();
        list.push_back(g);
        self.len.store(list.len(), Ordering::Relaxed);
        runtime.set_special(STARVED, true);
        drop(list);
        let now = Moment::now();
        let mut told = self.told.lock();
        if first && told.is_none_or(|at| now.since(at) >= TELL_EVERY) {
            *told = Some(now);
            crate::note!(
                "goroutines: goroutine {} waits for a stack: {error}; it starts when another ends",
                g.id()
            );
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// A stack came free: who gets it?
    pub(super) fn pop(&self, runtime: &Runtime) -> Option<&'static G> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let list = self.list.lock();
        let g = list.pop_front();
        self.len.store(list.len(), Ordering::Relaxed);
        if list.is_empty() {
            runtime.set_special(STARVED, false);
            drop(list);
            *self.error.lock() = None;
        }
        g
    }
}

impl Here {
    /// Gives an unstarted goroutine a stack and this worker as its home.
    #[inline]
    pub(super) fn start(self, g: &'static G) -> Start {
        let local = self.local();
        if self.load() >= local.place_limit.get() && self.may_hand_over(g) && self.hand_over(g) {
            return Start::Elsewhere;
        }
        let (size, ready_made) = match g.ext() {
            None => (self.runtime.config.stack, None),
            Some(ext) => (
                ext.stack_size.unwrap_or(self.runtime.config.stack),
                ext.stack.take(),
            ),
        };
        let stack = match ready_made {
            Some(stack) => stack,
            None => match local.stacks.borrow_mut().take(size) {
                Ok(stack) => stack,
                Err(error) => {
                    self.runtime.starved.push(self.runtime, g, error);
                    return Start::Elsewhere;
                }
            },
        };
        let arg = std::ptr::from_ref(g).cast_mut().cast();
        // SAFETY: `entry` does not unwind, `g` lives for ever, and its closure may run on this
        // thread: it is `Send`, or was spawned on this worker (`Flags::PLACED`).
        let fiber = unsafe { Fiber::new(stack, g.task().entry, arg) }.into_ptr();
        let handed_to = g.home();
        g.set_home(self.index);
        g.set_fiber(Some(fiber));
        self.header().counts.started.bump();
        if !g.has(Flags::MIGRATABLE) {
            self.header().counts.homed.bump();
        }
        if g.has(Flags::HANDED) {
            // It may have been stolen from the worker it was handed to.
            g.clear(Flags::HANDED);
            if let Some(worker) = self.runtime.worker(handed_to) {
                worker.handed.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Start::Here(fiber)
    }

    /// Whether it has not been given to this worker to stay.
    fn may_hand_over(self, g: &'static G) -> bool {
        !g.has(Flags::PLACED | Flags::IN_TURN) || (g.has(Flags::HANDED) && g.home() != self.index)
    }

    /// Places `g` on the worker with the fewest, if this one has clearly more.
    #[cold]
    #[inline(never)]
    fn hand_over(self, g: &'static G) -> bool {
        let runtime = self.runtime;
        let others = (0..runtime.workers())
            .filter(|&i| i != self.index)
            .filter_map(|i| runtime.worker(i))
            .filter(|w| w.takes_new());
        let Some(least) = others.min_by_key(|w| w.load()) else {
            // Alone: look again when the load has doubled; a worker may be added meanwhile.
            self.local().place_limit.set(self.load() * 2 + SLACK);
            return false;
        };
        let fewest = least.load();
        let limit = fewest + fewest / 16 + SLACK;
        self.local().place_limit.set(limit);
        if self.load() < limit {
            return false;
        }
        if g.has(Flags::HANDED)
            && let Some(before) = runtime.worker(g.home())
        {
            // Stolen from the one it was handed to first.
            before.handed.fetch_sub(1, Ordering::Relaxed);
        }
        g.set(Flags::PLACED | Flags::HANDED);
        g.set_home(least.index);
        least.handed.fetch_add(1, Ordering::Relaxed);
        self.header().counts.placed.bump();
        super::ready::send_home(g);
        true
    }
}

impl super::worker::Worker {
    /// Whether goroutines may be placed here: somebody serves it, and it is not stuck or retiring.
    pub(super) fn takes_new(&self) -> bool {
        !self.absent.load(Ordering::Relaxed)
            && !self.stuck.load(Ordering::Relaxed)
            && !self.retiring.load(Ordering::Relaxed)
    }
}

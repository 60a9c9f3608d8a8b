//! A worker: one thread, the goroutines that are at home on it, and the loop that runs them.
//!
//! Not for: what other threads do with it (`ready`, `steal`, `monitor`).
//!
//! The fields of [`Local`] belong to the worker's own thread: to the loop, and to the goroutines it
//! runs, which are on the same thread. Nothing of it is held across a switch.
#![allow(
    unsafe_code,
    reason = "gives the worker's own thread its private part, and runs fibers"
)]

use super::deque::Deque;
use super::inbox::Inbox;
use super::lifecycle::Runtime;
use super::pick::Picks;
use super::place::Start;
use super::sleep::SleepWord;
use super::steal::Queue;
use crate::current::{self, Header};
use crate::g::list::List;
use crate::g::{self, Flags, G, Status};
use crate::seam::choice::Choice;
use crate::seam::clock::Moment;
use crate::shim::Lock;
use crate::shim::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::timer::Timers;
use crossbeam_utils::CachePadded;
use goroutines_fiber::{Fiber, Resumed, StackCache};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// What is to be done for a goroutine once it is off its stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    /// Nothing: it waits.
    Nothing,
    /// Run this; if it says `false` the goroutine is ready again.
    Commit(unsafe fn(*mut ()) -> bool, *mut ()),
    /// Let who makes it ready queue it, on any worker (a migratable one).
    HandOff,
    /// Queue it where any worker finds it (a migratable one that yields).
    Requeue,
}

/// The private part of a worker.
#[derive(Debug)]
pub(crate) struct Local {
    /// Made ready by the goroutine that ran last; runs within its time slice.
    pub(super) next: Cell<Option<&'static G>>,
    /// Ready goroutines at home here, and unstarted ones placed here.
    pub(super) homed: List<G>,
    pub(super) after: Cell<After>,
    pub(super) picks: Picks,
    pub(super) stacks: RefCell<StackCache>,
    pub(crate) choice: Choice,
    /// How many goroutines may be at home here before `place` looks at the others.
    pub(super) place_limit: Cell<usize>,
    pub(super) thief: super::steal::Thief,
    pub(super) io: super::netpoll::Own,
    pub(super) scavenger: super::scavenge::Cursor,
}

/// A worker.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Worker {
    // First: the address of a worker is that of its header.
    header: Header,
    local: Local,
    pub(crate) runtime: &'static Runtime,
    pub(crate) index: usize,
    /// The same, counted from 1; 0 is for threads that are no workers.
    pub(crate) number: u32,
    /// Changes when a new time slice begins.
    pub(super) slice: AtomicU32,
    /// Made ready by other threads.
    pub(super) inbox: CachePadded<Inbox<G>>,
    pub(super) sleep: CachePadded<SleepWord>,
    /// It is telling a sleeping worker of something in one of its queues.
    pub(super) offering: AtomicBool,
    /// Not started yet: may be stolen.
    pub(super) unstarted: Deque<G>,
    /// Ready and migratable, or to start in turn: may be stolen; taken oldest first by all.
    pub(super) movable: Deque<G>,
    pub(super) timers: Lock<Timers>,
    /// Waits for the descriptors of those at home here.
    pub(super) netpoll: super::netpoll::Shared,
    /// Goroutines at home here that somebody asked to unwind.
    pub(super) cancels: super::cancel::Requests,
    /// The earliest of `timers`, written under the lock.
    pub(super) deadline: AtomicU64,
    /// Unstarted goroutines that others placed here.
    pub(super) handed: AtomicUsize,
    /// No thread serves this worker: `run` has returned, or its thread ended.
    pub(super) absent: AtomicBool,
    /// A spare that is not needed now: it serves those at home here and takes nothing new.
    pub(super) retiring: AtomicBool,
    /// The thread, for signals; 0 until it runs.
    pub(super) tid: AtomicU32,
    /// The monitor found it stuck in one goroutine.
    pub(super) stuck: AtomicBool,
}

// SAFETY: `header`'s cells and `local` are used by the worker's own thread only: they are reached
// through `Here`, which is made from that thread's `current::worker()` and cannot leave the thread,
// or through `header.counts` and `header.preempt`, which are atomics. The owner's operations of the
// deques go through `Here` too. The rest is atomics, locks and lock-free queues.
unsafe impl Sync for Worker {}
// SAFETY: a worker is made on one thread and used on another from then on.
unsafe impl Send for Worker {}

/// The worker whose thread this is. Not to be held across a switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    worker: &'static Worker,
    // Not to be sent to another thread.
    _thread: std::marker::PhantomData<*const ()>,
}

impl std::ops::Deref for Here {
    type Target = Worker;
    #[inline]
    fn deref(&self) -> &Worker {
        self.worker
    }
}

/// The worker whose thread this is, if it is one's.
#[inline]
pub(crate) fn here() -> Option<Here> {
    // SAFETY: null, or what `be_here` has set: a worker, which lives for ever.
    let worker = unsafe { current::worker_ptr().cast::<Worker>().as_ref() };
    worker.map(Here::on_its_thread)
}

/// Makes this thread an ordinary one again.
pub(super) fn be_nowhere() {
    // SAFETY: null.
    unsafe { current::set_worker(std::ptr::null()) };
}

impl Here {
    /// Of the worker whose thread this is.
    #[inline]
    fn on_its_thread(worker: &'static Worker) -> Here {
        Here {
            worker,
            _thread: std::marker::PhantomData,
        }
    }

    #[inline]
    pub(crate) fn local(&self) -> &'static Local {
        &self.worker.local
    }

    /// The worker, for what any thread may do with it.
    #[inline]
    pub(crate) fn worker(&self) -> &'static Worker {
        self.worker
    }

    #[inline]
    pub(crate) fn header(&self) -> &'static Header {
        &self.worker.header
    }
}

impl Local {
    /// Sets what is to be done once the running goroutine is off its stack.
    #[inline]
    pub(crate) fn set_after(&self, after: After) {
        self.after.set(after);
    }
}

impl Worker {
    pub(super) fn new(runtime: &'static Runtime, index: usize) -> Worker {
        Worker {
            header: Header::new(),
            local: Local {
                next: Cell::new(None),
                homed: List::new(),
                after: Cell::new(After::Nothing),
                picks: Picks::new(),
                stacks: RefCell::new(StackCache::new()),
                choice: Choice::new(index as u64),
                place_limit: Cell::new(0),
                thief: super::steal::Thief::default(),
                io: super::netpoll::Own::default(),
                scavenger: super::scavenge::Cursor::default(),
            },
            runtime,
            index,
            number: index as u32 + 1,
            slice: AtomicU32::new(0),
            inbox: CachePadded::default(),
            sleep: CachePadded::default(),
            offering: AtomicBool::new(false),
            unstarted: Deque::new(),
            movable: Deque::new(),
            timers: Lock::new(Timers::new()),
            netpoll: super::netpoll::Shared::default(),
            cancels: super::cancel::Requests::default(),
            deadline: AtomicU64::new(u64::MAX),
            handed: AtomicUsize::new(0),
            absent: AtomicBool::new(true),
            retiring: AtomicBool::new(false),
            tid: AtomicU32::new(0),
            stuck: AtomicBool::new(false),
        }
    }

    /// Makes this thread the worker's; no other thread is.
    pub(super) fn be_here(&'static self) -> Here {
        // SAFETY: it lives for ever, and this thread is the only one that serves it. The pointer is one to
        // the whole worker, of which the header is the first field (`repr(C)`).
        unsafe { current::set_worker(std::ptr::from_ref(self).cast()) };
        Here::on_its_thread(self)
    }

    /// What it has counted.
    pub(crate) fn counts(&self) -> &crate::probe::Counts {
        &self.header.counts
    }

    /// Has the worker look at what others put in, at its next turn at the latest.
    pub(super) fn raise_tick(&self) {
        self.header.tick.store(true, Ordering::Relaxed);
    }

    /// Ends the time slice of what runs there now.
    pub(super) fn raise_preempt(&self) {
        self.header.preempt.store(true, Ordering::Relaxed);
    }

    /// Whether somebody serves it.
    pub(crate) fn has_thread(&self) -> bool {
        !self.absent.load(Ordering::Relaxed)
    }

    /// How many goroutines are at home here, those placed here but not started included.
    pub(super) fn load(&self) -> usize {
        let counts = self.counts();
        let left = counts.left.get();
        let live = counts.homed.get().saturating_sub(left) as usize;
        live + self.handed.load(Ordering::Relaxed)
    }
}

impl Here {
    /// Runs goroutines until `main` ends, or for ever.
    pub(super) fn work(self, main: Option<&'static G>) {
        loop {
            let g = match self.pick() {
                Some(g) => g,
                None => self.wait_for_work(),
            };
            if self.run(g, main) {
                return;
            }
        }
    }

    /// Runs one goroutine that is ready here; `false`: there is none.
    pub(super) fn work_once(self) -> bool {
        self.poll();
        let Some(g) = self.pick() else { return false };
        self.run(g, None);
        true
    }

    /// Looks at the clock, the timers, the inbox, and the poller if that is due.
    pub(super) fn poll(self) {
        let local = self.local();
        self.empty_inbox();
        if self.has_cancels() {
            self.cancel_parked();
        }
        if self.deadline.load(Ordering::Relaxed) != u64::MAX {
            self.run_timers(Moment::now());
        }
        self.poll_io_now_and_then();
        if local.scavenger.is_due(self.runtime) {
            super::scavenge::step(self);
        }
    }

    /// Takes what other threads put in; gives how many. Those handed over to start here go where a
    /// thief finds them, should this worker get stuck before it gets to them.
    #[inline]
    pub(super) fn empty_inbox(self) -> usize {
        if self.handed.load(Ordering::Relaxed) == 0 {
            return self.inbox.take(&self.local().homed);
        }
        let came = List::new();
        let n = self.inbox.take(&came);
        while let Some(g) = came.pop_front() {
            if is_handed(g) {
                self.keep(g, Queue::Unstarted);
            } else {
                self.push_homed(g);
            }
        }
        n
    }

    #[inline]
    pub(super) fn new_slice(self) {
        self.slice.store(
            self.slice.load(Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
        let header = self.header();
        if header.preempt.load(Ordering::Relaxed) {
            header.preempt.store(false, Ordering::Relaxed);
        }
    }

    /// Runs a goroutine until it waits, yields or ends; `true` if it ended and is `main`.
    // Into the loop: it has much to save and to restore, as a switch keeps no register.
    #[inline(always)]
    fn run(self, g: &'static G, main: Option<&'static G>) -> bool {
        let fiber = match g.fiber() {
            Some(fiber) => fiber,
            None => match self.start(g) {
                Start::Here(fiber) => fiber,
                Start::Elsewhere => return false,
            },
        };
        let header = self.header();
        header.g.set(Some(g));
        g.set_status(Status::Active);
        header.counts.runs.bump();
        // SAFETY: `start` made the pointer with `into_ptr`, and the fiber has not finished: `finish`
        // takes it away.
        let handle = unsafe { Fiber::from_ptr(fiber) };
        // SAFETY: it is not running: a running goroutine is in no queue. It runs on this thread each
        // time unless it is migratable, whose maker vouched for that.
        let resumed = unsafe { handle.resume() };
        header.g.set(None);
        match resumed {
            Resumed::Suspended => {
                if !matches!(self.local().after.get(), After::Nothing) {
                    self.off_stack(g);
                }
                false
            }
            Resumed::Finished => self.finish(g, fiber, main),
        }
    }

    #[inline(never)]
    fn finish(self, g: &'static G, fiber: NonNull<()>, main: Option<&'static G>) -> bool {
        g.set_fiber(None);
        // SAFETY: `start` made the pointer, and it is used here for the last time.
        let fiber = unsafe { Fiber::from_ptr(fiber) };
        // SAFETY: it has just finished.
        let stack = unsafe { fiber.into_stack() };
        if g.ext().is_some() {
            // Perhaps of a size of its own, which others would not find in this worker's cache.
            goroutines_fiber::put_shared(stack);
        } else {
            self.local().stacks.borrow_mut().put(stack);
        }
        g::release(g);
        self.runtime.after_end(self);
        main.is_some_and(|main| std::ptr::eq(main, g))
    }

    #[cold]
    fn off_stack(self, g: &'static G) {
        match self.local().after.replace(After::Nothing) {
            After::Nothing => {}
            After::Commit(commit, arg) => {
                // SAFETY: `park` stored function and argument together, and the goroutine that owns
                // the argument is parked.
                let stays = unsafe { commit(arg) };
                if !stays && g.wait.claim_any() {
                    super::ready::ready(g);
                }
            }
            After::HandOff => super::ready::left_stack(self, g),
            After::Requeue => self.push_movable(g),
        }
    }

    /// Queues a ready migratable goroutine, or one that starts in turn, where any worker may take it.
    #[inline]
    pub(crate) fn push_movable(self, g: &'static G) {
        // SAFETY: this is the owner's thread.
        let before = unsafe { self.movable.push(g) };
        self.runtime.idle.offer(self.worker, before);
    }

    /// Queues an unstarted goroutine.
    #[inline]
    pub(crate) fn push_unstarted(self, g: &'static G) {
        // SAFETY: this is the owner's thread.
        let before = unsafe { self.unstarted.push(g) };
        self.runtime.idle.offer(self.worker, before);
    }

    /// Queues a ready goroutine that is at home here, or is to start here.
    pub(crate) fn push_homed(self, g: &'static G) {
        self.local().homed.push_back(g);
    }

    /// Queues what may start or go on anywhere, without telling anybody.
    pub(super) fn keep(self, g: &'static G, queue: Queue) {
        // SAFETY: this is the owner's thread.
        unsafe { queue.of(self.worker).push(g) };
    }

    /// Whether anything but the running goroutine could run here now.
    #[inline]
    fn has_work(self) -> bool {
        let local = self.local();
        local.next.get().is_some()
            || !local.homed.is_empty()
            || !self.inbox.is_empty()
            || !self.unstarted.is_empty()
            || !self.movable.is_empty()
    }

    /// Queues the running goroutine behind the others that are ready. `false`: there are none, and it
    /// goes on.
    #[inline(never)]
    pub(crate) fn queue_yielder(self, g: &'static G) -> bool {
        let local = self.local();
        if !self.has_work() && self.still_alone() {
            return false;
        }
        if g.has(Flags::MIGRATABLE) {
            local.after.set(After::Requeue);
        } else {
            if local.homed.is_empty() && local.next.get().is_none() {
                self.find_another();
            }
            local.homed.push_back(g);
        }
        true
    }

    /// Nobody else is here: looks at the rest now and then.
    fn still_alone(self) -> bool {
        let local = self.local();
        if !local.picks.is_fair_round() {
            return true;
        }
        self.poll();
        if let Some(other) = self.runtime.inject.pop() {
            local.homed.push_back(other);
        }
        if self.has_work() {
            return false;
        }
        self.new_slice();
        true
    }

    /// The yielder would be the only started one, and come first again: queues another one.
    #[cold]
    fn find_another(self) {
        let local = self.local();
        self.empty_inbox();
        if local.homed.is_empty()
            && let Some(fresh) = self.pop_unstarted().or_else(|| self.movable.steal())
        {
            local.homed.push_back(fresh);
        }
    }
}

/// Whether this has been handed over and has not started: then it may still start anywhere.
pub(super) fn is_handed(g: &'static G) -> bool {
    g.has(Flags::HANDED) && g.fiber().is_none()
}

/// Leaves the goroutine's stack; returns when somebody resumes it. Everything about where it will
/// be found again has been arranged.
///
/// Inlined up to the user's function, as is all of the path that leads here: the processor predicts
/// returns by a stack of its own, which is right only if a goroutine leaves at the same depth at which
/// it was resumed. Each frame between costs two mispredicted returns, some 6 ns each.
#[inline(always)]
pub(crate) fn switch_out(g: &'static G) {
    if std::thread::panicking() {
        return switch_out_unwinding(g);
    }
    switch_out_in_order(g);
}

/// As [`switch_out`], for a caller who knows that the goroutine does not unwind, or has seen to it.
#[inline(always)]
pub(crate) fn switch_out_in_order(g: &'static G) {
    let Some(fiber) = g.fiber() else { no_stack() };
    // SAFETY: `fiber` is the one we are on: `g` is the current goroutine.
    unsafe { goroutines_fiber::suspend(fiber) };
}

#[cold]
fn no_stack() -> ! {
    crate::fatal!("a goroutine without a stack switches")
}

/// As [`switch_out`] from a destructor that runs while a panic unwinds: std counts panics per
/// thread, and the others on this thread must not see ours.
#[cold]
#[inline(never)]
fn switch_out_unwinding(g: &'static G) {
    let count = goroutines_fiber::unwind::set_aside();
    switch_out_in_order(g);
    count.put_back();
}

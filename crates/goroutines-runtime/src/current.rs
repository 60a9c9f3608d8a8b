//! Who runs here: the only thread-locals of the project.
//!
//! Not for: anything that could live in the worker or in the goroutine. A goroutine may be resumed
//! on another thread (a migratable one), and the compiler takes the address of a thread-local for
//! constant within a function. So every accessor here is `#[inline(never)]`, contains an empty
//! `asm!` (which keeps it from being deduced pure), and returns copies of pointers to records that
//! live for ever, never a reference to a thread-local. The one that is asked for all the time is
//! read in assembly where that is possible: see `word`.
#![allow(
    unsafe_code,
    reason = "the opaque accessors contain an asm!; gets back what a thread was told"
)]

mod word;

use crate::g::registry::{self, Pool};
use crate::g::{Flags, G, Locals, Status, Task};
use crate::shim::atomic::{AtomicBool, Ordering};
use std::cell::Cell;
use std::panic::Location;

/// The part of a worker that this room knows; the rest belongs to `sched`.
///
/// Only its own thread uses the cells. `preempt` and `tick` are raised by the
/// monitor.
#[derive(Debug)]
pub struct Header {
    /// The goroutine that runs now; `None` while the worker itself does.
    pub(crate) g: Cell<Option<&'static G>>,
    /// The running goroutine has had its time slice.
    pub(crate) preempt: AtomicBool,
    /// The worker should look at what others put in.
    pub(crate) tick: AtomicBool,
    /// How deep the running goroutine is in code where it must not switch.
    pub(crate) no_switch: Cell<u32>,
    /// Free records.
    pub(crate) pool: Pool,
    /// Started so far by this worker, and ended on it.
    pub(crate) counts: crate::probe::Counts,
}

impl Header {
    pub(crate) fn new() -> Header {
        Header {
            g: Cell::new(None),
            preempt: AtomicBool::new(false),
            tick: AtomicBool::new(false),
            no_switch: Cell::new(0),
            pool: Pool::default(),
            counts: crate::probe::Counts::default(),
        }
    }
}

thread_local! {
    static THREAD: Cell<Option<&'static G>> = const { Cell::new(None) };
    static THREAD_END: ThreadEnd = const { ThreadEnd };
}

/// The worker whose thread this is. Valid until the next switch.
#[inline]
pub fn worker() -> Option<&'static Header> {
    // SAFETY: null, or what `set_worker` got: the address of a header that lives for ever.
    unsafe { worker_ptr().as_ref() }
}

/// As [`worker`], as the pointer that [`set_worker`] got.
#[inline]
pub(crate) fn worker_ptr() -> *const Header {
    word::get().cast()
}

/// Makes this thread a worker, or with null an ordinary thread again.
///
/// # Safety
///
/// It is null, or the header that is the first field of a worker (`sched::worker::Worker`), which lives for ever and
/// is no other thread's; and the pointer is one to all of that worker.
pub(crate) unsafe fn set_worker(header: *const Header) {
    word::set(header.cast());
}

/// The goroutine that runs here; `None` on an ordinary thread.
#[inline]
pub fn goroutine() -> Option<&'static G> {
    worker().and_then(|w| w.g.get())
}

/// Who would wait here: the goroutine, or a record that stands for this thread (on a plain one, and
/// where the goroutine must not switch).
#[inline]
pub fn waiter() -> &'static G {
    match worker() {
        Some(w) if w.no_switch.get() == 0 => w.g.get().unwrap_or_else(thread),
        _ => thread(),
    }
}

/// The record that stands for this thread. It keeps it until the thread ends.
#[inline(never)]
pub fn thread() -> &'static G {
    // SAFETY: empty.
    unsafe { std::arch::asm!("") };
    THREAD.get().unwrap_or_else(new_thread)
}

#[cold]
#[track_caller]
fn new_thread() -> &'static G {
    let Ok(g) = registry::take_shared() else {
        crate::fatal!("no memory to block a thread")
    };
    g.init(
        registry::ids(1),
        &THREAD_TASK,
        Flags::SYSTEM,
        Status::Thread,
        Location::caller(),
    );
    THREAD.set(Some(g));
    // If the thread's destructors run already, the record is not given back: one per such thread.
    let _ = THREAD_END.try_with(|_| ());
    g
}

static THREAD_TASK: Task = Task {
    entry: no_entry,
    discard: discard_thread,
};

fn no_entry(_: *mut ()) {}

fn discard_thread(g: &'static G) {
    registry::recycle(g, None);
}

#[derive(Debug)]
struct ThreadEnd;

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        // The thread's values are dropped here, on their thread.
        if let Some(ext) = THREAD.get().and_then(G::ext) {
            ext.locals.pop_all(drop);
        }
        if let Some(g) = THREAD.take() {
            crate::g::release(g);
        }
    }
}

/// Calls `f` with the free records of this worker, if this thread is one.
#[inline]
pub(crate) fn with_pool<R>(f: impl FnOnce(Option<&Pool>) -> R) -> R {
    f(worker().map(|w| &w.pool))
}

/// Runs `f` with switching forbidden: what waits inside blocks the thread.
pub fn without_switching<R>(f: impl FnOnce() -> R) -> R {
    struct Undo(Option<&'static Header>);
    impl Drop for Undo {
        fn drop(&mut self) {
            if let Some(w) = self.0 {
                w.no_switch.set(w.no_switch.get() - 1);
            }
        }
    }
    let worker = worker();
    if let Some(w) = worker {
        w.no_switch.set(w.no_switch.get() + 1);
    }
    let _undo = Undo(worker);
    f()
}

/// Whether the running goroutine has had its time slice and should let others run.
#[inline]
pub fn slice_over() -> bool {
    worker().is_some_and(|w| w.preempt.load(Ordering::Relaxed))
}

/// The goroutine-local values of whoever runs here.
pub(crate) fn locals() -> &'static Locals {
    let g = goroutine().unwrap_or_else(thread);
    if g.ext().is_none() {
        g.set_ext(Box::default());
    }
    match g.ext() {
        Some(ext) => {
            // SAFETY: the ext lives until its goroutine (or thread) is recycled, and only that
            // goroutine's own code gets here and uses the result, before it ends.
            unsafe { &*std::ptr::from_ref(&ext.locals) }
        }
        None => crate::fatal!("a goroutine lost its locals"),
    }
}

/// Calls `f` with the goroutine-local value of `key`, made by `init` at its first use. `T` is always
/// the same for one key.
pub fn with_local<T: 'static, R>(key: usize, init: fn() -> T, f: impl FnOnce(&T) -> R) -> R {
    let value = match locals().get::<T>(key) {
        Some(value) => value,
        None => {
            // Made before anything is borrowed: it may use other keys, or wait.
            let made = init();
            locals().insert(key, made)
        }
    };
    // SAFETY: the values of a goroutine are dropped at its end, by itself, unless they are in use,
    // which `Local::with` notes for the time of this call.
    unsafe { &*value }.with(f)
}

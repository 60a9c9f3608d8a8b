//! The goroutine record: two cache lines, the first of which is all that a switch touches.
//!
//! Not for: transitions of a wait (`state`) or what few goroutines have (`ext`).
//!
//! | field | written by | when |
//! |---|---|---|
//! | `link` | whoever owns the record's place in a queue | while it is queued |
//! | `fiber` | the worker that runs it | at first run and at the end |
//! | `wait` | see `state` | |
//! | `home` | the worker that runs it | at first run (a migratable one: at each run) |
//! | `status`, `reason` | the goroutine and the worker that runs it | read by anyone, for show and for scavenging by the home worker |
//! | `flags` | anyone, by read-modify-write | |
//! | `id`, `task`, `site` | who starts it | before it is queued the first time |
//! | `ext` | who starts it, later the goroutine itself | published with Release |
//! | `refs` | holders of a [`super::Handle`], and the runtime for one | |
//! | `futex` | wakers of a plain thread | |
//! | `inline` | who starts it; the goroutine; who takes the result | in this order, see `spawn` |
#![allow(unsafe_code, reason = "the inline packet of a record is raw storage")]

use super::list::Linked;
use super::reason::Reason;
use super::state::WaitWord;
use super::{Ext, Handle};
use crate::shim::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::ptr::NonNull;

/// How many words of a packet fit into the record itself.
pub const INLINE_WORDS: usize = 7;

/// What the runtime does with a goroutine's packet: its closure first, its result later.
#[derive(Debug)]
pub struct Task {
    /// What its fiber begins with; gets the record's address. Runs the closure, catches what it
    /// throws, and tells whoever waits for the end.
    pub entry: unsafe fn(*mut ()),
    /// Drops what is left in the packet and recycles the record, after the last handle is gone.
    pub discard: unsafe fn(&'static G),
}

/// Where a goroutine is, for dumps and for the scavenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// The record belongs to no goroutine.
    Free = 0,
    /// Made, not run yet: it has no stack.
    Unstarted = 1,
    /// Running, or queued to run again.
    Active = 2,
    /// Off its stack, waiting.
    Parked = 3,
    /// As `Parked`, since before the last scavenging pass.
    ParkedSettled = 4,
    /// As `Parked`, and the pages below its stack pointer have been given back.
    ParkedLean = 5,
    /// Not a goroutine: stands for an ordinary thread, or a task, that waits.
    Thread = 6,
}

/// Facts about one goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// Starts on its home worker only, although it has not started yet.
    pub const PLACED: u32 = 1;
    /// May go on on another worker after each park.
    pub const MIGRATABLE: u32 = 1 << 1;
    /// The packet is in a box; the record holds its address.
    pub const BOXED: u32 = 1 << 2;
    /// `exit` was called: it unwinds to its end.
    pub const EXITING: u32 = 1 << 3;
    /// Somebody asked it to unwind.
    pub const CANCEL: u32 = 1 << 4;
    /// A token from `unpark` waits to be consumed.
    pub const TOKEN: u32 = 1 << 5;
    /// Not a goroutine: stands for an ordinary thread.
    pub const SYSTEM: u32 = 1 << 6;
    /// Waits that begin now may not be ended by a cancel.
    pub const SHIELDED: u32 = 1 << 8;
    /// Counted among the placed goroutines of its home until it starts.
    pub const HANDED: u32 = 1 << 7;
    /// It unwinds, or has, because it was asked to or exits, and has not panicked since.
    pub const QUIET: u32 = 1 << 9;
    /// Besides [`Flags::SYSTEM`]: stands for a task of some executor, which is told by a call.
    pub const STAND_IN: u32 = 1 << 10;
    /// Starts on the worker that takes it from its queue, however many are at home there.
    pub const IN_TURN: u32 = 1 << 11;
}

/// A goroutine's record.
#[repr(C, align(64))]
pub struct G {
    link: AtomicPtr<G>,
    fiber: AtomicPtr<()>,
    /// Whether it waits, and who may end that.
    pub wait: WaitWord,
    home: AtomicU16,
    status: AtomicU8,
    reason: AtomicU8,
    flags: AtomicU32,
    id: AtomicU64,
    task: AtomicPtr<Task>,
    ext: AtomicPtr<Ext>,
    pub(super) refs: AtomicU32,
    /// What a plain thread sleeps on while it waits; see `park`.
    pub futex: AtomicU32,
    site: AtomicPtr<Location<'static>>,
    inline: UnsafeCell<[MaybeUninit<u64>; INLINE_WORDS]>,
}

const _: () = assert!(size_of::<G>() == 128);

// SAFETY: all fields but `inline` are atomics; `inline` is reached through a raw pointer only, and
// `spawn` says who may use it when.
unsafe impl Sync for G {}

// SAFETY: `link` is one field, private to this module, and returned only here.
unsafe impl Linked for G {
    #[inline]
    fn link(&self) -> &AtomicPtr<G> {
        &self.link
    }
}

impl std::fmt::Debug for G {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("G")
            .field("id", &self.id())
            .field("status", &self.status())
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}

impl G {
    /// Makes a free record the record of a new goroutine. The caller owns the record.
    #[inline]
    pub(crate) fn init(
        &self,
        id: u64,
        task: &'static Task,
        flags: u32,
        status: Status,
        site: &'static Location<'static>,
    ) {
        self.id.store(id, Ordering::Relaxed);
        self.task
            .store(std::ptr::from_ref(task).cast_mut(), Ordering::Relaxed);
        self.flags.store(flags, Ordering::Relaxed);
        self.site
            .store(std::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        self.refs.store(1, Ordering::Relaxed);
        self.set_state(status, Reason::None);
    }

    /// Has the processor fetch the line of the record that a switch uses.
    #[inline]
    pub(crate) fn prefetch(&self) {
        goroutines_fiber::prefetch_line(std::ptr::from_ref(self).addr());
    }

    /// Has the processor fetch all of the record, which is going to be a new goroutine's.
    #[inline]
    pub(crate) fn prefetch_whole(&self) {
        self.prefetch();
        goroutines_fiber::prefetch_line(self.inline().addr());
    }

    /// Has the processor fetch what resuming it will touch: the top of its stack, and the lines below
    /// `local`, a variable of the frame that waits.
    ///
    /// Four of them: the rest of that frame, and what it will call next. Each line that is fetched in vain takes
    /// the place of another one in the cache.
    #[inline]
    pub(crate) fn prefetch_stack(&self, local: *const ()) {
        goroutines_fiber::prefetch_line(self.fiber.load(Ordering::Relaxed).addr());
        for line in 1..=4 {
            goroutines_fiber::prefetch_line(local.addr().wrapping_sub(line * 64));
        }
    }

    /// Counts a second reference, before anybody else can see the record.
    #[inline]
    pub(crate) fn share(&self) {
        self.refs.store(2, Ordering::Relaxed);
    }

    /// The goroutine's number; never used again for another one.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// What to do with its packet.
    #[inline]
    pub(crate) fn task(&self) -> &'static Task {
        // SAFETY: `init` stored a `&'static Task`, and only goroutines that were initialised are
        // run, completed or discarded.
        unsafe { &*self.task.load(Ordering::Relaxed) }
    }

    /// Tells a stand-in, which the caller has claimed, that its wait is over.
    pub(crate) fn tell(&'static self) {
        assert!(self.has(Flags::STAND_IN));
        // SAFETY: the task of a stand-in is `spawn::stand_in`'s, whose entry wants the address of such
        // a record from whoever has claimed it.
        unsafe { (self.task().entry)(std::ptr::from_ref(self).cast_mut().cast()) };
    }

    /// Where it was started.
    pub fn site(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null, or a `&'static Location` that `init` stored.
        unsafe { self.site.load(Ordering::Relaxed).as_ref() }
    }

    /// Where it is, as last written.
    #[inline]
    pub fn status(&self) -> Status {
        // Acquire: pairs with `set_status`; who sees a goroutine parked sees its home and fiber.
        match self.status.load(Ordering::Acquire) {
            1 => Status::Unstarted,
            2 => Status::Active,
            3 => Status::Parked,
            4 => Status::ParkedSettled,
            5 => Status::ParkedLean,
            6 => Status::Thread,
            _ => Status::Free,
        }
    }

    /// Why it waits, as last written.
    #[inline]
    pub fn reason(&self) -> Reason {
        Reason::from_u8(self.reason.load(Ordering::Relaxed))
    }

    /// Writes where it is and why.
    #[inline]
    pub(crate) fn set_state(&self, status: Status, reason: Reason) {
        self.reason.store(reason as u8, Ordering::Relaxed);
        self.set_status(status);
    }

    /// Writes where it is.
    #[inline]
    pub(crate) fn set_status(&self, status: Status) {
        // Release: pairs with the Acquire in `status`.
        self.status.store(status as u8, Ordering::Release);
    }

    /// Its flags now.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    /// Whether any of these flags is set.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags() & flags != 0
    }

    /// Sets flags; gives the ones that were set before.
    #[inline]
    pub fn set(&self, flags: u32) -> u32 {
        // AcqRel: a token carries what its giver did before to whoever consumes it.
        self.flags.fetch_or(flags, Ordering::AcqRel)
    }

    /// Clears flags; gives the ones that were set before.
    #[inline]
    pub fn clear(&self, flags: u32) -> u32 {
        // AcqRel: see `set`.
        self.flags.fetch_and(!flags, Ordering::AcqRel)
    }

    /// The number of the worker it runs on.
    #[inline]
    pub fn home(&self) -> usize {
        usize::from(self.home.load(Ordering::Relaxed))
    }

    /// Sets the worker it runs on.
    #[inline]
    pub(crate) fn set_home(&self, worker: usize) {
        // A runtime has fewer than 2^16 workers (`sched::config`).
        self.home.store(worker as u16, Ordering::Relaxed);
    }

    /// Its fiber; `None` before it starts and after it ended.
    #[inline]
    pub(crate) fn fiber(&self) -> Option<NonNull<()>> {
        NonNull::new(self.fiber.load(Ordering::Relaxed))
    }

    /// Sets its fiber.
    #[inline]
    pub(crate) fn set_fiber(&self, fiber: Option<NonNull<()>>) {
        self.fiber.store(
            fiber.map_or(std::ptr::null_mut(), NonNull::as_ptr),
            Ordering::Relaxed,
        );
    }

    /// What few goroutines have: name, locals, a stack size of their own.
    #[inline]
    pub fn ext(&self) -> Option<&Ext> {
        // SAFETY: null, or a box that `set_ext` published with Release (the Acquire here pairs with
        // it) and that lives until the record is recycled, which a holder of a handle or the
        // goroutine itself, the only callers that may go on using it, prevent.
        unsafe { self.ext.load(Ordering::Acquire).as_ref() }
    }

    /// Gives it an [`Ext`]; only who starts it, or the goroutine itself, and once.
    pub(crate) fn set_ext(&self, ext: Box<Ext>) {
        let old = self.ext.swap(Box::into_raw(ext), Ordering::AcqRel);
        debug_assert!(old.is_null());
    }

    /// Takes the [`Ext`] away; the caller has the record for itself.
    pub(crate) fn take_ext(&self) -> Option<Box<Ext>> {
        let old = self.ext.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: a non-null pointer came from `Box::into_raw` in `set_ext`, and the swap hands it
        // to exactly one caller.
        (!old.is_null()).then(|| unsafe { Box::from_raw(old) })
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.ext().and_then(|e| e.name.as_deref())
    }

    /// The room for a packet, or for the address of a boxed one.
    #[inline]
    pub(crate) fn inline(&self) -> *mut u8 {
        self.inline.get().cast()
    }

    /// A counted reference to this goroutine.
    pub fn handle(&'static self) -> Handle {
        Handle::new(self)
    }
}

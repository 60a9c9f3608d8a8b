//! The switch: a [`Fiber`] is a function that runs on a stack of its own, and can leave it and
//! come back.
//!
//! Not for getting stacks (that is [`stack`](crate::stack)) and not for deciding who runs when.
//! The assembly is `corosensei`'s; nobody above this file knows that.
//!
//! # Layout
//!
//! All that a switch needs to know lies in the one cache line at the top of the stack:
//!
//! ```text
//!            +---------------------+ top of the slot
//!            |  0 to 1920 bytes    | shift of the tops against each other
//!            +---------------------+ <- 64-byte line ends
//! base + 40  | Stack               | for giving it back; bounds for diagnostics
//! base + 32  | stack pointer       | written by suspend, read by the scavenger
//! base       | Coroutine, 32 bytes | base, stack pointer, first stack pointer, drop function
//!            +---------------------+ <- `Stack::base`; a `Fiber` points here
//! base - 8   | initial function    | corosensei: read by the first resume
//! base - 16  | parent link         | corosensei: written by each resume, read by each suspend
//!            +---------------------+ <- 64-byte line starts
//!            | entry, argument     |
//!            | frames, downwards   |
//! ```

#[cfg(test)]
mod tests;

use std::fmt;
use std::mem::{ManuallyDrop, offset_of, size_of};
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::stack::{HEADER_ROOM, Stack};

/// How far below the base corosensei keeps the parent link, to which `Yielder` is a reference.
/// An internal of corosensei 0.3: each fiber checks it when it starts.
const PARENT_LINK: usize = if cfg!(target_arch = "powerpc64") {
    32
} else {
    16
};

/// What may be in use below the stack pointer that [`suspend`] reads. Its parts: what the
/// switch pushes (24 bytes on x86-64, 32 on aarch64), the red zone (128 bytes), and in builds
/// without optimisation the frame of `Yielder::suspend`, which is then not inlined. Test
/// `nothing_below_the_stack_pointer_is_live` overwrites everything below.
const MARGIN: usize = 512;

/// The base of the stack, as corosensei wants to see it.
struct Base(NonZeroUsize);

// SAFETY: the stack is that of the header which lies at its base: it has a guard, it is larger
// than MIN_STACK_SIZE (the smallest has 48 KiB), and `Stack::base` is a multiple of 16.
unsafe impl corosensei::stack::Stack for Base {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        self.0
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        let header = ptr::with_exposed_provenance::<Header>(self.0.get());
        // SAFETY: the header lies at the base; `Fiber::new` writes its `stack` field before it
        // makes the coroutine that owns this `Base`, and never again.
        let stack = unsafe { &(*header).stack };
        NonZeroUsize::new(stack.low()).unwrap_or(self.0)
    }
}

type Routine = Coroutine<(), (), (), Base>;

/// What lies at the top of the stack of each fiber.
#[repr(C)]
struct Header {
    /// Touched only by `new`, `resume` and `into_stack`.
    routine: ManuallyDrop<Routine>,
    /// Written by `suspend` (on the fiber's stack), read while the fiber is suspended.
    stack_pointer: usize,
    /// Written once, by `new`.
    stack: Stack,
}

const _: () = assert!(size_of::<Header>() <= HEADER_ROOM);
const _: () = assert!(offset_of!(Header, stack) + size_of::<Stack>() <= HEADER_ROOM);

/// A fiber: a function running on a stack of its own. One pointer in size.
///
/// A `Fiber` that is dropped before it has finished is leaked, stack and all: there is no `Drop`.
/// What lies on its stack cannot be dropped from outside without unwinding it, which is for those
/// who wrote the function to arrange.
#[repr(transparent)]
pub struct Fiber(NonNull<Header>);

// SAFETY: moving the handle moves only a pointer; all that could go wrong on another thread goes
// through `resume`, whose contract says on which thread it may be called.
unsafe impl Send for Fiber {}

/// How a [`Fiber::resume`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Resumed {
    /// The fiber called [`suspend`] and can be resumed again.
    Suspended,
    /// The function returned: take the stack with [`Fiber::into_stack`].
    Finished,
}

impl Fiber {
    /// Makes a fiber that will call `entry(arg)` on `stack` when it is first resumed.
    ///
    /// # Safety
    ///
    /// - `entry` must not unwind (the process aborts if it does).
    /// - `entry(arg)` must be sound to call on the thread of the first `resume`; in particular
    ///   what `arg` points to must live until then, and as long as `entry` needs it.
    #[inline]
    pub unsafe fn new(stack: Stack, entry: unsafe fn(*mut ()), arg: *mut ()) -> Fiber {
        let base = stack.base();
        let header = ptr::with_exposed_provenance_mut::<Header>(base);
        // SAFETY: `base` is neither null nor unaligned (a multiple of 16, computed from a
        // non-null mapping).
        let fiber = unsafe { NonNull::new_unchecked(header) };
        // SAFETY: `stack` gives us its memory, which reaches HEADER_ROOM bytes above `base`, and
        // the header fits into them (asserted above). None of its fields has anything to drop,
        // so that assigning to what was never initialised is as good as writing.
        unsafe { (*header).stack = stack };
        // SAFETY: as above. The first frames lie below: entry and argument, then a return address.
        unsafe { (*header).stack_pointer = base - MARGIN };
        // SAFETY: as `base` above, which is not zero.
        let base = Base(unsafe { NonZeroUsize::new_unchecked(base) });
        let start = Start { fiber, entry, arg };
        // SAFETY: the stack is ours alone, and the closure borrows nothing (it holds raw
        // pointers, whose validity is the caller's promise).
        let routine =
            unsafe { Routine::with_stack_unchecked(base, move |yielder, ()| start.run(yielder)) };
        // SAFETY: as for the `stack` field.
        unsafe { (*header).routine = ManuallyDrop::new(routine) };
        Fiber(fiber)
    }

    /// Runs the fiber until it suspends or finishes.
    ///
    /// # Safety
    ///
    /// - The fiber is suspended (or new): not running, not finished.
    /// - Only one thread resumes it at a time, and what that thread sees of the fiber's memory is
    ///   no older than what the last one left (hand it over with release and acquire).
    /// - It is resumed on the thread it first ran on, unless everything that can be on its stack
    ///   may move to another one (thread-locals, `!Send` values).
    #[inline]
    pub unsafe fn resume(&self) -> Resumed {
        // SAFETY: `new` has written the header, and it stays until `into_stack` consumes `self`.
        let routine = unsafe { &raw mut (*self.0.as_ptr()).routine };
        // SAFETY: the fiber is not running (contract), so no other reference to `routine` exists:
        // it is used only here, in `new` and in `into_stack`. While the fiber runs it touches
        // the other fields of the header, not this one.
        let routine: &mut Routine = unsafe { &mut *routine };
        match routine.resume(()) {
            CoroutineResult::Yield(()) => Resumed::Suspended,
            CoroutineResult::Return(()) => Resumed::Finished,
        }
    }

    /// Takes the stack back.
    ///
    /// # Panics
    ///
    /// If the fiber has not finished.
    ///
    /// # Safety
    ///
    /// The last `resume` said [`Resumed::Finished`], and no copy of the pointer is used any more.
    #[inline]
    pub unsafe fn into_stack(self) -> Stack {
        let header = self.0.as_ptr();
        // SAFETY: the header is valid until its stack is handed out; the fiber has finished, so
        // nobody else refers to it.
        let header: &mut Header = unsafe { &mut *header };
        // SAFETY: taken once, as `self` is consumed.
        let routine = unsafe { ManuallyDrop::take(&mut header.routine) };
        let Base(_) = routine.into_stack();
        // SAFETY: as above: read once, and the header ends here.
        unsafe { ptr::read(&raw const header.stack) }
    }

    /// A lower bound of what is in use on the stack while the fiber is suspended: nothing below
    /// it is live. Meaningless while the fiber runs.
    #[inline]
    #[must_use]
    pub fn stack_pointer(&self) -> usize {
        // SAFETY: the header is valid as long as `self` is; a word that only the fiber writes,
        // which does not run while its stack pointer is asked for.
        unsafe { (*self.0.as_ptr()).stack_pointer }
    }

    /// Has the processor fetch the fiber's header, which [`Fiber::prefetch_frames`] reads.
    #[inline]
    pub fn prefetch_header(&self) {
        prefetch_line(self.0.addr().get());
    }

    /// Has the processor fetch what resuming the fiber will touch: the lines around its saved stack
    /// pointer.
    ///
    /// # Safety
    ///
    /// The fiber is suspended, and its stack has not been taken.
    #[inline]
    pub unsafe fn prefetch_frames(&self) {
        let header = self.0.as_ptr().cast_const();
        // SAFETY: by the contract the header is valid.
        let top = unsafe { (*header).stack_pointer } + MARGIN;
        prefetch_line(top - 24);
        prefetch_line(top + 40);
    }

    /// The stack the fiber runs on, for its bounds.
    #[inline]
    pub fn stack(&self) -> &Stack {
        // SAFETY: written once by `new`, and valid as long as `self` is.
        unsafe { &(*self.0.as_ptr()).stack }
    }

    /// The fiber as a pointer, for [`suspend`] and for keeping it in an atomic. It is the
    /// address that [`Stack::base`] says.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<()> {
        self.0.cast()
    }

    /// The fiber as a pointer, which owns it from now on.
    #[inline]
    #[must_use]
    pub fn into_ptr(self) -> NonNull<()> {
        self.0.cast()
    }

    /// The fiber behind a pointer.
    ///
    /// # Safety
    ///
    /// `ptr` came from [`as_ptr`](Self::as_ptr) or [`into_ptr`](Self::into_ptr) of a fiber whose
    /// stack has not been taken yet; and of all the `Fiber`s made for it, at most one is used for
    /// `into_stack`, as its last use.
    #[inline]
    #[must_use]
    pub unsafe fn from_ptr(ptr: NonNull<()>) -> Fiber {
        Fiber(ptr.cast())
    }
}

impl fmt::Debug for Fiber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fiber").field(&self.stack()).finish()
    }
}

/// What a fiber needs when it starts.
#[derive(Clone, Copy)]
struct Start {
    fiber: NonNull<Header>,
    entry: unsafe fn(*mut ()),
    arg: *mut (),
}

impl Start {
    #[inline]
    fn run(self, yielder: &Yielder<(), ()>) {
        let expected = self.fiber.as_ptr().addr() - PARENT_LINK;
        if ptr::from_ref(yielder).addr() != expected {
            wrong_corosensei();
        }
        // SAFETY: promised by the caller of `Fiber::new`.
        unsafe { (self.entry)(self.arg) }
    }
}

#[cold]
#[inline(never)]
fn wrong_corosensei() -> ! {
    eprintln!("goroutines-fiber: this version of corosensei keeps its parent link elsewhere");
    std::process::abort();
}

/// Leaves the fiber: its [`Fiber::resume`] returns [`Resumed::Suspended`]. Returns when the fiber
/// is resumed again, which may be on another thread if whoever resumes it says that this is
/// sound.
///
/// # Safety
///
/// - `fiber` is the fiber on whose stack this is called.
/// - No frame on its stack relies on being left in order with something outside of it (a scope
///   of another thread's, a `std` guard that must go on its own thread).
#[inline(always)]
pub unsafe fn suspend(fiber: NonNull<()>) {
    let header = fiber.cast::<Header>().as_ptr();
    // SAFETY: the header of a running fiber is valid, and this field is written here only, on
    // the fiber's own stack.
    unsafe { (*header).stack_pointer = stack_pointer_here() - MARGIN };
    // SAFETY: the parent link lies below the header, in the same line (checked in `Start::run`).
    let yielder = unsafe { header.byte_sub(PARENT_LINK) }.cast::<Yielder<(), ()>>();
    // SAFETY: `Yielder` is what corosensei calls a reference to the parent link; this is the one
    // that the function of this fiber was called with, which lives until the fiber finishes.
    let yielder = unsafe { &*yielder };
    yielder.suspend(());
}

/// Has the processor fetch the cache line of an address, which may be any.
#[inline(always)]
pub fn prefetch_line(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect but on the cache, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ptr::without_provenance(address)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The stack pointer of the function that this is inlined into. What that function keeps lies at
/// or above it, but for a red zone.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn stack_pointer_here() -> usize {
    let here: usize;
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    here
}

/// The stack pointer of the function that this is inlined into. What that function keeps lies at
/// or above it, but for a red zone.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn stack_pointer_here() -> usize {
    let here: usize;
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    here
}

/// An address in a frame of its own, which lies below everything its caller keeps.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(never)]
fn stack_pointer_here() -> usize {
    let local = std::hint::black_box(0_u8);
    (&raw const local).addr()
}

//! The word of a read-write lock.
//!
//! Not for: the queues. Bits:
//!
//! | bits | meaning | changed by |
//! |---|---|---|
//! | `WRITER` | a writer has the lock | whoever takes it; its holder |
//! | `WRITERS` | the queue of writers is not empty | with the queues locked |
//! | `READERS` | the queue of readers is not empty | with the queues locked |
//! | `WOKEN` | a writer was taken out of the queue to try again, and has not done so | set with the queues locked, cleared by that writer |
//! | `PENDING` | the first writer in the queue waits for readers only: no new reader gets in | set with the queues locked; cleared by a writer that was woken or handed the lock, or with the queues locked |
//! | `STARVING` | the lock is handed to the first writer in the queue, instead of being left to the quickest | with the queues locked |
//! | the rest | how many readers have the lock | readers; whoever lets queued readers in |
//!
//! Always: `PENDING` implies `WRITERS` or `WOKEN`. And whenever the queues are not locked and nobody is
//! about to call [`State::settle`]: `WRITERS` implies `WRITER`, `WOKEN` or `PENDING`, so somebody will see
//! to the queued writers; `READERS` implies `WRITER`, `WOKEN` or `PENDING`, so a writer gets the lock, and
//! lets the queued readers in when it lets go. What follows is argued in `sync/README.md`.

use goroutines_runtime::shim::atomic::{AtomicU32, Ordering};

const WRITER: u32 = 1;
const WRITERS: u32 = 2;
const READERS: u32 = 4;
const WOKEN: u32 = 8;
const PENDING: u32 = 16;
const STARVING: u32 = 32;
/// One reader.
const ONE: u32 = 64;
/// The number of readers.
const COUNT: u32 = !(ONE - 1);
/// What keeps new readers out.
const CLOSED: u32 = WRITER | PENDING;
/// What keeps writers out.
const HELD: u32 = WRITER | COUNT;

/// See the module's head.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// What [`State::enqueue_writer`] and [`State::enqueue_reader`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller may have the lock"]
pub(super) enum Enqueue {
    /// The caller has the lock.
    Locked,
    /// The caller is to wait, and will be seen.
    Queue,
}

/// What [`State::settle`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody may have to be woken"]
pub(super) enum Settle {
    /// Somebody else will see to those who wait.
    Tended,
    /// Nothing keeps the queued readers out. The caller has the lock for reading now, so that no
    /// writer comes between.
    LetReadersIn,
    /// The caller has the lock for writing now, to pass it to a writer.
    PassToWriter,
}

impl State {
    pub(super) const fn new() -> State {
        State(AtomicU32::new(0))
    }

    fn load(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn update(&self, success: Ordering, f: impl FnMut(u32) -> Option<u32>) -> Result<u32, u32> {
        self.0.fetch_update(success, Ordering::Relaxed, f)
    }

    /// Takes the lock for reading if no writer has it or is pending.
    #[inline]
    pub(super) fn read(&self) -> bool {
        let mut s = self.0.load(Ordering::Relaxed);
        while s & CLOSED == 0 {
            if s >= COUNT {
                too_many_readers();
            }
            // Acquire: pairs with the Release in `unlock_write`.
            match self
                .0
                .compare_exchange_weak(s, s + ONE, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => s = now,
            }
        }
        false
    }

    /// Lets a reader's part of the lock go; `true`: [`State::settle`] has to be called.
    #[inline]
    #[must_use = "a writer may have to be woken"]
    pub(super) fn unlock_read(&self) -> bool {
        // Release: what was read comes before what the next writer writes.
        let before = self.0.fetch_sub(ONE, Ordering::Release);
        debug_assert!(before >= ONE, "read-unlock of an unlocked RwLock");
        before & COUNT == ONE && before & (PENDING | WOKEN) == PENDING
    }

    /// Takes the lock for writing if nobody has it and nobody waits.
    #[inline]
    pub(super) fn write(&self) -> bool {
        // Acquire: pairs with the Releases in `unlock_read` and `unlock_write`.
        self.0
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock for writing if nobody has it, for one that may have been woken.
    pub(super) fn rewrite(&self, woken: bool) -> bool {
        let clear = if woken { WOKEN | PENDING } else { 0 };
        // Acquire: as in `write`.
        self.update(Ordering::Acquire, |s| {
            (s & HELD == 0).then_some((s | WRITER) & !clear)
        })
        .is_ok()
    }

    /// As [`State::rewrite`], for one that does not want to wait: not while others starve.
    pub(super) fn try_write(&self) -> bool {
        let step = |s| (s & (HELD | STARVING) == 0).then_some(s | WRITER);
        // Acquire: as in `write`.
        self.update(Ordering::Acquire, step).is_ok()
    }

    /// Whether a writer may get it soon.
    pub(super) fn worth_spinning(&self) -> bool {
        let s = self.load();
        s & HELD != 0 && s & STARVING == 0
    }

    /// Whether a reader may get it soon.
    pub(super) fn worth_spinning_to_read(&self) -> bool {
        self.load() & (CLOSED | STARVING) == WRITER
    }

    /// Lets the writer's lock go if nobody has to be woken for that.
    #[inline]
    #[must_use = "if it says `false` the lock is still held"]
    pub(super) fn unlock_write(&self) -> bool {
        // Release: what was written comes before what the next holder does.
        self.0
            .compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// The same, with writers waiting of whom one has been woken.
    pub(super) fn unlock_write_to_woken(&self) -> bool {
        let step = |s| {
            let calm = s & (READERS | STARVING) == 0 && (s & WOKEN != 0 || s & WRITERS == 0);
            calm.then_some(s & !WRITER)
        };
        // Release: as in `unlock_write`.
        self.update(Ordering::Release, step).is_ok()
    }

    /// For a writer about to enter the queue, with the queues locked. It counts as woken no longer,
    /// whichever way this goes.
    pub(super) fn enqueue_writer(&self, woken: bool, starving: bool) -> Enqueue {
        let clear = if woken { WOKEN } else { 0 };
        let starve = if starving { STARVING } else { 0 };
        let step = |s| {
            let next = if s & HELD == 0 {
                (s | WRITER) & if woken { !PENDING } else { !0 }
            } else if s & WRITER == 0 {
                s | WRITERS | PENDING | starve
            } else {
                s | WRITERS | starve
            };
            Some(next & !clear)
        };
        // Acquire: as in `write`.
        match self.update(Ordering::Acquire, step) {
            Ok(s) if s & HELD != 0 => Enqueue::Queue,
            _ => Enqueue::Locked,
        }
    }

    /// For a reader about to enter the queue, with the queues locked.
    pub(super) fn enqueue_reader(&self) -> Enqueue {
        let step = |s| {
            if s & CLOSED == 0 && s >= COUNT {
                too_many_readers();
            }
            Some(if s & CLOSED == 0 {
                s + ONE
            } else {
                s | READERS
            })
        };
        // Acquire: as in `read`.
        match self.update(Ordering::Acquire, step) {
            Ok(s) if s & CLOSED != 0 => Enqueue::Queue,
            _ => Enqueue::Locked,
        }
    }

    /// Says who is to be woken after something has changed, with the queues locked.
    pub(super) fn settle(&self) -> Settle {
        let mut s = self.load();
        loop {
            if s & (WRITER | WOKEN) != 0 {
                return Settle::Tended;
            }
            let (next, result) = match s & (WRITERS | READERS) {
                0 => return Settle::Tended,
                READERS if s >= COUNT => too_many_readers(),
                READERS => (s + ONE, Settle::LetReadersIn),
                // The last of the readers will see to it.
                _ if s & COUNT != 0 => (s | PENDING, Settle::Tended),
                _ => (s | WRITER, Settle::PassToWriter),
            };
            // Acquire: the lock goes through this hand. Pairs as in `write`.
            match self
                .0
                .compare_exchange(s, next, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return result,
                Err(now) => s = now,
            }
        }
    }

    /// All queued readers get in, `n` of them, with the queues locked. The caller has the lock for
    /// reading.
    pub(super) fn let_readers_in(&self, n: usize) {
        // Release: as in `unlock_write`.
        let _ = self.update(Ordering::Release, |s| Some(with_readers(s & !READERS, n)));
    }

    /// The same by a writer, who lets the lock go by this, with the queues locked. `true`: the first
    /// of the queued writers counts as woken, and has to be taken out and woken.
    #[must_use = "a writer may have to be woken"]
    pub(super) fn unlock_write_to_readers(&self, n: usize) -> bool {
        let (mut wake, all) = (false, WRITERS | WOKEN | PENDING | STARVING);
        let step = |s: u32| {
            wake = s & all == WRITERS;
            // While writers starve the first of them is pending at once.
            let pend = s & all == WRITERS | STARVING;
            let set = if wake { WOKEN } else { 0 } | if pend { PENDING } else { 0 };
            Some(with_readers(s & !(WRITER | READERS), n) | set)
        };
        // Release: as in `unlock_write`.
        let _ = self.update(Ordering::Release, step);
        wake
    }

    pub(super) fn starving(&self) -> bool {
        self.load() & STARVING != 0
    }

    /// The caller's lock now belongs to a writer that was queued; with the queues locked.
    pub(super) fn handed(&self, last: bool, enough: bool) {
        let clear = PENDING
            | match (last, enough) {
                (true, _) => WRITERS | STARVING,
                (false, true) => STARVING,
                (false, false) => 0,
            };
        self.0.fetch_and(!clear, Ordering::Relaxed);
    }

    /// The caller's lock is free for a writer that was taken out of the queue; with the queues
    /// locked.
    pub(super) fn woke(&self, last: bool) {
        let clear = if last {
            WRITER | WRITERS | STARVING
        } else {
            WRITER
        };
        // Release: as in `unlock_write`.
        let _ = self.update(Ordering::Release, |s| Some((s | WOKEN) & !clear));
    }

    /// A writer that was woken gives up. [`State::settle`] has to be called.
    pub(super) fn forget_woken(&self) {
        self.0.fetch_and(!(WOKEN | PENDING), Ordering::Relaxed);
    }

    /// The queue of writers has become empty; with the queues locked. A woken writer that was pending
    /// says so again if it has to.
    pub(super) fn no_writers(&self) {
        self.0
            .fetch_and(!(WRITERS | PENDING | STARVING), Ordering::Relaxed);
    }

    /// The queue of readers has become empty; with the queues locked.
    pub(super) fn no_readers(&self) {
        self.0.fetch_and(!READERS, Ordering::Relaxed);
    }

    /// The caller's lock is free, and no writer is queued; with the queues locked.
    pub(super) fn unlock_empty(&self) {
        // Release: as in `unlock_write`.
        self.0
            .fetch_and(!(WRITER | WRITERS | PENDING | STARVING), Ordering::Release);
    }

    /// The writer becomes a reader, if nobody waits.
    pub(super) fn downgrade(&self) -> bool {
        // Release: as in `unlock_write`.
        self.0
            .compare_exchange(WRITER, ONE, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

/// The word `s` with `n` more readers.
fn with_readers(s: u32, n: usize) -> u32 {
    let more = u32::try_from(n).ok().and_then(|n| n.checked_mul(ONE));
    more.and_then(|more| s.checked_add(more))
        .unwrap_or_else(|| too_many_readers())
}

#[cold]
fn too_many_readers() -> ! {
    // Guards leaked by the hundred million: going on would let a writer in beside them.
    goroutines_runtime::note!("goroutines: fatal: too many readers of an RwLock");
    std::process::abort()
}

//! What the protocol of a channel stands on, as loom's; in the place of the room's own `env`.

pub(crate) use crate::park::{
    Cause, Leaving, Moment, Reason, Settled, Spot, StandIn, Wait, Wakeable, Waker, checkpoint,
    choose, spot, yield_now,
};
// For the number of values, which is written under the lock and read without it for show only: that
// need not be checked.
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

use loom::cell::UnsafeCell;
use loom::sync::atomic as loomed;
use loom::thread::{self, Thread, ThreadId};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool as Flag;
use std::sync::{Arc, Mutex, MutexGuard};

/// As the real one. A model begins with the word that it wants.
pub(crate) const STREAK: u32 = 128;

/// What all words here know besides: the newest value, who holds the lock, if this is one, and who waits
/// for somebody to let go. (Loom runs one thread at a time: nobody waits for this.)
#[derive(Debug)]
struct Known<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    now: T,
    holder: Option<ThreadId>,
    blocked: Vec<(Thread, Arc<Flag>)>,
}

impl<T: Copy> Known<T> {
    fn new(now: T) -> Known<T> {
        Known(Mutex::new(State {
            now,
            holder: None,
            blocked: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Loom's threads are fibers of one thread, and see each other's panics.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The next `relax` of this thread is over when somebody has let go.
    fn block_me(&self) {
        if !self.blocks_me() {
            let flag = BLOCKED.with(Arc::clone);
            flag.store(true, Ordering::Relaxed);
            self.lock().blocked.push((thread::current(), flag));
        }
    }

    fn blocks_me(&self) -> bool {
        let me = thread::current().id();
        self.lock()
            .blocked
            .iter()
            .any(|(thread, _)| thread.id() == me)
    }

    /// Lets go by this step. What others can do just before it and not after it is to fail.
    fn let_go(&self, now: T, step: impl FnOnce()) {
        loom::stop_exploring();
        step();
        loom::explore();
        let mut state = self.lock();
        (state.now, state.holder) = (now, None);
        for (thread, flag) in std::mem::take(&mut state.blocked) {
            flag.store(false, Ordering::Relaxed);
            thread.unpark();
        }
    }
}

/// The status word. A store of what it shows already is none: so a look without the lock has fewer stale
/// values to be tried with. Loads without an order are those of the lock's holder, who knows the newest.
#[derive(Debug)]
pub(crate) struct AtomicU64(loomed::AtomicU64, Known<u64>);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> AtomicU64 {
        AtomicU64(loomed::AtomicU64::new(value), Known::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        match order {
            Ordering::Relaxed => self.1.lock().now,
            _ => self.0.load(order),
        }
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        if self.1.lock().now != value {
            self.0.store(value, order);
            self.1.lock().now = value;
        }
    }
}

/// The lock word.
///
/// Who fails to take it is left alone until it has been given back (see `shim`). A load is a guess for the
/// exchange that follows, or the holder's; but that after saying `inside` may be as stale as loom allows.
#[derive(Debug)]
pub(crate) struct AtomicU32(loomed::AtomicU32, Known<u32>);

const HELD: u32 = 1 << 16;

thread_local! {
    static FIRST: RefCell<VecDeque<u32>> = const { RefCell::new(VecDeque::new()) };
}

loom::thread_local! {
    static WARY: Cell<bool> = Cell::new(false);
    /// Somebody has to let go before this thread goes on.
    static BLOCKED: Arc<Flag> = Arc::default();
}

/// What the lock words of the channels made next begin with.
pub(crate) fn begin_with(words: &[u32]) {
    FIRST.with_borrow_mut(|first| *first = words.iter().copied().collect());
}

impl AtomicU32 {
    pub(crate) fn new(value: u32) -> AtomicU32 {
        let value = FIRST.with_borrow_mut(VecDeque::pop_front).unwrap_or(value);
        AtomicU32(loomed::AtomicU32::new(value), Known::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        if WARY.with(|wary| wary.replace(false)) {
            return self.0.load(order);
        }
        assert_eq!(order, Ordering::Relaxed);
        // Who has not tried yet has to: only then does loom know that it would have been possible.
        let state = self.1.lock();
        let mine = state.holder == Some(thread::current().id());
        let now = state.now;
        drop(state);
        if mine || self.1.blocks_me() {
            now
        } else {
            now & !HELD
        }
    }

    pub(crate) fn compare_exchange(
        &self,
        old: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        assert!(old & HELD == 0 && new & HELD != 0);
        let result = self.0.compare_exchange(old, new, success, failure);
        match result {
            Ok(_) => {
                let mut state = self.1.lock();
                (state.now, state.holder) = (new, Some(thread::current().id()));
            }
            Err(now) if now & HELD != 0 => self.1.block_me(),
            Err(_) => {}
        }
        result
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        old: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.compare_exchange(old, new, success, failure)
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        assert_eq!(self.1.lock().holder, Some(thread::current().id()));
        assert_eq!(value & HELD, 0);
        self.1.let_go(value, || self.0.store(value, order));
    }
}

/// Whether the worker that a lock leans to is inside: 0 or 1.
#[derive(Debug)]
pub(crate) struct AtomicBool(loomed::AtomicU32, Known<bool>);

impl AtomicBool {
    pub(crate) fn new(value: bool) -> AtomicBool {
        AtomicBool(loomed::AtomicU32::new(value.into()), Known::new(value))
    }

    /// It may be stale and `false`. If it is `true`, the caller waits for a newer one.
    pub(crate) fn load(&self, order: Ordering) -> bool {
        if self.0.load(order) == 0 {
            return false;
        }
        // An exchange that fails in any case reads the newest.
        if self.0.compare_exchange(2, 2, order, order) == Err(0) {
            return false;
        }
        self.1.block_me();
        true
    }

    pub(crate) fn store(&self, value: bool, order: Ordering) {
        if value {
            self.0.store(1, order);
            WARY.with(|wary| wary.set(true));
        } else {
            self.1.let_go(false, || self.0.store(0, order));
        }
    }
}

/// The light and the heavy barrier together do what two full ones do, so each is one.
pub(crate) mod bias {
    use super::{Ordering, loomed};

    pub(crate) fn is_possible() -> bool {
        true
    }

    pub(crate) fn light() {
        loomed::fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        loomed::fence(Ordering::SeqCst);
    }
}

/// Nothing happens until somebody lets go of what this thread has failed to get.
pub(crate) fn relax(_: u32) {
    let blocked = BLOCKED.with(Arc::clone);
    while blocked.load(Ordering::Relaxed) {
        thread::park();
    }
}

pub(crate) fn linger(_: impl FnMut() -> bool) {}

/// Loom complains if two threads touch it without one being before the other.
#[derive(Debug)]
pub(crate) struct Witness(UnsafeCell<()>);

impl Witness {
    pub(crate) fn new() -> Witness {
        Witness(UnsafeCell::new(()))
    }

    #[track_caller]
    pub(crate) fn write(&self) {
        drop(self.0.get_mut());
    }
}

//! `WaitGroup`: waiting for a number of goroutines.
//!
//! Not for: results; join the goroutines for that.
//!
//! One word holds the counter (upper half) and the number of waiters (lower half), as in Go. Waiters
//! hang in a list under a lock; they enter it, and count themselves, with the lock held and only
//! while the counter is above zero. So whoever brings the counter to zero and sees waiters in the same
//! word takes the lock and finds exactly those. (SEMANTICS WG-1..11.)

use goroutines_runtime::park::{self, Cause, Moment, Reason, Wakeable, Waker, is_panic};
use goroutines_runtime::shim::atomic::{AtomicU64, Ordering};
use goroutines_runtime::shim::{Arc, Lock};
use goroutines_runtime::spawn::{self, Outcome, SpawnError};
use std::any::Any;
use std::fmt;
use std::panic::{Location, resume_unwind};

const ONE: u64 = 1 << 32;
const WAITERS: u64 = ONE - 1;

/// Waits for a collection of goroutines to finish, as Go's `sync.WaitGroup`.
///
/// Clones share the same counter, and are not counted themselves: unlike with `crossbeam`'s type of this
/// name, dropping one changes nothing.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{go, sync::WaitGroup};
/// let wg = WaitGroup::new();
/// wg.add(1);
/// let done = wg.clone();
/// go!(move || done.done());     // counted by hand …
/// wg.go(|| ());                 // … or by `go`
/// wg.wait();
/// # });
/// ```
///
/// Use it again as often as you like, once all waiters of a round have returned.
#[derive(Clone, Default)]
pub struct WaitGroup(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: AtomicU64,
    waiters: Lock<Vec<Waker>>,
    panicked: Lock<Option<Panicked>>,
}

/// What the first panicking goroutine left. The first waiter gets the payload, later ones the text.
struct Panicked {
    payload: Option<Box<dyn Any + Send>>,
    text: String,
}

fn counter(state: u64) -> i32 {
    (state >> 32) as i32
}

impl WaitGroup {
    /// A group with nothing to wait for.
    pub fn new() -> WaitGroup {
        WaitGroup::default()
    }

    /// Adds `delta`, which may be negative, to the number of goroutines to wait for.
    ///
    /// At zero all waiters are released; what the goroutines did before is visible to them. Add
    /// before you start what will be waited for: an `add` at counter zero must not race with `wait`.
    ///
    /// # Panics
    ///
    /// If the counter would fall below zero ("negative WaitGroup counter") or beyond `i32::MAX`; it is
    /// left as it was. If the misuse named above is noticed.
    #[track_caller]
    pub fn add(&self, delta: isize) {
        let Ok(delta) = i32::try_from(delta) else {
            panic!("sync: WaitGroup counter overflow: {delta} at once is too much");
        };
        let step = (delta as u64) << 32;
        // AcqRel: what a goroutine did before `done` comes before the return of `wait`.
        let before = self.0.state.fetch_add(step, Ordering::AcqRel);
        let (old, waiters) = (counter(before), before & WAITERS);
        let Some(new) = old.checked_add(delta).filter(|&n| n >= 0) else {
            self.take_back(step);
            if delta > 0 {
                panic!("sync: WaitGroup counter overflow");
            }
            panic!("sync: negative WaitGroup counter");
        };
        if waiters != 0 && delta > 0 && old == 0 {
            self.take_back(step);
            panic!("sync: WaitGroup misuse: add called concurrently with wait");
        }
        if new == 0 && waiters != 0 {
            self.release();
        }
    }

    /// Takes one from the number of goroutines to wait for.
    ///
    /// # Panics
    ///
    /// As [`WaitGroup::add`].
    #[track_caller]
    #[inline]
    pub fn done(&self) {
        self.add(-1);
    }

    /// Undoes a step that was a mistake. Who began to wait because of it is let go.
    #[cold]
    fn take_back(&self, step: u64) {
        let now = self
            .0
            .state
            .fetch_sub(step, Ordering::AcqRel)
            .wrapping_sub(step);
        if counter(now) == 0 && now & WAITERS != 0 {
            self.release();
        }
    }

    #[cold]
    fn release(&self) {
        let mut list = self.0.waiters.lock();
        let waiters = std::mem::take(&mut *list);
        self.0
            .state
            .fetch_sub(waiters.len() as u64, Ordering::AcqRel);
        drop(list);
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Waits until the counter is zero; at zero it returns at once.
    ///
    /// # Panics
    ///
    /// If a goroutine started with [`WaitGroup::go`] panicked: the first waiter gets its payload,
    /// others a message with its text.
    #[track_caller]
    pub fn wait(&self) {
        self.wait_for(Reason::WaitGroup, Wakeable::ByTicket);
        let mut panicked = self.0.panicked.lock();
        if let Some(p) = &mut *panicked {
            match p.payload.take() {
                Some(payload) => {
                    drop(panicked);
                    resume_unwind(payload);
                }
                None => {
                    let text = p.text.clone();
                    drop(panicked);
                    panic!("a goroutine of this WaitGroup panicked: {text}");
                }
            }
        }
    }

    pub(crate) fn wait_for(&self, reason: Reason, wakeable: Wakeable) {
        // Acquire: pairs with the Release in `add`.
        if counter(self.0.state.load(Ordering::Acquire)) != 0 {
            let wait = park::prepare(wakeable);
            let mut waiters = self.0.waiters.lock();
            if !self.enter() {
                drop(waiters);
                let _ = wait.withdraw();
                return;
            }
            let me = wait.waker();
            waiters.push(me);
            drop(waiters);
            let cause = wait.park(reason, Moment::NEVER);
            if cause == Cause::Cancelled {
                self.leave(me);
                park::check(cause);
            }
        }
    }

    /// Takes a waiter that does not wait any more out of the list, unless `release` has.
    #[cold]
    fn leave(&self, me: Waker) {
        let mut waiters = self.0.waiters.lock();
        if let Some(at) = waiters.iter().position(|w| *w == me) {
            waiters.remove(at);
            self.0.state.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Counts a waiter, with the lock held; `false`: there is nothing to wait for any more.
    fn enter(&self) -> bool {
        self.0
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (counter(state) != 0).then_some(state + 1)
            })
            .is_ok()
    }

    /// Starts a goroutine that is counted from now until it has ended.
    ///
    /// It is counted by [`num_goroutines`](crate::num_goroutines) no longer than by the group. If `f`
    /// panics the group is released all the same, and [`WaitGroup::wait`] panics. If it calls
    /// [`exit`](crate::exit), that is an ordinary end.
    ///
    /// # Panics
    ///
    /// If the goroutine cannot be made; it is not counted then.
    #[track_caller]
    #[allow(unsafe_code, reason = "starts a goroutine that owns what it uses")]
    pub fn go<F, T>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.add(1);
        let group = self.clone();
        let end = move |outcome| group.ended(outcome);
        // SAFETY: `F` may be sent and owns what it uses; its result is dropped where it was made.
        let made: Result<(), SpawnError> =
            unsafe { spawn::detached_then(None, move || drop(f()), end, Location::caller()) };
        if let Err(error) = made {
            self.done();
            panic!("{error}");
        }
    }

    fn ended(&self, outcome: Outcome<()>) {
        if let Err(payload) = outcome
            && is_panic(&*payload)
        {
            let text = payload
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "(no text)".to_owned());
            let mut first = self.0.panicked.lock();
            if first.is_some() {
                drop(first);
                self.done();
                // Last, and outside the lock: dropping it may panic.
                return drop(payload);
            }
            let payload = Some(payload);
            *first = Some(Panicked { payload, text });
        }
        self.done();
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.load(Ordering::Relaxed);
        f.debug_struct("WaitGroup")
            .field("counter", &counter(state))
            .field("waiters", &(state & WAITERS))
            .finish()
    }
}

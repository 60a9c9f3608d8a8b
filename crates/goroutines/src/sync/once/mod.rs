//! `Once`: something that is done a single time, by whoever comes first.
//!
//! Not for: keeping a result; that is `OnceLock`.

mod state;

use super::wait::interrupted;
use goroutines_runtime::park::Reason;
use goroutines_runtime::park::waitq::{Ask, List, Place, WaitQueue, Waited};
use state::{End, Phase, State};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Runs something once, as [`std::sync::Once`]; who comes while it runs waits, without its thread.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::Once;
/// static START: Once = Once::new();
/// for _ in 0..3 {
///     START.call_once(|| println!("once"));
/// }
/// assert!(START.is_completed());
/// # });
/// ```
///
/// What the closure did is visible to everybody whose call has returned. A call from inside the
/// closure of the same `Once` waits for itself for ever.
///
/// # Poisoning
///
/// As in `std`, and not as in Go: if the closure panics the `Once` is poisoned, and
/// [`Once::call_once`] panics from then on ([`Once::call_once_force`] does not). A closure that calls
/// [`exit`](crate::exit), or is cancelled, poisons it, too: it is not done, and is not tried again.
pub struct Once {
    state: State,
    queue: WaitQueue,
}

/// What the closure of [`Once::call_once_force`] is told.
pub struct OnceState {
    poisoned: bool,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

impl Once {
    /// A `Once` that has not run.
    #[inline]
    #[must_use]
    pub const fn new() -> Once {
        Once {
            state: State::new(),
            queue: WaitQueue::new(),
        }
    }

    /// Calls `f` if this is the first call; returns when the call of the first has returned.
    ///
    /// # Panics
    ///
    /// If the call of the first has panicked. If `f` panics, that panic goes on here.
    #[inline]
    #[track_caller]
    pub fn call_once<F>(&self, f: F)
    where
        F: FnOnce(),
    {
        if !self.state.is_done() {
            let mut f = Some(f);
            self.call(false, End::Poisoned, &mut |_| {
                if let Some(f) = f.take() {
                    f()
                }
            });
        }
    }

    /// As [`Once::call_once`], but calls `f` also if an earlier call panicked, and tells it so.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::Once;
    /// static ONCE: Once = Once::new();
    /// let _ = goroutines::spawn(|| ONCE.call_once(|| std::panic::resume_unwind(Box::new(())))).join();
    /// ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    /// ONCE.call_once(|| unreachable!());
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F>(&self, f: F)
    where
        F: FnOnce(&OnceState),
    {
        if !self.state.is_done() {
            let mut f = Some(f);
            self.call(true, End::Poisoned, &mut |state| {
                if let Some(f) = f.take() {
                    f(state)
                }
            });
        }
    }

    /// For `OnceLock`: as [`Once::call_once_force`], and a panic leaves it as if `f` had not run.
    #[inline]
    pub(super) fn call_or_reset(&self, f: &mut dyn FnMut(&OnceState)) {
        if !self.state.is_done() {
            self.call(true, End::New, f);
        }
    }

    /// Whether some call has completed.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.state.is_done()
    }

    /// Waits until some call has completed.
    ///
    /// # Panics
    ///
    /// If that call panics or has panicked.
    #[track_caller]
    pub fn wait(&self) {
        if !self.state.is_done() && self.wait_for(|p| matches!(p, Phase::New | Phase::Running)) {
            poisoned();
        }
    }

    /// As [`Once::wait`], but waits on if a call panics.
    pub fn wait_force(&self) {
        if !self.state.is_done() {
            self.wait_for(|phase| phase != Phase::Done);
        }
    }

    /// For a poisoned `Lazy`: whether it is.
    pub(super) fn is_poisoned(&self) -> bool {
        self.state.phase() == Phase::Poisoned
    }

    #[cold]
    #[track_caller]
    fn call(&self, force: bool, on_unwind: End, f: &mut dyn FnMut(&OnceState)) {
        loop {
            match self.state.start(force) {
                Ok(poisoned) => {
                    let mut run = Run {
                        once: self,
                        end: on_unwind,
                    };
                    f(&OnceState { poisoned });
                    run.end = End::Done;
                    return;
                }
                Err(Phase::Done) => return,
                Err(Phase::Poisoned) => poisoned(),
                Err(_) => {
                    self.wait_for(|phase| phase == Phase::Running);
                }
            }
        }
    }

    /// Waits while it is in one of these phases; `true`: it is poisoned now.
    fn wait_for(&self, waits: impl Fn(Phase) -> bool) -> bool {
        loop {
            let enter = |_: &mut [List; 1]| self.state.enqueue(&waits).then_some(Place::Back(0));
            // A stale QUEUED bit makes whoever finishes look into an empty queue, nothing worse.
            match self.queue.wait(Ask::new(Reason::Once), enter, |_| ()) {
                Waited::NotEntered => return self.state.phase() == Phase::Poisoned,
                Waited::Woken(_) => {}
                Waited::Left(cause) => interrupted(cause),
            }
        }
    }
}

#[cold]
#[track_caller]
fn poisoned() -> ! {
    panic!("Once instance has previously been poisoned")
}

/// The run of a closure; its end wakes those who wait.
struct Run<'a> {
    once: &'a Once,
    end: End,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.once.state.finish(self.end) {
            let mut queue = self.once.queue.lock();
            let [list] = &mut *queue;
            let all = list.take_all();
            drop(queue);
            all.ready(0);
        }
    }
}

impl OnceState {
    /// Whether an earlier call panicked.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

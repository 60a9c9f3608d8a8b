//! A mutex without contents: who has it, who is next.
//!
//! Not for: poison and guards (`super`).

use super::state::{Enqueue, State, Unlocked};
use crate::sync::wait::{Patience, Spin, interrupted};
use goroutines_runtime::park::waitq::{Ask, List, Place, WaitQueue, Waited};
use goroutines_runtime::park::{self, Moment, Reason};
use goroutines_runtime::shim::LockGuard;

/// Messages to a waiter.
const TRY: u32 = 0;
const YOURS: u32 = 1;

#[derive(Debug)]
pub(crate) struct RawMutex {
    state: State,
    /// Waiters; the tag is the moment they came.
    queue: WaitQueue,
    patience: Patience,
}

impl RawMutex {
    pub(crate) const fn new() -> RawMutex {
        RawMutex {
            state: State::new(),
            queue: WaitQueue::new(),
            patience: Patience::new(),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) {
        if !self.state.lock() {
            self.lock_slow();
        }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        self.state.try_lock()
    }

    /// Lets the lock go. May let other goroutines run.
    #[inline]
    pub(crate) fn unlock(&self) {
        match self.state.unlock() {
            Unlocked::Alone => {}
            other => self.unlock_slow(other),
        }
    }

    /// As [`RawMutex::unlock`], without letting others run: for who is about to wait.
    pub(crate) fn unlock_to_wait(&self) {
        match self.state.unlock() {
            Unlocked::Alone | Unlocked::Woken => {}
            Unlocked::Wake => self.wake_next(),
            Unlocked::HandOff => self.hand_off(self.queue.lock()),
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_slow(&self, rest: Unlocked) {
        match rest {
            Unlocked::Alone | Unlocked::Woken => {}
            Unlocked::Wake => self.wake_next(),
            Unlocked::HandOff => {
                self.hand_off(self.queue.lock());
                if !std::thread::panicking() {
                    // The new holder gets the processor as well.
                    park::give_way();
                }
                return;
            }
        }
        if !std::thread::panicking() && park::spot().slice_over() {
            // Who is woken but has to wait for the processor gets it after a time slice.
            park::give_way();
        }
    }

    /// Wakes one to try again, unless there is somebody else who will see to it.
    #[cold]
    fn wake_next(&self) {
        let mut queue = self.queue.lock();
        if !self.state.untended() {
            return;
        }
        if self.state.starving() {
            // It began to starve just when the lock was let go.
            if self.state.try_lock() {
                self.hand_off(queue);
            }
            return;
        }
        let [list] = &mut *queue;
        let Some(next) = list.take() else {
            self.state.emptied();
            return;
        };
        self.state.woke(list.is_empty());
        drop(queue);
        next.ready(TRY);
    }

    /// Hands the lock, which the caller holds, to the one that waits longest.
    #[cold]
    fn hand_off(&self, mut queue: LockGuard<'_, [List; 1]>) {
        let [list] = &mut *queue;
        let Some(next) = list.take() else {
            self.state.unlock_empty();
            return;
        };
        let enough = self.patience.is_enough(Moment(next.tag()), Moment::now());
        self.state.handed(list.is_empty(), enough);
        drop(queue);
        next.ready(YOURS);
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self) {
        let mut me = Contender {
            mutex: self,
            woken: false,
        };
        let mut since = None;
        let mut spin = Spin::new();
        loop {
            loop {
                if self.state.retake(me.woken) {
                    me.woken = false;
                    return;
                }
                if !self.state.worth_spinning() || !spin.turn() {
                    break;
                }
            }
            let now = Moment::now();
            let first = since.is_none();
            let came = *since.get_or_insert(now);
            let woken = &mut me.woken;
            let enter = |_: &mut [List; 1]| {
                let place = if first {
                    Place::Back(0)
                } else {
                    Place::Front(0)
                };
                let starves = !first && !self.state.starving() && self.patience.is_over(came, now);
                match self.state.enqueue(std::mem::take(woken), starves) {
                    Enqueue::Locked => None,
                    Enqueue::Queue => {
                        if starves {
                            self.patience.starts(now);
                        }
                        Some(place)
                    }
                }
            };
            let left = |[list]: &mut [List; 1]| {
                if list.is_empty() {
                    self.state.emptied();
                }
            };
            match self
                .queue
                .wait(Ask::new(Reason::Mutex).tag(came.0), enter, left)
            {
                Waited::NotEntered | Waited::Woken(YOURS) => return,
                Waited::Woken(_) => me.woken = true,
                Waited::Left(cause) => interrupted(cause),
            }
            spin = Spin::new();
        }
    }
}

/// One that tries to get the lock. If it unwinds after it was woken it wakes another instead.
struct Contender<'a> {
    mutex: &'a RawMutex,
    woken: bool,
}

impl Drop for Contender<'_> {
    fn drop(&mut self) {
        if self.woken {
            self.mutex.state.forget_woken();
            self.mutex.wake_next();
        }
    }
}

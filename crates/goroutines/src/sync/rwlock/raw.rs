//! A read-write lock without contents: who has it, who is next.
//!
//! Not for: poison and guards (`super`).

use super::state::{Enqueue, Settle, State};
use crate::sync::wait::{Patience, Spin, interrupted};
use goroutines_runtime::park::waitq::{Ask, List, Place, WaitQueue, Waited};
use goroutines_runtime::park::{self, Moment, Reason};
use goroutines_runtime::shim::LockGuard;

/// The queues.
const READERS: usize = 0;
const WRITERS: usize = 1;

/// Messages to a waiter.
const TRY: u32 = 0;
const YOURS: u32 = 1;

type Queues<'a> = LockGuard<'a, [List; 2]>;

#[derive(Debug)]
pub(super) struct RawRwLock {
    state: State,
    /// The tag of a waiting writer is the moment it came.
    queues: WaitQueue<2>,
    /// Of the writers.
    patience: Patience,
}

impl RawRwLock {
    pub(super) const fn new() -> RawRwLock {
        RawRwLock {
            state: State::new(),
            queues: WaitQueue::new(),
            patience: Patience::new(),
        }
    }

    #[inline]
    pub(super) fn read(&self) {
        if !self.state.read() {
            self.read_slow();
        }
    }

    #[inline]
    pub(super) fn try_read(&self) -> bool {
        self.state.read()
    }

    #[inline]
    pub(super) fn unlock_read(&self) {
        if self.state.unlock_read() {
            self.unlock_read_slow();
        }
    }

    #[inline]
    pub(super) fn write(&self) {
        if !self.state.write() {
            self.write_slow();
        }
    }

    #[inline]
    pub(super) fn try_write(&self) -> bool {
        self.state.write() || self.state.try_write()
    }

    #[inline]
    pub(super) fn unlock_write(&self) {
        if !self.state.unlock_write() {
            self.unlock_write_slow();
        }
    }

    /// The writer becomes a reader, and with it all readers that are queued.
    pub(super) fn downgrade(&self) {
        if self.state.downgrade() {
            return;
        }
        self.unlock_write_to_readers(self.queues.lock(), 1);
    }

    #[cold]
    #[inline(never)]
    fn read_slow(&self) {
        let mut spin = Spin::new();
        while self.state.worth_spinning_to_read() && spin.turn() {}
        if self.state.read() {
            return;
        }
        let enter = |_: &mut [List; 2]| match self.state.enqueue_reader() {
            Enqueue::Locked => None,
            Enqueue::Queue => Some(Place::Back(READERS)),
        };
        let left = |queues: &mut [List; 2]| {
            if queues[READERS].is_empty() {
                self.state.no_readers();
            }
        };
        match self.queues.wait(Ask::new(Reason::RwLockRead), enter, left) {
            Waited::NotEntered | Waited::Woken(_) => {}
            Waited::Left(cause) => interrupted(cause),
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_read_slow(&self) {
        self.settle(self.queues.lock());
        be_polite();
    }

    #[cold]
    #[inline(never)]
    fn write_slow(&self) {
        let mut me = Contender {
            lock: self,
            woken: false,
        };
        let mut since = None;
        let mut spin = Spin::new();
        loop {
            loop {
                if self.state.rewrite(me.woken) {
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
            let enter = |_: &mut [List; 2]| {
                let place = if first {
                    Place::Back(WRITERS)
                } else {
                    Place::Front(WRITERS)
                };
                let starves = !first && !self.state.starving() && self.patience.is_over(came, now);
                match self.state.enqueue_writer(std::mem::take(woken), starves) {
                    Enqueue::Locked => None,
                    Enqueue::Queue => {
                        if starves {
                            self.patience.starts(now);
                        }
                        Some(place)
                    }
                }
            };
            let mut was_last = false;
            let left = |queues: &mut [List; 2]| {
                if queues[WRITERS].is_empty() {
                    self.state.no_writers();
                    was_last = true;
                }
            };
            match self
                .queues
                .wait(Ask::new(Reason::RwLockWrite).tag(came.0), enter, left)
            {
                Waited::NotEntered | Waited::Woken(YOURS) => return,
                Waited::Woken(_) => me.woken = true,
                Waited::Left(cause) => {
                    if was_last {
                        // Readers may have waited because of this writer only.
                        self.settle(self.queues.lock());
                    }
                    interrupted(cause)
                }
            }
            spin = Spin::new();
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_write_slow(&self) {
        if self.state.unlock_write_to_woken() {
            return be_polite();
        }
        let queues = self.queues.lock();
        if queues[READERS].is_empty() {
            self.state.no_readers();
            self.pass_to_writer(queues);
        } else {
            self.unlock_write_to_readers(queues, 0);
        }
        be_polite();
    }

    /// All readers that are queued, and `more`, get the lock that the caller has for writing.
    fn unlock_write_to_readers(&self, mut queues: Queues<'_>, more: usize) {
        let readers = queues[READERS].take_all();
        let wake = self.state.unlock_write_to_readers(readers.len() + more);
        let writer = if wake { queues[WRITERS].take() } else { None };
        if wake && queues[WRITERS].is_empty() {
            self.state.no_writers();
        }
        drop(queues);
        readers.ready(YOURS);
        if let Some(writer) = writer {
            writer.ready(TRY);
        }
    }

    /// Sees to it that those who wait are not forgotten after something has changed.
    fn settle(&self, mut queues: Queues<'_>) {
        match self.state.settle() {
            Settle::Tended => {}
            Settle::PassToWriter => self.pass_to_writer(queues),
            Settle::LetReadersIn => {
                let readers = queues[READERS].take_all();
                self.state.let_readers_in(readers.len());
                drop(queues);
                readers.ready(YOURS);
                self.unlock_read();
            }
        }
    }

    /// Lets the lock, which the caller has for writing, go to the writer that waits longest.
    fn pass_to_writer(&self, mut queues: Queues<'_>) {
        let Some(next) = queues[WRITERS].take() else {
            self.state.unlock_empty();
            // Readers may have come while this had the lock.
            return self.settle(queues);
        };
        let last = queues[WRITERS].is_empty();
        if self.state.starving() {
            let enough = self.patience.is_enough(Moment(next.tag()), Moment::now());
            self.state.handed(last, enough);
            drop(queues);
            next.ready(YOURS);
            if !std::thread::panicking() {
                // The new holder gets the processor as well.
                park::give_way();
            }
        } else {
            self.state.woke(last);
            drop(queues);
            next.ready(TRY);
        }
    }
}

/// Who is woken but has to wait for the processor gets it after a time slice.
fn be_polite() {
    if !std::thread::panicking() && park::spot().slice_over() {
        park::give_way();
    }
}

/// A writer that tries to get the lock. If it unwinds after it was woken it wakes another instead.
struct Contender<'a> {
    lock: &'a RawRwLock,
    woken: bool,
}

impl Drop for Contender<'_> {
    fn drop(&mut self) {
        if self.woken {
            self.lock.state.forget_woken();
            self.lock.settle(self.lock.queues.lock());
        }
    }
}

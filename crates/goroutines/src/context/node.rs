//! A context that can end: its state, and its place among those that are told.
//!
//! Not for: telling others (`cancel`). README.md has the rules for the lock and the reasons.

use super::Context;
use super::chain;
use super::children::{Child, Children, Key};
use super::err::{ContextError, End};
use crate::channel::{Receiver, Sender, bounded};
use goroutines_runtime::park::{Moment, Reason, Wakeable, Waker, prepare};
use goroutines_runtime::shim::atomic::{AtomicU8, Ordering};
use goroutines_runtime::shim::{Arc, Lock, OnceLock};
use goroutines_runtime::spawn::Alarm;
use std::mem;
use std::time::Instant;

/// See the module's head.
pub(super) struct Node {
    /// Changed only when the node is dropped.
    pub(super) parent: Context,
    /// The earliest deadline of this one and those above.
    pub(super) deadline: Option<Instant>,
    /// Whether that is this one's.
    pub(super) timed: bool,
    /// What [`State::end`] says, for those who do not want the lock.
    status: AtomicU8,
    done: OnceLock<Done>,
    state: Lock<State>,
}

/// What the lock of a node protects.
struct State {
    end: Option<End>,
    /// Empty from the end on.
    children: Children,
    /// Where this node is among the children of the one above that can end.
    place: Option<Key>,
    /// Ends it at its deadline.
    alarm: Option<Alarm>,
    /// All below have been told; before the end it means nothing.
    settled: bool,
    /// Who tells those below, and becomes settled when all have been told; `None`: this node itself.
    by: Option<Arc<Node>>,
    /// Those who wait until it is settled.
    waiters: Vec<Waker>,
}

/// The channel that is closed at the end.
struct Done {
    receiver: Receiver<()>,
    /// Keeps it open.
    _sender: Option<Sender<()>>,
}

const LIVE: u8 = 0;
/// It has ended, and whoever ended it is about to close the channel.
const CLOSING: u8 = 1;
const CANCELED: u8 = 2;
const EXCEEDED: u8 = 3;

/// What became of an attempt to end a context.
pub(super) enum Claim {
    /// The caller has ended it, and has to tell these; and to cancel the alarm later.
    Ended(Vec<Child>, Option<Alarm>),
    /// It had ended. Whoever did it is still telling others: this one becomes settled then.
    Before(Option<Arc<Node>>),
}

impl Node {
    pub(super) fn new(parent: Context, deadline: Option<Instant>, timed: bool) -> Arc<Node> {
        Arc::new(Node {
            parent,
            deadline,
            timed,
            status: AtomicU8::new(LIVE),
            done: OnceLock::new(),
            state: Lock::new(State {
                end: None,
                children: Children::new(),
                place: None,
                alarm: None,
                settled: false,
                by: None,
                waiters: Vec::new(),
            }),
        })
    }

    /// Why it is done. If that is known, the channel is closed.
    #[inline]
    pub(super) fn err(&self) -> Option<ContextError> {
        // Acquire: pairs with the Release in `claim`; who sees the error finds the channel closed.
        match self.status.load(Ordering::Acquire) {
            LIVE => None,
            CANCELED => Some(ContextError::Canceled),
            EXCEEDED => Some(ContextError::DeadlineExceeded),
            _ => self.end().map(|end| end.err),
        }
    }

    /// How it has ended. The channel is closed then: the lock is held from one to the other.
    pub(super) fn end(&self) -> Option<End> {
        if self.status.load(Ordering::Acquire) == LIVE {
            return None;
        }
        self.state.lock().end.clone()
    }

    /// The channel that is closed at the end.
    #[inline]
    pub(super) fn done(&self) -> &Receiver<()> {
        match self.done.get() {
            Some(done) => &done.receiver,
            None => self.make_done(),
        }
    }

    #[cold]
    fn make_done(&self) -> &Receiver<()> {
        // With the lock held: either the channel is there when the node ends, or the end is here.
        let state = self.state.lock();
        let ended = state.end.is_some();
        let done = self.done.get_or_init(|| Done::new(ended));
        drop(state);
        &done.receiver
    }

    /// Ends it, unless it has ended before. `by` tells those below; `None`: whoever calls this does it
    /// in this node's own name, and calls [`Node::settle`] if there are any.
    pub(super) fn claim(self: &Arc<Node>, end: &End, by: Option<&Arc<Node>>) -> Claim {
        let mut state = self.state.lock();
        if state.end.is_some() {
            if state.settled {
                return Claim::Before(None);
            }
            let by = state.by.as_ref().unwrap_or(self);
            return Claim::Before(Some(by.clone()));
        }
        state.end = Some(end.clone());
        let children: Vec<_> = state.children.take().collect();
        if children.is_empty() {
            state.settled = true;
        } else {
            state.by = by.cloned();
        }
        let alarm = state.alarm.take();
        self.status.store(CLOSING, Ordering::Relaxed);
        let done = self.done.get().map(|done| &done.receiver);
        let to_tell = done.filter(|done| done.begin_close());
        let status = if end.err.is_timeout() {
            EXCEEDED
        } else {
            CANCELED
        };
        // Release: pairs with the Acquire in `err`.
        self.status.store(status, Ordering::Release);
        drop(state);
        // Without the lock: that may call the waker of a task, which is foreign code, and may ask this
        // context.
        if let Some(done) = to_tell {
            done.finish_close();
        }
        Claim::Ended(children, alarm)
    }

    /// All below have been told.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        state.settled = true;
        let waiters = mem::take(&mut state.waiters);
        drop(state);
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Waits until all below have been told.
    pub(super) fn wait_settled(&self) {
        // Shielded: the caller may be a destructor, and the wait is short.
        let wait = prepare(Wakeable::Shielded);
        let mut state = self.state.lock();
        if state.settled {
            drop(state);
            let _ = wait.withdraw();
            return;
        }
        state.waiters.push(wait.waker());
        drop(state);
        wait.park(Reason::Mutex, Moment::NEVER);
    }

    /// Adds one who is told at the end; or how it has ended.
    pub(super) fn add(&self, child: Child) -> Result<Key, End> {
        let mut state = self.state.lock();
        match &state.end {
            // `child` is dropped after the lock has been released.
            Some(end) => Err(end.clone()),
            None => Ok(state.children.insert(child)),
        }
    }

    /// Nobody needs to tell this child any more.
    pub(super) fn remove(&self, key: Key) {
        let child = self.state.lock().children.remove(key);
        // Dropped without the lock: a function may own anything.
        drop(child);
    }

    /// How many are told at the end.
    #[cfg(test)]
    pub(super) fn children(&self) -> usize {
        self.state.lock().children.len()
    }

    /// Takes the place that it has been given above.
    pub(super) fn placed(&self, key: Key) {
        self.state.lock().place = Some(key);
    }

    /// Leaves the one above that would end it.
    pub(super) fn leave(&self) {
        let place = self.state.lock().place.take();
        if let (Some(key), Some(up)) = (place, self.parent.node()) {
            up.remove(key);
        }
    }

    /// Keeps what ends it at its deadline; gives it back if it has ended.
    pub(super) fn keep_alarm(&self, alarm: Alarm) -> Option<Alarm> {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return Some(alarm);
        }
        state.alarm = Some(alarm);
        None
    }

    /// Everything that ties it to others but the parent, before it is dropped.
    pub(super) fn untie(&self) {
        self.leave();
        let mut state = self.state.lock();
        let alarm = state.alarm.take();
        let by = state.by.take();
        drop(state);
        drop(by);
        if let Some(alarm) = alarm {
            alarm.cancel();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.untie();
        chain::unlink(mem::take(&mut self.parent));
    }
}

impl Done {
    fn new(ended: bool) -> Done {
        static CLOSED: OnceLock<Receiver<()>> = OnceLock::new();
        if ended {
            // Its sender has been dropped.
            let receiver = CLOSED.get_or_init(|| bounded(0).1).clone();
            return Done {
                receiver,
                _sender: None,
            };
        }
        let (sender, receiver) = bounded(0);
        Done {
            receiver,
            _sender: Some(sender),
        }
    }
}

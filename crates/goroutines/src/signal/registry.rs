//! Who is told of which signals, and telling them.
//!
//! Not for: catching them (`sys::signal` of the crate below), where the argument is why none is lost.
//!
//! No goroutine waits for signals. The descriptor that says that some came has a task: when the poller
//! sees an event it starts a goroutine that tells everybody, and ends.

use super::number::{self, Signal};
use crate::channel::Sender;
use crate::context::CancelCauseFunc;
use crate::sync::{Mutex, MutexGuard, PoisonError};
use goroutines_runtime::park::{self, Registration, Side};
use goroutines_runtime::spawn;
use goroutines_runtime::sys::signal as sys;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context as Look, Poll, Wake, Waker};

/// Whom to tell.
pub(super) enum To {
    Channel(Sender<Signal>),
    /// The context with this number is to be cancelled.
    Context(u64, CancelCauseFunc),
}

impl To {
    fn is(&self, other: &To) -> bool {
        match (self, other) {
            (To::Channel(a), To::Channel(b)) => a.same_channel(b),
            (To::Context(a, _), To::Context(b, _)) => a == b,
            _ => false,
        }
    }
}

struct Watcher {
    to: To,
    signals: u64,
}

pub(super) struct Registry {
    watchers: Vec<Watcher>,
    /// Of the descriptor that says that signals came. Never dropped once it is there.
    events: Option<Registration>,
    contexts: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    watchers: Vec::new(),
    events: None,
    contexts: 0,
});

/// Contexts to be cancelled, and watchers to be dropped, once the registry is free again: both may run a
/// user's destructors.
#[must_use]
#[derive(Default)]
pub(super) struct Ended {
    contexts: Vec<(CancelCauseFunc, Signal)>,
    watchers: Vec<Watcher>,
}

impl Ended {
    fn cancel(self) {
        for (cancel, signal) in self.contexts {
            cancel.cancel(Received(signal));
        }
        drop(self.watchers);
    }
}

/// The cause of a context that was ended by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received(pub Signal);

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signal received", self.0)
    }
}

impl std::error::Error for Received {}

/// Calls `f` with the registry, and cancels what it gives.
///
/// A goroutine that is being cancelled goes on in here: half a change would lose signals.
pub(super) fn with<R>(f: impl FnOnce(&mut Registry) -> (R, Ended)) -> R {
    park::shielded(|| {
        let mut registry: MutexGuard<'_, _> =
            REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        let (result, ended) = f(&mut registry);
        drop(registry);
        ended.cancel();
        result
    })
}

impl Registry {
    /// A number for another context.
    pub(super) fn number(&mut self) -> u64 {
        self.contexts += 1;
        self.contexts
    }

    /// Tells `to` of `signals` too.
    pub(super) fn add(&mut self, to: To, signals: u64) -> io::Result<()> {
        self.listen()?;
        let wanted = self.wanted(&to, true);
        let mut caught = 0;
        for signal in number::each(signals & !wanted) {
            if let Err(error) = sys::catch(signal.as_raw()) {
                number::each(caught).for_each(|signal| sys::restore(signal.as_raw()));
                return Err(error);
            }
            caught |= signal.bit();
        }
        match self.watchers.iter_mut().find(|watcher| watcher.to.is(&to)) {
            Some(watcher) => watcher.signals |= signals,
            None => self.watchers.push(Watcher { to, signals }),
        }
        Ok(())
    }

    /// Tells `to` of nothing any more, after what has come already.
    pub(super) fn remove(&mut self, to: &To) -> Ended {
        let Some(at) = self.watchers.iter().position(|w| w.to.is(to)) else {
            return Ended::default();
        };
        let last = self.watchers[at].signals & !self.wanted(to, false);
        number::each(last).for_each(|signal| sys::restore(signal.as_raw()));
        let mut ended = self.tell();
        ended.watchers.push(self.watchers.remove(at));
        ended
    }

    /// Tells nobody of `signals` any more, after what has come already, and has `then` done with each.
    pub(super) fn drop_all(
        &mut self,
        signals: u64,
        then: impl Fn(Signal) -> io::Result<()>,
    ) -> (io::Result<()>, Ended) {
        let result = number::each(signals).try_for_each(then);
        let mut ended = self.tell();
        if result.is_ok() {
            self.watchers.iter_mut().for_each(|w| w.signals &= !signals);
            let all = std::mem::take(&mut self.watchers).into_iter();
            (self.watchers, ended.watchers) = all.partition(|w| w.signals != 0);
        }
        (result, ended)
    }

    /// The signals of all, or of all others.
    fn wanted(&self, to: &To, with: bool) -> u64 {
        let some = self.watchers.iter().filter(|w| with || !w.to.is(to));
        some.fold(0, |all, w| all | w.signals)
    }

    /// Tells everybody of the signals that came.
    fn tell(&mut self) -> Ended {
        sys::settle();
        let mut ended = Ended::default();
        for signal in number::each(sys::take()) {
            let concerned = |w: &&Watcher| w.signals & signal.bit() != 0;
            for watcher in self.watchers.iter().filter(concerned) {
                match &watcher.to {
                    // If it is full there is a signal in it that has not been looked at.
                    To::Channel(sender) => drop(sender.try_send(signal)),
                    To::Context(_, cancel) => ended.contexts.push((cancel.clone(), signal)),
                }
            }
        }
        ended
    }

    /// Has [`Events`] woken by the next signal that comes.
    fn listen(&mut self) -> io::Result<()> {
        let fd = sys::event()?;
        let registration = match &self.events {
            Some(registration) => registration,
            None => self.events.insert(Registration::new()?),
        };
        let waker = Waker::from(Arc::new(Events));
        let mut look = Look::from_waker(&waker);
        loop {
            match registration.poll_ready(fd, Side::Read, &mut look) {
                Poll::Pending => return Ok(()),
                // All that came before is noted: whoever calls this tells of it, or has another event.
                Poll::Ready(Ok(seen)) => registration.would_block(Side::Read, seen),
                Poll::Ready(Err(why)) => return Err(crate::io::error::not_ready(why)),
            }
        }
    }
}

/// The task that waits for signals.
struct Events;

impl Wake for Events {
    fn wake(self: Arc<Self>) {
        let tell = || {
            with(|registry| {
                // First, so that what comes meanwhile is an event again.
                let _ = registry.listen();
                ((), registry.tell())
            });
        };
        // It fails in a forked child only, in which nothing runs.
        let _ = spawn::start(tell, Location::caller());
    }
}

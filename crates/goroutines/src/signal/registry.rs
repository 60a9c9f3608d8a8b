//! Who is told of which signals, and telling them.
//!
//! Not for: catching them (`sys::signal` of the crate below), where the argument is why none is lost.
//!
//! No goroutine waits for signals. The descriptor that says that some came has a task: when the poller
//! sees an event it starts a goroutine that tells everybody, and ends.
//!
//! *Nothing foreign runs with the registry locked.* A value that is sent may wake a task, and a waker may do
//! anything, call [`notify`](super::notify) and [`stop`](super::stop) too. So signals go into the registry's
//! outbox, and from there, one by one and without its lock, into the channels. One at a time does that, the
//! *courier*, so each channel gets them in the order in which they came. Who has put something in, or has to
//! know that nothing is on its way any more, becomes the courier until the outbox is empty; a waker that the
//! courier calls is the courier already.

use super::number::{self, Signal};
use crate::channel::Sender;
use crate::context::CancelCauseFunc;
use crate::sync::{Mutex, PoisonError};
use crate::task::goroutine::{GoroutineId, current};
use goroutines_runtime::park::{self, Registration, Side};
use goroutines_runtime::shim::Lock;
use goroutines_runtime::spawn;
use goroutines_runtime::sys::signal as sys;
use std::collections::VecDeque;
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
    /// On their way into channels, the oldest first.
    outbox: VecDeque<(Sender<Signal>, Signal)>,
    courier: Option<GoroutineId>,
}

/// Its sections are short and do not park, and who waits for it does not either: so a waker may use it. The
/// runtime's own locks are taken within, by watching the descriptor; nobody takes them the other way round.
static REGISTRY: Lock<Registry> = Lock::new(Registry {
    watchers: Vec::new(),
    events: None,
    contexts: 0,
    outbox: VecDeque::new(),
    courier: None,
});

/// Held by the courier.
static COURIER: Mutex<()> = Mutex::new(());

/// Contexts to be cancelled, and watchers to be dropped, once all has been delivered: both may run a user's
/// destructors.
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

/// Calls `f` with the registry. If something has ended, or may have come, everything is delivered before
/// this returns.
///
/// A goroutine that is being cancelled goes on in here: half a change would lose signals.
pub(super) fn with<R>(f: impl FnOnce(&mut Registry) -> (R, Option<Ended>)) -> R {
    park::shielded(|| {
        let (result, ended) = f(&mut REGISTRY.lock());
        if let Some(ended) = ended {
            deliver();
            ended.cancel();
        }
        result
    })
}

/// Empties the outbox, as the courier.
fn deliver() {
    let me = current().id();
    let is_courier = REGISTRY.lock().courier == Some(me);
    let role = (!is_courier).then(|| COURIER.lock().unwrap_or_else(PoisonError::into_inner));
    if role.is_some() {
        REGISTRY.lock().courier = Some(me);
    }
    while let Some((to, signal)) = next() {
        // If it is full there is a signal in it that has not been looked at.
        to.post(signal);
    }
    if role.is_some() {
        REGISTRY.lock().courier = None;
    }
}

fn next() -> Option<(Sender<Signal>, Signal)> {
    REGISTRY.lock().outbox.pop_front()
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
            // What has come before somebody else removed it may still be on its way.
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
    ) -> (io::Result<()>, Option<Ended>) {
        let result = number::each(signals).try_for_each(then);
        let mut ended = self.tell();
        if result.is_ok() {
            self.watchers.iter_mut().for_each(|w| w.signals &= !signals);
            let all = std::mem::take(&mut self.watchers).into_iter();
            (self.watchers, ended.watchers) = all.partition(|w| w.signals != 0);
        }
        (result, Some(ended))
    }

    /// The signals of all, or of all others.
    fn wanted(&self, to: &To, with: bool) -> u64 {
        let some = self.watchers.iter().filter(|w| with || !w.to.is(to));
        some.fold(0, |all, w| all | w.signals)
    }

    /// Puts the signals that came into the outbox, for everybody.
    fn tell(&mut self) -> Ended {
        sys::settle();
        let mut ended = Ended::default();
        for signal in number::each(sys::take()) {
            let concerned = |w: &&Watcher| w.signals & signal.bit() != 0;
            for watcher in self.watchers.iter().filter(concerned) {
                match &watcher.to {
                    To::Channel(sender) => self.outbox.push_back((sender.clone(), signal)),
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
        spawn::vouch(&waker);
        let mut look = Look::from_waker(&waker);
        loop {
            match registration.poll_ready(fd, Side::Read, &mut look, spawn::wake) {
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
                ((), Some(registry.tell()))
            });
        };
        // It fails in a forked child only, in which nothing runs.
        let _ = spawn::start(tell, Location::caller());
    }
}

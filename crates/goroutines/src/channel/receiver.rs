//! `Receiver`: the end of a channel that values come out of, and timers that look like one.
//!
//! Not for: where the values come from (`chan`, `timer`).

use super::chan::Chan;
use super::env::{Moment, Reason, Wakeable, prepare};
use super::err::{RecvError, RecvTimeoutError, TryRecvError};
use super::iter::{Iter, TryIter};
use super::shared::Shared;
use super::slot::cell::Slot;
use super::slot::many::Port;
use super::slot::vault::Ended;
use super::timer::Timer;
use goroutines_runtime::park::checkpoint;
use goroutines_runtime::shim::Arc;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// The receiving end of a channel.
///
/// Clones receive from the same channel, and each value goes to one of them. When the last one is
/// dropped, the values in the channel are dropped and senders get theirs back. See the
/// [module](super) for what is promised about order, and for closing.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{channel::unbounded, go};
///
/// let (s, r) = unbounded();
/// go!(move || (0..10).for_each(|i| s.send(i).unwrap()));
/// let other = r.clone();
/// let sum = goroutines::spawn(move || other.iter().sum::<i32>());
/// assert_eq!(r.iter().sum::<i32>() + sum.join().unwrap(), 45);
/// # });
/// ```
pub struct Receiver<T>(Flavor<T>);

enum Flavor<T> {
    Chan(Arc<Shared<T>>),
    Timer(Arc<Clock<T>>),
    Never,
}

/// A timer, and how its values become those of the receiver.
struct Clock<T> {
    timer: Timer,
    /// Only ever the identity: a `T` is an `Instant`.
    value: fn(Instant) -> T,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl Receiver<Instant> {
    pub(crate) fn timer(timer: Timer) -> Receiver<Instant> {
        Receiver(Flavor::Timer(Arc::new(Clock {
            timer,
            value: |at| at,
        })))
    }
}

impl<T> Receiver<T> {
    pub(crate) fn of(shared: Arc<Shared<T>>) -> Receiver<T> {
        Receiver(Flavor::Chan(shared))
    }

    pub(crate) const fn never() -> Receiver<T> {
        Receiver(Flavor::Never)
    }

    /// What a select operates on.
    #[inline]
    pub(crate) fn port(&self) -> Port<'_> {
        match &self.0 {
            Flavor::Chan(shared) => Port::Chan(shared.chan.core()),
            Flavor::Timer(clock) => Port::Timer(&clock.timer),
            Flavor::Never => Port::Never,
        }
    }

    /// The channel, if it is one.
    #[inline]
    pub(crate) fn chan(&self) -> Option<&Chan<T>> {
        match &self.0 {
            Flavor::Chan(shared) => Some(&shared.chan),
            _ => None,
        }
    }

    /// The value that a timer of this receiver gave.
    pub(crate) fn tick(&self, at: Moment) -> Option<T> {
        match &self.0 {
            Flavor::Timer(clock) => clock.timer.value(at).map(clock.value),
            _ => None,
        }
    }

    /// Receives a value, waiting until there is one.
    ///
    /// # Errors
    ///
    /// If the channel is empty, and closed or without senders, now or while it waits.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::{bounded, RecvError}, go};
    ///
    /// let (s, r) = bounded(0);
    /// go!(move || s.send(5).unwrap());
    /// assert_eq!(r.recv(), Ok(5));
    /// assert_eq!(r.recv(), Err(RecvError));
    /// # });
    /// ```
    // Inlined, so that the switch happens in the caller's frame: see `Vault::operate`.
    #[inline(always)]
    pub fn recv(&self) -> Result<T, RecvError> {
        let Flavor::Chan(shared) = &self.0 else {
            return self.recv_clock();
        };
        let slot = Slot::empty();
        let _ = shared.chan.recv(&slot);
        slot.take().ok_or(RecvError)
    }

    #[cold]
    #[inline(never)]
    fn recv_clock(&self) -> Result<T, RecvError> {
        self.wait_clock(Moment::NEVER).ok_or(RecvError)
    }

    /// Receives from a timer, or from nothing.
    fn wait_clock(&self, deadline: Moment) -> Option<T> {
        match &self.0 {
            Flavor::Timer(clock) => Some((clock.value)(clock.timer.recv_by(deadline)?)),
            _ => {
                while deadline == Moment::NEVER || deadline > Moment::now() {
                    prepare(Wakeable::ByTicket).park(Reason::SelectNoCases, deadline);
                }
                None
            }
        }
    }

    /// Receives a value if that is possible without waiting.
    ///
    /// That is so if there is one or if a sender waits. If the sender that waits is a
    /// [`Select`](super::Select), it may take it a moment to complete the operation.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if it would have to wait, and [`TryRecvError::Disconnected`] if the
    /// channel is empty, and closed or without senders.
    ///
    /// ```
    /// use goroutines::channel::{unbounded, TryRecvError};
    ///
    /// let (s, r) = unbounded();
    /// assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    /// s.send(5).unwrap();
    /// drop(s);
    /// assert_eq!(r.try_recv(), Ok(5));
    /// assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        checkpoint();
        let Flavor::Chan(shared) = &self.0 else {
            return self.try_recv_clock();
        };
        let slot = Slot::empty();
        let end = shared.chan.try_recv(&slot);
        match (slot.take(), end) {
            (Some(value), _) => Ok(value),
            (None, Ended::Late) => Err(TryRecvError::Empty),
            (None, _) => Err(TryRecvError::Disconnected),
        }
    }

    #[cold]
    #[inline(never)]
    fn try_recv_clock(&self) -> Result<T, TryRecvError> {
        match &self.0 {
            Flavor::Timer(clock) => clock.timer.take(Moment::now()).and_then(|at| self.tick(at)),
            _ => None,
        }
        .ok_or(TryRecvError::Empty)
    }

    /// Receives a value, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_deadline`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::channel::{unbounded, RecvTimeoutError};
    /// use std::time::Duration;
    ///
    /// let (_s, r) = unbounded::<i32>();
    /// let late = r.recv_timeout(Duration::from_millis(2));
    /// assert_eq!(late, Err(RecvTimeoutError::Timeout));
    /// # });
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(|| Moment::after(timeout))
    }

    /// Receives a value, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError::Timeout`] if the time ran out, and [`RecvTimeoutError::Disconnected`] if the
    /// channel is empty, and closed or without senders. A sender that has chosen this receiver in a
    /// select before the deadline may complete its operation after it.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::channel::{unbounded, RecvTimeoutError};
    /// use std::time::{Duration, Instant};
    ///
    /// let (_s, r) = unbounded::<i32>();
    /// let late = r.recv_deadline(Instant::now() + Duration::from_millis(2));
    /// assert_eq!(late, Err(RecvTimeoutError::Timeout));
    /// # });
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(|| Moment::from_instant(deadline))
    }

    #[inline]
    fn recv_until(&self, deadline: impl FnOnce() -> Moment) -> Result<T, RecvTimeoutError> {
        let Flavor::Chan(shared) = &self.0 else {
            return self.wait_clock(deadline()).ok_or(RecvTimeoutError::Timeout);
        };
        checkpoint();
        let slot = Slot::empty();
        let mut end = shared.chan.try_recv(&slot);
        if end == Ended::Late {
            end = shared.chan.recv_by(&slot, deadline(), false);
        }
        match (slot.take(), end) {
            (Some(value), _) => Ok(value),
            (None, Ended::Late) => Err(RecvTimeoutError::Timeout),
            (None, _) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Closes the channel, as [`Sender::close`](super::Sender::close); `false` if it was closed before.
    ///
    /// What is in it can still be received. A timer, or [`never`](super::never), cannot be closed: `false`.
    ///
    /// ```
    /// use goroutines::channel::{bounded, SendError};
    ///
    /// let (s, r) = bounded(2);
    /// s.send(1).unwrap();
    /// assert!(r.close());
    /// assert_eq!(s.send(2), Err(SendError(2)));
    /// assert_eq!(r.recv(), Ok(1));
    /// ```
    pub fn close(&self) -> bool {
        self.chan().is_some_and(|chan| chan.core().close())
    }

    /// The first half of [`Receiver::close`], in which nobody is told.
    #[must_use = "those who wait have to be told"]
    pub(crate) fn begin_close(&self) -> bool {
        self.chan().is_some_and(|chan| chan.core().begin_close())
    }

    /// The second half.
    pub(crate) fn finish_close(&self) {
        if let Some(chan) = self.chan() {
            chan.core().finish_close();
        }
    }

    /// Whether the channel is closed, or all senders are gone. There may still be values in it.
    ///
    /// ```
    /// use goroutines::channel::bounded;
    /// let (s, r) = bounded::<u8>(1);
    /// assert!(!r.is_closed());
    /// drop(s);
    /// assert!(r.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan()
            .is_some_and(|chan| chan.core().status().closed())
    }

    /// Whether there is no value in the channel; a rendezvous channel is always empty, and so is a timer.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (s, r) = unbounded();
    /// assert!(r.is_empty());
    /// s.send(0).unwrap();
    /// assert!(!r.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room; a rendezvous channel is always full, and so is a timer.
    ///
    /// ```
    /// use goroutines::channel::bounded;
    /// let (s, r) = bounded(1);
    /// assert!(!r.is_full());
    /// s.send(0).unwrap();
    /// assert!(r.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        Some(self.len()) == self.capacity()
    }

    /// The number of values in the channel, which does not count those whose senders wait. A timer
    /// behaves like a rendezvous channel: 0.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (s, r) = unbounded();
    /// s.send(1).unwrap();
    /// s.send(2).unwrap();
    /// assert_eq!(r.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.chan().map_or(0, |chan| chan.core().len())
    }

    /// How many values have room; `None` for an unbounded channel. A timer, and
    /// [`never`](super::never), have none.
    ///
    /// ```
    /// use goroutines::channel::{bounded, unbounded};
    /// assert_eq!(unbounded::<i32>().1.capacity(), None);
    /// assert_eq!(bounded::<i32>(5).1.capacity(), Some(5));
    /// assert_eq!(bounded::<i32>(0).1.capacity(), Some(0));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        match self.chan() {
            Some(chan) => chan.capacity(),
            None => Some(0),
        }
    }

    /// An iterator that waits for each value, and ends when nothing comes any more.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::unbounded, go};
    ///
    /// let (s, r) = unbounded();
    /// go!(move || (1..=3).for_each(|i| s.send(i).unwrap()));
    /// assert_eq!(r.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// # });
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// An iterator over what can be received without waiting.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    ///
    /// let (s, r) = unbounded();
    /// (1..=3).for_each(|i| s.send(i).unwrap());
    /// assert_eq!(r.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// Whether both receive from the same channel.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (_s, r) = unbounded::<usize>();
    /// assert!(r.same_channel(&r.clone()));
    /// assert!(!r.same_channel(&unbounded().1));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.0, &other.0) {
            (Flavor::Chan(a), Flavor::Chan(b)) => Arc::ptr_eq(a, b),
            (Flavor::Timer(a), Flavor::Timer(b)) => Arc::ptr_eq(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(match &self.0 {
            Flavor::Chan(shared) => {
                shared.receivers.add();
                Flavor::Chan(shared.clone())
            }
            Flavor::Timer(clock) => Flavor::Timer(clock.clone()),
            Flavor::Never => Flavor::Never,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Chan(shared) = &self.0
            && shared.receivers.remove()
        {
            shared.chan.close_and_drain();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

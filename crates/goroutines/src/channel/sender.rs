//! `Sender`: the end of a channel that values go into.
//!
//! Not for: what becomes of them (`chan`).

use super::chan::Chan;
use super::env::Moment;
use super::err::{SendError, SendTimeoutError, TrySendError};
use super::receiver::Receiver;
use super::shared::Shared;
use super::slot::cell::Slot;
use super::slot::many::Port;
use super::slot::vault::Ended;
use goroutines_runtime::park::checkpoint;
use goroutines_runtime::shim::Arc;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// The sending end of a channel.
///
/// Clones send into the same channel, from any goroutine or thread. When the last one is dropped the
/// channel is closed: what is in it can still be received. See the [module](super) for what is promised
/// about order, and for closing.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{channel::unbounded, go};
///
/// let (s1, r) = unbounded();
/// let s2 = s1.clone();
/// go!(move || s1.send(1).unwrap());
/// go!(move || s2.send(2).unwrap());
/// // Both ends of the two goroutines drop their sender, so this ends.
/// assert_eq!(r.iter().sum::<i32>(), 3);
/// # });
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

/// A channel of which `chan` is the inside.
pub(crate) fn pair<T>(chan: Chan<T>) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(chan));
    (
        Sender {
            shared: shared.clone(),
        },
        Receiver::of(shared),
    )
}

impl<T> Sender<T> {
    #[inline]
    pub(crate) fn chan(&self) -> &Chan<T> {
        &self.shared.chan
    }

    /// What a select operates on.
    #[inline]
    pub(crate) fn port(&self) -> Port<'_> {
        Port::Chan(self.chan().core())
    }

    /// Sends a value, waiting until there is room, or on a rendezvous channel until it is taken.
    ///
    /// # Errors
    ///
    /// If the channel is closed or all receivers are gone, now or while it waits, the value comes back.
    /// It is never both delivered and given back.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::{bounded, SendError}, go};
    ///
    /// let (s, r) = bounded(1);
    /// assert_eq!(s.send(1), Ok(()));
    /// go!(move || {
    ///     assert_eq!((r.recv(), r.recv()), (Ok(1), Ok(2)));
    ///     drop(r);
    /// });
    /// assert_eq!(s.send(2), Ok(())); // waits for the first to be received
    /// while s.send(3).is_ok() {}     // until the receiver is gone
    /// assert_eq!(s.send(4), Err(SendError(4)));
    /// # });
    /// ```
    // Inlined, so that the switch happens in the caller's frame: see `Vault::operate`.
    #[inline(always)]
    pub fn send(&self, msg: T) -> Result<(), SendError<T>> {
        let slot = Slot::full(msg);
        let end = self.chan().send(&slot);
        match (end, slot.take()) {
            (Ended::Done, _) | (_, None) => Ok(()),
            (_, Some(msg)) => Err(SendError(msg)),
        }
    }

    /// Sends a value if that is possible without waiting.
    ///
    /// That is so if there is room or if a receiver waits. If the receiver that waits is a
    /// [`Select`](super::Select), it may take it a moment to complete the operation.
    ///
    /// # Errors
    ///
    /// The value comes back in [`TrySendError::Full`] if it would have to wait, and in
    /// [`TrySendError::Disconnected`], even if there is room, if the channel is closed or all receivers
    /// are gone.
    ///
    /// ```
    /// use goroutines::channel::{bounded, TrySendError};
    ///
    /// let (s, r) = bounded(1);
    /// assert_eq!(s.try_send(1), Ok(()));
    /// assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
    /// drop(r);
    /// assert_eq!(s.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    #[inline]
    pub fn try_send(&self, msg: T) -> Result<(), TrySendError<T>> {
        checkpoint();
        let slot = Slot::full(msg);
        let end = self.chan().try_send(&slot);
        match (end, slot.take()) {
            (Ended::Done, _) | (_, None) => Ok(()),
            (Ended::Late, Some(msg)) => Err(TrySendError::Full(msg)),
            (_, Some(msg)) => Err(TrySendError::Disconnected(msg)),
        }
    }

    /// As [`Sender::try_send`], for a caller who does not want to know, and does not yield afterwards.
    pub(crate) fn post(&self, msg: T) {
        let _ = self.chan().try_send(&Slot::full(msg));
    }

    /// Sends a value, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`Sender::send_deadline`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::channel::{bounded, SendTimeoutError};
    /// use std::time::Duration;
    ///
    /// let (s, _r) = bounded(0);
    /// let late = s.send_timeout(1, Duration::from_millis(2));
    /// assert_eq!(late, Err(SendTimeoutError::Timeout(1)));
    /// # });
    /// ```
    pub fn send_timeout(&self, msg: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, || Moment::after(timeout))
    }

    /// Sends a value, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// The value comes back in [`SendTimeoutError::Timeout`] if the time ran out, and in
    /// [`SendTimeoutError::Disconnected`] if the channel is closed or all receivers are gone. A
    /// receiver that has chosen this sender in a select before the deadline may complete its operation
    /// after it.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::channel::{bounded, SendTimeoutError};
    /// use std::time::{Duration, Instant};
    ///
    /// let (s, _r) = bounded(0);
    /// let late = s.send_deadline(1, Instant::now() + Duration::from_millis(2));
    /// assert_eq!(late, Err(SendTimeoutError::Timeout(1)));
    /// # });
    /// ```
    pub fn send_deadline(&self, msg: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, || Moment::from_instant(deadline))
    }

    #[inline]
    fn send_until(
        &self,
        msg: T,
        deadline: impl FnOnce() -> Moment,
    ) -> Result<(), SendTimeoutError<T>> {
        checkpoint();
        let slot = Slot::full(msg);
        let mut end = self.chan().try_send(&slot);
        if end == Ended::Late {
            end = self.chan().send_by(&slot, deadline(), false);
        }
        match (end, slot.take()) {
            (Ended::Done, _) | (_, None) => Ok(()),
            (Ended::Late, Some(msg)) => Err(SendTimeoutError::Timeout(msg)),
            (_, Some(msg)) => Err(SendTimeoutError::Disconnected(msg)),
        }
    }

    /// Closes the channel, as Go's `close`; `false` if it was closed before.
    ///
    /// Values in the channel can still be received; after them each receive fails at once. Those who
    /// wait to receive are woken; those who wait to send get their value back. A channel whose senders
    /// or receivers are all gone counts as closed.
    ///
    /// ```
    /// use goroutines::channel::{bounded, RecvError, SendError};
    ///
    /// let (s, r) = bounded(2);
    /// s.send(1).unwrap();
    /// assert!(s.close());
    /// assert!(!s.close());
    /// assert_eq!(s.send(2), Err(SendError(2)));
    /// assert_eq!(r.recv(), Ok(1));
    /// assert_eq!(r.recv(), Err(RecvError));
    /// ```
    pub fn close(&self) -> bool {
        self.chan().core().close()
    }

    /// Whether the channel is closed, or all receivers are gone.
    ///
    /// ```
    /// use goroutines::channel::bounded;
    /// let (s, r) = bounded::<u8>(1);
    /// assert!(!s.is_closed());
    /// drop(r);
    /// assert!(s.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().core().status().closed()
    }

    /// Whether there is no value in the channel; a rendezvous channel is always empty.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (s, _r) = unbounded();
    /// assert!(s.is_empty());
    /// s.send(0).unwrap();
    /// assert!(!s.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room; a rendezvous channel is always full.
    ///
    /// ```
    /// use goroutines::channel::bounded;
    /// let (s, _r) = bounded(1);
    /// assert!(!s.is_full());
    /// s.send(0).unwrap();
    /// assert!(s.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        Some(self.len()) == self.capacity()
    }

    /// The number of values in the channel, which does not count those whose senders wait.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (s, _r) = unbounded();
    /// s.send(1).unwrap();
    /// s.send(2).unwrap();
    /// assert_eq!(s.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.chan().core().len()
    }

    /// How many values have room; `None` for an unbounded channel.
    ///
    /// ```
    /// use goroutines::channel::{bounded, unbounded};
    /// assert_eq!(unbounded::<i32>().0.capacity(), None);
    /// assert_eq!(bounded::<i32>(5).0.capacity(), Some(5));
    /// assert_eq!(bounded::<i32>(0).0.capacity(), Some(0));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.chan().capacity()
    }

    /// Whether both send into the same channel.
    ///
    /// ```
    /// use goroutines::channel::unbounded;
    /// let (s, _r) = unbounded::<usize>();
    /// assert!(s.same_channel(&s.clone()));
    /// assert!(!s.same_channel(&unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.senders.add();
        Sender {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.remove() {
            self.chan().core().close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

//! Channels: how goroutines hand each other values; and selecting among them.
//!
//! Named as in `crossbeam-channel` 0.5, and a program for that ports by changing the path. What Go
//! promises beyond it holds here:
//!
//! - nobody overtakes: peers that wait are served in order, and a newcomer comes after them;
//! - a [`select!`] judges all its channels at one instant, and chooses among those that are ready with
//!   equal chances;
//! - a channel can be closed while handles to it live ([`Sender::close`], [`Receiver::close`]).
//!
//! ```
//! # goroutines::run(|| {
//! use goroutines::channel::{bounded, select, unbounded};
//!
//! let (numbers, receive) = bounded(2);
//! goroutines::go!(move || {
//!     for i in 0..3 {
//!         numbers.send(i).unwrap();
//!     }
//! });
//! assert_eq!(receive.iter().sum::<i32>(), 3); // until the sender is dropped
//!
//! let (a, b) = (unbounded::<i32>(), unbounded::<&str>());
//! a.0.send(1).unwrap();
//! select! {
//!     recv(a.1) -> number => assert_eq!(number, Ok(1)),
//!     recv(b.1) -> text => println!("{text:?}"),
//! }
//! # });
//! ```
//!
//! # Disconnection
//!
//! A channel is closed when its last [`Sender`] is dropped, or by `close()`. What is in it can still be
//! received; after that receiving gives [`RecvError`]. When the last [`Receiver`] is dropped, sending
//! fails. A send that fails gives the value back.
//!
//! # Waiting
//!
//! Every call that waits parks the goroutine, or blocks a plain thread, and the two may talk to each
//! other. A goroutine that is cancelled while it waits leaves the channel's queue, and its value is dropped
//! with its stack.
//!
//! A limit is for waiting: with a timeout of zero, or a deadline that has passed, what is ready is still
//! sent, received or chosen, and only what would have to wait is too late. As everywhere here but for
//! sockets and pipes, which fail from their deadline on, and for a
//! [`Semaphore`](crate::sync::Semaphore), which gives nothing to who is late.
//!
//! # What is not as in `crossbeam-channel`
//!
//! - [`tick`] with a period of zero never ticks, as in Go. There it ticks whenever it is looked at.
//! - `tick` stays on its grid when a tick is received late. There it starts anew.
//! - A timer is like a rendezvous channel, as in Go: its [`len`](Receiver::len) is 0, also if a value is
//!   due, its [`capacity`](Receiver::capacity) is `Some(0)`, and it is both empty and full.
//! - The arms of `select!` take more than channels (`Option`s of them, see [`select`]), so the type of what
//!   is in `recv(..)` and `send(..)` has to be known there: a parameter of a closure needs its type written.
//! - Values that are left in a channel are dropped like those of a `Vec`: if the destructor of one panics
//!   the others are dropped too, and if another one panics meanwhile the process aborts. There the rest
//!   is leaked.

pub(crate) mod chan;
pub(crate) mod core;
pub(crate) mod env;
mod err;
mod future;
mod iter;
mod receiver;
pub(crate) mod select;
mod sender;
mod shared;
pub(crate) mod slot;
pub(crate) mod timer;

pub use crate::{select, select_biased};
pub use err::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use future::{RecvFuture, RecvStream, SendFuture};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

use chan::Chan;
use std::time::{Duration, Instant};
use timer::Timer;

/// A channel that holds `cap` values at most; with 0, a send waits for its receive.
///
/// ```
/// # goroutines::run(|| {
/// let (s, r) = goroutines::channel::bounded(1);
/// s.send(7).unwrap();
/// assert!(s.try_send(8).is_err()); // full
/// assert_eq!(r.recv(), Ok(7));
/// # });
/// ```
///
/// # Panics
///
/// If there can be no memory for so many values.
#[track_caller]
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    let Some(chan) = Chan::bounded(cap) else {
        panic!("a channel for {cap} values is too large")
    };
    sender::pair(chan)
}

/// A channel that holds any number of values: a send never waits.
///
/// ```
/// # goroutines::run(|| {
/// let (s, r) = goroutines::channel::unbounded();
/// s.send(7).unwrap();
/// assert_eq!(r.recv(), Ok(7));
/// # });
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    sender::pair(Chan::unbounded())
}

/// A receiver of one value, the moment it was due, after `duration`. One too long never comes.
///
/// ```
/// # goroutines::run(|| {
/// use std::time::Duration;
/// let timeout = goroutines::channel::after(Duration::from_millis(1));
/// assert!(timeout.recv().is_ok());
/// # });
/// ```
pub fn after(duration: Duration) -> Receiver<Instant> {
    match env::Moment::after(duration).to_instant() {
        Some(when) => at(when),
        None => never(),
    }
}

/// A receiver of one value, `when`, at that moment.
///
/// ```
/// # goroutines::run(|| {
/// let now = std::time::Instant::now();
/// assert_eq!(goroutines::channel::at(now).recv(), Ok(now));
/// # });
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::timer(Timer::at(when))
}

/// A receiver of a value every `duration`: the moment it was due.
///
/// Ticks that nobody takes are dropped but for one, and later ones stay on the grid that the first one
/// began.
///
/// A period of zero is none: the receiver is [`never()`], and who receives from it waits for ever. That is how
/// a tick is switched off, and what Go does; [`Ticker::new`](crate::time::Ticker::new) panics instead.
///
/// ```
/// # goroutines::run(|| {
/// use std::time::Duration;
/// let ticks = goroutines::channel::tick(Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(second >= first + Duration::from_millis(1));
///
/// let off = goroutines::channel::tick(Duration::ZERO);
/// assert!(off.try_recv().is_err());
/// # });
/// ```
pub fn tick(duration: Duration) -> Receiver<Instant> {
    if duration.is_zero() {
        return never();
    }
    Receiver::timer(Timer::every(duration))
}

/// A receiver that never gives anything: the arm of a select that is switched off.
///
/// ```
/// # goroutines::run(|| {
/// assert!(goroutines::channel::never::<i32>().try_recv().is_err());
/// # });
/// ```
pub const fn never<T>() -> Receiver<T> {
    Receiver::never()
}

//! Channels: how goroutines hand each other values.
//!
//! (docs to come)

pub(crate) mod chan;
pub(crate) mod core;
pub(crate) mod env;
mod err;
mod iter;
mod receiver;
mod sender;
mod shared;
pub(crate) mod slot;
pub(crate) mod timer;

pub use err::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

pub use crate::{Select, SelectedOperation, select, select_biased};

use chan::Chan;
use std::time::{Duration, Instant};
use timer::Timer;

/// bounded
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    let Some(chan) = Chan::bounded(cap) else { panic!("a channel for {cap} values is too large") };
    sender::pair(chan)
}

/// unbounded
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    sender::pair(Chan::unbounded())
}

/// after
pub fn after(duration: Duration) -> Receiver<Instant> {
    match Instant::now().checked_add(duration) {
        Some(when) => at(when),
        None => never(),
    }
}

/// at
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::timer(Timer::at(when))
}

/// tick
pub fn tick(duration: Duration) -> Receiver<Instant> {
    if duration.is_zero() {
        return never();
    }
    Receiver::timer(Timer::every(duration))
}

/// never
pub const fn never<T>() -> Receiver<T> {
    Receiver::never()
}

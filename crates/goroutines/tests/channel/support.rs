//! Waiting for others without sleeping for long.

use goroutines::channel::{Receiver, Sender, bounded, unbounded};
use std::time::Duration;

/// Long enough for others to get wherever they are going, if it does not matter when they do not.
pub(crate) fn nap() {
    for _ in 0..20 {
        goroutines::yield_now();
    }
    goroutines::sleep(Duration::from_millis(2));
}

/// A goroutine that is going to wait, and another one beside it on its worker.
pub(crate) struct Watched<T> {
    pub(crate) handle: goroutines::JoinHandle<T>,
    ask: Sender<Sender<()>>,
}

impl<T> Watched<T> {
    /// Returns once it waits, if it is going to wait for something that does not happen.
    ///
    /// Its neighbour answers while it does not run, and lets it run before, if it is ready. That is done
    /// several times because a time slice may end in between.
    pub(crate) fn settle(&self) {
        for _ in 0..10 {
            let (answer, answered) = bounded(1);
            self.ask.send(answer).unwrap();
            answered.recv().unwrap();
        }
    }
}

/// Starts `f`, and returns once it waits, or has ended.
pub(crate) fn watched<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Watched<T> {
    let (tell, told) = bounded(1);
    let handle = goroutines::spawn(move || {
        let (ask, asked) = bounded::<Sender<()>>(0);
        drop(goroutines::spawn_local(move || {
            for answer in asked {
                goroutines::yield_now();
                answer.send(()).unwrap();
            }
        }));
        tell.send(ask).unwrap();
        f()
    });
    let ask = told.recv().unwrap();
    let watched = Watched { handle, ask };
    watched.settle();
    watched
}

/// A channel with room for `cap` values; `None`: for any number.
pub(crate) fn make<T>(cap: Option<usize>) -> (Sender<T>, Receiver<T>) {
    cap.map_or_else(unbounded, bounded)
}

#[path = "../shared/support.rs"]
mod shared;
pub(crate) use shared::*;

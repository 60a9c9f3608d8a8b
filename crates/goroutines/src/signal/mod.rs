//! Signals of the operating system, as values in channels, as Go's `os/signal`.
//!
//! A server that ends in an orderly way when it is asked to, with Ctrl-C or by a service manager:
//!
//! ```no_run
//! use goroutines::channel::select;
//! use goroutines::context::Context;
//! use goroutines::signal::{self, Signal};
//! use goroutines::sync::WaitGroup;
//! use goroutines::net::TcpListener;
//! use std::io;
//!
//! #[goroutines::main]
//! fn main() -> io::Result<()> {
//!     let background = Context::background();
//!     let signals = [Signal::INTERRUPT, Signal::TERMINATE];
//!     let (ctx, stop) = signal::notify_context(&background, &signals)?;
//!     let listener = TcpListener::bind("127.0.0.1:7000")?;
//!
//!     // Nobody new from then on; and a second signal ends the process at once.
//!     let accepting = listener.try_clone()?;
//!     ctx.after_func(move || {
//!         accepting.close();
//!         stop.stop();
//!     });
//!
//!     let requests = WaitGroup::new();
//!     while let Ok((stream, _)) = listener.accept() {
//!         let ctx = ctx.clone();
//!         requests.go(move || serve(&ctx, stream));
//!     }
//!     requests.wait();
//!     if let Some(cause) = ctx.cause() {
//!         eprintln!("done: {cause}"); // done: interrupt signal received
//!     }
//!     Ok(())
//! }
//! # fn serve(_: &Context, _: goroutines::net::TcpStream) {}
//! ```
//!
//! # What is promised
//!
//! - **Delivery never waits.** A signal for which a channel has no room is dropped, so give it room: for
//!   one is enough to know that there was at least one. The system itself keeps one of each kind: several
//!   that come at once may be one.
//! - While somebody is notified of a signal, the default action is off: `INTERRUPT` does not end the
//!   process. When the last one has stopped, what was there before is back: the default action, that the
//!   signal is ignored (as under `nohup`), or another handler. **The default action of most signals ends
//!   the process**, also of `USER1` and `USER2`.
//! - A signal that comes while [`stop`] is called is either delivered or takes its old action. Nothing is
//!   delivered after `stop` has returned.
//! - It costs no goroutine and no thread while no signal comes. When one does, a goroutine is started for
//!   a moment, which tells everybody.
//! - A program whose `main` has called [`exit`](crate::exit) lives on when its last goroutine ends, once
//!   somebody was notified: a signal may start the next.
//!
//! # What cannot be had
//!
//! `KILL` and `STOP`, which nobody can catch; those that mean that the code has failed
//! (`SEGMENTATION_FAULT`, `BUS`, `FLOATING_POINT`, `ILLEGAL`, `TRAP`); and `URGENT`, which the runtime
//! uses. Asking for one of these is an error.
//!
//! Other handlers in the same process, such as those of the `signal-hook` or `ctrlc` crate, are not called
//! while somebody is notified here.
//!
//! # Children
//!
//! A child begins with the default action for all that is caught here. What is *ignored* is ignored by
//! children too, as always on Unix. A signal that reaches a child between its being forked and its
//! beginning to run its program is lost.

mod number;
mod registry;

pub use number::Signal;
pub use registry::Received;

use crate::channel::{Sender, bounded};
use crate::context::{CancelCauseFunc, Context};
use goroutines_runtime::sys::signal as sys;
use registry::To;
use std::fmt;
use std::io;

/// From now on, sends every one of `signals` that comes into a channel, too; all that can be caught but
/// the real-time ones, if none is given.
///
/// Several calls with the same channel (also with a clone of the sender) add up. Several channels get
/// each signal each. The channel is kept until [`stop`] is called, even if all its receivers are gone.
///
/// # Errors
///
/// `InvalidInput` for a signal that cannot be caught (see the [module](self)); nothing has changed then.
/// And if there is no descriptor left for the first call.
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::channel::bounded;
/// use goroutines::signal::{self, Signal};
///
/// let (s, r) = bounded(1);
/// signal::notify(&s, &[Signal::USER1])?;
/// # let _ = std::process::Command::new("kill").args(["-USR1", &std::process::id().to_string()]).status()?;
/// // kill -USR1 …
/// assert_eq!(r.recv(), Ok(Signal::USER1));
/// signal::stop(&s);
/// # Ok(()) }).unwrap();
/// ```
pub fn notify(to: &Sender<Signal>, signals: &[Signal]) -> io::Result<()> {
    let set = number::set(signals)?;
    registry::with(|r| (r.add(To::Channel(to.clone()), set), None))
}

/// Sends nothing more into a channel. When it returns, nothing more comes.
///
/// A signal of which nobody is notified any more has the action again that it had before. Does nothing
/// for a channel that [`notify`] has not been called with.
pub fn stop(to: &Sender<Signal>) {
    let to = To::Channel(to.clone());
    registry::with(|r| ((), Some(r.remove(&to))));
}

/// Ignores `signals` from now on, in this process and in children that it starts; whoever was notified of
/// them is not any more. Without any: all that can be ignored but the real-time ones.
///
/// # Errors
///
/// `InvalidInput` for a signal that cannot be ignored, and for [`CHILD`](Signal::CHILD): a process that
/// ignores it cannot know how its children ended.
///
/// ```
/// use goroutines::signal::{self, Signal};
///
/// signal::ignore(&[Signal::HANGUP])?; // goes on when the terminal is closed
/// assert!(signal::is_ignored(Signal::HANGUP));
/// signal::reset(&[Signal::HANGUP])?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ignore(signals: &[Signal]) -> io::Result<()> {
    let mut set = number::set(signals)?;
    if signals.is_empty() {
        set &= !Signal::CHILD.bit();
    } else if signals.contains(&Signal::CHILD) {
        let why = "children could not be waited for; by default it does nothing anyway";
        return Err(number::refuse(Signal::CHILD, why));
    }
    registry::with(|r| r.drop_all(set, |signal| sys::ignore(signal.as_raw())))
}

/// Undoes [`notify`] and [`ignore`] for `signals`: they have the action again that they had before. All,
/// if none is given.
///
/// # Errors
///
/// `InvalidInput` for a signal that cannot be caught.
pub fn reset(signals: &[Signal]) -> io::Result<()> {
    let set = match signals {
        // The real-time ones too.
        [] => number::all(),
        some => number::set(some)?,
    };
    registry::with(|r| {
        r.drop_all(set, |signal| {
            sys::restore(signal.as_raw());
            Ok(())
        })
    })
}

/// Whether a signal is ignored: by [`ignore`], or from the start, as under `nohup`.
pub fn is_ignored(signal: Signal) -> bool {
    sys::is_ignored(signal.as_raw())
}

/// Waits for one Ctrl-C, or other `INTERRUPT`. It does not end the process then; after the return the next
/// one does, if nobody else is notified.
///
/// # Errors
///
/// As [`notify`].
///
/// ```no_run
/// # goroutines::run(|| -> std::io::Result<()> {
/// goroutines::go!(|| { /* serve */ });
/// goroutines::signal::ctrl_c()?;
/// println!("good-bye");
/// # Ok(()) }).unwrap();
/// ```
pub fn ctrl_c() -> io::Result<()> {
    struct Stop(Sender<Signal>);
    impl Drop for Stop {
        fn drop(&mut self) {
            stop(&self.0);
        }
    }
    let (sender, signals) = bounded(1);
    notify(&sender, &[Signal::INTERRUPT])?;
    // Also if the goroutine is cancelled.
    let _stop = Stop(sender);
    let _ = signals.recv();
    Ok(())
}

/// A context that is done when one of `signals` comes, when [`NotifyStop::stop`] is called, or when
/// `parent` is.
///
/// If a signal ends it, the [cause](Context::cause) is a [`Received`], which says which. The signals stay
/// caught until `stop` is called: do that as soon as the context is done if a second one should end the
/// process.
///
/// # Errors
///
/// As [`notify`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::context::Context;
/// use goroutines::signal::{self, Signal};
///
/// let (ctx, stop) = signal::notify_context(&Context::background(), &[Signal::USER2])?;
/// # let _ = std::process::Command::new("kill").args(["-USR2", &std::process::id().to_string()]).status()?;
/// // kill -USR2 …
/// ctx.done().recv().unwrap_err();
/// stop.stop();
/// assert_eq!(ctx.cause().unwrap().to_string(), "user defined signal 2 signal received");
/// # Ok(()) }).unwrap();
/// ```
pub fn notify_context(parent: &Context, signals: &[Signal]) -> io::Result<(Context, NotifyStop)> {
    let set = number::set(signals)?;
    let (ctx, cancel) = parent.with_cancel_cause();
    let id = registry::with(|r| {
        let id = r.number();
        let added = r.add(To::Context(id, cancel.clone()), set);
        (added.map(|()| id), None)
    })?;
    Ok((ctx, NotifyStop { id, cancel }))
}

/// Ends what [`notify_context`] began. Clones are the same; dropping it changes nothing.
#[derive(Clone)]
#[must_use = "the signals stay caught until it is stopped"]
pub struct NotifyStop {
    id: u64,
    cancel: CancelCauseFunc,
}

impl NotifyStop {
    /// Catches the signals no longer, and cancels the context if it is not done. May be called several
    /// times, by several at once.
    pub fn stop(&self) {
        let to = To::Context(self.id, self.cancel.clone());
        registry::with(|r| ((), Some(r.remove(&to))));
        self.cancel.without_cause().cancel();
    }

    /// Stops when the result is dropped.
    pub fn on_drop(self) -> StopOnDrop {
        StopOnDrop(self)
    }
}

/// Stops when it is dropped; made by [`NotifyStop::on_drop`].
#[must_use = "it stops at once if it is not kept"]
#[derive(Debug)]
pub struct StopOnDrop(NotifyStop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for NotifyStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyStop").finish_non_exhaustive()
    }
}

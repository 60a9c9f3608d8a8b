//! Contexts: telling everything that works on one request to stop, and what all of it should know.
//!
//! A [`Context`] is passed down, from who wants something to those who do it, by convention as first
//! argument. Each may make another from it, with a deadline, a value, or a function that cancels.
//! When a context is *done* (it was cancelled, or its deadline has passed), so is everything that
//! was made from it, and nothing else.
//!
//! ```
//! # goroutines::run(|| {
//! use goroutines::context::{Context, ContextError};
//! use std::time::Duration;
//!
//! fn fetch(ctx: &Context) -> Result<u32, ContextError> {
//!     ctx.sleep(Duration::from_secs(3600))?; // or: wait for `ctx.done()` in a select
//!     Ok(42)
//! }
//!
//! let (ctx, cancel) = Context::background().with_timeout(Duration::from_millis(5));
//! let _cancel = cancel.on_drop();
//! assert_eq!(fetch(&ctx), Err(ContextError::DeadlineExceeded));
//! # });
//! ```
//!
//! # What is promised
//!
//! - Cancelling is synchronous: when [`CancelFunc::cancel`] returns, the context and all that were made
//!   from it are done, whoever cancelled them.
//! - The first end counts, for the error as for the cause.
//! - Whoever sees that [`Context::err`] is there finds [`Context::done`] closed, and the other way round.
//! - No context costs a goroutine or a thread. A function given to [`Context::after_func`] gets one when
//!   it starts.
//! - A context that is cancelled, or that nobody has any more, is forgotten by those it was made
//!   from. A context whose [`CancelFunc`]s are all dropped ends with its parent or at its deadline;
//!   cancel it before that if it is not needed any more.

mod cancel;
mod chain;
mod children;
mod err;
mod func;
mod group;
mod node;
#[cfg(test)]
mod tests;

pub use cancel::{CancelCauseFunc, CancelFunc, CancelOnDrop};
pub use err::{Cause, ContextError};
pub use func::StopFunc;

use crate::channel::{Receiver, RecvTimeoutError, never};
use chain::{Link, Value, Without};
use children::Child;
use err::End;
use goroutines_runtime::park::Moment;
use goroutines_runtime::sched::builder;
use goroutines_runtime::shim::Arc;
use goroutines_runtime::spawn;
use node::Node;
use std::any::TypeId;
use std::error::Error;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// When to stop, and values that go with a request. See the [module](self).
///
/// Clones are the same context, and cheap. All methods may be called from many goroutines and threads.
#[derive(Clone)]
pub struct Context(Link);

/// Names a kind of value that a context may have. Each type that implements it is another key.
///
/// ```
/// use goroutines::context::{Context, Key};
///
/// struct User;
/// impl Key for User {
///     type Value = String;
/// }
///
/// let ctx = Context::background().with_value::<User>("gopher".into());
/// assert_eq!(ctx.value::<User>().unwrap(), "gopher");
/// ```
pub trait Key: 'static {
    /// The type of the value.
    type Value: Send + Sync + 'static;
}

// A context is changed under locks only, each time as a whole. Values are handed out shared, as from any
// `Arc`; what they may be after a panic is theirs to know.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}

impl Default for Context {
    /// [`Context::background`].
    fn default() -> Context {
        Context(Link::Background)
    }
}

impl Context {
    /// The context of the program: never done, without values. What `main`, tests, and the ways in from
    /// outside begin with.
    ///
    /// ```
    /// use goroutines::context::Context;
    /// assert!(Context::background().err().is_none());
    /// ```
    pub const fn background() -> Context {
        Context(Link::Background)
    }

    /// As [`Context::background`], where it is not clear yet which context it should be.
    ///
    /// ```
    /// use goroutines::context::Context;
    /// assert!(Context::todo().err().is_none());
    /// ```
    pub const fn todo() -> Context {
        Context(Link::Todo)
    }

    /// A context that can be cancelled.
    ///
    /// ```
    /// use goroutines::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(ctx.err(), None);
    /// cancel.cancel();
    /// assert_eq!(ctx.err(), Some(ContextError::Canceled));
    /// ```
    pub fn with_cancel(&self) -> (Context, CancelFunc) {
        let node = self.derive(None);
        (Context(Link::Node(node.clone())), CancelFunc(node))
    }

    /// A context that can be cancelled with a reason.
    ///
    /// ```
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel_cause();
    /// cancel.cancel("shutting down");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "shutting down");
    /// ```
    pub fn with_cancel_cause(&self) -> (Context, CancelCauseFunc) {
        let node = self.derive(None);
        (Context(Link::Node(node.clone())), CancelCauseFunc(node))
    }

    /// A context that is done at `deadline`, or before if this one is.
    ///
    /// If the deadline has passed already, it is done from the start.
    ///
    /// # Panics
    ///
    /// If there is no runtime that could watch the clock: see
    /// [`StartError`](crate::runtime::StartError).
    ///
    /// ```
    /// use goroutines::context::{Context, ContextError};
    /// use std::time::Instant;
    ///
    /// let (ctx, _cancel) = Context::background().with_deadline(Instant::now());
    /// assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// ```
    #[track_caller]
    pub fn with_deadline(&self, deadline: Instant) -> (Context, CancelFunc) {
        self.timed(Some(deadline), None)
    }

    /// As [`Context::with_deadline`]; if it is the deadline that ends it, this is the cause.
    ///
    /// ```
    /// use goroutines::context::Context;
    /// use std::time::Instant;
    ///
    /// let (ctx, _cancel) = Context::background().with_deadline_cause(Instant::now(), "too slow");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "too slow");
    /// ```
    #[track_caller]
    pub fn with_deadline_cause(
        &self,
        deadline: Instant,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Context, CancelFunc) {
        self.timed(Some(deadline), Some(err::cause(cause.into())))
    }

    /// A context that is done `timeout` from now, or before if this one is. A timeout whose end the clock
    /// does not reach is none.
    ///
    /// # Panics
    ///
    /// As [`Context::with_deadline`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(2));
    /// assert!(ctx.done().recv().is_err());
    /// assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// # });
    /// ```
    #[track_caller]
    pub fn with_timeout(&self, timeout: Duration) -> (Context, CancelFunc) {
        self.timed(Moment::after(timeout).to_instant(), None)
    }

    /// As [`Context::with_timeout`]; if it is the deadline that ends it, this is the cause.
    ///
    /// ```
    /// use goroutines::context::Context;
    /// use std::time::Duration;
    ///
    /// let (ctx, cancel) = Context::background().with_timeout_cause(Duration::MAX, "too slow");
    /// cancel.cancel();
    /// assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
    /// ```
    #[track_caller]
    pub fn with_timeout_cause(
        &self,
        timeout: Duration,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Context, CancelFunc) {
        let deadline = Moment::after(timeout).to_instant();
        self.timed(deadline, Some(err::cause(cause.into())))
    }

    /// A context that has this value under this key.
    ///
    /// For what goes with a request through all that work on it, not for optional arguments.
    ///
    /// ```
    /// use goroutines::context::{Context, Key};
    ///
    /// struct Depth;
    /// impl Key for Depth {
    ///     type Value = u32;
    /// }
    ///
    /// let outer = Context::background().with_value::<Depth>(1);
    /// let inner = outer.with_value::<Depth>(2);
    /// assert_eq!((outer.value::<Depth>(), inner.value::<Depth>()), (Some(&1), Some(&2)));
    /// ```
    pub fn with_value<K: Key>(&self, value: K::Value) -> Context {
        Context(Link::Value(Arc::new(Value {
            parent: self.clone(),
            key: TypeId::of::<K>(),
            name: std::any::type_name::<K>(),
            value: Box::new(value),
        })))
    }

    /// A context with the values of this one that does not end when this one does, and has no deadline.
    ///
    /// ```
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let tidying_up = ctx.without_cancel();
    /// cancel.cancel();
    /// assert!(tidying_up.err().is_none());
    /// ```
    pub fn without_cancel(&self) -> Context {
        Context(Link::Without(Arc::new(Without {
            parent: self.clone(),
        })))
    }

    /// A channel that is closed when the context is done; nothing is ever sent. For a select, or to
    /// wait with [`recv`](Receiver::recv), which gives an error then.
    ///
    /// It is always the same channel. That of a context that cannot end is
    /// [`never()`] ready. A clone of the receiver does not keep the context: if
    /// all clones of the context, all that were made from it and its functions that cancel are
    /// dropped, the channel is closed.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{context::Context, go};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// go!(move || cancel.cancel());
    /// assert!(ctx.done().recv().is_err());
    /// # });
    /// ```
    #[inline]
    pub fn done(&self) -> &Receiver<()> {
        static NEVER: Receiver<()> = never();
        match self.node() {
            Some(node) => node.done(),
            None => &NEVER,
        }
    }

    /// Why it is done; `None`: it is not.
    ///
    /// ```
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let mut rounds = 0;
    /// while ctx.err().is_none() {
    ///     rounds += 1; // do a part of the work
    ///     if rounds == 3 {
    ///         cancel.cancel();
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn err(&self) -> Option<ContextError> {
        self.node()?.err()
    }

    /// Why whoever ended it did so: the error that was given, or [`ContextError`] if there was none.
    /// `None`: it is not done.
    ///
    /// ```
    /// use goroutines::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert!(ctx.cause().is_none());
    /// cancel.cancel();
    /// let cause = ctx.cause().unwrap();
    /// assert_eq!(cause.downcast_ref(), Some(&ContextError::Canceled));
    /// ```
    pub fn cause(&self) -> Option<Cause> {
        Some(self.node()?.end()?.cause())
    }

    /// When it will be done at the latest; `None`: nobody has said.
    ///
    /// ```
    /// use goroutines::context::Context;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_secs(60);
    /// let (ctx, _cancel) = Context::background().with_deadline(soon);
    /// let (below, _cancel) = ctx.with_timeout(Duration::from_secs(3600));
    /// assert_eq!(below.deadline(), Some(soon));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node()?.deadline
    }

    /// The value under this key: the one that was given last on the way here.
    ///
    /// ```
    /// # use goroutines::context::{Context, Key};
    /// # struct User;
    /// # impl Key for User { type Value = String; }
    /// assert!(Context::background().value::<User>().is_none());
    /// ```
    pub fn value<K: Key>(&self) -> Option<&K::Value> {
        self.find(TypeId::of::<K>())?.downcast_ref()
    }

    /// Starts a goroutine that runs `f` when the context is done; at once if it is.
    ///
    /// The context is kept until then, or until the function is stopped. Several functions do not know of
    /// each other.
    ///
    /// # Panics
    ///
    /// If there is no runtime to run it: see [`StartError`](crate::runtime::StartError).
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::{channel::bounded, context::Context};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (s, r) = bounded(0);
    /// ctx.after_func(move || s.send("closed").unwrap());
    /// cancel.cancel();
    /// assert_eq!(r.recv(), Ok("closed"));
    /// # });
    /// ```
    #[track_caller]
    pub fn after_func<F>(&self, f: F) -> StopFunc
    where
        F: FnOnce() + Send + 'static,
    {
        if let Err(error) = builder::ensure() {
            panic!("{error}");
        }
        func::after_func(self.node(), Box::new(f), Location::caller())
    }

    /// Waits for `duration`, unless the context is done before.
    ///
    /// # Errors
    ///
    /// Why it is done, if it is before the time is over.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(ctx.sleep(Duration::from_millis(2)), Ok(()));
    /// cancel.cancel();
    /// assert_eq!(ctx.sleep(Duration::MAX), Err(ContextError::Canceled));
    /// # });
    /// ```
    pub fn sleep(&self, duration: Duration) -> Result<(), ContextError> {
        match self.done().recv_timeout(duration) {
            Err(RecvTimeoutError::Disconnected) => self.err().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// A node below this one, with a deadline of its own or without.
    fn derive(&self, deadline: Option<Instant>) -> Arc<Node> {
        let up = self.node();
        let inherited = up.and_then(|up| up.deadline);
        let node = Node::new(self.clone(), deadline.or(inherited), deadline.is_some());
        if let Some(up) = up {
            match up.add(Child::Node(Arc::downgrade(&node))) {
                Ok(key) => node.placed(key),
                Err(end) => cancel::cancel(&node, &end),
            }
        }
        node
    }

    #[track_caller]
    fn timed(&self, deadline: Option<Instant>, cause: Option<Cause>) -> (Context, CancelFunc) {
        let Some(deadline) = deadline.filter(|&d| self.deadline().is_none_or(|up| d < up)) else {
            // The one it is made from ends before.
            return self.with_cancel();
        };
        let node = self.derive(Some(deadline));
        let end = End {
            err: ContextError::DeadlineExceeded,
            cause,
        };
        let when = Moment::from_instant(deadline);
        if when <= Moment::now() {
            cancel::cancel(&node, &end);
        } else if node.err().is_none() {
            let weak = Arc::downgrade(&node);
            let expire = move || {
                if let Some(node) = weak.upgrade() {
                    cancel::cancel(&node, &end);
                }
            };
            match spawn::alarm(when, expire, Location::caller()) {
                Ok(alarm) => {
                    if let Some(late) = node.keep_alarm(alarm) {
                        late.cancel();
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        (Context(Link::Node(node.clone())), CancelFunc(node))
    }
}

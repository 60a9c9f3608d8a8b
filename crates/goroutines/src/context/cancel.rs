//! Ending a context and all that were made from it, and who may do that.
//!
//! Not for: the state of one context (`node`). README.md argues why everybody has been told when a
//! cancel returns, and why none waits for ever.

use super::children::Child;
use super::err::{ContextError, End, cause};
use super::node::{Claim, Node};
use goroutines_runtime::shim::Arc;
use std::error::Error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Ends a node and all below; when it returns, all of them have ended.
pub(super) fn cancel(root: &Arc<Node>, end: &End) {
    let (children, alarm) = match root.claim(end, None) {
        Claim::Ended(children, alarm) => (children, alarm),
        Claim::Before(None) => return,
        Claim::Before(Some(other)) => return other.wait_settled(),
    };
    if children.is_empty() {
        root.leave();
        stop(alarm);
        return;
    }
    let mut work = children;
    // What is dropped may run a user's code, which may cancel again: later.
    let (mut nodes, mut alarms, mut others) = (Vec::new(), Vec::from_iter(alarm), Vec::new());
    while let Some(child) = work.pop() {
        let node = match child {
            Child::Node(node) => node.upgrade(),
            Child::Func(func) => {
                func.start();
                None
            }
        };
        let Some(node) = node else { continue };
        match node.claim(end, Some(root)) {
            Claim::Ended(children, alarm) => {
                alarms.extend(alarm);
                work.extend(children);
            }
            Claim::Before(other) => others.extend(other),
        }
        nodes.push(node);
    }
    others.into_iter().for_each(|other| other.wait_settled());
    root.settle();
    // Not before: whoever cancels what is above has to find it, to wait until it is settled.
    root.leave();
    alarms.into_iter().for_each(|alarm| stop(Some(alarm)));
    drop(nodes);
}

fn stop(alarm: Option<goroutines_runtime::spawn::Alarm>) {
    if let Some(alarm) = alarm {
        // If it is too late for that, its goroutine will find that there is nothing to do.
        alarm.cancel();
    }
}

/// Cancels a context. Clones cancel the same one.
///
/// Call it when the work is done, or use [`CancelFunc::on_drop`]: until then, or until its deadline, the
/// context costs memory and perhaps a timer. Dropping this does not cancel.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::context::{Context, ContextError};
///
/// let (ctx, cancel) = Context::background().with_cancel();
/// let worker = goroutines::spawn(move || {
///     ctx.done().recv().unwrap_err();
///     ctx.err()
/// });
/// cancel.cancel();
/// assert_eq!(worker.join().unwrap(), Some(ContextError::Canceled));
/// # });
/// ```
#[derive(Clone)]
pub struct CancelFunc(pub(super) Arc<Node>);

impl CancelFunc {
    /// Cancels the context and all that were made from it, if they are not done yet.
    ///
    /// When it returns all of them are done. It does not wait for work to stop.
    ///
    /// ```
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (below, _cancel) = ctx.with_cancel();
    /// cancel.cancel();
    /// cancel.cancel(); // does nothing
    /// assert!(below.err().is_some());
    /// ```
    pub fn cancel(&self) {
        cancel(&self.0, &End::CANCELED);
    }

    /// Has the context cancelled when the result is dropped, as Go's `defer cancel()`.
    ///
    /// ```
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// {
    ///     let _cancel = cancel.on_drop();
    ///     assert!(ctx.err().is_none());
    /// }
    /// assert!(ctx.err().is_some());
    /// ```
    pub fn on_drop(self) -> CancelOnDrop {
        CancelOnDrop(self)
    }
}

/// Cancels a context when it is dropped; made by [`CancelFunc::on_drop`].
#[must_use = "it cancels at once if it is not kept"]
pub struct CancelOnDrop(CancelFunc);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Cancels a context and says why. Clones cancel the same one; dropping does not cancel.
///
/// ```
/// use goroutines::context::{Context, ContextError};
///
/// let (ctx, cancel) = Context::background().with_cancel_cause();
/// cancel.cancel("the user has left");
/// assert_eq!(ctx.err(), Some(ContextError::Canceled));
/// assert_eq!(ctx.cause().unwrap().to_string(), "the user has left");
/// ```
#[derive(Clone)]
pub struct CancelCauseFunc(pub(super) Arc<Node>);

impl CancelCauseFunc {
    /// Cancels the context and all that were made from it, if they are not done yet, and sets the
    /// [`cause`](super::Context::cause) of those. See [`CancelFunc::cancel`].
    ///
    /// ```
    /// use goroutines::context::Context;
    /// use std::io;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel_cause();
    /// cancel.cancel(io::Error::from(io::ErrorKind::BrokenPipe));
    /// cancel.cancel("too late");
    /// assert!(ctx.cause().unwrap().is::<io::Error>());
    /// ```
    pub fn cancel(&self, why: impl Into<Box<dyn Error + Send + Sync>>) {
        let end = End {
            err: ContextError::Canceled,
            cause: Some(cause(why.into())),
        };
        cancel(&self.0, &end);
    }

    /// The function that cancels without a cause, as Go's `cancel(nil)`.
    ///
    /// ```
    /// use goroutines::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel_cause();
    /// cancel.without_cause().cancel();
    /// assert!(ctx.cause().unwrap().is::<ContextError>());
    /// ```
    pub fn without_cause(&self) -> CancelFunc {
        CancelFunc(self.0.clone())
    }
}

// See `Context`.
impl UnwindSafe for CancelFunc {}
impl RefUnwindSafe for CancelFunc {}
impl UnwindSafe for CancelCauseFunc {}
impl RefUnwindSafe for CancelCauseFunc {}

impl fmt::Debug for CancelFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelFunc { .. }")
    }
}

impl fmt::Debug for CancelOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelOnDrop { .. }")
    }
}

impl fmt::Debug for CancelCauseFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelCauseFunc { .. }")
    }
}

//! A context for the goroutines of an `ErrGroup`, which ends at their first error.
//!
//! Not for: the group itself (`sync`), which knows no contexts.

use super::Context;
use crate::sync::ErrGroup;
use std::fmt::Display;

impl<E: Display + Send + 'static> ErrGroup<E> {
    /// A group, and a context for its goroutines, as Go's `errgroup.WithContext`.
    ///
    /// The context is made from `parent`. It is cancelled at the first error, or if a goroutine panics, or
    /// else when [`ErrGroup::wait`] first returns, so that nothing that was made from it stays behind. Its
    /// [`cause`](Context::cause) is the text of that error.
    ///
    /// For errors without a text, or to do something else at the first, there is
    /// [`ErrGroup::with_cancel`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::context::{Context, ContextError};
    /// use goroutines::sync::ErrGroup;
    /// use std::time::Duration;
    ///
    /// let (group, ctx) = ErrGroup::with_context(&Context::background());
    /// let waiting = ctx.clone();
    /// group.go(move || waiting.sleep(Duration::MAX).map_err(|e| e.to_string()));
    /// group.go(|| Err("no such host".to_string()));
    /// assert_eq!(group.wait(), Err("no such host".to_string()));
    /// assert_eq!(ctx.err(), Some(ContextError::Canceled));
    /// assert_eq!(ctx.cause().unwrap().to_string(), "no such host");
    /// # });
    /// ```
    #[must_use]
    pub fn with_context(parent: &Context) -> (ErrGroup<E>, Context) {
        let (ctx, cancel) = parent.with_cancel_cause();
        let group = ErrGroup::with_cancel(move |error: Option<&E>| match error {
            Some(error) => cancel.cancel(error.to_string()),
            None => cancel.without_cause().cancel(),
        });
        (group, ctx)
    }
}

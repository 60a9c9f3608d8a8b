//! Goroutines as users see them: starting, joining, scopes, waiting, goroutine-locals.
//!
//! Not for: how they are run; the runtime crate does.

pub(crate) mod builder;
pub(crate) mod goroutine;
pub(crate) mod handle;
pub(crate) mod local;
pub(crate) mod scope;
pub(crate) mod wait;

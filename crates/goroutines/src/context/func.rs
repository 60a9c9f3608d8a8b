//! Functions that start when a context ends.

use super::children::{Child, Key};
use super::node::Node;
use goroutines_runtime::shim::{Arc, Lock};
use goroutines_runtime::spawn;
use std::fmt;
use std::mem;
use std::panic::Location;

/// A function that is to start when a context ends.
pub(super) struct Func {
    state: Lock<State>,
    site: &'static Location<'static>,
}

enum State {
    /// It has not started. It keeps the context that it waits for, if that can end at all.
    Pending(Box<dyn FnOnce() + Send>, Option<Arc<Node>>),
    /// It has started, or it will not.
    Over,
}

impl Func {
    /// Starts it in a goroutine of its own, unless somebody was quicker.
    pub(super) fn start(&self) {
        let state = mem::replace(&mut *self.state.lock(), State::Over);
        if let State::Pending(f, _node) = state {
            // The runtime is there: `after_func` has seen to that. In a forked child nothing runs.
            let _ = spawn::start(f, self.site);
        }
    }
}

/// Starts `f` when `node` ends; never if there is none.
pub(super) fn after_func(
    node: Option<&Arc<Node>>,
    f: Box<dyn FnOnce() + Send>,
    site: &'static Location<'static>,
) -> StopFunc {
    let func = Arc::new(Func {
        state: Lock::new(State::Pending(f, node.cloned())),
        site,
    });
    let place = node.map(|node| node.add(Child::Func(func.clone())));
    let place = match place {
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => {
            func.start();
            None
        }
        None => None,
    };
    StopFunc { func, place }
}

/// Keeps a function from starting that was given to [`Context::after_func`](super::Context::after_func).
/// Dropping it changes nothing.
pub struct StopFunc {
    func: Arc<Func>,
    place: Option<Key>,
}

impl StopFunc {
    /// `true`: the function will not start. `false`: it has started, or it was stopped before. Does not
    /// wait for it.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let stop = ctx.after_func(|| unreachable!());
    /// assert!(stop.stop());
    /// assert!(!stop.stop());
    /// cancel.cancel();
    /// # });
    /// ```
    pub fn stop(&self) -> bool {
        let state = mem::replace(&mut *self.func.state.lock(), State::Over);
        let State::Pending(f, node) = state else {
            return false;
        };
        if let (Some(node), Some(key)) = (node, self.place) {
            node.remove(key);
        }
        drop(f);
        true
    }
}

impl fmt::Debug for StopFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopFunc")
            .field("site", &self.func.site)
            .finish_non_exhaustive()
    }
}

//! What happens in the child of a fork.
//!
//! Not for: deciding what; `sched::lifecycle` passes a function.
#![allow(unsafe_code, reason = "pthread_atfork has no safe wrapper")]

use crate::shim::OnceLock;

static IN_CHILD: OnceLock<fn()> = OnceLock::new();

/// Has `f` called in every child that this process forks, on the child's only thread. `f` must be
/// async-signal-safe. The first call counts.
pub fn on_fork_in_child(f: fn()) {
    if IN_CHILD.set(f).is_ok() {
        // SAFETY: the handler is a plain function that stays.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    }
}

extern "C" fn child() {
    if let Some(f) = IN_CHILD.get() {
        f();
    }
}

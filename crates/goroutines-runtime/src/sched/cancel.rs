//! Asking a goroutine to unwind: how the request reaches one that is parked.
//!
//! Not for: the unwinding (`park`).
//!
//! The request is a flag on the goroutine, which it looks at before each wait. For one that is parked
//! already somebody has to claim its wait. A third thread cannot do that without a barrier on the path
//! of every wait (the goroutine may be between looking at the flag and beginning to wait). Its home
//! worker can: on that thread it is either parked, and claimed, or it will run later, and see the flag.
//! So requests go to the home worker. One for a goroutine without a home yet is kept by the monitor until
//! it has one.

use super::lifecycle::Runtime;
use super::worker::{Here, Worker};
use crate::g::{Flags, Handle, Status};
use crate::shim::Lock;
use crate::shim::atomic::{AtomicUsize, Ordering};
use crate::shim::store_load_fence;

/// Requests that wait for somebody's attention.
#[derive(Debug, Default)]
pub(super) struct Requests {
    list: Lock<Vec<Handle>>,
    len: AtomicUsize,
}

impl Requests {
    fn push(&self, handle: Handle) {
        let mut list = self.list.lock();
        list.push(handle);
        self.len.store(list.len(), Ordering::Relaxed);
    }

    /// Whether there are any.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    fn take(&self) -> Vec<Handle> {
        let mut list = self.list.lock();
        self.len.store(0, Ordering::Relaxed);
        std::mem::take(&mut *list)
    }
}

/// Asks the goroutine to unwind at its present or next wait.
pub(crate) fn request(handle: &Handle) {
    let g = handle.g();
    if g.set(Flags::CANCEL) & Flags::CANCEL != 0 {
        return;
    }
    let Some(runtime) = super::lifecycle::started() else {
        return;
    };
    if g.has(Flags::MIGRATABLE) {
        // It has no home to ask. Pairs with the fence in `park::prepare`.
        store_load_fence();
        if g.wait.claim_cancel() {
            super::ready::ready(g);
        }
        return;
    }
    deliver(runtime, handle.clone());
}

/// Passes a request on to the home, or to the monitor if there is none yet.
fn deliver(runtime: &Runtime, handle: Handle) {
    let g = handle.g();
    match g.status() {
        Status::Free => {}
        Status::Unstarted => {
            runtime.monitor.cancels.push(handle);
            runtime.monitor.worker_woke();
        }
        _ => {
            if let Some(home) = runtime.worker(g.home()) {
                home.cancels.push(handle);
                home.wake();
            }
        }
    }
}

/// The monitor looks at those that had no home.
pub(super) fn deliver_again(runtime: &Runtime) {
    for handle in runtime.monitor.cancels.take() {
        deliver(runtime, handle);
    }
}

impl Worker {
    /// Whether somebody is to be cancelled here.
    #[inline]
    pub(super) fn has_cancels(&self) -> bool {
        !self.cancels.is_empty()
    }
}

impl Here {
    /// Claims the waits of goroutines of this worker that were asked to unwind.
    #[cold]
    pub(super) fn cancel_parked(self) {
        for handle in self.cancels.take() {
            let g = handle.g();
            if g.wait.claim_cancel() {
                super::ready::ready_later(g);
            }
        }
    }
}

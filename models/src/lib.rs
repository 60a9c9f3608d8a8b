//! Models of what `goroutines::sync` promises: loom tries every order of the threads' steps.
//!
//! Not for: anything but tests. The code is the real one (see `build.rs`); what is below it, the waist
//! of the runtime and its atomics, is a model (`park`, `shim`). A wake-up that is lost shows as a
//! deadlock. Run with `cargo test --release -p goroutines-models`.
#![cfg(test)]

extern crate self as goroutines_runtime;

pub mod park;
pub mod shim;
mod tests;

/// The real wait word and reasons.
#[allow(dead_code)]
pub mod g {
    include!(concat!(env!("OUT_DIR"), "/g.rs"));
}

/// The real locks.
#[allow(dead_code, unused_imports, unreachable_pub)]
pub mod sync {
    include!(concat!(env!("OUT_DIR"), "/sync.rs"));

    pub use barrier::Barrier;
    pub use condvar::Condvar;
    pub use mutex::{Mutex, MutexGuard};
    pub use once::Once;
    pub use once_lock::OnceLock;
    pub use rwlock::{RwLock, RwLockWriteGuard};
    pub use semaphore::Semaphore;
}

/// As the runtime's.
#[macro_export]
macro_rules! fatal {
    ($($arg:tt)*) => { panic!($($arg)*) };
}

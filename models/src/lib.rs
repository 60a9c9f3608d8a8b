//! Models of what `goroutines::channel` and `goroutines::sync` promise: loom tries every order of the
//! threads' steps.
//!
//! Not for: anything but tests. The code is the real one, the files themselves (`build.rs` copies those
//! that need a change). What is below it, the waist of the runtime and its atomics, is a model (`park`,
//! `shim`). A wake-up that is lost shows as a deadlock. `cargo xtask loom` runs them; without
//! `--cfg loom` there is nothing here, so that other tests need not wait for them.
#![cfg(all(test, loom))]

extern crate self as goroutines_runtime;

mod channel;
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
macro_rules! note {
    ($($arg:tt)*) => { eprintln!($($arg)*) };
}

/// As the runtime's.
#[macro_export]
macro_rules! fatal {
    ($($arg:tt)*) => { panic!($($arg)*) };
}

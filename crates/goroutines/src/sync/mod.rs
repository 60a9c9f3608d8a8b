//! Waiting for each other: what `std::sync` and Go's `sync` have.
//!
//! Everything here works between goroutines, between plain threads, and between the two: a goroutine
//! that waits leaves its worker to others, a thread that waits blocks. Locks may be held across
//! everything that waits.
//!
//! | here | as |
//! |---|---|
//! | [`Mutex`], [`RwLock`], [`Condvar`], [`Barrier`], [`Once`], [`OnceLock`], [`LazyLock`] | `std::sync`, poisoning included; with Go's fairness |
//! | [`WaitGroup`], [`Pool`] | Go's `sync` |
//! | [`Semaphore`], [`ErrGroup`], [`SingleFlight`] | Go's `x/sync` |
//!
//! The error types of locking are `std`'s own, so that code goes on working when its path changes. Use
//! these and not `std`'s where a goroutine may wait with a lock held: a `std` lock blocks the worker,
//! and with it whoever is to release it.
//!
//! `Arc`, `Weak` and `atomic` are `std`'s, and here so that `use std::sync::{Arc, Mutex}` needs no more than
//! another path. In place of `std::sync::mpsc` there is [`channel`](crate::channel), with the names of
//! `crossbeam-channel`.

mod barrier;
mod condvar;
mod errgroup;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod owned_permit;
mod poison;
mod pool;
mod rwlock;
mod semaphore;
mod singleflight;
mod wait;
mod waitgroup;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use errgroup::ErrGroup;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use owned_permit::OwnedPermit;
pub use pool::Pool;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{AcquireTimeoutError, Permit, Semaphore};
pub use singleflight::{Flight, Panicked, SingleFlight};
#[doc(no_inline)]
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
pub use waitgroup::WaitGroup;

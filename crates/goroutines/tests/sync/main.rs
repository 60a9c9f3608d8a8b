//! `goroutines::sync`, a module per kind; tests name the statements of SEMANTICS they hold to.
//! `GOROUTINES_STRESS=50` makes the rounds longer.
//!
//! MA-1 to MA-4 are of a `Map`, which is not here on purpose: README.md of the room says why.

mod barrier;
mod cancel;
mod condvar;
mod errgroup;
mod mutex;
mod once;
mod poison;
mod pool;
mod ported;
mod rwlock;
mod semaphore;
mod singleflight;
mod stress;
mod support;
mod types;

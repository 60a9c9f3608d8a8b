//! Public behaviour of the crate, a module per room. `GOROUTINES_STRESS=50` makes the rounds longer.
//!
//! Tests in this process share one runtime of two workers (`support::start`); a test that counts
//! goroutines, reads memory or needs other settings has a process of its own
//! (`#[goroutines::test(workers = …)]`, `support::alone`).

mod balance;
mod blame;
mod blocking;
mod builder;
mod dies;
mod fairness;
mod join;
mod local;
mod memory;
mod migrate;
mod panics;
mod park;
mod run;
mod scope;
mod spawn;
mod stress;
mod support;
mod time;
mod types;
mod unwind;
mod waitgroup;

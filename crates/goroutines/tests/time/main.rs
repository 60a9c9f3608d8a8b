//! Timers, tickers, functions that start later, and contexts. `GOROUTINES_STRESS=50` makes the rounds
//! longer.
//!
//! Tests in this process share one runtime of two workers (`support::start`); a test that counts, or that
//! needs other settings, has a process of its own (`#[goroutines::test(workers = …)]`).

mod alloc;
mod ctx;
mod func;
mod stress;
mod support;
mod ticker;
mod timer;
mod walk;

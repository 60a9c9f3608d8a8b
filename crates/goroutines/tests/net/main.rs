//! Sockets. `GOROUTINES_STRESS=50` makes the rounds longer.
//!
//! Tests in this process share one runtime of two workers (`support::start`); a test that needs other
//! settings, or that counts descriptors, has a process of its own (`child`).

mod child;
mod close;
mod deadlines;
mod limits;
mod moves;
mod peers;
mod server;
mod signals;
#[path = "../time/support.rs"]
mod support;
mod tcp;
mod udp;
mod unix;

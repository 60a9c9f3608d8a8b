//! Every system call of the runtime outside the stacks.
//!
//! Not for: stacks (the fiber crate has its own) and policy. A port provides these functions:
//! `futex::{wait, wake}`, `epoll::Epoll`, `fd::replace_by_dead`, `thread::{id, fine_timers, is_running}`,
//! `mem::{map, populate}`, `membarrier::{register_early, register, is_registered, all_threads}`,
//! `stall::sample`, `fork::on_fork_in_child`,
//! `signal::{event, catch, ignore, restore, is_ignored, refused, take, settle}`.

pub mod epoll;
pub mod fd;
pub mod fork;
pub mod futex;
pub mod mem;
pub mod membarrier;
pub mod signal;
pub mod stall;
pub mod thread;

#[cfg(all(test, not(loom)))]
mod tests;

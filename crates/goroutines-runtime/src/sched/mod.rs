//! The scheduler: which goroutine runs where and when.
//!
//! Not for: why a goroutine waits (`park`) or what it runs (`spawn`). README.md beside this file has
//! the protocols with their arguments. A map of the room:
//!
//! | file | what |
//! |---|---|
//! | `builder` | what the crates above may use |
//! | `config` | what can be set, environment variables, errors |
//! | `lifecycle` | the one runtime of the process: start, main, leaving, fork |
//! | `worker` | a worker and its loop: run, finish, queue |
//! | `pick` | which goroutine it runs next |
//! | `ready` | making a goroutine ready, from anywhere |
//! | `deque`, `inbox`, `inject` | the queues that threads share |
//! | `steal` | the reluctant thief |
//! | `timers` | setting timers, and what is done when they are due |
//! | `netpoll` | the poller of a worker, and making ready whom events wake |
//! | `place` | where a goroutine starts, and what happens when there is no stack |
//! | `idle`, `sleep` | looking for work, sleeping, waking |
//! | `monitor` | time slices, stuck workers, spare workers, reports |
//! | `cancel` | asking a parked goroutine to unwind |
//! | `scavenge` | giving the memory of stacks back |
//! | `report` | what is said on an overflow, a panic, a stall |

#[cfg(not(loom))]
pub mod builder;
#[cfg(not(loom))]
pub(crate) mod cancel;
#[cfg(not(loom))]
pub mod config;
pub mod deque;
#[cfg(not(loom))]
mod idle;
pub mod inbox;
#[cfg(not(loom))]
mod inject;
#[cfg(not(loom))]
pub mod lifecycle;
#[cfg(not(loom))]
mod monitor;
#[cfg(not(loom))]
pub(crate) mod netpoll;
#[cfg(not(loom))]
mod pick;
#[cfg(not(loom))]
mod place;
#[cfg(not(loom))]
pub(crate) mod ready;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
pub mod scavenge;
pub mod sleep;
#[cfg(not(loom))]
mod steal;
#[cfg(not(loom))]
pub(crate) mod timers;
#[cfg(not(loom))]
pub(crate) mod worker;

#[cfg(test)]
mod tests;

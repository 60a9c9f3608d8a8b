//! Making goroutines: the record, its packet, its end.
//!
//! Not for: when they run (`sched`). The files:
//!
//! | file | what |
//! |---|---|
//! | `packet` | where a closure and later its result lie: in the record, or in one box |
//! | `launch` | options, errors, getting a record and queueing it |
//! | `end` | what happens when the closure has returned, panicked or exited |
//! | `detached` | goroutines nobody joins |
//! | `alarm` | those that start at a moment |
//! | `join` | goroutines somebody may join; `join_word` is the protocol between the two |
//! | `foreign` | waking tasks, whose wakers are foreign code |
//! | `run` | the main goroutine, and waiting for one from a plain thread |
//! | `stand_in` | a record that waits in place of a task |
//! | `own` | what a goroutine may ask about and do to itself |

#[cfg(not(loom))]
mod alarm;
#[cfg(not(loom))]
mod detached;
#[cfg(not(loom))]
mod end;
#[cfg(not(loom))]
mod foreign;
#[cfg(not(loom))]
mod join;
pub mod join_word;
#[cfg(not(loom))]
mod launch;
#[cfg(not(loom))]
mod own;
#[cfg(not(loom))]
mod packet;
#[cfg(not(loom))]
mod run;
#[cfg(not(loom))]
mod stand_in;

#[cfg(not(loom))]
pub use crate::g::Handle;
#[cfg(not(loom))]
pub use alarm::{Alarm, alarm, start};
#[cfg(not(loom))]
pub use detached::{detached, detached_in_turn, detached_then};
#[cfg(not(loom))]
pub use end::{Outcome, crash_if_configured};
#[cfg(not(loom))]
pub use foreign::{vouch, wake};
#[cfg(not(loom))]
pub use join::{Join, joinable};
#[cfg(not(loom))]
pub use launch::{Options, SpawnError, check_stack};
#[cfg(not(loom))]
pub use own::{current_handle, exit, in_goroutine, is_exiting, with_local};
#[cfg(not(loom))]
pub use run::{run, run_main};
#[cfg(not(loom))]
pub use stand_in::{Settled, StandIn};

#[cfg(test)]
mod tests;

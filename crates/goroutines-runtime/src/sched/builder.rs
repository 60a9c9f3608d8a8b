//! What the crates above may use of the scheduler: settings, start, numbers.
//!
//! Not for: anything of its own.

pub use super::config::{Config, ConfigError, MAX_WORKERS, PanicPolicy, stack_size};
pub use super::lifecycle::{StartError, config, configure, ensure};
pub use super::scavenge::now as scavenge;

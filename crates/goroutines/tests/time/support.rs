//! What the modules of several test programs share.
#![allow(dead_code, reason = "not each program uses all of it")]

use std::time::Duration;

/// A time after which what does not come in a test does not come.
pub(crate) const SHORT: Duration = Duration::from_millis(5);

/// A time that does not pass in a test.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

#[path = "../shared/support.rs"]
mod shared;
pub(crate) use shared::*;

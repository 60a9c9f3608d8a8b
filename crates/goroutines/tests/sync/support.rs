//! What the modules share.

use std::time::Duration;

/// A while that is long for something that does not wait, and short for a test.
pub(crate) fn moment() {
    goroutines::sleep(Duration::from_millis(5));
}

/// A panic without a message on the terminal.
pub(crate) fn quiet_panic() -> ! {
    std::panic::resume_unwind(Box::new("quiet"))
}

#[path = "../shared/support.rs"]
mod shared;
pub(crate) use shared::*;

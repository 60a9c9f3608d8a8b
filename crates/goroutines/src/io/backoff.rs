//! Waiting out a shortage of descriptors or memory while accepting.
//!
//! Not for: other errors, which are the caller's.

use super::error::timed_out;

use goroutines_runtime::park::{self, Moment};
use rustix::io::Errno;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);
/// The least time between two notes.
const NOTE_EVERY: Duration = Duration::from_secs(10);

static NOTED: AtomicU64 = AtomicU64::new(0);

/// How long to wait next.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff(FIRST)
    }

    /// Waits if `error` is a shortage, each time longer, until `deadline` at most; otherwise gives the
    /// error back.
    pub(crate) fn after(&mut self, error: io::Error, deadline: Moment) -> io::Result<()> {
        let shortage = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        let code = error.raw_os_error();
        if !shortage.iter().any(|e| code == Some(e.raw_os_error())) {
            return Err(error);
        }
        let now = Moment::now();
        if deadline <= now {
            return Err(timed_out());
        }
        say(&error, now);
        park::sleep_until(now.plus(self.0).min(deadline));
        self.0 = (2 * self.0).min(LONGEST);
        Ok(())
    }
}

fn say(error: &io::Error, now: Moment) {
    let last = NOTED.load(Ordering::Relaxed);
    let due = last == 0 || now.since(Moment(last)) >= NOTE_EVERY;
    // Of several at once one says it.
    if due
        && NOTED
            .compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    {
        goroutines_runtime::note!(
            "goroutines: cannot accept a connection: {error}; trying again until some are closed \
             (raise the limit with `ulimit -n`, or accept fewer)"
        );
    }
}

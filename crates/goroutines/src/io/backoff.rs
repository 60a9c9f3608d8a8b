//! Waiting out a shortage of descriptors, memory or stacks while accepting.
//!
//! Not for: other errors, which are the caller's.

use super::error::not_ready;
use super::source::Source;

use goroutines_runtime::park::{Moment, Side};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
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

    /// Waits if `error` is a shortage; otherwise gives the error back. As [`Backoff::wait`].
    pub(crate) fn after<T: AsFd>(
        &mut self,
        error: io::Error,
        source: &Source<T>,
    ) -> io::Result<()> {
        let shortage = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        let code = error.raw_os_error();
        if !shortage.iter().any(|e| code == Some(e.raw_os_error())) {
            return Err(error);
        }
        self.wait(source, &error)
    }

    /// Waits, each time longer, until the deadline of what accepts or until it is closed.
    pub(crate) fn wait<T: AsFd>(
        &mut self,
        source: &Source<T>,
        why: &dyn fmt::Display,
    ) -> io::Result<()> {
        let now = Moment::now();
        say(why, now);
        source
            .pause(Side::Read, now.plus(self.0))
            .map_err(not_ready)?;
        self.0 = (2 * self.0).min(LONGEST);
        Ok(())
    }
}

fn say(why: &dyn fmt::Display, now: Moment) {
    let last = NOTED.load(Ordering::Relaxed);
    let due = last == 0 || now.since(Moment(last)) >= NOTE_EVERY;
    // Of several at once one says it.
    if due
        && NOTED
            .compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    {
        goroutines_runtime::note!(
            "goroutines: cannot accept a connection: {why}; trying again until some are closed \
             (raise the limit with `ulimit -n`, or accept fewer)"
        );
    }
}

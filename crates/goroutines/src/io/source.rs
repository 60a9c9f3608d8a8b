//! `Source`: something with a descriptor that does not block, and operations on it that wait.
//!
//! Not for: which operations there are. Nothing here makes a system call: an operation is tried, and if
//! it would block the goroutine waits until the runtime says that trying again may help.

use super::error;
use goroutines_runtime::park::{self, Moment, Registration, Seen, Side};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Source<T> {
    io: T,
    registration: Registration,
    /// In nanoseconds; 0: none. Of each direction.
    timeouts: [AtomicU64; 2],
    /// Operations fail instead of waiting.
    nonblocking: AtomicBool,
}

impl<T: AsFd> Source<T> {
    /// Of something that was set not to block.
    pub(crate) fn new(io: T) -> io::Result<Source<T>> {
        Ok(Source {
            io,
            registration: Registration::new()?,
            timeouts: [const { AtomicU64::new(0) }; 2],
            nonblocking: AtomicBool::new(false),
        })
    }

    /// What it is of, for calls that do not wait.
    #[inline]
    pub(crate) fn get(&self) -> &T {
        &self.io
    }

    /// As [`Source::get`], unless it was closed.
    pub(crate) fn open(&self) -> io::Result<&T> {
        if self.registration.is_closed() {
            return Err(error::closed());
        }
        Ok(&self.io)
    }

    /// Gives back what it is of. It still does not block.
    pub(crate) fn into_inner(self) -> T {
        self.registration.forget(self.io.as_fd());
        self.io
    }

    /// Does `op`, which does not block, as soon as that is possible.
    #[inline]
    pub(crate) fn run<R>(
        &self,
        side: Side,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.run_until(side, self.limit(side), &mut op)
    }

    /// As [`Source::run`], until `limit` at most.
    pub(crate) fn run_until<R>(
        &self,
        side: Side,
        limit: Moment,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.attempt(side, limit, |io, _| op(io))
    }

    /// As [`Source::run`], for reading from or writing to a stream, `wanted` bytes at most.
    ///
    /// Having got less means that there is no more: the next operation waits first, which saves a call.
    #[inline]
    pub(crate) fn stream(
        &self,
        side: Side,
        wanted: usize,
        mut op: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if wanted == 0 {
            // Done at once, whatever the deadline (SEMANTICS NE-13). The system is not asked: its answer
            // says nothing about readiness.
            return self.open().map(|_| 0);
        }
        self.attempt(side, self.limit(side), |io, seen| {
            let n = op(io)?;
            self.got(side, seen, n, wanted);
            Ok(n)
        })
    }

    #[inline]
    fn attempt<R>(
        &self,
        side: Side,
        limit: Moment,
        mut op: impl FnMut(&T, Option<Seen>) -> io::Result<R>,
    ) -> io::Result<R> {
        if self.nonblocking.load(Ordering::Relaxed) {
            return op(self.open()?, None);
        }
        let mut waited = false;
        loop {
            let seen = self
                .registration
                .ready(self.io.as_fd(), side, limit)
                .map_err(error::not_ready)?;
            match op(&self.io, Some(seen)) {
                Ok(result) => {
                    if !waited {
                        // One that always finds something must not keep the others from running.
                        park::checkpoint();
                    }
                    return Ok(result);
                }
                Err(e) => self.failed(side, seen, e)?,
            }
            waited = true;
        }
    }

    /// An operation on a stream moved `n` bytes.
    #[inline]
    fn got(&self, side: Side, seen: Option<Seen>, n: usize, wanted: usize) {
        if let Some(seen) = seen
            && n < wanted
            && n > 0
        {
            self.registration.short(side, seen);
        }
    }

    /// What is to be done about an error: `Ok`: try again.
    fn failed(&self, side: Side, seen: Seen, e: io::Error) -> io::Result<()> {
        match e.kind() {
            io::ErrorKind::WouldBlock => {
                self.registration.would_block(side, seen);
                Ok(())
            }
            io::ErrorKind::Interrupted => Ok(()),
            // It was closed meanwhile: the error is that of a dead descriptor.
            _ if self.registration.is_closed() => Err(error::closed()),
            _ => Err(e),
        }
    }

    #[inline]
    fn limit(&self, side: Side) -> Moment {
        match self.timeouts[side as usize].load(Ordering::Relaxed) {
            0 => Moment::NEVER,
            nanos => Moment::after(Duration::from_nanos(nanos)),
        }
    }

    /// Each operation from now on waits for so long at most. Zero is refused, as std does.
    pub(crate) fn set_timeout(&self, side: Side, timeout: Option<Duration>) -> io::Result<()> {
        self.open()?;
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a timeout of zero would fail always: use None for no timeout",
            ));
        }
        let nanos = timeout.map_or(0, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX));
        self.timeouts[side as usize].store(nanos, Ordering::Relaxed);
        Ok(())
    }

    /// What [`Source::set_timeout`] set.
    pub(crate) fn timeout(&self, side: Side) -> io::Result<Option<Duration>> {
        self.open()?;
        let nanos = self.timeouts[side as usize].load(Ordering::Relaxed);
        Ok((nanos != 0).then(|| Duration::from_nanos(nanos)))
    }

    /// From `deadline` on every operation fails, those that wait now as well.
    pub(crate) fn set_deadline(&self, side: Side, deadline: Option<Instant>) -> io::Result<()> {
        self.open()?;
        let deadline = deadline.map_or(Moment::NEVER, Moment::from_instant);
        self.registration.set_deadline(side, deadline);
        Ok(())
    }

    /// What [`Source::set_deadline`] has set.
    pub(crate) fn deadline(&self, side: Side) -> Moment {
        self.registration.deadline(side)
    }

    /// Operations fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.open()?;
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// Ends all operations, those that wait included; `false`: that was done before.
    pub(crate) fn close(&self) -> bool {
        self.registration.close(self.io.as_fd())
    }
}

/// For tasks.
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
impl<T: AsFd> Source<T> {
    /// As [`Source::stream`], for a task. Deadlines and timeouts do not apply.
    pub(crate) fn poll_stream(
        &self,
        side: Side,
        context: &mut Context<'_>,
        wanted: usize,
        mut op: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            return Poll::Ready(self.open().map(|_| 0));
        }
        loop {
            let ready = self.registration.poll_ready(self.io.as_fd(), side, context);
            let seen = ready!(ready).map_err(error::not_ready)?;
            match op(&self.io) {
                Ok(n) => {
                    self.got(side, Some(seen), n, wanted);
                    return Poll::Ready(Ok(n));
                }
                Err(e) => self.failed(side, seen, e)?,
            }
        }
    }
}

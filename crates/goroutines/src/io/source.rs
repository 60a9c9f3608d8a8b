//! `Source`: something with a descriptor that does not block, and operations on it that wait.
//!
//! Not for: which operations there are. Nothing here makes a system call: an operation is tried, and if
//! it would block the goroutine waits until the runtime says that trying again may help.

use super::error;
use goroutines_runtime::park::{self, Moment, NotReady, Registration, Seen, Side};
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
use goroutines_runtime::spawn;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Source<T> {
    /// Dropped before the descriptor is closed: see `Registration::lend`.
    registration: Registration,
    io: T,
    /// In nanoseconds; 0: none. Of each direction.
    timeouts: [AtomicU64; 2],
    /// Operations fail instead of waiting.
    nonblocking: AtomicBool,
    /// Reading was shut down.
    ended: AtomicBool,
    /// That a stream gave less than was asked for does not mean that there is no more.
    in_parts: bool,
}

impl<T: AsFd> Source<T> {
    /// Of something that was set not to block.
    pub(crate) fn new(io: T) -> io::Result<Source<T>> {
        Ok(Source {
            registration: Registration::new()?,
            io,
            timeouts: [const { AtomicU64::new(0) }; 2],
            nonblocking: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            in_parts: false,
        })
    }

    /// Says whether a stream may give less than was asked for although there is more.
    pub(crate) fn set_in_parts(&mut self, in_parts: bool) {
        self.in_parts = in_parts;
    }

    /// What it is of, for calls that do not wait.
    #[inline]
    pub(crate) fn get(&self) -> &T {
        &self.io
    }

    /// As [`Source::get`], for others, who may open the same by another descriptor.
    pub(crate) fn lend(&self) -> &T {
        self.registration.lend(self.io.as_fd());
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

    /// Calls `f` with what it is of, for a call that does not wait, unless it was closed.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        f(self.open()?).map_err(|e| self.explain(e))
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

    /// As [`Source::stream`], where having got less does not always mean that there is no more: `op` also says
    /// whether it does.
    pub(crate) fn parts(
        &self,
        side: Side,
        wanted: usize,
        mut op: impl FnMut(&T) -> io::Result<(usize, bool)>,
    ) -> io::Result<usize> {
        if wanted == 0 {
            return self.open().map(|_| 0);
        }
        self.attempt(side, self.limit(side), |io, seen| {
            let (n, tells) = op(io)?;
            if tells {
                self.got(side, seen, n, wanted);
            }
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
        if self.is_nonblocking() {
            return self.attempt_once(side, op);
        }
        // One that always finds something must not keep the others from running.
        park::checkpoint();
        loop {
            let seen = self
                .registration
                .ready(self.io.as_fd(), side, limit)
                .map_err(error::not_ready)?;
            match op(&self.io, Some(seen)) {
                Ok(result) => return Ok(result),
                Err(e) => self.failed(side, seen, e)?,
            }
        }
    }

    /// Does `op`, and does not wait.
    #[cold]
    fn attempt_once<R>(
        &self,
        side: Side,
        mut op: impl FnMut(&T, Option<Seen>) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = self.registration.deadline(side);
        let io = self.open()?;
        // A deadline that has passed holds here too; timeouts are for who waits.
        if deadline != Moment::NEVER && deadline <= Moment::now() {
            return Err(error::timed_out());
        }
        op(io, None).map_err(|e| self.explain(e))
    }

    /// As [`Source::run`], for an operation of which the system does not tell when it may succeed: it is tried
    /// again after pauses.
    pub(crate) fn run_with_pauses<R>(
        &self,
        side: Side,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        park::checkpoint();
        let limit = self.limit(side);
        let mut pauses = Pauses::new();
        loop {
            match self.attempt_once(side, |io, _| op(io)) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && !self.is_nonblocking() => {
                    let until = pauses.next(limit).ok_or_else(error::timed_out)?;
                    self.pause(side, until).map_err(error::not_ready)?;
                }
                result => return result,
            }
        }
    }

    /// Waits until `until`; the direction's deadline and `close()` end that.
    pub(super) fn pause(&self, side: Side, until: Moment) -> Result<(), NotReady> {
        self.registration.pause(side, until)
    }

    /// An operation on a stream moved `n` bytes.
    #[inline]
    fn got(&self, side: Side, seen: Option<Seen>, n: usize, wanted: usize) {
        if let Some(seen) = seen
            && n < wanted
            && n > 0
            && !self.in_parts
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
            _ => Err(self.explain(e)),
        }
    }

    /// If it was closed meanwhile the error is that of a dead descriptor.
    #[cold]
    fn explain(&self, e: io::Error) -> io::Error {
        if self.registration.is_closed() {
            error::closed()
        } else {
            e
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

    /// Operations fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.open()?;
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// Whether operations fail instead of waiting.
    #[inline]
    pub(super) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// A direction was shut down: who waits for it is to try again, and will find out.
    pub(crate) fn shut_down(&self, how: Shutdown) {
        if how != Shutdown::Write {
            self.ended.store(true, Ordering::Relaxed);
            self.registration.changed(Side::Read);
        }
        if how != Shutdown::Read {
            self.registration.changed(Side::Write);
        }
    }

    /// Whether reading was [shut down](Source::shut_down).
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Ends all operations, those that wait included; `false`: that was done before.
    pub(crate) fn close(&self) -> bool {
        self.registration.close(self.io.as_fd())
    }
}

/// How long to wait before trying something again of which nobody says when it may succeed: as long as it has
/// taken so far, about, and never long.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(10);

    pub(crate) fn new() -> Pauses {
        Pauses(Pauses::FIRST)
    }

    /// When to try again, at `limit` at the latest; `None`: that has passed.
    pub(crate) fn next(&mut self, limit: Moment) -> Option<Moment> {
        let now = Moment::now();
        let pause = self.0;
        self.0 = (2 * pause).min(Pauses::LONGEST);
        (now < limit).then(|| now.plus(pause).min(limit))
    }
}

/// For tasks.
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
impl<T: AsFd> Source<T> {
    /// As [`Source::parts`], for a task. Deadlines and timeouts do not apply.
    pub(crate) fn poll_parts(
        &self,
        side: Side,
        context: &mut Context<'_>,
        wanted: usize,
        mut op: impl FnMut(&T) -> io::Result<(usize, bool)>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            return Poll::Ready(self.open().map(|_| 0));
        }
        loop {
            let ready = self
                .registration
                .poll_ready(self.io.as_fd(), side, context, spawn::wake);
            let seen = ready!(ready).map_err(error::not_ready)?;
            match op(&self.io) {
                Ok((n, tells)) => {
                    if tells {
                        self.got(side, Some(seen), n, wanted);
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(e) => self.failed(side, seen, e)?,
            }
        }
    }
}

//! `Semaphore`: a number of permits, taken several at a time, first come first served.
//!
//! Not for: mutual exclusion of data; that is a `Mutex`.
//!
//! One word holds the number of free permits and a bit that says whether anybody is queued; the bit is
//! changed with the queue locked. With the bit set nobody takes permits but whoever has the queue
//! locked, on behalf of the queue's head. See README.md.

use super::wait::interrupted;
use goroutines_runtime::park::waitq::{Ask, Batch, List, Place, WaitQueue, Waited};
use goroutines_runtime::park::{Cause, Moment, Reason};
use goroutines_runtime::shim::atomic::{AtomicU64, Ordering};
use std::fmt;
use std::time::{Duration, Instant};

const QUEUED: u64 = 1;
/// One permit.
const ONE: u64 = 2;

/// A weighted semaphore, as Go's `x/sync/semaphore`.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::Semaphore;
/// static SEATS: Semaphore = Semaphore::new(10);
/// let family = SEATS.acquire(4);
/// assert!(SEATS.try_acquire(7).is_none());
/// drop(family);
/// assert!(SEATS.try_acquire(7).is_some());
/// # });
/// ```
///
/// Those who wait are served strictly in the order in which they came, so one that wants many is not
/// starved by those who want few; nobody passes a queue, [`Semaphore::try_acquire`] neither.
/// What was done before a release is visible to who gets the permits.
pub struct Semaphore {
    size: usize,
    state: AtomicU64,
    /// The tag of a waiter is the number of permits it wants.
    queue: WaitQueue,
}

/// Permits of a [`Semaphore`], released when it is dropped.
#[must_use = "if unused the permits are released at once"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    n: usize,
}

/// The time was over before the permits could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireTimeoutError(());

impl fmt::Display for AcquireTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out waiting for permits of a semaphore")
    }
}

impl std::error::Error for AcquireTimeoutError {}

impl Semaphore {
    /// The largest size.
    pub const MAX: usize = (u64::MAX >> 2) as usize;

    /// A semaphore with `size` permits, all of them free.
    ///
    /// # Panics
    ///
    /// If `size` is larger than [`Semaphore::MAX`].
    #[must_use]
    #[track_caller]
    pub const fn new(size: usize) -> Semaphore {
        assert!(size <= Semaphore::MAX, "too many permits");
        Semaphore {
            size,
            state: AtomicU64::new(size as u64 * ONE),
            queue: WaitQueue::new(),
        }
    }

    /// The number of its permits, free or not.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The number of free permits now. There may be some that nobody gets, because the first in the
    /// queue wants more.
    pub fn available(&self) -> usize {
        (self.state.load(Ordering::Relaxed) / ONE) as usize
    }

    /// Waits until `n` permits are free and takes them.
    ///
    /// More permits than there are: it waits for ever, without standing in anybody's way, as in Go.
    #[inline]
    pub fn acquire(&self, n: usize) -> Permit<'_> {
        if !self.take(n) {
            let _ = self.acquire_slow(n, Moment::NEVER);
        }
        Permit { semaphore: self, n }
    }

    /// Takes `n` permits if they are free and nobody waits; never waits.
    #[inline]
    pub fn try_acquire(&self, n: usize) -> Option<Permit<'_>> {
        self.take(n).then(|| Permit { semaphore: self, n })
    }

    /// As [`Semaphore::acquire`], for `timeout` at most.
    ///
    /// # Errors
    ///
    /// If the time is over. With a timeout of zero that is so at once, whatever is free, as in Go when the
    /// context is done; there is [`Semaphore::try_acquire`] for that.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::Semaphore;
    /// use std::time::Duration;
    /// let semaphore = Semaphore::new(1);
    /// let _all = semaphore.acquire(1);
    /// assert!(semaphore.acquire_timeout(1, Duration::from_millis(1)).is_err());
    /// # });
    /// ```
    pub fn acquire_timeout(
        &self,
        n: usize,
        timeout: Duration,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_until(n, Moment::after(timeout))
    }

    /// As [`Semaphore::acquire_timeout`], until a point in time.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn acquire_deadline(
        &self,
        n: usize,
        deadline: Instant,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_until(n, Moment::from_instant(deadline))
    }

    fn acquire_until(&self, n: usize, deadline: Moment) -> Result<Permit<'_>, AcquireTimeoutError> {
        if deadline != Moment::NEVER && Moment::now() >= deadline {
            return Err(AcquireTimeoutError(()));
        }
        if !self.take(n) {
            self.acquire_slow(n, deadline)?;
        }
        Ok(Permit { semaphore: self, n })
    }

    /// Gives `n` permits back that were taken with [`Permit::forget`].
    ///
    /// # Panics
    ///
    /// If that would make more free permits than there are: "semaphore: released more than held".
    /// Nothing is released then.
    #[track_caller]
    pub fn release(&self, n: usize) {
        if !self.give_back(n) {
            panic!("semaphore: released more than held");
        }
    }

    #[inline]
    pub(super) fn give_back(&self, n: usize) -> bool {
        // Release: pairs with the Acquire in `take`.
        let step = |s: u64| {
            let free = (s / ONE).checked_add(n as u64)?;
            (free <= self.size as u64).then_some((free * ONE) | (s & QUEUED))
        };
        match self
            .state
            .fetch_update(Ordering::Release, Ordering::Relaxed, step)
        {
            Ok(s) => {
                if s & QUEUED != 0 {
                    self.serve();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Takes permits that are free and that nobody waits for.
    #[inline]
    fn take(&self, n: usize) -> bool {
        let mut s = self.state.load(Ordering::Relaxed);
        while s & QUEUED == 0 && s / ONE >= n as u64 {
            let rest = s - n as u64 * ONE;
            // Acquire: pairs with the Release in `release`.
            match self
                .state
                .compare_exchange_weak(s, rest, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => s = now,
            }
        }
        false
    }

    #[cold]
    fn acquire_slow(&self, n: usize, deadline: Moment) -> Result<(), AcquireTimeoutError> {
        let ask = Ask::new(Reason::Semaphore).until(deadline).tag(n as u64);
        let waited = if n > self.size {
            // Its turn never comes: it must not stand before others.
            WaitQueue::<1>::new().wait(ask, |_| Some(Place::Back(0)), |_| ())
        } else {
            let enter = |_: &mut [List; 1]| (!self.take_or_queue(n)).then_some(Place::Back(0));
            let mut next = Batch::default();
            let left = |[list]: &mut [List; 1]| next = self.grant(list);
            let waited = self.queue.wait(ask, enter, left);
            next.ready(0);
            waited
        };
        match waited {
            Waited::NotEntered | Waited::Woken(_) => Ok(()),
            Waited::Left(Cause::Deadline) => Err(AcquireTimeoutError(())),
            Waited::Left(cause) => interrupted(cause),
        }
    }

    /// Takes the permits, or sets the bit, with the queue locked.
    fn take_or_queue(&self, n: usize) -> bool {
        let step = |s: u64| {
            let fits = s & QUEUED == 0 && s / ONE >= n as u64;
            Some(if fits { s - n as u64 * ONE } else { s | QUEUED })
        };
        // Acquire: as in `take`.
        match self
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, step)
        {
            Ok(s) => s & QUEUED == 0 && s / ONE >= n as u64,
            Err(_) => false,
        }
    }

    #[cold]
    fn serve(&self) {
        let mut queue = self.queue.lock();
        let [list] = &mut *queue;
        let next = self.grant(list);
        drop(queue);
        next.ready(0);
    }

    /// Gives permits to those at the head of the queue for whom there are enough, in order; the queue
    /// is locked.
    fn grant(&self, list: &mut List) -> Batch {
        let mut batch = Batch::default();
        loop {
            let Some(n) = list.front_tag() else {
                self.state.fetch_and(!QUEUED, Ordering::Relaxed);
                return batch;
            };
            // With the bit set only this takes permits.
            // Acquire: as in `take`; the claim hands it on.
            if self.state.load(Ordering::Acquire) / ONE < n {
                return batch;
            }
            if let Some(taken) = list.take_front() {
                self.state.fetch_sub(n * ONE, Ordering::Relaxed);
                batch.push(taken);
            }
        }
    }
}

impl Permit<'_> {
    /// How many permits these are.
    pub fn count(&self) -> usize {
        self.n
    }

    /// Keeps the permits taken for good, or until somebody calls [`Semaphore::release`].
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::Semaphore;
    /// static SEMAPHORE: Semaphore = Semaphore::new(1);
    /// SEMAPHORE.acquire(1).forget();
    /// goroutines::go!(|| SEMAPHORE.release(1));
    /// let _again = SEMAPHORE.acquire(1);
    /// # });
    /// ```
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.semaphore.give_back(self.n) && !std::thread::panicking() {
            panic!("semaphore: released more than held");
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("count", &self.n)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("size", &self.size)
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}

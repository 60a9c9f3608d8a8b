//! `Pool`: values that are kept for using them again.
//!
//! Not for: values that must not be lost, or of which there is a fixed number.
//!
//! There are a few lanes, each a stack under a lock of its own; a worker uses "its" lane and looks into
//! the others only when that is empty.

use goroutines_runtime::park::{self, Moment};
use goroutines_runtime::shim::Lock;
use goroutines_runtime::shim::atomic::{AtomicUsize, Ordering};
use std::fmt;
use std::time::Duration;

/// How many lanes there are.
const LANES: usize = 8;
/// How many values a lane keeps.
const KEEP: usize = 64;
/// How often what was not used is dropped.
const TRIM: Duration = Duration::from_secs(1);
/// How many values come back before the clock is looked at.
const PUTS: u32 = 32;

/// A set of values to use again, as Go's `sync.Pool`.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::Pool;
/// static BUFFERS: Pool<Vec<u8>> = Pool::new(Vec::new);
/// let mut buffer = BUFFERS.get();
/// buffer.extend_from_slice(b"hello");
/// buffer.clear();
/// BUFFERS.put(buffer);
/// # });
/// ```
///
/// [`Pool::get`] gives some value that was put in before, in no particular order, or makes a new one if
/// there is none. Each value is handed out once.
///
/// # What is kept
///
/// A pool keeps 64 values for each of 8 lanes (each worker has one; with more than eight workers some
/// share); what is put in beyond that is dropped. About once a second, if values are put in, a lane
/// drops those that it has had to spare all that second. A pool that nobody uses keeps what it has.
pub struct Pool<T, F = fn() -> T> {
    make: F,
    lanes: [Lane<T>; LANES],
}

// A line for each, and its neighbour, which the processor fetches with it.
#[repr(align(128))]
struct Lane<T> {
    /// The length of the stack, for looking from outside.
    len: AtomicUsize,
    stack: Lock<Stack<T>>,
}

struct Stack<T> {
    values: Vec<T>,
    /// The smallest length since the last trimming.
    spare: usize,
    puts: u32,
    /// When to trim next; zero: not known yet.
    next: Moment,
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// An empty pool for values that `make` makes.
    #[must_use]
    pub const fn new(make: F) -> Pool<T, F> {
        Pool {
            make,
            lanes: [const { Lane::new() }; LANES],
        }
    }

    /// A value from the pool; a new one if there is none.
    pub fn get(&self) -> T {
        self.try_get().unwrap_or_else(|| (self.make)())
    }

    /// A value from the pool, if there is one.
    pub fn try_get(&self) -> Option<T> {
        let first = park::lane();
        (0..LANES).find_map(|i| self.lanes[first.wrapping_add(i) % LANES].pop())
    }

    /// Puts a value in, for somebody to use.
    ///
    /// What was done with it before is visible to who gets it.
    pub fn put(&self, value: T) {
        let rest = self.lanes[park::lane() % LANES].push(value);
        // Values are dropped with nothing locked.
        drop(rest);
    }
}

impl<T> Lane<T> {
    const fn new() -> Lane<T> {
        let stack = Stack {
            values: Vec::new(),
            spare: 0,
            puts: 0,
            next: Moment(0),
        };
        Lane {
            len: AtomicUsize::new(0),
            stack: Lock::new(stack),
        }
    }

    fn pop(&self) -> Option<T> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut stack = self.stack.lock();
        let value = stack.values.pop();
        let len = stack.values.len();
        stack.spare = stack.spare.min(len);
        self.len.store(len, Ordering::Relaxed);
        value
    }

    /// Gives what is to be dropped.
    fn push(&self, value: T) -> Vec<T> {
        let mut stack = self.stack.lock();
        if stack.values.len() >= KEEP {
            return vec![value];
        }
        stack.values.push(value);
        stack.puts += 1;
        let rest = if stack.puts >= PUTS {
            stack.trim(Moment::now())
        } else {
            Vec::new()
        };
        self.len.store(stack.values.len(), Ordering::Relaxed);
        rest
    }
}

impl<T> Stack<T> {
    fn trim(&mut self, now: Moment) -> Vec<T> {
        self.puts = 0;
        if now < self.next {
            return Vec::new();
        }
        // The first time there is no second to look back on.
        let spare = if self.next == Moment(0) {
            0
        } else {
            self.spare
        };
        let rest = self.values.drain(..spare).collect();
        self.spare = self.values.len();
        self.next = now.plus(TRIM);
        rest
    }
}

impl<T, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len: usize = self
            .lanes
            .iter()
            .map(|lane| lane.len.load(Ordering::Relaxed))
            .sum();
        f.debug_struct("Pool")
            .field("len", &len)
            .finish_non_exhaustive()
    }
}

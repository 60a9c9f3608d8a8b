//! A handle to a goroutine: its number, its name, waking it.

use goroutines_runtime::spawn::{self, Handle};
use goroutines_runtime::{observe, park};
use std::fmt;
use std::hash::{Hash, Hasher};

/// A handle to a goroutine, as [`std::thread::Thread`] is one to a thread.
///
/// Keeping it keeps the goroutine's record (128 bytes), not its stack. On a plain OS thread
/// [`current`] gives a handle that stands for the thread.
#[derive(Clone)]
#[repr(transparent)]
pub struct Goroutine(Handle);

/// The number of a goroutine. No two goroutines of a process have the same; main is number 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoroutineId(u64);

impl GoroutineId {
    /// The number itself, as messages print it.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoroutineId({})", self.0)
    }
}

impl fmt::Display for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Goroutine {
    #[allow(unsafe_code, reason = "a transparent wrapper around a reference")]
    pub(crate) fn from_ref(handle: &Handle) -> &Goroutine {
        // SAFETY: `Goroutine` is a transparent wrapper of `Handle`.
        unsafe { &*std::ptr::from_ref(handle).cast::<Goroutine>() }
    }

    /// Its number.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let first = goroutines::spawn(|| goroutines::current().id()).join().unwrap();
    /// assert_ne!(first, goroutines::current().id());
    /// # });
    /// ```
    pub fn id(&self) -> GoroutineId {
        GoroutineId(self.0.g().id())
    }

    /// The name it was given with [`Builder::name`](crate::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.0.g().name()
    }

    /// Gives it the token that [`park`](crate::park) waits for, and wakes it if it does.
    ///
    /// There is one token: several calls before the next `park` count as one. What happened before
    /// this call is visible after the `park` it ends. On a goroutine that has ended it does nothing.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let sleeper = goroutines::spawn(goroutines::park);
    /// sleeper.goroutine().unpark();
    /// sleeper.join().unwrap();
    /// # });
    /// ```
    pub fn unpark(&self) {
        park::unpark(&self.0);
    }
}

impl PartialEq for Goroutine {
    fn eq(&self, other: &Goroutine) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Goroutine {}

impl Hash for Goroutine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for Goroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goroutine")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

/// A handle to the goroutine that calls this, or to its thread if it is not in one.
pub fn current() -> Goroutine {
    Goroutine(spawn::current_handle())
}

/// How many goroutines there are: running, ready, waiting and not yet started, main included.
///
/// The runtime's own threads and plain OS threads are not counted. A goroutine is counted until just
/// before its [`JoinHandle`](crate::JoinHandle) or [`WaitGroup`](crate::sync::WaitGroup::go) learns of
/// its end, so after joining all of them only main is left. The number may be out of date by the time it
/// is returned.
pub fn num_goroutines() -> usize {
    observe::num_goroutines() as usize
}

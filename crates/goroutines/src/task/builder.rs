//! Starting goroutines.
#![allow(
    unsafe_code,
    reason = "states for each way of spawning why its closure may run there"
)]

use super::handle::JoinHandle;
use goroutines_runtime::spawn::{self, Options};
use std::panic::Location;

pub use goroutines_runtime::spawn::SpawnError;

/// Starts a goroutine that runs `f`; its result can be taken by joining.
///
/// The call does not wait for the goroutine to start. Until it starts it has no stack and may start on
/// any worker; from then on it stays there. Dropping the handle lets it run by itself.
///
/// # Panics
///
/// If the goroutine cannot be made; [`Builder::spawn`] gives an error instead.
///
/// ```
/// # goroutines::run(|| {
/// let answer = goroutines::spawn(|| 6 * 7);
/// assert_eq!(answer.join().unwrap(), 42);
/// # });
/// ```
#[inline]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: `F` and `T` may be sent and own what they use.
    match unsafe { spawn::joinable(None, f, nothing, Location::caller()) } {
        Ok(join) => JoinHandle(join),
        Err(error) => panic!("{error}"),
    }
}

/// Starts a goroutine on the caller's own worker: `f` need not be `Send`.
///
/// ```
/// # goroutines::run(|| {
/// use std::{cell::Cell, rc::Rc};
/// let shared = Rc::new(Cell::new(1));
/// let same = shared.clone();
/// goroutines::spawn_local(move || same.set(2)).join().unwrap();
/// assert_eq!(shared.get(), 2);
/// # });
/// ```
///
/// # Panics
///
/// If the goroutine cannot be made, or if this is not called in a goroutine: a plain thread has no
/// worker to stay on.
#[inline]
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    match Builder::new().spawn_local(f) {
        Ok(handle) => handle,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn nothing() {}

/// Makes a goroutine with a name or a stack of its own, as [`std::thread::Builder`].
///
/// ```
/// # goroutines::run(|| {
/// let named = goroutines::Builder::new()
///     .name("fetcher".into())
///     .stack_size(1 << 20)
///     .spawn(|| goroutines::current().name().map(String::from))
///     .unwrap();
/// assert_eq!(named.join().unwrap().as_deref(), Some("fetcher"));
/// # });
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
    worker: Option<usize>,
    migratable: bool,
}

impl Builder {
    /// With the defaults: no name, the runtime's stack size.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the goroutine, for panic messages and reports.
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// The least number of bytes its stack is to have room for.
    ///
    /// This is address space; memory is used as far as it is touched. Sizes are rounded up to the next of
    /// 48 KiB, 240 KiB, about 1 MiB, about 8 MiB, and whole MiB above that; zero and other small
    /// numbers give the smallest stack. Sizes that no machine has are an error when spawning.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the goroutine on the worker with this number, where it stays; numbers from that of
    /// [`runtime::workers`](crate::runtime::workers) on begin again at 0.
    ///
    /// For programs that divide their work among the workers themselves, such as a server that accepts on
    /// each. Leave it to the scheduler otherwise: if that worker is busy, the goroutine waits for it, and no
    /// other may take it. `spawn_local` does not look at this.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// let on_each = |i| goroutines::Builder::new().worker(i).spawn(|| std::thread::current().id());
    /// let handles: Vec<_> = (0..goroutines::runtime::workers()).map(on_each).collect();
    /// let threads: std::collections::HashSet<_> =
    ///     handles.into_iter().map(|h| h.unwrap().join().unwrap()).collect();
    /// assert_eq!(threads.len(), goroutines::runtime::workers());
    /// # });
    /// ```
    pub fn worker(mut self, index: usize) -> Builder {
        self.worker = Some(index);
        self
    }

    /// Lets the goroutine go on on another worker after it has waited, as Go does.
    ///
    /// A blocked or busy worker then does not hold it up. It is also what makes other stackful
    /// libraries unsound, so it has to be asked for:
    ///
    /// # Safety
    ///
    /// The goroutine may be on another thread after every call that may wait, and after every drop
    /// that may. Nothing that belongs to a thread may be live across such a call: no value that is not
    /// `Send` (an `Rc`, a guard of a `std` lock, a `ThreadRng`), no reference into a `thread_local!`,
    /// and no code may be inlined around it in which the compiler has kept the address of a
    /// thread-local, which includes safe code of dependencies. You vouch for every function that the
    /// goroutine calls.
    pub unsafe fn migratable(mut self) -> Builder {
        self.migratable = true;
        self
    }

    fn options(self, local: bool) -> Result<Options, SpawnError> {
        let stack = self.stack_size.map(spawn::check_stack).transpose()?;
        let name = self.name.map(String::into_boxed_str);
        Ok(Options {
            name,
            stack,
            local,
            worker: self.worker.filter(|_| !local),
            migratable: self.migratable,
            ..Options::default()
        })
    }

    /// As [`spawn()`], with these settings.
    ///
    /// # Errors
    ///
    /// If the name has a NUL byte in it, the stack size cannot be had, there is no memory or no
    /// mapping for a stack, or the runtime cannot be started. Nothing has been started then, and `f`
    /// has been dropped.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = self.options(false)?;
        // SAFETY: `F` and `T` may be sent and own what they use; who called `migratable` vouched for
        // what follows from it.
        unsafe { spawn::joinable(Some(options), f, nothing, Location::caller()) }.map(JoinHandle)
    }

    /// As [`spawn_local`], with these settings. A goroutine made this way does not migrate.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`]; and [`SpawnError::NotInGoroutine`] on a plain thread.
    #[track_caller]
    pub fn spawn_local<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let options = Options {
            migratable: false,
            ..self.options(true)?
        };
        // SAFETY: `local` starts it on this thread, where it stays; `JoinHandle<T>` is not `Send` if
        // `T` is not. Both own what they use.
        unsafe { spawn::joinable(Some(options), f, nothing, Location::caller()) }.map(JoinHandle)
    }

    pub(crate) fn scoped_options(self) -> Result<Options, SpawnError> {
        self.options(false)
    }
}

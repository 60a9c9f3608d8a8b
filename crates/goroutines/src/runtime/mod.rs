//! The runtime as users see it: starting it, its settings, its numbers.
//!
//! There is one runtime per process. It starts by itself at the first use of a goroutine, with settings
//! from the environment; [`builder`] sets them before that. A value in the environment that cannot be
//! used is an error that names the variable and what it may be.
//!
//! | variable | setting | default |
//! |---|---|---|
//! | `GOROUTINES_MAXPROCS` | [`Builder::workers`] | processors this process may use, container quotas included |
//! | `GOROUTINES_STACK` | [`Builder::stack_size`]; `256K`, `8M`, `1G` are understood | 240 KiB |
//! | `GOROUTINES_MAIN_STACK` | [`Builder::main_stack_size`] | about 8 MiB |
//! | `GOROUTINES_PANIC` | [`Builder::panic_policy`]: `isolate` or `exit` | `isolate` |
//! | `GOROUTINES_STALL_MS` | [`Builder::stall_after`]; 0: never | 100 |
//! | `GOROUTINES_SPIN_US` | [`Builder::spin`] | 50 |
//! | `GOROUTINES_BLOCKING` | [`Builder::blocking_threads`] | 512 |
//! | `GOROUTINES_SCAVENGE_MS` | [`Builder::scavenge_after`]; 0: never | 1000 |
//! | `GOROUTINES_SEED` | [`Builder::seed`] | random |

use goroutines_runtime::sched::builder::{self as lifecycle, Config};
use goroutines_runtime::{observe, spawn};
use std::io;
use std::num::NonZero;
use std::panic::Location;
use std::time::Duration;

pub use goroutines_runtime::observe::{Metrics, WorkerMetrics};
pub use goroutines_runtime::sched::builder::{ConfigError, PanicPolicy, StartError};

/// Runs `f` as a goroutine and returns its result; the calling thread waits meanwhile.
///
/// This is how a plain thread enters the world of goroutines without
/// [`#[goroutines::main]`](crate::main). In a goroutine it just calls `f`. The goroutine's stack is
/// that of main, about 8 MiB by default. `f` may borrow from the caller.
///
/// When `f` returns, goroutines that it started and did not wait for go on.
///
/// ```
/// let answer = goroutines::run(|| goroutines::spawn(|| 42).join().unwrap());
/// assert_eq!(answer, 42);
/// ```
///
/// # Panics
///
/// A panic of `f` goes on in the caller. If the runtime cannot be started, with the reason.
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match spawn::run(f, Location::caller()) {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Settings for the runtime, to be made before it starts.
///
/// ```
/// goroutines::runtime::builder()
///     .workers(2)
///     .stack_size(128 * 1024)
///     .start()
///     .unwrap();
/// assert_eq!(goroutines::runtime::workers(), 2);
/// ```
pub fn builder() -> Builder {
    Builder {
        config: lifecycle::config(),
    }
}

/// See [`builder`]. A setting that cannot be used is reported by [`Builder::start`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it starts"]
pub struct Builder {
    config: Result<Config, StartError>,
}

impl Builder {
    fn set(mut self, f: impl FnOnce(&mut Config) -> Result<(), ConfigError>) -> Builder {
        if let Ok(config) = &mut self.config
            && let Err(error) = f(config)
        {
            self.config = Err(StartError::Config(error));
        }
        self
    }

    /// How many goroutines run at once, each on a thread of its own: from 1 to 1024.
    pub fn workers(self, n: usize) -> Builder {
        self.set(|c| {
            if !(1..=lifecycle::MAX_WORKERS).contains(&n) {
                let most = lifecycle::MAX_WORKERS;
                return Err(ConfigError::new(format!(
                    "{n} workers: it must be from 1 to {most}"
                )));
            }
            c.workers = n;
            Ok(())
        })
    }

    /// The stack of a goroutine that does not ask for another size, in bytes.
    pub fn stack_size(self, bytes: usize) -> Builder {
        self.set(|c| lifecycle::stack_size(bytes).map(|size| c.stack = size))
    }

    /// The stack of the main goroutine, in bytes.
    pub fn main_stack_size(self, bytes: usize) -> Builder {
        self.set(|c| lifecycle::stack_size(bytes).map(|size| c.main_stack = size))
    }

    /// What happens when a goroutine panics.
    pub fn panic_policy(self, policy: PanicPolicy) -> Builder {
        self.set(|c| {
            c.panic = policy;
            Ok(())
        })
    }

    /// How long a goroutine may keep others at home on its worker from running before that is
    /// reported on standard error; `None`: it is not.
    pub fn stall_after(self, limit: Option<Duration>) -> Builder {
        self.set(|c| {
            c.stall = limit;
            Ok(())
        })
    }

    /// How long a worker without work looks for some before it sleeps. Zero saves power and costs
    /// latency.
    pub fn spin(self, most: Duration) -> Builder {
        self.set(|c| {
            c.spin = most;
            Ok(())
        })
    }

    /// How many threads [`blocking`](crate::blocking) may use, at least 1.
    pub fn blocking_threads(self, most: usize) -> Builder {
        self.set(|c| {
            if most == 0 {
                return Err(ConfigError::new(
                    "0 blocking threads: it must be 1 at least",
                ));
            }
            c.blocking = most;
            Ok(())
        })
    }

    /// How long a goroutine has waited before the unused pages of its stack are given back; `None`:
    /// only when [`scavenge`] is called.
    pub fn scavenge_after(self, age: Option<Duration>) -> Builder {
        self.set(|c| {
            c.scavenge = age;
            Ok(())
        })
    }

    /// Makes the choices of the scheduler repeat from run to run, as far as threads allow.
    pub fn seed(self, seed: u64) -> Builder {
        self.set(|c| {
            c.seed = Some(seed);
            Ok(())
        })
    }

    /// Keeps the settings for when the runtime starts.
    ///
    /// # Errors
    ///
    /// If a setting cannot be used, or the runtime has been started already.
    pub fn configure(self) -> Result<(), StartError> {
        lifecycle::configure(self.config?)
    }

    /// Starts the runtime with these settings, all workers on threads of their own.
    ///
    /// # Errors
    ///
    /// As [`Builder::configure`], and if no thread can be started.
    pub fn start(self) -> Result<(), StartError> {
        self.configure()?;
        lifecycle::ensure().map(drop)
    }

    /// Starts the runtime with these settings and [`run`]s `f`.
    ///
    /// # Errors
    ///
    /// As [`Builder::start`]; `f` has not run then.
    ///
    /// # Panics
    ///
    /// A panic of `f` goes on in the caller.
    #[track_caller]
    pub fn run<F, T>(self, f: F) -> Result<T, StartError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.configure()?;
        Ok(run(f))
    }
}

/// How many workers run goroutines, as Go's `GOMAXPROCS(0)`: of the runtime if it has started, or
/// that it would have.
///
/// ```
/// assert!(goroutines::runtime::workers() >= 1);
/// ```
pub fn workers() -> usize {
    lifecycle::config().map_or(1, |c| c.workers)
}

/// How many goroutines run at the same time, which is how many it is good to divide computing among; as
/// [`std::thread::available_parallelism`].
///
/// That is the number of [`workers`], which is what `std`'s function says when the runtime starts, unless
/// the program or its environment asks for another.
///
/// # Errors
///
/// If the settings in the environment cannot be used.
///
/// ```
/// let parts = goroutines::available_parallelism()?.get();
/// assert_eq!(parts, goroutines::runtime::workers());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    let workers = lifecycle::config().map_err(io::Error::other)?.workers;
    Ok(NonZero::new(workers).unwrap_or(NonZero::<usize>::MIN))
}

/// What the runtime has counted so far; the numbers are not all from one instant.
///
/// ```
/// # goroutines::run(|| {
/// assert!(goroutines::runtime::metrics().goroutines >= 1);
/// # });
/// ```
pub fn metrics() -> Metrics {
    observe::metrics()
}

/// Gives memory back to the system now: the unused stack pages of all waiting goroutines, and all idle
/// stacks. Waits for the workers that are not busy, half a second at most.
///
/// The runtime does this by itself once goroutines have waited for a while
/// ([`Builder::scavenge_after`]). Gives the number of bytes of address space given back so far; how many
/// of them held memory is not known.
///
/// ```
/// # goroutines::run(|| {
/// goroutines::runtime::scavenge();
/// # });
/// ```
pub fn scavenge() -> u64 {
    lifecycle::scavenge()
}

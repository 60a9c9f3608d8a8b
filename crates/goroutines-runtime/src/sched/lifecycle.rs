//! The one runtime of the process: starting it, being its main thread, leaving, forking.
//!
//! Not for: what workers do (`worker`).

use super::config::{Config, ConfigError, MAX_WORKERS};
use super::idle::Idle;
use super::inject::Inject;
use super::monitor::Monitor;
use super::place::Starved;
use super::scavenge::Passes;
use super::worker::{Here, Worker, be_nowhere};
use crate::g::{Flags, G};
use crate::shim::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::shim::{Lock, OnceLock};
use std::fmt;

/// The most workers that are started because others are stuck.
const SPARES: usize = 64;

// The words of locks have 16 bits for a worker (`park::Spot::number`).
const _: () = assert!(MAX_WORKERS + SPARES < 1 << 16);

/// Everything the workers share.
#[derive(Debug)]
pub struct Runtime {
    /// The settings it was started with.
    pub config: Config,
    workers: Box<[OnceLock<&'static Worker>]>,
    count: AtomicUsize,
    serving: AtomicUsize,
    growing: Lock<()>,
    pub(super) inject: Inject,
    pub(super) idle: Idle,
    pub(crate) starved: Starved,
    pub(super) passes: Passes,
    pub(super) monitor: Monitor,
    /// Spawned by threads that are not workers.
    spawned_outside: AtomicU64,
    /// What the end of a goroutine has to look at; see `after_end`.
    special: AtomicU32,
}

/// Goroutines wait for a stack.
pub(super) const STARVED: u32 = 1;
/// The main goroutine has called `exit`.
const MAIN_GONE: u32 = 2;
/// This process is a forked child.
const FORKED: u32 = 4;
/// There is no worker: its thread could not be started.
const FAILED: u32 = 8;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static STARTING: Lock<Option<Config>> = Lock::new(None);

/// The runtime, if it has been started.
#[inline]
pub fn started() -> Option<&'static Runtime> {
    RUNTIME.get()
}

/// Why there is no runtime.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used.
    Config(ConfigError),
    /// It was started before, with other settings.
    AlreadyStarted,
    /// No worker thread could be started.
    Thread(String),
    /// This is a forked child: its parent's threads are not here.
    Forked,
}

/// `InvalidInput` for what is configured wrongly, else `Other`.
impl From<StartError> for std::io::Error {
    fn from(error: StartError) -> std::io::Error {
        let kind = match error {
            StartError::Config(_) => std::io::ErrorKind::InvalidInput,
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(e) => e.fmt(f),
            StartError::AlreadyStarted => f.write_str(
                "the runtime has been started already: configure it before the first use of a goroutine",
            ),
            StartError::Thread(e) => write!(f, "no worker thread could be started: {e}"),
            StartError::Forked => f.write_str(
                "a forked child has no workers: call exec or _exit, or fork before the first goroutine",
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// Sets what the runtime will be started with.
pub fn configure(config: Config) -> Result<(), StartError> {
    let mut pending = STARTING.lock();
    if started().is_some() {
        return Err(StartError::AlreadyStarted);
    }
    *pending = Some(config);
    Ok(())
}

/// The settings that the runtime has or would be started with now.
pub fn config() -> Result<Config, StartError> {
    match started() {
        Some(runtime) => Ok(runtime.config.clone()),
        None => match STARTING.lock().as_ref() {
            Some(config) => Ok(config.clone()),
            None => Config::from_env().map_err(StartError::Config),
        },
    }
}

/// The runtime; starts it, with all workers on threads of their own, if it has not been.
#[inline]
pub fn ensure() -> Result<&'static Runtime, StartError> {
    match started() {
        Some(runtime) if !runtime.is(FORKED | FAILED) => Ok(runtime),
        Some(runtime) => start_again(runtime),
        None => start(0).map(|(runtime, _)| runtime),
    }
}

/// Starts the runtime; `true` if this call did. The workers below `first` are left to the caller.
fn start(first: usize) -> Result<(&'static Runtime, bool), StartError> {
    let mut pending = STARTING.lock();
    if let Some(runtime) = started() {
        return Ok((runtime, false));
    }
    let config = match pending.take() {
        Some(config) => config,
        None => Config::from_env().map_err(StartError::Config)?,
    };
    if let Some(seed) = config.seed {
        crate::seam::choice::fix_seed(seed);
    }
    crate::sys::membarrier::register_early();
    let all = config.workers + SPARES;
    let n = config.workers;
    let runtime = RUNTIME.get_or_init(|| Runtime {
        config,
        workers: (0..all).map(|_| OnceLock::new()).collect(),
        count: AtomicUsize::new(0),
        serving: AtomicUsize::new(0),
        growing: Lock::new(()),
        inject: Inject::new(),
        idle: Idle::new(all),
        starved: Starved::default(),
        passes: Passes::default(),
        monitor: Monitor::default(),
        spawned_outside: AtomicU64::new(0),
        special: AtomicU32::new(0),
    });
    super::report::install();
    crate::sys::fork::on_fork_in_child(forked);
    for i in 0..n {
        let worker = runtime.add_worker();
        if i >= first
            && let Err(error) = serve_on_thread(worker)
        {
            if i == first {
                runtime.set_special(FAILED, true);
                return Err(StartError::Thread(error.to_string()));
            }
            crate::note!("goroutines: only {i} of {n} workers: {error}");
            break;
        }
    }
    super::monitor::start(runtime);
    Ok((runtime, true))
}

/// What `ensure` does when something is wrong.
#[cold]
fn start_again(runtime: &'static Runtime) -> Result<&'static Runtime, StartError> {
    let _pending = STARTING.lock();
    if runtime.is(FORKED) {
        return Err(StartError::Forked);
    }
    if runtime.is(FAILED) {
        let worker = runtime.worker(0).unwrap_or_else(|| runtime.add_worker());
        serve_on_thread(worker).map_err(|error| StartError::Thread(error.to_string()))?;
        runtime.set_special(FAILED, false);
        super::monitor::start(runtime);
    }
    Ok(runtime)
}

fn serve_on_thread(worker: &'static Worker) -> std::io::Result<()> {
    // It counts from now on, so that a fast spawner does not think itself alone.
    worker.runtime.enter(worker);
    let spawned = std::thread::Builder::new()
        .name(format!("goroutines-{}", worker.index))
        .spawn(move || serve(worker, None));
    if spawned.is_err() {
        worker.runtime.leave(worker);
    }
    spawned.map(drop)
}

/// Runs a worker on this thread until `main` ends, or for ever.
fn serve(worker: &'static Worker, main: Option<&'static G>) {
    let _alt_stack = goroutines_fiber::guard::install_alt_stack();
    crate::sys::thread::fine_timers();
    worker
        .tid
        .store(crate::sys::thread::id(), Ordering::Relaxed);
    let here = worker.be_here();
    here.work(main);
    linger(here);
    be_nowhere();
    worker.tid.store(0, Ordering::Relaxed);
}

/// Starts the runtime with this thread as worker 0, and runs what `make` gives until it ends.
/// `false`: it had been started before, and nothing was run. `gone` says afterwards whether the main
/// goroutine called `exit`.
pub(crate) fn serve_main(
    make: impl FnOnce() -> Option<&'static G>,
    gone: impl FnOnce() -> bool,
) -> Result<bool, StartError> {
    let (runtime, first) = start(1)?;
    if runtime.is(FORKED) {
        return Err(StartError::Forked);
    }
    if !first {
        return Ok(false);
    }
    let Some(worker) = runtime.worker(0) else {
        return Ok(false);
    };
    runtime.enter(worker);
    let Some(main) = make() else {
        runtime.leave(worker);
        return Ok(false);
    };
    main.set_home(0);
    worker.inbox.push(main);
    serve(worker, Some(main));
    if gone() {
        // It has called `exit`: the process lives as long as others do.
        runtime.set_special(MAIN_GONE, true);
        runtime.end_if_alone();
        serve(worker, None);
    }
    runtime.leave(worker);
    Ok(true)
}

impl Runtime {
    /// Whether this process is a forked child, in which the runtime is its parent's.
    pub(super) fn is_forked(&self) -> bool {
        self.is(FORKED)
    }

    fn is(&self, what: u32) -> bool {
        self.special.load(Ordering::Relaxed) & what != 0
    }

    /// Something that the end of a goroutine has to look at has begun or ended.
    pub(super) fn set_special(&self, what: u32, on: bool) {
        if on {
            self.special.fetch_or(what, Ordering::Relaxed);
        } else {
            self.special.fetch_and(!what, Ordering::Relaxed);
        }
    }

    fn add_worker(&'static self) -> &'static Worker {
        let _growing = self.growing.lock();
        let index = self.count.load(Ordering::Relaxed);
        let worker = self.workers[index].get_or_init(|| {
            // Never freed: its thread, wakers and thieves may refer to it at any time.
            Box::leak(Box::new(Worker::new(self, index)))
        });
        // Release: pairs with the Acquire in `workers`.
        self.count.store(index + 1, Ordering::Release);
        worker
    }

    /// Starts one more worker thread, if there is room for one; `false`: there is not.
    pub(super) fn replace_worker(&'static self) -> bool {
        if self.workers() >= self.workers.len() || self.is(FORKED) {
            return false;
        }
        serve_on_thread(self.add_worker()).is_ok()
    }

    fn enter(&self, worker: &Worker) {
        worker.absent.store(false, Ordering::Relaxed);
        self.serving.fetch_add(1, Ordering::Relaxed);
    }

    fn leave(&self, worker: &Worker) {
        worker.absent.store(true, Ordering::Relaxed);
        self.serving.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many workers there are, with a thread or without.
    #[inline]
    pub fn workers(&self) -> usize {
        // Acquire: pairs with the Release in `add_worker`.
        self.count.load(Ordering::Acquire)
    }

    /// How many workers have a thread.
    #[inline]
    pub fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn worker(&self, index: usize) -> Option<&'static Worker> {
        self.workers.get(index).and_then(OnceLock::get).copied()
    }

    /// All workers.
    pub(crate) fn each_worker(&self) -> impl Iterator<Item = &'static Worker> + '_ {
        (0..self.workers()).filter_map(|i| self.worker(i))
    }

    /// Wakes every worker that sleeps.
    pub(super) fn wake_all(&self) {
        for worker in self.each_worker() {
            worker.wake();
        }
    }

    /// Queues an unstarted goroutine from a thread that is not a worker.
    pub(crate) fn inject(&'static self, g: &'static G) {
        self.spawned_outside.fetch_add(1, Ordering::Relaxed);
        self.inject.push(g);
        self.idle.wake_for_inject(self);
    }

    /// Counts the main goroutine.
    pub(crate) fn count_outside(&self) {
        self.spawned_outside.fetch_add(1, Ordering::Relaxed);
    }

    /// How many goroutines there are.
    pub fn live(&self) -> u64 {
        // The ends first: each belongs to a start that is counted by then.
        let ended: u64 = self.each_worker().map(|w| w.counts().ended.get()).sum();
        self.spawned().saturating_sub(ended)
    }

    /// How many goroutines there have been.
    pub fn spawned(&self) -> u64 {
        let inside: u64 = self.each_worker().map(|w| w.counts().spawned.get()).sum();
        inside + self.spawned_outside.load(Ordering::Relaxed)
    }

    /// Called by a worker after a goroutine has ended.
    #[inline]
    pub(super) fn after_end(&self, here: Here) {
        if self.special.load(Ordering::Relaxed) != 0 {
            self.after_special_end(here);
        }
    }

    #[cold]
    fn after_special_end(&self, here: Here) {
        if self.is(FORKED) {
            // The goroutine that forked has returned, in the child. Nothing else is here.
            std::process::exit(0);
        }
        if let Some(g) = self.starved.pop(self) {
            if g.has(Flags::PLACED) {
                // It may start on its own worker only.
                super::ready::send_home(g);
            } else {
                here.push_homed(g);
            }
        }
        self.end_if_alone();
    }
}

impl Runtime {
    /// Without a main goroutine the process ends with the last of the others.
    fn end_if_alone(&self) {
        // Where signals are waited for, one may start a goroutine at any time (SEMANTICS SI-8).
        if self.is(MAIN_GONE) && self.live() == 0 && !crate::sys::signal::in_use() {
            crate::note!("fatal error: no goroutines (main called exit) - deadlock!");
            std::process::exit(2);
        }
    }
}

/// Called when the main goroutine has returned: lets a panic that is about to end the process
/// (`PanicPolicy::Exit`) do so first, for a thousand rounds, or 50 ms without any (SEMANTICS GO-9).
fn linger(here: Here) {
    let mut patience = 50;
    for _ in 0..1_000 {
        if !super::report::crashing() || patience == 0 {
            return;
        }
        if !here.work_once() {
            patience -= 1;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

/// Called in a forked child, on its only thread.
fn forked() {
    if let Some(runtime) = started() {
        runtime.set_special(FORKED, true);
    }
    crate::sys::signal::forked();
    // From now on this is an ordinary thread: what waits blocks it, nothing is scheduled.
    be_nowhere();
}

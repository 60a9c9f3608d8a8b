//! Getting a record for a new goroutine, and queueing it.
//!
//! Not for: what it runs.
#![allow(unsafe_code, reason = "puts the packet into a record of our own")]

use super::end::Outcome;
use super::packet;
use crate::current;
use crate::g::{Ext, Flags, G, Status, Task, registry};
use crate::sched::lifecycle::{self, Runtime, StartError};
use crate::sched::ready;
use crate::sched::worker::here;
use goroutines_fiber::{Class, StackError, StackErrorKind, StackSize, take_shared};
use std::cell::Cell;
use std::fmt;
use std::panic::Location;

/// What can be asked for when a goroutine is made.
#[derive(Debug, Default)]
pub struct Options {
    /// Its name.
    pub name: Option<Box<str>>,
    /// How large a stack it needs.
    pub stack: Option<StackSize>,
    /// Start it on this worker.
    pub local: bool,
    /// Start it on the worker with this number (modulo how many there are), and no other.
    pub worker: Option<usize>,
    /// Give it number 1, if no other has it.
    pub main: bool,
    /// Let it move between workers; see `Builder::migratable` for what its maker vouches for.
    pub migratable: bool,
}

/// Which goroutine that waits to start goes first, of those started on one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The newest, after those of the other kind: this is what keeps few stacks in use.
    NewestFirst,
    /// The oldest; and it starts where it waits, or with a thief, but is not placed on a worker that
    /// has fewer. For what is short, and came from outside.
    InTurn,
}

/// Why a goroutine could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// There is no runtime to run it.
    Start(StartError),
    /// No stack of that size can be had, or none at all for now.
    Stack(StackError),
    /// There was no memory for its record.
    OutOfMemory,
    /// `spawn_local` was called outside a goroutine.
    NotInGoroutine,
    /// The name has a NUL byte in it.
    BadName,
}

/// `OutOfMemory` if there is none for a stack, `InvalidInput` for a bad name, size or configuration, else
/// `Other`.
impl From<SpawnError> for std::io::Error {
    fn from(error: SpawnError) -> std::io::Error {
        let kind = match &error {
            SpawnError::Start(StartError::Config(_)) | SpawnError::BadName => {
                std::io::ErrorKind::InvalidInput
            }
            SpawnError::OutOfMemory => std::io::ErrorKind::OutOfMemory,
            SpawnError::Stack(stack) => match stack.kind() {
                StackErrorKind::TooLarge => std::io::ErrorKind::InvalidInput,
                _ => std::io::ErrorKind::OutOfMemory,
            },
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Start(e) => write!(f, "cannot spawn a goroutine: {e}"),
            SpawnError::Stack(e) => write!(f, "cannot spawn a goroutine: {e}"),
            SpawnError::OutOfMemory => {
                f.write_str("cannot spawn a goroutine: out of memory (RLIMIT_AS?)")
            }
            SpawnError::NotInGoroutine => f.write_str(
                "spawn_local needs a goroutine to stay with: call it inside goroutines::run or \
                 #[goroutines::main], or use spawn",
            ),
            SpawnError::BadName => f.write_str("a goroutine's name must not contain a NUL byte"),
        }
    }
}

impl std::error::Error for SpawnError {}

/// The stack size for so many bytes, or why there is none.
pub fn check_stack(bytes: usize) -> Result<StackSize, SpawnError> {
    StackSize::new(bytes).map_err(SpawnError::Stack)
}

/// Makes a goroutine and queues it. Gives its record to those who hold a reference to it. `packet` is
/// called only if nothing can fail any more.
///
/// # Safety
///
/// `task` is one for packets of type `P`, and what the packet does when run is sound on the thread it
/// will run on: any one, or this one if `options.local`. With `options.migratable` also after each
/// park on any thread.
#[inline]
pub(super) unsafe fn launch<P>(
    options: Option<Options>,
    order: Order,
    task: &'static Task,
    shared: bool,
    packet: impl FnOnce() -> P,
    site: &'static Location<'static>,
) -> Result<&'static G, SpawnError> {
    let mut flags = packet::flag::<P>();
    if order == Order::InTurn {
        flags |= Flags::IN_TURN;
    }
    if let (Some(here), None) = (here(), &options)
        && here.runtime.starved.error().is_none()
    {
        // The common case: nothing special, on a worker.
        let header = here.header();
        let g = header.pool.take().map_err(|_| SpawnError::OutOfMemory)?;
        g.init(header.pool.id(), task, flags, Status::Unstarted, site);
        if shared {
            g.share();
        }
        // SAFETY: a free record is its taker's, and has no packet yet.
        unsafe { packet::put(g, packet()) };
        header.counts.spawned.bump();
        match order {
            Order::NewestFirst => here.push_unstarted(g),
            Order::InTurn => here.push_movable(g),
        }
        return Ok(g);
    }
    // SAFETY: as here.
    unsafe {
        launch_special(
            options.unwrap_or_default(),
            flags,
            task,
            shared,
            packet,
            site,
        )
    }
}

/// # Safety
///
/// As [`launch`].
#[cold]
unsafe fn launch_special<P>(
    options: Options,
    mut flags: u32,
    task: &'static Task,
    shared: bool,
    packet: impl FnOnce() -> P,
    site: &'static Location<'static>,
) -> Result<&'static G, SpawnError> {
    let runtime = lifecycle::ensure().map_err(SpawnError::Start)?;
    if options.local && current::goroutine().is_none() {
        return Err(SpawnError::NotInGoroutine);
    }
    if options.name.as_ref().is_some_and(|n| n.contains('\0')) {
        return Err(SpawnError::BadName);
    }
    let (g, ext) = take_record(runtime, &options)?;
    let worker = options
        .worker
        .and_then(|index| runtime.worker(index % runtime.config.workers))
        .filter(|worker| worker.has_thread());
    if options.local || worker.is_some() {
        flags |= Flags::PLACED;
    }
    if options.migratable {
        flags |= Flags::MIGRATABLE;
    }
    let id = if options.main {
        registry::main_id()
    } else {
        registry::ids(1)
    };
    g.init(id, task, flags, Status::Unstarted, site);
    if let Some(ext) = ext {
        g.set_ext(ext);
    }
    if shared {
        g.share();
    }
    // SAFETY: a free record is its taker's, and has no packet yet.
    unsafe { packet::put(g, packet()) };
    match (here(), worker) {
        (here, Some(worker)) => {
            match here {
                Some(here) => here.header().counts.spawned.bump(),
                None => runtime.count_outside(),
            }
            g.set_home(worker.index);
            ready::send_home(g);
        }
        (Some(here), None) => {
            here.header().counts.spawned.bump();
            if options.local {
                g.set_home(here.index);
                here.push_homed(g);
            } else if g.has(Flags::IN_TURN) {
                here.push_movable(g);
            } else {
                here.push_unstarted(g);
            }
        }
        (None, None) => runtime.inject(g),
    }
    Ok(g)
}

/// A free record, and what goes with it.
fn take_record(
    runtime: &Runtime,
    options: &Options,
) -> Result<(&'static G, Option<Box<Ext>>), SpawnError> {
    let g = registry::take_shared().map_err(|_| SpawnError::OutOfMemory)?;
    match make_ext(runtime, options) {
        Ok(ext) => Ok((g, ext)),
        Err(error) => {
            registry::put_shared(g);
            Err(error)
        }
    }
}

/// What the record cannot hold itself; `None` if that is nothing.
fn make_ext(runtime: &Runtime, options: &Options) -> Result<Option<Box<Ext>>, SpawnError> {
    let mut stack = None;
    if let Some(size) = options
        .stack
        .filter(|s| s.class() == Class::LARGE || options.main)
    {
        // A mapping of its own, or the first stack of all: whether there is room is known at once.
        stack = Some(take_shared(size).map_err(SpawnError::Stack)?);
    } else if let Some(error) = runtime.starved.error() {
        // Others wait for a stack already. Perhaps one can be had by now?
        let size = options.stack.unwrap_or(runtime.config.stack);
        stack = Some(take_shared(size).map_err(|_| SpawnError::Stack(error))?);
    }
    if options.name.is_none() && options.stack.is_none() && stack.is_none() {
        return Ok(None);
    }
    let name = options.name.clone();
    let stack_size = options.stack;
    Ok(Some(Box::new(Ext {
        name,
        stack_size,
        stack: Cell::new(stack),
        ..Ext::default()
    })))
}

/// Makes the main goroutine; the caller queues it.
///
/// # Safety
///
/// As [`super::detached_then`]; and the runtime is started.
pub(super) unsafe fn launch_main<F, E, T>(
    options: Options,
    f: F,
    then: E,
    site: &'static Location<'static>,
) -> Result<&'static G, SpawnError>
where
    F: FnOnce() -> T,
    E: FnOnce(Outcome<T>),
{
    let Some(runtime) = lifecycle::started() else {
        crate::fatal!("main before start")
    };
    let (g, ext) = take_record(runtime, &options)?;
    let flags = packet::flag::<(F, E)>() | Flags::PLACED;
    g.init(
        registry::main_id(),
        super::detached::task::<F, E, T>(),
        flags,
        Status::Unstarted,
        site,
    );
    if let Some(ext) = ext {
        g.set_ext(ext);
    }
    // SAFETY: a free record is its taker's, and has no packet yet.
    unsafe { packet::put(g, (f, then)) };
    runtime.count_outside();
    Ok(g)
}

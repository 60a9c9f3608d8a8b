//! Processors and descriptors: which this process may use, and how many.

use std::thread::available_parallelism;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors this process may run on.
pub(crate) fn allowed_cpus() -> Result<Vec<usize>, String> {
    let set = sched_getaffinity(None).map_err(|error| format!("sched_getaffinity: {error}"))?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

/// Keeps this thread, and the threads and processes it starts from now on, on
/// one processor.
pub(crate) fn pin_to(cpu: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(|error| format!("sched_setaffinity: {error}"))
}

/// How many processors there are for this process.
pub(crate) fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Raises the limit of open files as far as it goes and checks that `n` more
/// sockets fit.
pub(crate) fn allow_sockets(n: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If it cannot be raised, the limit as it is counts.
    let _ = setrlimit(Resource::Nofile, raised);
    // Room for everything that is open besides.
    let needed = n as u64 + 64;
    match getrlimit(Resource::Nofile).current {
        Some(current) if current < needed => Err(format!(
            "{needed} open files are needed, the limit is {current}"
        )),
        _ => Ok(()),
    }
}

//! What the kernel says of a process: memory, CPU time, context switches.

use std::fs;
use std::time::Duration;

/// One line of `/proc/<who>/status`, in its own unit.
fn status(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn own(key: &str) -> u64 {
    status("/proc/self/status", key).unwrap_or(0)
}

/// Resident memory and page tables of this process, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    (own("VmRSS") + own("VmPTE")) * 1024
}

/// The same of process `pid`, if it is there.
pub(crate) fn resident_bytes_of(pid: u32) -> Option<u64> {
    let path = format!("/proc/{pid}/status");
    Some((status(&path, "VmRSS")? + status(&path, "VmPTE")?) * 1024)
}

/// The most memory this process ever had resident, in MiB.
pub(crate) fn peak_mib() -> f64 {
    own("VmHWM") as f64 / 1024.0
}

/// How often the threads of process `pid` went to sleep of their own accord.
pub(crate) fn voluntary_switches(pid: u32) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    tasks
        .flatten()
        .filter_map(|task| {
            let path = task.path().join("status");
            status(path.to_str()?, "voluntary_ctxt_switches")
        })
        .sum()
}

/// The CPU time, user and system, that process `pid` has used.
///
/// Read from the process's CPU clock: `/proc/<pid>/stat` counts in steps of
/// 10 ms.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is valid for a write of its type for the whole call.
    let failed = unsafe { libc::clock_getcpuclockid(pid.try_into().ok()?, &mut clock) };
    if failed != 0 {
        return None;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for a write of its type for the whole call.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    (failed == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

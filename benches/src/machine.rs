//! The lines that say on what, with what and how the figures came about.

use std::fs;
use std::thread::available_parallelism;

use crate::programs::Peer;

/// `Cargo.lock` as it was when this binary was built.
const LOCK: &str = include_str!("../../Cargo.lock");

/// What stands above the table.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) machine: String,
    pub(crate) versions: String,
    pub(crate) command: String,
}

pub(crate) fn describe(peers: &[Peer], go: Option<&str>, words: &[String]) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| -> Option<String> {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let info = read("/proc/cpuinfo");
    let model = field(&info, "model name").unwrap_or_else(|| "unknown processor".into());
    let guest = if info.contains(" hypervisor") {
        ", virtual machine"
    } else {
        ""
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or("?".into(), |kib| format!("{:.0}", kib / 1024.0 / 1024.0));
    let cpus = available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let machine = format!(
        "{model}{guest}, {cpus} CPUs, {memory} GiB, Linux {}",
        kernel.trim()
    );

    let mut versions = vec![env!("BENCH_RUSTC").to_owned()];
    for &peer in peers {
        versions.extend(match peer {
            Peer::Ours => locked("goroutines"),
            Peer::Tokio => locked("tokio"),
            Peer::TokioCt => None,
            Peer::May => locked("may").filter(|_| cfg!(feature = "may")),
            Peer::Std => locked("crossbeam-channel"),
            Peer::Go => go.map(str::to_owned),
        });
    }
    let may = if cfg!(feature = "may") {
        " --features may"
    } else {
        ""
    };
    let command = format!(
        "cargo run --release -p goroutines-bench{may} -- {}",
        words.join(" ")
    );
    Machine {
        machine,
        versions: versions.join(", "),
        command: command.trim_end().to_owned(),
    }
}

/// The version of a crate that this binary was built with.
fn locked(name: &str) -> Option<String> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != wanted);
    let version = lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(format!("{name} {version}"))
}

//! What may be named or done only in certain places, as data.
//!
//! A place is a path from the root of the repository without `.rs`: `crates/x/src/sys` means the file `sys.rs` and
//! everything in the folder `sys/`.

/// A name that only some places may use. Tests may use every name.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// What to look for, as Rust tokens: a path, a macro (`name!`), or a method call (`.name(`).
    pub(crate) names: &'static [&'static str],
    /// The folders in which the rule holds.
    pub(crate) within: &'static [&'static str],
    /// The places that may use the names.
    pub(crate) places: &'static [&'static str],
    /// What to do instead.
    pub(crate) instead: &'static str,
}

const FIBER: &str = "crates/goroutines-fiber/src";
const RUNTIME: &str = "crates/goroutines-runtime/src";
const FACADE: &str = "crates/goroutines/src";

/// The reserved names.
pub(crate) const RESERVED: &[Reserved] = &[
    Reserved {
        names: &["libc"],
        within: &["crates"],
        places: &[
            "crates/goroutines-runtime/src/sys",
            "crates/goroutines-fiber/src/stack",
            "crates/goroutines-fiber/src/guard",
        ],
        instead: "call the operating system in `sys` (or, for stacks, in the fiber crate's `stack` and `guard`)",
    },
    Reserved {
        names: &["rustix"],
        within: &[FIBER, RUNTIME],
        places: &[
            "crates/goroutines-runtime/src/sys",
            "crates/goroutines-fiber/src/stack",
            "crates/goroutines-fiber/src/guard",
        ],
        instead: "call the operating system in `sys` (or, for stacks, in the fiber crate's `stack` and `guard`)",
    },
    Reserved {
        names: &["thread_local!"],
        within: &["crates"],
        places: &["crates/goroutines-runtime/src/current"],
        instead: "thread-locals live in `current`, because a goroutine may change its thread (see its docs)",
    },
    Reserved {
        names: &["std::sync", "core::sync", "alloc::sync", "loom"],
        within: &[RUNTIME],
        places: &["crates/goroutines-runtime/src/shim"],
        instead: "import it from `crate::shim`, so that loom can model it",
    },
    Reserved {
        names: &["Instant::now", "SystemTime::now", ".elapsed("],
        within: &[RUNTIME, FACADE],
        places: &["crates/goroutines-runtime/src/seam"],
        instead: "ask the clock in `seam`, so that tests can replace it",
    },
    Reserved {
        names: &["clock_gettime", "getrandom", "RandomState"],
        within: &[RUNTIME, FACADE],
        places: &[
            "crates/goroutines-runtime/src/seam",
            "crates/goroutines-runtime/src/sys",
        ],
        instead: "ask `seam` for time and chance, so that tests can replace them",
    },
];

/// A place that may say `allow(unsafe_code)`, and what for.
pub(crate) type UnsafePlace = (&'static str, &'static str);

/// The map of unsafe code.
pub(crate) const UNSAFE: &[UnsafePlace] = &[
    (
        "crates/goroutines-fiber/src",
        "stacks and switches are unsafe by nature",
    ),
    ("crates/goroutines-runtime/src/sys", "system calls"),
    (
        "crates/goroutines-runtime/src/shim",
        "cells shared between threads",
    ),
    (
        "crates/goroutines-runtime/src/g",
        "the goroutine's record and its counts",
    ),
    (
        "crates/goroutines-runtime/src/current",
        "pointers to the current worker and goroutine",
    ),
    (
        "crates/goroutines-runtime/src/blocking",
        "calls jobs by pointer",
    ),
    (
        "crates/goroutines-runtime/src/sched/deque",
        "the stealable run queue",
    ),
    (
        "crates/goroutines-runtime/src/sched/worker",
        "the owner's part of a worker; resuming fibers",
    ),
    (
        "crates/goroutines-runtime/src/sched/pick",
        "the owner's end of a queue, suspended fibers",
    ),
    (
        "crates/goroutines-runtime/src/sched/place",
        "making the fiber that runs a goroutine",
    ),
    (
        "crates/goroutines-runtime/src/sched/scavenge",
        "pages below a parked goroutine's stack pointer",
    ),
    (
        "crates/goroutines-runtime/src/park/mod",
        "the commit step, passed by pointer",
    ),
    (
        "crates/goroutines-runtime/src/park/offload",
        "a closure lent to another thread",
    ),
    (
        "crates/goroutines-runtime/src/park/waitq",
        "waiter nodes on the stack of a parked goroutine",
    ),
    (
        "crates/goroutines-runtime/src/spawn",
        "closures and results in raw storage",
    ),
    ("crates/goroutines/src/channel/slot", "message slots"),
    (
        "crates/goroutines/src/channel/future",
        "says that a receiver's core stays where it is",
    ),
    ("crates/goroutines/src/sync", "the cells behind the guards"),
    (
        "crates/goroutines/src/task",
        "says for each way of spawning why its closure may run there",
    ),
    ("crates/goroutines/src/private", "the same for `go!`"),
    (
        "crates/goroutines/src/future",
        "pins a future in its wrapper; lends a task to a goroutine",
    ),
    ("crates/goroutines/src/os", "conversions of raw descriptors"),
];

/// Crate roots which must say `#![deny(unsafe_code)]` (or forbid it), so that the map above is complete.
pub(crate) const DENY_UNSAFE: &[&str] = &[
    "crates/goroutines-runtime/src/lib",
    "crates/goroutines/src/lib",
];

/// Crate roots which must say `#![forbid(unsafe_code)]`; every example must as well.
pub(crate) const FORBID_UNSAFE: &[&str] = &["crates/goroutines-macros/src/lib", "xtask/src/main"];

/// Files that must exist.
pub(crate) const REQUIRED: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CAVEATS.md",
    "CONTRIBUTING.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

/// Lines of code above which a file fails.
pub(crate) const MAX_LINES: usize = 600;
/// Lines of code above which a file is mentioned.
pub(crate) const NOTE_LINES: usize = 400;

/// Words that mark unfinished work. (In two halves, so that this file passes its own check.)
pub(crate) const UNFINISHED_WORDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
/// Macros that mark unfinished work.
pub(crate) const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// Folders of one particular machine.
pub(crate) const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];

/// Hosts of package registries and what proxies of them are usually called.
pub(crate) const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("ruby", "gems.org"),
    concat!("arti", "factory"),
    concat!("rs", "proxy.cn"),
];

/// The name of cargo's own index, which stands in every Cargo.lock.
pub(crate) const CARGO_INDEX: &str =
    concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// Whether the file at `path` belongs to `place`.
pub(crate) fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/') || rest.is_empty())
}

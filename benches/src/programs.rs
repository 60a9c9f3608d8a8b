//! The programs: their names, sizes, metrics, and who can run them.

use std::fmt;

use crate::net;

/// Who runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This project.
    Ours,
    /// tokio's multi-thread runtime.
    Tokio,
    /// tokio's current-thread runtime, for one worker.
    TokioCt,
    /// Go.
    Go,
    /// The `may` crate.
    May,
    /// Operating system threads with `std` and `crossbeam-channel`.
    Std,
}

impl Peer {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Ours, "ours"),
        (Self::Tokio, "tokio"),
        (Self::TokioCt, "tokio-ct"),
        (Self::Go, "go"),
        (Self::May, "may"),
        (Self::Std, "std"),
    ];

    /// The peers that are run when none is named.
    pub(crate) fn usual() -> Vec<Self> {
        let mut peers = vec![Self::Ours, Self::Tokio, Self::Go, Self::Std];
        if cfg!(feature = "may") {
            peers.push(Self::May);
        }
        peers
    }

    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|(_, name)| *name == word.trim())
            .map(|(peer, _)| peer)
            .ok_or(format!("no peer is called {word:?}"))
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(peer, _)| *peer == self)
            .map_or("?", |(_, name)| name)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Full size, or a tenth of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) quick: bool,
    /// How long the network programs that run for a time are measured.
    pub(crate) secs: u64,
}

impl Size {
    pub(crate) fn of(self, full: usize) -> usize {
        if self.quick { full / 10 } else { full }
    }

    /// The argument of the Fibonacci programs.
    pub(crate) fn fib(self) -> u32 {
        if self.quick { 22 } else { 27 }
    }
}

/// One figure that a program yields.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Its key in a child's answer.
    pub(crate) key: &'static str,
    /// What the table calls it, unit included.
    pub(crate) label: &'static str,
    /// True for a speed-up, false for times and memory.
    pub(crate) more_is_better: bool,
}

pub(crate) const fn less(key: &'static str, label: &'static str) -> Metric {
    Metric {
        key,
        label,
        more_is_better: false,
    }
}

pub(crate) const fn more(key: &'static str, label: &'static str) -> Metric {
    Metric {
        key,
        label,
        more_is_better: true,
    }
}

/// One program, which every peer runs in the same form.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) workers: &'static [usize],
    pub(crate) metrics: &'static [Metric],
}

impl Program {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        PROGRAMS.iter().find(|program| program.name == name)
    }

    /// The worker counts to measure: those asked for, or the program's own. A
    /// program that makes sense with one count only keeps to that.
    pub(crate) fn counts(&self, asked: Option<&[usize]>) -> Vec<usize> {
        match asked {
            None => self.workers.to_vec(),
            Some(asked) if self.workers.len() > 1 => asked.to_vec(),
            Some(asked) => self
                .workers
                .iter()
                .copied()
                .filter(|n| asked.contains(n))
                .collect(),
        }
    }

    /// Whether the table has a place for this peer here at all.
    pub(crate) fn offered_by(&self, peer: Peer, workers: usize) -> bool {
        if net::has(self) {
            return net::offered_by(self, peer, workers);
        }
        match peer {
            Peer::Std => matches!(self.name, "mutex_free" | "chan_threads"),
            Peer::TokioCt => workers == 1,
            _ => true,
        }
    }

    /// Whether the child only sits there and is looked at from outside.
    pub(crate) fn watched(&self) -> bool {
        self.name == "idle"
    }
}

const ONE: &[usize] = &[1];
const TWO: &[usize] = &[2];
const BOTH: &[usize] = &[1, 2];

const ROUNDS: &[Metric] = &[
    less("first_ns", "first round, ns each"),
    less("warm_ns", "warm, ns each"),
];
const SKYNET: &[Metric] = &[
    less("first_ms", "first round, ms"),
    less("warm_ms", "warm, ms"),
    less("peak_mib", "peak memory, MiB"),
];

/// All programs, in the order of the table.
pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "spawn",
        about: "start 1,000,000 goroutines that do nothing, wait for all",
        workers: BOTH,
        metrics: ROUNDS,
    },
    Program {
        name: "spawn_100k",
        about: "the same with 100,000, once",
        workers: BOTH,
        metrics: &[less("peak_mib", "peak memory, MiB")],
    },
    Program {
        name: "spawn_join",
        about: "start one, join it, 100,000 times",
        workers: BOTH,
        metrics: &[less("ns", "ns each")],
    },
    Program {
        name: "yield1",
        about: "one goroutine yields 1,000,000 times",
        workers: ONE,
        metrics: &[less("ns", "ns per yield")],
    },
    Program {
        name: "yield2",
        about: "two goroutines yield 1,000,000 times in all",
        workers: ONE,
        metrics: &[less("ns", "ns per yield")],
    },
    Program {
        name: "yield1k",
        about: "1,000 goroutines yield round and round, 2,000,000 times in all",
        workers: ONE,
        metrics: &[less("ns", "ns per yield")],
    },
    Program {
        name: "yield10k",
        about: "10,000 goroutines yield round and round, 2,000,000 times in all",
        workers: ONE,
        metrics: &[less("ns", "ns per yield")],
    },
    Program {
        name: "parked",
        about: "100,000 goroutines start and park; then all are woken and finish",
        workers: BOTH,
        metrics: &[
            less("bytes", "bytes each, page tables included"),
            less("create_us", "create and park, cold, µs each"),
            less("wake_ns", "wake and finish, ns each"),
        ],
    },
    Program {
        name: "skynet_chan",
        about: "a tree of 1,000,000 leaves, ten-way, sums sent over channels",
        workers: BOTH,
        metrics: SKYNET,
    },
    Program {
        name: "skynet_join",
        about: "the same tree, sums returned through join handles",
        workers: BOTH,
        metrics: SKYNET,
    },
    Program {
        name: "fib",
        about: "fib(27), every call a goroutine: 635,620 of them",
        workers: BOTH,
        metrics: ROUNDS,
    },
    Program {
        name: "fib_half",
        about: "fib(27), fib(n-1) in a goroutine, fib(n-2) in place: 317,810 of them",
        workers: BOTH,
        metrics: ROUNDS,
    },
    Program {
        name: "sleepers",
        about: "1,000,000 goroutines sleep 0 to 100 ms",
        workers: BOTH,
        metrics: &[
            less("over_ms", "over the last deadline, ms"),
            less("total_ms", "in all, ms"),
            less("peak_mib", "peak memory, MiB"),
        ],
    },
    Program {
        name: "msort",
        about: "parallel merge sort of 4,000,000 u64, beside the same code run serially",
        workers: TWO,
        metrics: &[
            more("speedup", "speed-up over serial"),
            less("parallel_ms", "parallel, ms"),
        ],
    },
    Program {
        name: "idle",
        about: "100 goroutines parked, main asleep: what 2 s of that cost",
        workers: TWO,
        metrics: &[
            less("cpu_us", "CPU time, µs"),
            less("switches", "voluntary context switches"),
        ],
    },
    Program {
        name: "pingpong",
        about: "two goroutines, two unbuffered channels, 300,000 round trips",
        workers: BOTH,
        metrics: &[less("ns", "ns per round trip")],
    },
    Program {
        name: "chan_1x1",
        about: "one sender, one receiver, a channel of 128, 4,000,000 messages",
        workers: BOTH,
        metrics: &[less("ns", "ns per message")],
    },
    Program {
        name: "chan_4x4",
        about: "four senders, four receivers, a channel of 128, 4,000,000 messages",
        workers: BOTH,
        metrics: &[less("ns", "ns per message")],
    },
    Program {
        name: "select4",
        about: "select over four unbuffered channels, a sender each, 400,000 messages",
        workers: BOTH,
        metrics: &[less("ns", "ns per message")],
    },
    Program {
        name: "ring",
        about: "a token goes 100 times round a ring of 10,000 goroutines",
        workers: ONE,
        metrics: &[less("ns", "ns per hop")],
    },
    Program {
        name: "mutex",
        about: "1,000 goroutines lock one mutex 1,000 times each",
        workers: BOTH,
        metrics: &[less("ns", "ns per lock")],
    },
    Program {
        name: "rwlock",
        about: "1,000 goroutines lock one read-write lock 1,000 times each, every eighth time to write",
        workers: BOTH,
        metrics: &[less("ns", "ns per lock")],
    },
    Program {
        name: "mutex_free",
        about: "lock and unlock a mutex that nobody else wants, 10,000,000 times",
        workers: ONE,
        metrics: &[less("ns", "ns per lock and unlock")],
    },
    Program {
        name: "chan_threads",
        about: "a channel of 128 between two operating system threads, 2,000,000 messages",
        workers: TWO,
        metrics: &[less("ns", "ns per message")],
    },
    Program {
        name: "ctx_tree",
        about: "cancel a tree of 10,000 contexts, a goroutine waiting on each",
        workers: BOTH,
        metrics: &[
            less("cancel_ms", "the call, ms"),
            less("all_ms", "until the last goroutine is done, ms"),
        ],
    },
    net::ECHO,
    net::HTTP,
    net::HTTP_WRK,
    net::ACCEPT,
    net::IDLE_CONNS,
    net::STREAM,
];

/// What a reader of the table must know about one program and one peer.
pub(crate) const NOTES: &[(&str, Peer, &str)] = &[
    (
        "skynet_chan",
        Peer::Tokio,
        "`mpsc::channel(1)`: there is no unbuffered one",
    ),
    (
        "skynet_join",
        Peer::Go,
        "a `WaitGroup` and a slice of results: there are no join handles",
    ),
    (
        "spawn_join",
        Peer::Go,
        "a channel closed at the end: there are no join handles",
    ),
    (
        "pingpong",
        Peer::Tokio,
        "`mpsc::channel(1)`: there is no unbuffered one",
    ),
    (
        "select4",
        Peer::Tokio,
        "`mpsc::channel(1)`: there is no unbuffered one",
    ),
    (
        "ring",
        Peer::Tokio,
        "`mpsc::channel(1)`: there is no unbuffered one",
    ),
    (
        "chan_4x4",
        Peer::Tokio,
        "receivers share a `tokio::sync::Mutex`: `mpsc` has one receiver",
    ),
    (
        "chan_threads",
        Peer::Tokio,
        "`blocking_send` and `blocking_recv`",
    ),
    (
        "chan_threads",
        Peer::Go,
        "two goroutines, each locked to its thread",
    ),
    ("chan_threads", Peer::Std, "`crossbeam-channel`"),
    (
        "ctx_tree",
        Peer::Tokio,
        "`tokio_util::sync::CancellationToken`",
    ),
];

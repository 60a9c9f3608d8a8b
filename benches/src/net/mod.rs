//! The network programs: a server in one process, its load in another.
//!
//! This file says what the programs are; `drive` runs one measurement, `serve`
//! is the server's process, `load`, `accept` and `idle` are what it is faced
//! with.

mod accept;
mod drive;
mod figures;
mod handle;
mod idle;
mod load;
mod poll;
mod serve;
mod serve_may;
mod serve_ours;
mod serve_std;
mod serve_tokio;
mod stream;
mod system;
mod wrk;

use crate::programs::{Metric, Peer, Program, less, more};

pub(crate) use drive::run;

/// Bytes of an echo request, and of its answer.
pub(crate) const MESSAGE: usize = 64;

/// The buffer that every echo server gives a connection.
pub(crate) const BUFFER: usize = 1024;

/// What every HTTP server answers.
pub(crate) const HELLO: &str = "Hello, World!";

/// Connections that stay open, for each program of that kind.
const ECHO_CONNECTIONS: usize = 1_000;
const HTTP_CONNECTIONS: usize = 256;
const IDLE_CONNECTIONS: usize = 10_000;

/// Connections being served at a time in `accept`. Fewer than the shortest
/// queue of a listener here (128), so that none is turned away.
const ACCEPT_AT_ONCE: usize = 64;

const SERVED: &[Metric] = &[
    more("per_s", "requests per second"),
    less("p50_us", "latency p50, µs"),
    less("p99_us", "latency p99, µs"),
    less("max_us", "latency max, µs"),
    less("cpu_us", "CPU of the server, µs per request"),
];

const ONE: &[usize] = &[1];
const BOTH: &[usize] = &[1, 2];

pub(crate) const ECHO: Program = Program {
    name: "echo",
    about: "TCP echo, 1,000 connections that stay open, 64 bytes",
    workers: BOTH,
    metrics: SERVED,
};

pub(crate) const HTTP: Program = Program {
    name: "http",
    about: "HTTP/1.1, plain text, 256 connections that stay open",
    workers: BOTH,
    metrics: SERVED,
};

pub(crate) const HTTP_WRK: Program = Program {
    name: "http_wrk",
    about: "the same, the load made by the program `wrk`",
    workers: BOTH,
    metrics: SERVED,
};

pub(crate) const ACCEPT: Program = Program {
    name: "accept",
    about: "connections accepted, served 64 bytes once and closed, 64 at a time",
    workers: BOTH,
    metrics: &[
        more("per_s", "connections per second"),
        less("p50_us", "open to close p50, µs"),
        less("p99_us", "open to close p99, µs"),
        less("max_us", "open to close max, µs"),
        less("cpu_us", "CPU of the server, µs per connection"),
    ],
};

pub(crate) const IDLE_CONNS: Program = Program {
    name: "idle_conns",
    about: "10,000 connections that were served once and now say nothing",
    workers: ONE,
    metrics: &[less("bytes", "bytes each, page tables included")],
};

pub(crate) const STREAM: Program = Program {
    name: "stream",
    about: "1 GiB through one connection, both ends in one process",
    workers: BOTH,
    metrics: &[
        more("mb_s", "MB per second"),
        less("cpu_ms", "CPU time of both ends, ms"),
    ],
};

/// Whether `program` is one of these.
pub(crate) fn has(program: &Program) -> bool {
    let names = [&ECHO, &HTTP, &HTTP_WRK, &ACCEPT, &IDLE_CONNS, &STREAM].map(|known| known.name);
    names.contains(&program.name)
}

/// Whether the peer has this program at all.
pub(crate) fn offered_by(program: &Program, peer: Peer, workers: usize) -> bool {
    match peer {
        Peer::Std => matches!(program.name, "echo" | "accept" | "stream"),
        Peer::May => !program.name.starts_with("http"),
        Peer::TokioCt => workers == 1,
        _ => true,
    }
}

/// What a reader of the table must know.
pub(crate) const NOTES: &[(&str, Peer, &str)] = &[
    ("echo", Peer::Std, "a thread for each connection"),
    ("accept", Peer::Std, "a thread for each connection"),
    ("stream", Peer::Std, "two threads"),
    (
        "http",
        Peer::Ours,
        "`hyper`, a task (`future::spawn`) for each connection",
    ),
    ("http", Peer::Tokio, "`hyper`"),
    ("http", Peer::Go, "`net/http`"),
    (
        "accept",
        Peer::Go,
        "sets its usual socket options on each connection: no delay, keep alive",
    ),
];

/// The commands `serve` and `load`, which run one side by hand; `None` when
/// `words` are no such command.
pub(crate) fn command(words: &[String]) -> Option<Result<(), String>> {
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "serve" => Some(serve::command(rest)),
        "load" => Some(drive::load_command(rest)),
        _ => None,
    }
}

//! A tour that shows on your machine what goroutines promise: that they are light, scheduled by the
//! runtime, cheap to switch, elastic in stack, and cheap to create and destroy.
//!
//! ```sh
//! cargo run --release --example tour
//! ```
#![forbid(unsafe_code)]

mod beside;
mod child;
mod crowd;
mod figures;
mod json;
mod machine;
mod promises;
mod stack;
mod text;
mod units;

use figures::Tour;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

const HELP: &str = "\
Shows on this machine what goroutines promise, beside OS threads. Takes about 10 seconds.

Usage: cargo run --release --example tour [-- OPTION]

Options:
  --json      print the figures as one JSON object, and nothing else
  -h, --help  print this
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => tour(false),
        ["--json"] => tour(true),
        ["-h" | "--help"] => write!(io::stdout(), "{HELP}").map_err(Stop::Output),
        ["--part", name, count] => part(name, count),
        [first, ..] => {
            let what = arguments
                .get(1)
                .filter(|_| first == "--json")
                .unwrap_or(&first);
            eprintln!("tour: unknown argument {what:?}; --help lists what there is");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has seen enough, as in `tour | head`.
        Err(Stop::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Stop::Output(error)) => failed(&error),
        Err(Stop::Part(why)) => failed(&why),
    }
}

fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("tour: {why}");
    ExitCode::FAILURE
}

/// Why the tour stopped early.
enum Stop {
    Output(io::Error),
    Part(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::Part(why)
    }
}

/// The tour: each part is measured, then shown.
fn tour(json: bool) -> Result<(), Stop> {
    let mut screen: Box<dyn Write> = if json {
        Box::new(io::sink())
    } else {
        Box::new(io::stdout())
    };
    let mut tour = Tour::default();
    text::title(&mut screen)?;

    tour.hello = progress("the hello program", || child::lines("hello", 0))?;
    text::hello(&mut screen, &tour)?;

    let run = |name: &str, count: u64| {
        let what = format!("{}, {count}", name.replace('_', " "));
        progress(&what, || child::figures(name, count))
    };
    tour.hundred_thousand = run("crowd", 100_000)?;
    tour.million = run("crowd", 1_000_000)?;
    tour.free_hundred_thousand = run("free_crowd", 100_000)?;
    tour.free_million = run("free_crowd", 1_000_000)?;
    text::crowds(&mut screen, &tour)?;

    tour.unstarted = run("unstarted", 100_000)?;
    tour.alive = run("alive", 100_000)?;
    tour.threads = run("threads", 10_000)?;
    tour.create = run("create", 100_000)?;
    tour.switch = run("switch", 1_000_000)?;
    tour.stack = run("stack", 1)?;
    tour.idle_stacks = run("idle_stacks", 1_000)?;
    beside::promises(&mut screen, &tour)?;
    text::alive(&mut screen, &tour)?;

    screen.flush()?;
    if json {
        writeln!(io::stdout(), "{}", tour.json())?;
    }
    Ok(())
}

/// Says on standard error what is being measured, if somebody watches.
fn progress<T>(what: &str, measure: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let mut watched = io::stderr();
    if !watched.is_terminal() {
        return measure();
    }
    // That this line cannot be written is no reason to stop.
    let _ = write!(watched, "  measuring: {what} …");
    let _ = watched.flush();
    let result = measure();
    let _ = write!(watched, "\r\x1b[K");
    result
}

/// The work of a child process.
fn part(name: &str, count: &str) -> Result<(), Stop> {
    let count: u64 = count
        .parse()
        .map_err(|_| format!("--part wants a count, not {count:?}"))?;
    let done = match name {
        "hello" => {
            crowd::hello();
            Ok(())
        }
        "crowd" => crowd::crowd(count),
        "free_crowd" => crowd::free_crowd(count),
        "unstarted" => promises::unstarted(count),
        "alive" => crowd::alive(count),
        "threads" => {
            promises::threads(count);
            Ok(())
        }
        "create" => promises::create(count),
        "switch" => promises::switch(count),
        "stack" => stack::grow_and_shrink(),
        "idle_stacks" => stack::idle_stacks(count),
        _ => return Err(Stop::Part(format!("there is no part {name:?}"))),
    };
    done.map_err(|error| Stop::Part(error.to_string()))
}

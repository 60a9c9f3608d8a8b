//! The tour as text for people, at most 92 columns wide.

use crate::child::Figures;
use crate::figures::Tour;
use crate::units::{bytes, number, ratio, time};
use std::io::{self, IsTerminal, Write};

/// Where the text goes.
pub(crate) type Out<'a> = &'a mut dyn Write;

/// What is measured on.
pub(crate) fn title(out: Out) -> io::Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (os, cpu) = (std::env::consts::OS, std::env::consts::ARCH);
    let text = "
Goroutines for Rust: a tour, measured here and now.

A goroutine is a function that runs by itself, beside the others, and waits in plain code. A
scheduler inside the program decides which of them run, and a few OS threads carry them all.
";
    writeln!(out, "{text}")?;
    writeln!(
        out,
        "This machine: {os}, {cpu}, processors: {processors}. 1 KB is 1,000 bytes."
    )?;
    if cfg!(debug_assertions) {
        writeln!(
            out,
            "This is a debug build, so the times mean little: run it with --release."
        )?;
    }
    if crate::machine::threads().is_none() {
        writeln!(
            out,
            "There is no /proc here, so what is read from it is shown as -."
        )?;
    }
    Ok(())
}

/// Part 1.
pub(crate) fn hello(out: Out, tour: &Tour) -> io::Result<()> {
    heading(out, "1. Hello")?;
    let program = "
    fn say_hello() {
        println!(\"Hello from goroutine\");
    }

    #[goroutines::main]
    fn main() {
        go!(say_hello());                  // starts a goroutine and goes on
        println!(\"Hello from main\");
        sleep(Duration::from_secs(1));     // main waits; its thread can run the other
    }

  It printed:
";
    writeln!(out, "{program}")?;
    for line in &tour.hello {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

/// Part 2.
pub(crate) fn crowds(out: Out, tour: &Tour) -> io::Result<()> {
    heading(out, "2. A hundred thousand goroutines, and a million")?;
    let text = "
  Main creates them with a WaitGroup and waits for all; each adds its number to a sum, which
  is checked. A gate holds them back until the last one is there: all are alive at once.
";
    writeln!(out, "{text}")?;
    let row = |out: Out, what: &str, [few, many]: [String; 2]| {
        writeln!(out, "  {what:<50}{few:>14}{many:>14}")
    };
    row(out, "", ["100,000".into(), "1,000,000".into()])?;
    let (few, many) = (&tour.hundred_thousand, &tour.million);
    let rows: [(_, _, fn(_) -> _); 5] = [
        ("goroutines at first: main is one", "initial", number),
        ("goroutines after creation", "after_creation", number),
        ("goroutines after waiting for all", "final", number),
        ("time to create one", "create_ns_each", time),
        ("time to create, run and end one", "total_ns_each", time),
    ];
    for (what, key, show) in rows {
        row(out, what, [show(few.get(key)), show(many.get(key))])?;
    }
    let total = |figures: &Figures, n: f64| time(figures.get("total_ns_each").map(|ns| ns * n));
    row(out, "time in all", [total(few, 1e5), total(many, 1e6)])?;
    let peak = |figures: &Figures| figures.get("peak_rss_bytes");
    row(
        out,
        "peak memory of the whole process",
        [bytes(peak(few)), bytes(peak(many))],
    )?;
    row(
        out,
        "the usual reckoning, 2 KB x their number",
        [bytes(Some(2e8)), bytes(Some(2e9))],
    )?;
    let less = [ratio(Some(2e8), peak(few)), ratio(Some(2e9), peak(many))];
    row(out, "so it took less than that by a factor of", less)?;

    let (few, many) = (&tour.free_hundred_thousand, &tour.free_million);
    let both = |key: &str, show: fn(_) -> String| [show(few.get(key)), show(many.get(key))];
    let workers = number(few.get("workers"));
    let text = format!(
        "
  So little, because one that has not started has no stack yet, only a record. (This program
  has one worker, and they start when main waits. Part 4 has 100,000 that all have started.)
  Without the gate, workers: {workers}. Some may run while main still creates others:
"
    );
    writeln!(out, "{text}")?;
    row(
        out,
        "left of them after creation",
        both("after_creation", number),
    )?;
    row(
        out,
        "time to create, run and end one",
        both("total_ns_each", time),
    )?;
    row(
        out,
        "peak memory of the whole process",
        both("peak_rss_bytes", bytes),
    )
}

/// Part 4.
pub(crate) fn alive(out: Out, tour: &Tour) -> io::Result<()> {
    let alive = &tour.alive;
    heading(
        out,
        &format!("4. {} goroutines alive at once", number(alive.get("count"))),
    )?;
    let text = "
  Each has started, so it has a stack of its own, and parked. Then all are woken and end.
";
    writeln!(out, "{text}")?;
    let line = |out: Out, what: &str, value: String| writeln!(out, "  {what:<56}{value:>14}");
    line(
        out,
        "memory of one, of which",
        bytes(alive.get("bytes_each")),
    )?;
    line(
        out,
        "  pages: one of its stack, and its record",
        bytes(alive.get("resident_bytes_each")),
    )?;
    line(
        out,
        "  page tables",
        bytes(alive.get("page_table_bytes_each")),
    )?;
    line(
        out,
        "mappings added, for all of them",
        number(alive.get("mappings_added")),
    )?;
    line(
        out,
        "time to create, start and park one, on fresh memory",
        time(alive.get("create_ns_each")),
    )?;
    line(
        out,
        "time to wake one until it has ended",
        time(alive.get("wake_ns_each")),
    )?;
    let text = "
  Linux allows 65,530 mappings unless told otherwise. Were each stack and the guard below it a
  mapping, as those of threads are, 32,765 stacks would be the end.
";
    writeln!(out, "{text}")
}

pub(crate) fn heading(out: Out, text: &str) -> io::Result<()> {
    let line = "─".repeat(91 - text.len());
    if io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        writeln!(out, "\n\x1b[1m{text}\x1b[0m {line}")
    } else {
        writeln!(out, "\n{text} {line}")
    }
}

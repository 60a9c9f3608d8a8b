//! Part 3 of the tour as text: the five promises, goroutine beside OS thread.

use crate::figures::Tour;
use crate::text::{Out, heading};
use crate::units::{bytes, number, ratio, time};
use std::io;

/// How a figure is shown.
type Show = fn(Option<f64>) -> String;

/// Part 3.
pub(crate) fn promises(out: Out, tour: &Tour) -> io::Result<()> {
    heading(out, "3. Five promises, goroutine beside OS thread")?;
    writeln!(out)?;
    row(
        out,
        "",
        ["goroutine", "OS thread", "ratio"].map(String::from),
    )?;
    light(out, tour)?;
    cheap(out, tour)?;
    elastic(out, tour)?;
    scheduled(out, tour)
}

fn light(out: Out, tour: &Tour) -> io::Result<()> {
    let (goroutines, threads) = (&tour.alive, &tour.threads);
    let thread = threads.get("bytes_each");
    writeln!(out, "\n  Light: memory of one")?;
    beside(
        out,
        "not yet started",
        bytes,
        tour.unstarted.get("bytes_each"),
        thread,
    )?;
    beside(
        out,
        "started, now parked",
        bytes,
        goroutines.get("bytes_each"),
        thread,
    )?;
    let counts = [goroutines, threads].map(|figures| number(figures.get("count")));
    let [kernel, tables, pages] = ["kernel_stack", "page_table", "resident"]
        .map(|what| bytes(threads.get(&format!("{what}_bytes_each"))));
    writeln!(
        out,
        "    Measured on {} goroutines and {} threads. Of a thread that is {pages} of pages,
    {tables} of page tables, and {kernel} of stack in the kernel; 2 MiB are reserved.",
        counts[0], counts[1],
    )
}

fn cheap(out: Out, tour: &Tour) -> io::Result<()> {
    let (create, switch) = (&tour.create, &tour.switch);
    let thread = create.get("thread_ns");
    writeln!(out, "\n  Cheap to create and destroy: time of one")?;
    beside(
        out,
        "create it, run it, join it",
        time,
        create.get("goroutine_ns"),
        thread,
    )?;
    beside(
        out,
        "... all at once, wait for all",
        time,
        create.get("goroutine_batch_ns"),
        thread,
    )?;

    let thread = switch.get("thread_ns");
    writeln!(out, "\n  Cheap to switch: time of one switch")?;
    beside(
        out,
        "from one to the other of two",
        time,
        switch.get("goroutine_ns"),
        thread,
    )?;
    beside(
        out,
        "... with unpark and park",
        time,
        switch.get("goroutine_handover_ns"),
        thread,
    )?;
    writeln!(
        out,
        "    The goroutines yield. A thread that yields need not switch at all, so the threads hand
    each other the turn with unpark and park, for which they need the kernel each time."
    )
}

fn elastic(out: Out, tour: &Tour) -> io::Result<()> {
    let (stack, idle) = (&tour.stack, &tour.idle_stacks);
    writeln!(
        out,
        "\n  A stack that grows and shrinks: bytes of memory behind it"
    )?;
    one(out, "one goroutine, just started", stack.get("start_bytes"))?;
    one(
        out,
        "... in a recursion 64 MiB deep",
        stack.get("grown_bytes"),
    )?;
    one(out, "... back from it, parked", stack.get("returned_bytes"))?;
    one(
        out,
        "... still parked, what it does not use given back",
        stack.get("after_shrink_bytes"),
    )?;
    one(
        out,
        "idle stacks of 1,000 that used 32 KiB each and ended",
        idle.get("idle_bytes"),
    )?;
    one(out, "... given back", idle.get("idle_after_scavenge_bytes"))?;
    writeln!(
        out,
        "    A stack is reserved address space; memory comes page by page when it is touched. Here
    the program asked for it to be given back; by itself the runtime does so within seconds.
    A thread keeps what its stack has touched until it ends."
    )
}

fn scheduled(out: Out, tour: &Tour) -> io::Result<()> {
    let alive = &tour.alive;
    let count = alive.get("count");
    writeln!(
        out,
        "\n  Scheduled by the runtime: OS threads for {} goroutines",
        number(count)
    )?;
    one(
        out,
        "workers, the threads that run goroutines",
        alive.get("workers"),
    )?;
    one(
        out,
        "all threads of the process, its monitor among them",
        alive.get("os_threads"),
    )?;
    one(out, "threads, if each were a thread", count)
}

/// A goroutine beside a thread, and how many times more the thread takes.
fn beside(out: Out, what: &str, show: Show, a: Option<f64>, b: Option<f64>) -> io::Result<()> {
    row(out, what, [show(a), show(b), ratio(b, a)])
}

fn row(out: Out, what: &str, [a, b, c]: [String; 3]) -> io::Result<()> {
    writeln!(out, "    {what:<42}{a:>14}{b:>14}{c:>14}")
}

/// One number.
fn one(out: Out, what: &str, value: Option<f64>) -> io::Result<()> {
    writeln!(out, "    {what:<56}{:>14}", number(value))
}

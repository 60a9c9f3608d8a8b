//! What is said when a stack overflows, when a goroutine panics, and when one is stuck.
//!
//! Not for: noticing it (the fiber crate's handler, the panic hook, `monitor`). The overflow report is written in a
//! signal handler: it allocates nothing and takes no lock.

use super::config::PanicPolicy;
use crate::current;
use crate::g::{Flags, G};
use crate::shim::atomic::{AtomicBool, Ordering};
use crate::sys::stall::{self, NoSample, Sample};
use goroutines_fiber::guard::{FixedWriter, Overflow};
use std::fmt::Write;

/// Sets the process up to report overflows, and to say which goroutine panics.
pub(super) fn install() {
    goroutines_fiber::guard::install_overflow_handler(report);
    if std::thread::panicking() {
        // The runtime is first used in a destructor: std lets no panicking thread change the hook.
        let _ = std::thread::spawn(install_hook).join();
    } else {
        install_hook();
    }
}

fn install_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // A hook must not switch: std remembers per thread that it is in one.
        current::without_switching(|| {
            if let Some(g) = current::goroutine() {
                // Even if it has caught a cancel before.
                g.clear(Flags::QUIET);
                let crash = super::lifecycle::started()
                    .is_some_and(|r| r.config.panic == PanicPolicy::Exit);
                CRASHING.fetch_or(crash, Ordering::Relaxed);
                crate::note!("\ngoroutine {} panicked:", Who(Some(g)));
            }
            before(info);
        });
    }));
}

/// A goroutine has panicked that will end the process, unless it catches the panic itself.
static CRASHING: AtomicBool = AtomicBool::new(false);

/// Whether a panic is about to end the process.
pub(super) fn crashing() -> bool {
    CRASHING.load(Ordering::Relaxed)
}

/// Writes who runs on this thread; called on a stuck one, in a signal handler.
fn write_current(out: &mut FixedWriter) {
    let _ = write!(out, "{}", Who(current::goroutine()));
}

/// Where the thread of a stuck worker is.
pub(super) fn sample(tid: u32) -> Result<Sample, NoSample> {
    stall::sample(tid, write_current)
}

/// Says that a goroutine keeps `mates` others from running, for `ms` milliseconds so far.
pub(super) fn stall(worker: usize, sample: Result<Sample, NoSample>, mates: usize, ms: u128) {
    let who = sample.as_ref().map_or("?", |s| s.who.as_str());
    let mut out = format!(
        "goroutines: goroutine {who} has held worker {worker} for {ms} ms, and {mates} other(s) at home \
         there wait.\n\
         Let it call yield_now() now and then, move what blocks into goroutines::blocking(..), and hold \
         no std::sync lock across a wait (goroutines::sync has its own). GOROUTINES_STALL_MS=0 silences \
         this. It is here:\n",
    );
    match sample {
        Ok(sample) => write_frames(&mut out, &sample.frames),
        Err(NoSample::NoWay) => {
            out.push_str(
                "    (this system has no safe way to take another thread's backtrace)
",
            );
        }
        Err(NoSample::TooLate) => {
            out.push_str(
                "    (its thread did not answer in time: is the machine overloaded?)
",
            );
        }
    }
    crate::note!("{out}");
}

/// The frames of a goroutine, without those of the handler above and of the scheduler below.
fn write_frames(out: &mut String, frames: &[usize]) {
    let (mut inside, mut below) = (false, false);
    for &ip in frames {
        // A return address points behind its call.
        let at = ip.wrapping_sub(1) as *mut std::ffi::c_void;
        backtrace::resolve(at, |symbol| {
            let file = symbol
                .filename()
                .map(|f| f.display().to_string())
                .unwrap_or_default();
            let name = symbol.name().map(|n| format!("{n:#}")).unwrap_or_default();
            below |= file.contains("corosensei") || file.contains("goroutines-fiber");
            if inside && !below && !name.is_empty() {
                let line = symbol
                    .lineno()
                    .map(|l| format!(" at {file}:{l}"))
                    .unwrap_or_default();
                let _ = writeln!(out, "    {name}{line}");
            }
            inside |= file.ends_with("stall.rs") && name.ends_with("answer");
        });
        if below {
            return;
        }
    }
}

fn report(overflow: &Overflow) {
    let mut out = FixedWriter::new();
    let g = current::goroutine();
    let _ = write!(out, "\ngoroutine {} has overflowed its stack", Who(g));
    let _ = writeln!(out, ": its limit is {} KiB.", overflow.size / 1024);
    let _ = out.write_str(
        "Give it a larger one with goroutines::Builder::stack_size, or all of them with \
         GOROUTINES_STACK=1M (GOROUTINES_MAIN_STACK for main), or look for endless recursion.\n\
         fatal runtime error: stack overflow\n",
    );
    out.flush();
}

/// A goroutine's number, name and spawn site, for a message.
pub(crate) struct Who(pub(crate) Option<&'static G>);

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(g) = self.0 else {
            return f.write_str("?");
        };
        write!(f, "{}", g.id())?;
        if let Some(name) = g.name() {
            write!(f, " '{name}'")?;
        }
        match g.site() {
            Some(site) => write!(
                f,
                " (started at {}:{}:{})",
                site.file(),
                site.line(),
                site.column()
            ),
            None => Ok(()),
        }
    }
}

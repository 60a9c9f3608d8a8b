//! What the macros expand to. Not for direct use; changes without notice.
#![allow(
    unsafe_code,
    reason = "asserts for `go!` that its closure may be sent and owns what it uses"
)]

pub use crate::channel::select::arm as select;
pub use goroutines_macros::{__go, __select};

use crate::runtime::{self, StartError};
use goroutines_runtime::{park, spawn};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::process::{Command, ExitCode};

/// What `#[goroutines::main]` and `#[goroutines::test]` were given.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The number of workers.
    pub workers: Option<usize>,
    /// The stack size of main, or of the test.
    pub stack_size: Option<usize>,
}

impl Config {
    fn apply(self) -> Result<(), StartError> {
        if self.workers.is_none() && self.stack_size.is_none() {
            return Ok(());
        }
        let mut builder = runtime::builder();
        if let Some(n) = self.workers {
            builder = builder.workers(n);
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.main_stack_size(bytes);
        }
        builder.configure()
    }
}

/// Starts a goroutine that nobody joins.
#[inline]
#[track_caller]
pub fn go<F, T>(f: F)
where
    F: FnOnce() -> T + Send + 'static,
{
    // SAFETY: `F` is `Send` and `'static`; its result is made and dropped by the goroutine.
    if let Err(error) = unsafe { spawn::detached(None, f, Location::caller()) } {
        panic!("{error}");
    }
}

/// Runs `main`.
#[track_caller]
pub fn main(config: Config, f: fn() -> ExitCode) -> ExitCode {
    let started = config.apply().map_err(spawn::SpawnError::Start);
    let site = Location::caller();
    let outcome = catch_unwind(|| started.and_then(|()| spawn::run_main(f, site)));
    match outcome {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            goroutines_runtime::note!("goroutines: {error}");
            ExitCode::from(2)
        }
        // The message has been printed; this is the status of a program whose main panics.
        Err(_) => ExitCode::from(101),
    }
}

/// The variable that tells a test that it runs in a process of its own.
const ALONE: &str = "GOROUTINES_TEST_ALONE";

/// Runs a test as a goroutine. With settings of its own it gets a process of its own, because there
/// is one runtime per process.
#[track_caller]
pub fn test(config: Config, name: &str, f: fn() -> ExitCode) -> ExitCode {
    let site = Location::caller();
    let alone = config.workers.is_some() || config.stack_size.is_some();
    if !alone {
        return match spawn::run(f, site) {
            Ok(code) => code,
            Err(error) => panic!("{error}"),
        };
    }
    if std::env::var_os(ALONE).is_some_and(|v| v == name) {
        let run = || {
            if let Err(error) = config.apply() {
                panic!("{error}");
            }
            spawn::run(f, site)
        };
        let code = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(code)) if code == ExitCode::SUCCESS => 0,
            Ok(Err(error)) => {
                goroutines_runtime::note!("{error}");
                101
            }
            Err(_) => 101,
            Ok(Ok(_)) => 1,
        };
        std::process::exit(code);
    }
    run_alone(name)
}

/// Runs the test with this name again in a process of its own.
fn run_alone(name: &str) -> ExitCode {
    let filter = name.split_once("::").map_or(name, |(_crate, rest)| rest);
    let exe = std::env::current_exe().expect("the path of the test program");
    let output = Command::new(exe)
        .args([
            filter,
            "--exact",
            "--nocapture",
            "--include-ignored",
            "--test-threads=1",
        ])
        .env(ALONE, name)
        .output()
        .expect("starting the test in a process of its own");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => ExitCode::SUCCESS,
        Some(101) => resume_unwind(Box::new("the test panicked in its process")),
        Some(_) => ExitCode::FAILURE,
        None => panic!("the test's process died: {}", output.status),
    }
}

/// What `exit` unwinds with.
pub use park::Exited;

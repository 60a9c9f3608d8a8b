//! The runtime of these tests: a goroutine waits until it is told to run.

use std::cell::RefCell;
use std::panic::Location;

type Goroutine = Box<dyn FnOnce() + Send>;

thread_local! {
    static STARTED: RefCell<Vec<(Goroutine, &'static Location<'static>)>> = RefCell::default();
}

/// Runs all goroutines of this thread on threads of their own, one after the other, until there are
/// none left; and returns where they were started.
pub(crate) fn run() -> Vec<&'static Location<'static>> {
    let mut locations = Vec::new();
    loop {
        let batch = STARTED.take();
        if batch.is_empty() {
            return locations;
        }
        for (goroutine, location) in batch {
            locations.push(location);
            let run_nested = move || {
                goroutine();
                run()
            };
            match std::thread::spawn(run_nested).join() {
                Ok(nested) => locations.extend(nested),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    }
}

pub(crate) mod __private {
    use std::process::ExitCode;

    pub(crate) use goroutines_macros::__go;

    #[derive(Debug)]
    pub(crate) struct Config {
        pub(crate) workers: Option<usize>,
        pub(crate) stack_size: Option<usize>,
    }

    #[track_caller]
    pub(crate) fn go<F: FnOnce() + Send + 'static>(f: F) {
        let started = (
            Box::new(f) as super::Goroutine,
            std::panic::Location::caller(),
        );
        super::STARTED.with_borrow_mut(|all| all.push(started));
    }

    /// Ends with the status of the body; the configuration becomes the name of the thread.
    pub(crate) fn main(config: Config, body: fn() -> ExitCode) -> ExitCode {
        test(config, "main", body)
    }

    pub(crate) fn test(config: Config, name: &'static str, body: fn() -> ExitCode) -> ExitCode {
        let name = format!("{name} {:?} {:?}", config.workers, config.stack_size);
        let thread = std::thread::Builder::new().name(name).spawn(body).unwrap();
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

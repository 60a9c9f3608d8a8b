//! Hard moments: each test runs itself again as a child, in which something goes wrong, and looks at
//! how the child ends and what it says.
//!
//! Not for: what goes wrong without ending the process (`panics`, `unwind`).

mod backtraces;
mod fork;
mod idle;
mod leaving;
mod limits;
mod links;
mod overflow;
mod settings;
mod stalls;

use std::io::Read;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Tells a child which test it is.
const WHICH: &str = "GOROUTINES_DIES";

/// How long a child may take if the test says nothing else; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// A test of this program, to be run in a process of its own.
struct Again {
    name: &'static str,
    vars: Vec<(&'static str, String)>,
    /// A shell command to be executed before, in the same process.
    before: Option<&'static str>,
    /// The child is ended when it has said this, on standard output and on standard error.
    until: Option<[&'static str; 2]>,
    /// If the child says this on standard error, it was not at fault: it may try three times more.
    excuse: Option<&'static str>,
}

/// How a child ended.
#[derive(Debug)]
struct End {
    status: ExitStatus,
    out: String,
    err: String,
    took: Duration,
}

/// The test of this name, with the path from `it` on.
fn again(name: &'static str) -> Again {
    Again {
        name,
        vars: Vec::new(),
        before: None,
        until: None,
        excuse: None,
    }
}

impl Again {
    fn var(mut self, name: &'static str, value: impl ToString) -> Again {
        self.vars.push((name, value.to_string()));
        self
    }

    /// Has `sh` call this first, `ulimit` for instance.
    fn after(mut self, command: &'static str) -> Again {
        self.before = Some(command);
        self
    }

    /// Ends the child as soon as it has said this, on standard output and on standard error. It may
    /// end before by itself.
    fn until(mut self, out: &'static str, err: &'static str) -> Again {
        self.until = Some([out, err]);
        self
    }

    /// Lets the child try again if it says this on standard error.
    fn excused_by(mut self, text: &'static str) -> Again {
        self.excuse = Some(text);
        self
    }

    /// Whether this is already the child.
    fn is_here(&self) -> bool {
        std::env::var_os(WHICH).is_some_and(|v| v == self.name)
    }

    /// In the child: calls `scenario` and ends the process as a program does whose `main` returns
    /// this. Otherwise: runs the child and gives its end.
    fn run(self, scenario: fn() -> ExitCode) -> End {
        if self.is_here() {
            let code = scenario();
            let known = (0..=255).find(|&n| code == ExitCode::from(n));
            std::process::exit(i32::from(known.expect("a status")));
        }
        self.end()
    }

    /// As [`Again::run`], for a scenario that ends with status 0 if it ends by itself.
    fn of(self, scenario: fn()) -> End {
        if self.is_here() {
            scenario();
            std::process::exit(0);
        }
        self.end()
    }

    fn end(self) -> End {
        let mut tries = 3;
        loop {
            let end = self.once();
            let excused = self.excuse.is_some_and(|text| end.err.contains(text));
            if !excused || tries == 0 {
                return end;
            }
            tries -= 1;
        }
    }

    fn once(&self) -> End {
        let exe = std::env::current_exe().unwrap();
        let mut command = match self.before {
            None => Command::new(exe),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell
                    .arg("-c")
                    .arg(format!("{before} && exec \"$0\" \"$@\""))
                    .arg(exe);
                shell
            }
        };
        command.args([self.name, "--exact", "--nocapture", "--test-threads=1"]);
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy().starts_with("GOROUTINES_");
            if ours || name == "RUST_BACKTRACE" || name == "RUST_LIB_BACKTRACE" {
                command.env_remove(name);
            }
        }
        command
            .env(WHICH, self.name)
            .envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let end = wait(command.spawn().unwrap(), PATIENCE, self.until);
        assert!(
            !end.out.contains("running 0 tests"),
            "{} is not a test",
            self.name
        );
        end
    }
}

/// Waits for a child that was started with pipes; kills it when it takes too long, or when it has
/// said what it is to say.
fn wait(mut child: Child, patience: Duration, until: Option<[&str; 2]>) -> End {
    let start = Instant::now();
    let out = Said::by(child.stdout.take().unwrap());
    let err = Said::by(child.stderr.take().unwrap());
    let mut status = None;
    let mut said = false;
    while status.is_none() && !said && start.elapsed() < patience {
        status = child.try_wait().unwrap();
        said = until.is_some_and(|[o, e]| out.text().contains(o) && err.text().contains(e));
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = start.elapsed();
    if status.is_none() {
        child.kill().unwrap();
    }
    let end = End {
        status: child.wait().unwrap(),
        out: out.all(),
        err: err.all(),
        took,
    };
    assert!(status.is_some() || said, "does not end: {end:#?}");
    end
}

/// What has come through a pipe so far.
struct Said {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Said {
    fn by(mut pipe: impl Read + Send + 'static) -> Said {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let all = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut some) {
                all.lock().unwrap().extend_from_slice(&some[..n]);
            }
        });
        Said { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn all(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }
}

impl End {
    /// The process ended with this status.
    #[track_caller]
    fn code(&self, code: i32) -> &End {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    /// The process ended by this signal.
    #[track_caller]
    fn signal(&self, signal: i32) -> &End {
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt;
            assert_eq!(self.status.signal(), Some(signal), "{self:#?}");
        }
        #[cfg(not(unix))]
        assert!(!self.status.success(), "signal {signal}: {self:#?}");
        self
    }

    /// Standard error has all of these, in this order.
    #[track_caller]
    fn says(&self, texts: &[&str]) -> &End {
        let mut rest = &*self.err;
        for text in texts {
            match rest.find(text) {
                Some(at) => rest = &rest[at + text.len()..],
                None => panic!("no {text:?} (after what comes before it) in: {self:#?}"),
            }
        }
        self
    }

    /// Standard error has none of these.
    #[track_caller]
    fn keeps_quiet_about(&self, texts: &[&str]) -> &End {
        for text in texts {
            assert!(!self.err.contains(text), "{text:?} in: {self:#?}");
        }
        self
    }

    /// Standard output has this.
    #[track_caller]
    fn prints(&self, text: &str) -> &End {
        assert!(self.out.contains(text), "no {text:?} in: {self:#?}");
        self
    }

    /// Standard output does not have this.
    #[track_caller]
    fn prints_no(&self, text: &str) -> &End {
        assert!(!self.out.contains(text), "{text:?} in: {self:#?}");
        self
    }

    #[track_caller]
    fn within(&self, limit: Duration) -> &End {
        assert!(self.took < limit, "took {:?}: {self:#?}", self.took);
        self
    }
}

/// As `#[goroutines::main]`, with these numbers of workers.
fn main_of(workers: usize, f: fn()) -> ExitCode {
    // `private::main` takes a function without captures, as the macro makes it.
    static MAIN: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();
    MAIN.set(f).expect("one main per process");
    fn call() -> ExitCode {
        MAIN.get().expect("set above")();
        ExitCode::SUCCESS
    }
    let config = goroutines::private::Config {
        workers: Some(workers),
        stack_size: None,
    };
    goroutines::private::main(config, call)
}

/// Prints that a destructor has run.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        println!("dropped: {}", self.0);
    }
}

/// Says why a test is not run here.
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// The text of a panic.
fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

//! One measurement, one process: starting it, its answer, its time limit, and
//! the side that runs inside it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{Peer, Program, Size};
use crate::{may_peer, mem, net, std_peer, tokio_peer};

/// The figures of one run of one program, by key.
pub(crate) type Figures = Vec<(String, f64)>;

/// What a program function answers: its figures, or why it has none.
pub(crate) type Answer = Result<Vec<(&'static str, f64)>, String>;

/// What came out of one measurement.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Figures),
    Skipped(String),
}

/// Runs in the child process: one program, one line of JSON.
pub(crate) fn main(words: &[String]) -> ExitCode {
    let parsed = (|| {
        let [peer, program, workers, rest @ ..] = words else {
            return None;
        };
        let mut size = Size {
            quick: false,
            secs: 0,
        };
        let mut go = None;
        for word in rest {
            match word.split_once('=') {
                None if word == "quick" => size.quick = true,
                Some(("secs", n)) => size.secs = n.parse().ok()?,
                Some(("go", path)) => go = Some(path),
                _ => return None,
            }
        }
        let peer = Peer::parse(peer).ok()?;
        Some((
            peer,
            Program::find(program)?,
            workers.parse::<usize>().ok()?,
            size,
            go,
        ))
    })();
    let Some((peer, program, workers, size, go)) = parsed else {
        eprintln!("usage: --child <peer> <program> <workers> [quick] [secs=N] [go=PATH]");
        return ExitCode::from(2);
    };
    let answer = match peer {
        _ if net::has(program) => net::run(program, peer, workers, size, go),
        Peer::Ours => crate::ours::run(program.name, workers, size),
        Peer::Tokio => tokio_peer::run(program.name, workers, size),
        Peer::TokioCt => tokio_peer::run(program.name, 0, size),
        Peer::May => may_peer::run(program.name, workers, size),
        Peer::Std => std_peer::run(program.name, size),
        Peer::Go => Err("Go programs are in a binary of their own".into()),
    };
    println!("{}", encode(&answer));
    // What is still parked or asleep is left to the kernel.
    std::process::exit(0)
}

/// Tells the parent that the process now does nothing; see [`Launcher::watch`].
pub(crate) fn announce_idle() {
    println!("{{\"idle\":1}}");
}

fn encode(answer: &Answer) -> String {
    match answer {
        Ok(figures) => {
            let pairs: Vec<String> = figures
                .iter()
                .map(|(key, n)| format!("\"{key}\":{n}"))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        Err(reason) => format!("{{\"skipped\":\"{reason}\"}}"),
    }
}

/// Reads what [`encode`] wrote: a flat object of numbers, or one reason.
fn decode(line: &str) -> Option<Outcome> {
    let inside = line.trim().strip_prefix('{')?.strip_suffix('}')?;
    if let Some(reason) = inside.strip_prefix("\"skipped\":\"") {
        return Some(Outcome::Skipped(reason.strip_suffix('"')?.to_owned()));
    }
    let figures = inside.split(',').map(|pair| {
        let (key, value) = pair.split_once(':')?;
        Some((
            key.trim().trim_matches('"').to_owned(),
            value.trim().parse().ok()?,
        ))
    });
    figures.collect::<Option<Figures>>().map(Outcome::Done)
}

/// Starts children for every peer.
#[derive(Debug)]
pub(crate) struct Launcher {
    own: PathBuf,
    go: Result<Go, String>,
    size: Size,
    timeout: Duration,
}

#[derive(Debug)]
struct Go {
    binary: PathBuf,
    version: String,
}

impl Launcher {
    /// Builds the Go programs too, when Go is among the peers.
    pub(crate) fn new(peers: &[Peer], size: Size, timeout: Duration) -> Self {
        let own = std::env::current_exe().expect("the path of the running program");
        let go = if peers.contains(&Peer::Go) {
            build_go(&own)
        } else {
            Err("not asked for".into())
        };
        Self {
            own,
            go,
            size,
            timeout,
        }
    }

    pub(crate) fn go_version(&self) -> Option<&str> {
        self.go.as_ref().ok().map(|go| go.version.as_str())
    }

    pub(crate) fn run(&self, peer: Peer, program: &Program, workers: usize) -> Outcome {
        let mut command = match (peer, &self.go) {
            (Peer::Go, Err(reason)) => return Outcome::Skipped(reason.clone()),
            (Peer::Go, Ok(go)) if !net::has(program) => Command::new(&go.binary),
            _ => {
                let mut command = Command::new(&self.own);
                command.arg("--child").arg(peer.name());
                command
            }
        };
        command.arg(program.name).arg(workers.to_string());
        if self.size.quick {
            command.arg("quick");
        }
        if net::has(program) {
            command.arg(format!("secs={}", self.size.secs));
            if let (Peer::Go, Ok(go)) = (peer, &self.go) {
                command.arg(format!("go={}", go.binary.display()));
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => self.watch(child, program),
            Err(error) => Outcome::Skipped(format!("cannot start: {error}")),
        }
    }

    /// Waits for the answer, no longer than the time limit. A child that only
    /// sits there says when it begins to; its CPU time is then read from here,
    /// so that the reading costs it nothing, and it is ended.
    fn watch(&self, mut child: Child, program: &Program) -> Outcome {
        let (to_us, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout was asked for");
        let mut stderr = child.stderr.take().expect("stderr was asked for");
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if to_us.send(line).is_err() {
                    return;
                }
            }
        });
        let complaint = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let deadline = Instant::now() + self.timeout;
        let mut answer = None;
        let mut late = false;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => answer = decode(&line).or(answer),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => late = true,
            }
            let idle = program.watched() && matches!(answer, Some(Outcome::Done(_)));
            if idle {
                answer = Some(look_at_idle(&child));
            }
            if idle || late {
                let _ = child.kill();
                break;
            }
        }
        let status = child.wait();
        let complaint = complaint.join().unwrap_or_default();
        match answer {
            _ if late => {
                Outcome::Skipped(format!("over the limit of {} s", self.timeout.as_secs()))
            }
            Some(outcome) => outcome,
            None => {
                let why = first_cause(&complaint);
                Outcome::Skipped(match status {
                    Ok(status) => format!("failed ({status}){why}"),
                    Err(error) => format!("failed ({error}){why}"),
                })
            }
        }
    }
}

/// The CPU time and the context switches of two seconds of nothing.
fn look_at_idle(child: &Child) -> Outcome {
    thread::sleep(Duration::from_millis(300));
    let look = || {
        Some((
            mem::cpu_time(child.id())?,
            mem::voluntary_switches(child.id()),
        ))
    };
    let before = look();
    thread::sleep(Duration::from_secs(2));
    let (Some(before), Some(after)) = (before, look()) else {
        return Outcome::Skipped("its CPU clock cannot be read".into());
    };
    Outcome::Done(vec![
        (
            "cpu_us".into(),
            (after.0.saturating_sub(before.0)).as_nanos() as f64 / 1e3,
        ),
        ("switches".into(), after.1.saturating_sub(before.1) as f64),
    ])
}

/// The first thing a failed child said, kept short.
fn first_cause(complaint: &str) -> String {
    let mut lines = complaint.lines().filter(|line| !line.trim().is_empty());
    let mut line = lines.next().unwrap_or("");
    if line.contains("panicked at ") {
        // Where is of no interest; the message is on the next line.
        line = lines.next().unwrap_or(line);
    }
    let line: String = line.chars().filter(|c| !c.is_control()).take(160).collect();
    if line.is_empty() {
        line
    } else {
        format!(": {line}")
    }
}

/// Compiles `go/main.go` beside this binary with the toolchain at hand.
fn build_go(own: &Path) -> Result<Go, String> {
    let go = std::env::var_os("GO_BIN").unwrap_or_else(|| "go".into());
    let version = Command::new(&go)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .map_err(|_| "no go command on PATH, and GO_BIN names none".to_owned())?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let binary = own.with_file_name("goroutines-bench-go");
    let built = Command::new(&go)
        .args(["build", "-o"])
        .arg(&binary)
        .args(["main.go", "net.go"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("go"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .output()
        .map_err(|error| format!("go build cannot start: {error}"))?;
    if !built.status.success() {
        return Err(format!(
            "go build failed{}",
            first_cause(&String::from_utf8_lossy(&built.stderr))
        ));
    }
    Ok(Go { binary, version })
}

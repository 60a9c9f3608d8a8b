//! The steps of `cargo xtask check`, and how they are run and reported.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{examples, source::Source, tidy, tree};

/// How a step ended, each with a remark.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It found nothing wrong.
    Passed(String),
    /// It found something wrong.
    Failed(String),
    /// It did not run, and this is why.
    Skipped(String),
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// One line for the help.
    pub(crate) about: &'static str,
    run: fn(bless: bool) -> Outcome,
}

/// All steps, in order.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "cargo fmt --check",
        run: fmt,
    },
    Step {
        name: "clippy",
        about: "cargo clippy, all targets, warnings are errors",
        run: clippy,
    },
    Step {
        name: "tidy",
        about: "layers, reserved names, the map of unsafe code, the state of the files",
        run: run_tidy,
    },
    Step {
        name: "docs",
        about: "cargo doc, warnings are errors",
        run: docs,
    },
    Step {
        name: "loom",
        about: "the loom models of the runtime, of channels and of locks (tests named loom_*)",
        run: loom,
    },
    Step {
        name: "examples",
        about: "build and run every example of the crate goroutines",
        run: examples::run,
    },
    Step {
        name: "miri",
        about: "the tests of the rooms that never switch stacks, under Miri",
        run: miri,
    },
];

/// The crates that hold loom models, with their sources.
const LOOM_CRATES: &[(&str, &str)] = &[
    ("goroutines-runtime", "crates/goroutines-runtime/src/"),
    ("goroutines-models", "models/src/"),
];
/// How many forced preemptions loom explores, unless LOOM_MAX_PREEMPTIONS says otherwise.
const LOOM_PREEMPTIONS: &str = "2";
/// The crate with tests that Miri runs.
const MIRI_CRATE: &str = "goroutines-runtime";
/// Those tests: of rooms that neither switch stacks nor call the system.
const MIRI_TESTS: &[&str] = &["g::"];
/// They ask the clock, lists of records are linked by numbers in atomics, and records are never freed.
const MIRI_FLAGS: &str =
    "-Zmiri-disable-isolation -Zmiri-permissive-provenance -Zmiri-ignore-leaks";

/// The step of this name.
pub(crate) fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// Runs the steps, prints a table of how they ended, and says whether none failed.
pub(crate) fn run(steps: &[&Step], bless: bool) -> bool {
    let mut rows = Vec::new();
    for step in steps {
        println!("\n==> {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)(bless);
        let (word, remark) = match &outcome {
            Outcome::Passed(remark) => ("passed", remark),
            Outcome::Failed(remark) => ("FAILED", remark),
            Outcome::Skipped(remark) => ("skipped", remark),
        };
        let row = row(step.name, word, start.elapsed(), remark);
        println!("<== {row}");
        rows.push((row, word));
    }
    println!("\n{:<9} {:<8} {:>8}", "step", "result", "time");
    for (row, _) in &rows {
        println!("{row}");
    }
    let count = |word| rows.iter().filter(|(_, w)| *w == word).count();
    let (passed, failed, skipped) = (count("passed"), count("FAILED"), count("skipped"));
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

fn row(name: &str, word: &str, time: Duration, remark: &str) -> String {
    format!("{name:<9} {word:<8} {:>7.1}s  {remark}", time.as_secs_f64())
        .trim_end()
        .to_string()
}

/// A cargo command in the root of the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    in_root(command, arguments)
}

/// The same with the nightly toolchain.
fn nightly_cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    // Rustup's own choice for what runs xtask.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    in_root(command, arguments)
}

fn in_root(mut command: Command, arguments: &[&str]) -> Command {
    command
        .args(arguments)
        .current_dir(tree::root())
        .stdin(Stdio::null());
    // `cargo run` describes xtask itself in these; a build script below that watches one would run again each time.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    let named = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]
        .into_iter()
        .find_map(std::env::var_os);
    tree::root().join(named.unwrap_or_else(|| "target".into()))
}

/// Whether a cargo subcommand is installed.
fn is_installed(subcommand: &str) -> bool {
    runs(&mut cargo(&[subcommand, "--version"]))
}

/// Whether a command succeeds, whatever it says.
fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end.
pub(crate) fn succeed(mut command: Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed(String::new()),
        Ok(status) => Outcome::Failed(status.to_string()),
        Err(e) => Outcome::Failed(e.to_string()),
    }
}

fn fmt(_: bool) -> Outcome {
    if !is_installed("fmt") {
        return Outcome::Skipped(
            "rustfmt is not installed (rustup component add rustfmt)".to_string(),
        );
    }
    succeed(cargo(&["fmt", "--all", "--check"]))
}

fn clippy(_: bool) -> Outcome {
    if !is_installed("clippy") {
        return Outcome::Skipped(
            "clippy is not installed (rustup component add clippy)".to_string(),
        );
    }
    succeed(cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn docs(_: bool) -> Outcome {
    let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
    append(&mut command, "RUSTDOCFLAGS", "-D warnings");
    succeed(command)
}

fn run_tidy(bless: bool) -> Outcome {
    let report = match tidy::run(&tree::root(), bless) {
        Ok(report) => report,
        Err(e) => return Outcome::Failed(e.to_string()),
    };
    for note in &report.notes {
        println!("note: {note}");
    }
    for error in &report.errors {
        println!("{error}");
    }
    match report.errors.len() {
        0 => Outcome::Passed(String::new()),
        1 => Outcome::Failed("1 complaint".to_string()),
        n => Outcome::Failed(format!("{n} complaints")),
    }
}

fn loom(_: bool) -> Outcome {
    let mut models = 0;
    // One command for all of them, so that they are built beside each other.
    let mut command = cargo(&["test", "--release", "--lib"]);
    for (name, place) in LOOM_CRATES {
        match models_of(place) {
            Ok(0) => return Outcome::Failed(format!("there are no tests named loom_* in {place}")),
            Ok(n) => models += n,
            Err(e) => return Outcome::Failed(e.to_string()),
        }
        command.args(["-p", name]);
    }
    command.arg("loom_");
    append(&mut command, "RUSTFLAGS", "--cfg loom");
    command.env("CARGO_TARGET_DIR", target_dir().join("loom"));
    if std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
        command.env("LOOM_MAX_PREEMPTIONS", LOOM_PREEMPTIONS);
    }
    match tests_run(command) {
        Ok(0) => Outcome::Failed(format!(
            "none of the {models} models was run: are they declared under cfg(loom)?"
        )),
        Ok(run) if run < models => {
            Outcome::Failed(format!("only {run} of {models} models were run"))
        }
        Ok(run) => Outcome::Passed(format!("{run} models")),
        Err(remark) => Outcome::Failed(remark),
    }
}

/// The number of loom models in the sources of a crate.
fn models_of(place: &str) -> std::io::Result<usize> {
    let files = tree::load(&tree::root())?;
    let sources = files
        .iter()
        .filter(|f| f.path.starts_with(place) && f.path.ends_with(".rs"));
    Ok(sources.map(|f| models_in(&f.text)).sum())
}

/// The number of tests named `loom_…` in a file.
fn models_in(text: &str) -> usize {
    let source = Source::new(text);
    let tests = source.find_tokens(&["#", "[", "test", "]"]).into_iter();
    tests
        .filter(|test| {
            let mut i = test + 4;
            while source.looks_at(i, &["#", "["]) {
                i = source.close(i + 1) + 1;
            }
            let name = source.tokens.get(i + 1);
            source.looks_at(i, &["fn"]) && name.is_some_and(|n| n.text.starts_with("loom_"))
        })
        .count()
}

fn miri(_: bool) -> Outcome {
    let Some(mut command) = miri_of_some_toolchain() else {
        return Outcome::Skipped(
            "no toolchain has a miri that works (rustup component add --toolchain nightly miri \
             rust-src; its own std is built at first use)"
                .to_string(),
        );
    };
    command
        .args(["test", "-p", MIRI_CRATE, "--lib", "--"])
        .args(MIRI_TESTS)
        .env("CARGO_TARGET_DIR", target_dir().join("miri"));
    append(&mut command, "MIRIFLAGS", MIRI_FLAGS);
    match tests_run(command) {
        Ok(0) => Outcome::Failed(format!("there are no tests in {}", MIRI_TESTS.join(", "))),
        Ok(run) => Outcome::Passed(format!("{run} tests")),
        Err(remark) => Outcome::Failed(remark),
    }
}

/// `cargo miri` of the toolchain that runs this, or of nightly, if it can do its work.
fn miri_of_some_toolchain() -> Option<Command> {
    [cargo, nightly_cargo]
        .into_iter()
        .find(|cargo| runs(&mut cargo(&["miri", "setup"])))
        .map(|cargo| cargo(&["miri"]))
}

/// Adds to a variable that holds flags.
fn append(command: &mut Command, variable: &str, flags: &str) {
    let value = match std::env::var(variable) {
        Ok(old) if !old.trim().is_empty() => format!("{old} {flags}"),
        _ => flags.to_string(),
    };
    command.env(variable, value);
}

/// Runs a `cargo test` and gives the number of tests that passed.
fn tests_run(mut command: Command) -> Result<usize, String> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut passed = 0;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            println!("{line}");
            passed += passed_in(&line);
        }
    }
    // The tests' own output went through the line above; keep it ahead of what comes next.
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    let status = child.wait().map_err(|e| e.to_string())?;
    if status.success() {
        Ok(passed)
    } else {
        Err(status.to_string())
    }
}

/// The number in `test result: ok. 3 passed; …`, or 0 for any other line.
fn passed_in(line: &str) -> usize {
    let rest = line
        .strip_prefix("test result: ")
        .and_then(|rest| rest.split_once(". "));
    rest.and_then(|(_, rest)| rest.split_once(" passed"))
        .and_then(|(n, _)| n.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_counted() {
        let text =
            "#[test]\nfn loom_a() {}\n#[test] #[should_panic(expected = \"x\")] fn loom_b() {}\n";
        assert_eq!(models_in(text), 2);
        assert_eq!(
            models_in("#[cfg(loom)] fn loom_helper() {}\n#[test] fn other() {}"),
            0
        );
        assert_eq!(models_in("// #[test] fn loom_a() {}"), 0);
    }

    #[test]
    fn passed_tests_are_counted() {
        assert_eq!(
            passed_in(
                "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out"
            ),
            12
        );
        assert_eq!(passed_in("test loom_queue ... ok"), 0);
        assert_eq!(passed_in("running 12 tests"), 0);
    }

    #[test]
    fn the_exit_status_follows_the_outcomes() {
        const GOOD: Step = Step {
            name: "good",
            about: "",
            run: |_| Outcome::Passed(String::new()),
        };
        const NONE: Step = Step {
            name: "none",
            about: "",
            run: |_| Outcome::Skipped("why".to_string()),
        };
        const BAD: Step = Step {
            name: "bad",
            about: "",
            run: |_| Outcome::Failed("why".to_string()),
        };
        assert!(run(&[&GOOD, &NONE], false));
        assert!(!run(&[&BAD, &GOOD], false));
    }

    #[test]
    fn a_failing_command_fails_the_step() {
        assert!(matches!(succeed(Command::new("true")), Outcome::Passed(_)));
        assert!(matches!(succeed(Command::new("false")), Outcome::Failed(_)));
        let missing = Command::new("no-such-program-at-all");
        assert!(matches!(succeed(missing), Outcome::Failed(_)));
    }
}

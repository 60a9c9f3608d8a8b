//! Builds the examples of the crate `goroutines` and runs each: it must end well, and in time.
//!
//! Not for: the programs of the crate in `examples/`, and servers. Their tests run them; here it is only seen to
//! that each has some.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::json::{self, Value};
use crate::steps::{Outcome, cargo, target_dir};
use crate::tree::{self, File};

/// What an example's standard output must be.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// Whatever it likes.
    Anything,
    /// One JSON object, and nothing else.
    JsonObject,
}

/// An example that is not simply run without arguments.
#[derive(Debug)]
enum Special {
    /// It is run with these arguments.
    Run(&'static [&'static str], Expect),
    /// It is built but not run: it does not end by itself, and a test in `examples/tests/it` talks to it.
    Tested,
}

/// The examples that need something special. All others are run without arguments.
const SPECIAL: &[(&str, Special)] = &[
    ("chat", Special::Tested),
    ("echo", Special::Tested),
    ("tour", Special::Run(&["--json"], Expect::JsonObject)),
];

/// Where programs are that need other people's crates.
const PROGRAMS: &str = "examples/src/bin/";
/// Where the tests of programs and servers are, a module for each.
const TESTS: &str = "examples/tests/it/";

/// How long an example may run.
const LIMIT: Duration = Duration::from_secs(120);

/// The step.
pub(crate) fn run(_: bool) -> Outcome {
    let examples = match build() {
        Ok(examples) => examples,
        Err(remark) => return Outcome::Failed(remark),
    };
    if examples.is_empty() {
        return Outcome::Skipped("crates/goroutines has no examples yet".to_string());
    }
    let folder = target_dir().join("xtask-examples");
    let untested = match tree::load(&tree::root()) {
        Ok(files) => untested(&files),
        Err(e) => return Outcome::Failed(e.to_string()),
    };
    for name in &untested {
        println!("{name}: FAILED: it has no test: {TESTS}{name}.rs, and `mod {name};` in main.rs");
    }
    let mut failed: Vec<_> = untested.iter().map(String::as_str).collect();
    let mut skipped = 0;
    for (name, program) in &examples {
        let special = SPECIAL
            .iter()
            .find(|(special, _)| special == name)
            .map(|(_, special)| special);
        let (arguments, expect) = match special {
            Some(Special::Tested) => {
                println!("{name}: skipped: {TESTS}{name}.rs runs it");
                skipped += 1;
                continue;
            }
            Some(Special::Run(arguments, expect)) => (*arguments, *expect),
            None => (&[][..], Expect::Anything),
        };
        let start = Instant::now();
        let result = run_one(program, arguments, expect, LIMIT, &folder.join(name));
        let time = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("{name}: passed in {time:.1}s"),
            Err(why) => {
                println!("{name}: FAILED in {time:.1}s: {why}");
                failed.push(name.as_str());
            }
        }
    }
    for (name, _) in SPECIAL
        .iter()
        .filter(|(name, _)| !examples.iter().any(|(example, _)| example == name))
    {
        println!(
            "{name}: FAILED: SPECIAL in xtask/src/examples.rs names an example that does not exist"
        );
        failed.push(name);
    }
    if !failed.is_empty() {
        return Outcome::Failed(failed.join(", "));
    }
    let ran = examples.len() - skipped;
    Outcome::Passed(if skipped == 0 {
        format!("{ran} ran")
    } else {
        format!("{ran} ran, {skipped} skipped")
    })
}

/// The programs, and the servers among the examples, that have no test.
fn untested(files: &[File]) -> Vec<String> {
    let text = |path: &str| files.iter().find(|f| f.path == path).map(|f| &*f.text);
    let main = text(&format!("{TESTS}main.rs")).unwrap_or_default();
    let has_test = |name: &str| {
        let declared = main.lines().any(|line| line == format!("mod {name};"));
        declared && text(&format!("{TESTS}{name}.rs")).is_some_and(|text| text.contains("#[test]"))
    };
    let programs = files.iter().filter_map(|f| {
        let below = f.path.strip_prefix(PROGRAMS)?;
        let name = below.strip_suffix("/main.rs");
        name.or_else(|| below.strip_suffix(".rs").filter(|name| !name.contains('/')))
    });
    let servers = SPECIAL
        .iter()
        .filter(|(_, special)| matches!(special, Special::Tested))
        .map(|(name, _)| *name);
    programs
        .chain(servers)
        .filter(|name| !has_test(name))
        .map(str::to_string)
        .collect()
}

/// Builds the examples in release mode and gives their names and programs.
fn build() -> Result<Vec<(String, PathBuf)>, String> {
    let arguments = [
        "build",
        "--release",
        "-p",
        "goroutines",
        "--examples",
        "--message-format=json-render-diagnostics",
    ];
    let output = cargo(&arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("the build failed: {}", output.status));
    }
    let mut examples = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message = json::parse(line).map_err(|e| format!("cargo's message: {e}"))?;
        examples.extend(artifact(&message));
    }
    examples.sort();
    Ok(examples)
}

/// The name and program of an example, if this message of cargo's speaks of one.
fn artifact(message: &Value) -> Option<(String, PathBuf)> {
    let target = message.get("target")?;
    let is_example = target
        .get("kind")?
        .items()
        .iter()
        .any(|kind| kind.as_str() == Some("example"));
    let program = message.get("executable")?.as_str()?;
    is_example.then_some((
        target.get("name")?.as_str()?.to_string(),
        PathBuf::from(program),
    ))
}

/// Runs one example. Its output goes to files in `folder` (no pipe, so that nobody waits for a reader) and is shown
/// if it fails.
fn run_one(
    program: &Path,
    arguments: &[&str],
    expect: Expect,
    limit: Duration,
    folder: &Path,
) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let create = |path| fs::File::create(path).map_err(|e| e.to_string());
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(create(&out)?)
        .stderr(create(&err)?)
        .current_dir(folder);
    let result = wait(command, limit).and_then(|()| match expect {
        Expect::Anything => Ok(()),
        Expect::JsonObject => {
            let text = fs::read_to_string(&out).map_err(|e| e.to_string())?;
            match json::parse(&text) {
                Ok(Value::Object(_)) => Ok(()),
                Ok(_) => Err("its output is JSON, but no object".to_string()),
                Err(e) => Err(format!("its output is not one JSON object: {e}")),
            }
        }
    });
    if result.is_err() {
        show("stdout", &out);
        show("stderr", &err);
    }
    result
}

/// Waits for a command to end well within the limit.
fn wait(mut command: Command, limit: Duration) -> Result<(), String> {
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let start = Instant::now();
    loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if start.elapsed() > limit => {
                // It may have ended on its own in between; then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("still running after {limit:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Prints the end of a file.
fn show(title: &str, path: &Path) {
    const LINES: usize = 40;
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LINES);
    println!(
        "--- {title}{}",
        if skipped > 0 {
            format!(", the last {LINES} lines of {}", lines.len())
        } else {
            String::new()
        }
    );
    for line in &lines[skipped..] {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a shell command as if it were an example.
    fn shell(script: &str, expect: Expect, limit: Duration) -> Result<(), String> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("xtask-example-{}-{number}", std::process::id()));
        let result = run_one(
            Path::new("/bin/sh"),
            &["-c", script],
            expect,
            limit,
            &folder,
        );
        let _ = fs::remove_dir_all(&folder);
        result
    }

    #[test]
    fn an_example_must_end_well_and_in_time() {
        assert_eq!(shell("echo hello", Expect::Anything, LIMIT), Ok(()));
        assert!(shell("exit 3", Expect::Anything, LIMIT).is_err_and(|e| e.contains('3')));
        assert!(shell("kill -9 $$", Expect::Anything, LIMIT).is_err_and(|e| e.contains("signal")));
        let late = shell("exec sleep 60", Expect::Anything, Duration::from_millis(50));
        assert!(late.is_err_and(|e| e.contains("still running")));
    }

    #[test]
    fn what_is_not_run_must_have_a_test() {
        let tree = |files: &[(&str, &str)]| {
            let file = |(path, text): &(&str, &str)| File {
                path: (*path).to_string(),
                text: (*text).to_string(),
            };
            untested(&files.iter().map(file).collect::<Vec<_>>())
        };
        let main = (
            "examples/tests/it/main.rs",
            "mod chat;\nmod echo;\nmod web;\n",
        );
        let chat = ("examples/tests/it/chat.rs", "#[test]\n");
        let echo = ("examples/tests/it/echo.rs", "#[test]\n");
        let program = ("examples/src/bin/web.rs", "");
        let web = ("examples/tests/it/web.rs", "#[test]\n");
        assert!(tree(&[main, chat, echo, program, web]).is_empty());
        assert!(tree(&[main, chat, echo]).is_empty());
        // No test of a program, one that holds none, one that is not declared, none of a server.
        assert_eq!(tree(&[main, chat, echo, program]), ["web"]);
        let empty = ("examples/tests/it/web.rs", "");
        assert_eq!(tree(&[main, chat, echo, program, empty]), ["web"]);
        let undeclared = ("examples/tests/it/main.rs", "mod chat;\nmod echo;\n");
        assert_eq!(tree(&[undeclared, chat, echo, program, web]), ["web"]);
        assert_eq!(tree(&[main, chat, program, web]), ["echo"]);
        // A program may be a folder; its other files are no programs.
        let folder = [
            ("examples/src/bin/big/main.rs", ""),
            ("examples/src/bin/big/part.rs", ""),
        ];
        assert_eq!(tree(&[main, chat, echo, folder[0], folder[1]]), ["big"]);
    }

    #[test]
    fn json_must_be_one_object() {
        assert_eq!(
            shell("echo '{\"a\": 1}'", Expect::JsonObject, LIMIT),
            Ok(())
        );
        for script in [
            "true",
            "echo '[1]'",
            "echo '{} {}'",
            "echo hello; echo '{}'",
            "echo '{}'; exit 1",
        ] {
            assert!(
                shell(script, Expect::JsonObject, LIMIT).is_err(),
                "{script}"
            );
        }
    }

    #[test]
    fn examples_are_found_in_cargos_messages() {
        let message = |kind: &str, program: &str| {
            let text = format!(
                r#"{{"target":{{"kind":["{kind}"],"name":"tour"}},"executable":{program}}}"#
            );
            artifact(&json::parse(&text).expect("JSON"))
        };
        assert_eq!(
            message("example", "\"/x/tour\""),
            Some(("tour".to_string(), PathBuf::from("/x/tour")))
        );
        assert_eq!(message("lib", "null"), None);
        assert_eq!(message("bin", "\"/x/tour\""), None);
        assert_eq!(
            artifact(&json::parse(r#"{"reason":"build-finished"}"#).expect("JSON")),
            None
        );
    }
}

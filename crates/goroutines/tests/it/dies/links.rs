//! There is one runtime per process: two versions of the runtime crate cannot be linked together.

use super::{End, skip, wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn cargo(at: &Path, args: &[&str]) -> Option<End> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(at)
        .args(args)
        .env_remove("RUSTFLAGS")
        .env("CARGO_TERM_COLOR", "never");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match command.spawn() {
        Ok(child) => Some(wait(child, Duration::from_secs(120), None)),
        Err(error) => {
            skip(&format!("no cargo here: {error}"));
            None
        }
    }
}

fn runtime_crate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../goroutines-runtime")
}

#[test]
fn the_runtime_is_marked() {
    let Ok(manifest) = std::fs::read_to_string(runtime_crate().join("Cargo.toml")) else {
        return skip("not in the repository");
    };
    assert!(
        manifest
            .lines()
            .any(|line| line == "links = \"goroutines-runtime\""),
        "{manifest}"
    );
    assert!(
        runtime_crate().join("build.rs").exists(),
        "cargo wants a build script with `links`"
    );
}

/// A directory that goes when the test is over.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a crate with the runtime's own key under another version, and one that wants both.
#[test]
fn a_second_copy_is_refused() {
    let Ok(manifest) = std::fs::read_to_string(runtime_crate().join("Cargo.toml")) else {
        return skip("not in the repository");
    };
    let links = manifest
        .lines()
        .find(|line| line.starts_with("links"))
        .unwrap();
    let name = format!("goroutines-links-{}", std::process::id());
    let root = Scratch(std::env::temp_dir().join(name));
    // Copies in name, version and key, without dependencies: cargo refuses before it compiles.
    for (place, version) in [("old", "0.1.0"), ("new", "0.2.0")] {
        let text = format!(
            "[package]\nname = \"goroutines-runtime\"\nversion = \"{version}\"\n\
             edition = \"2024\"\n{links}\nbuild = \"build.rs\"\n",
        );
        write(&root.0.join(place), &text, "");
    }
    let both = "old = { package = \"goroutines-runtime\", path = \"../old\" }\n\
                new = { package = \"goroutines-runtime\", path = \"../new\" }\n";
    let one = "old = { package = \"goroutines-runtime\", path = \"../old\" }\n";
    for (place, dependencies) in [("one", one), ("both", both)] {
        let text = format!(
            "[package]\nname = \"{place}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [workspace]\n[dependencies]\n{dependencies}",
        );
        write(&root.0.join(place), &text, "");
    }
    let args = ["metadata", "--offline", "--format-version=1"];
    let Some(one) = cargo(&root.0.join("one"), &args) else {
        return;
    };
    one.code(0);
    let Some(both) = cargo(&root.0.join("both"), &args) else {
        return;
    };
    assert!(!both.status.success(), "{both:#?}");
    both.says(&["links", "goroutines-runtime"]);
}

fn write(at: &Path, manifest: &str, lib: &str) {
    std::fs::create_dir_all(at.join("src")).unwrap();
    std::fs::write(at.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(at.join("build.rs"), "fn main() {}\n").unwrap();
    std::fs::write(at.join("src/lib.rs"), lib).unwrap();
}

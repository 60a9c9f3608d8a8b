//! Checks what neither the compiler nor clippy can: the plan of the house, the places of dangerous things, and the
//! state of the repository.
//!
//! The rules' data is in [`crate::layers`] and [`crate::places`]. A rule is a function from files to complaints, so
//! that the tests can feed it a small tree in memory; each rule has a test that makes it fail.

mod house;
mod repo;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::layers;
use crate::source::Source;
use crate::tree::{self, File};

/// What tidy has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Each of these makes the check fail.
    pub(crate) errors: Vec<String>,
    /// These do not.
    pub(crate) notes: Vec<String>,
}

impl Report {
    fn error(&mut self, unit: &Unit<'_>, at: usize, message: impl std::fmt::Display) {
        self.errors
            .push(format!("{}:{}: {message}", unit.path, unit.source.line(at)));
    }
}

/// A Rust file.
struct Unit<'a> {
    path: &'a str,
    source: Source<'a>,
    /// Whether the whole file is compiled only for tests.
    is_test: bool,
}

impl Unit<'_> {
    fn in_test(&self, at: usize) -> bool {
        self.is_test || self.source.in_test(at)
    }

    /// Whether the file is part of a library under `crates/`, and not of its tests, examples or build script.
    fn is_library(&self) -> bool {
        self.path.split('/').next() == Some("crates") && self.path.split('/').nth(2) == Some("src")
    }

    /// Folder name of the crate, module path in the crate.
    fn module(&self) -> Option<(&str, Vec<&str>)> {
        let (krate, rest) = self.path.strip_prefix("crates/")?.split_once("/src/")?;
        let mut module: Vec<&str> = rest.strip_suffix(".rs")?.split('/').collect();
        if matches!(module.last(), Some(&"mod" | &"lib" | &"main")) {
            module.pop();
        }
        Some((krate, module))
    }
}

/// Runs every rule over `files`.
pub(crate) fn check(files: &[File]) -> Report {
    let mut report = Report::default();
    let units = units(files);
    house::layers(&units, &mut report);
    house::windows(&units, &mut report);
    house::reserved(&units, &mut report);
    house::unsafe_map(&units, &mut report);
    repo::heads(&units, &mut report);
    repo::sizes(&units, &mut report);
    repo::unfinished(&units, &mut report);
    repo::machine(files, &mut report);
    repo::required(files, &mut report);
    repo::architecture(files, &mut report);
    report
}

/// Loads the repository at `root` and checks it. With `bless`, first writes the table of layers into ARCHITECTURE.md.
pub(crate) fn run(root: &Path, bless: bool) -> io::Result<Report> {
    let mut files = tree::load(root)?;
    if bless && let Some(file) = files.iter_mut().find(|f| f.path == repo::ARCHITECTURE) {
        let table = layers::table();
        file.text = match repo::table_range(&file.text) {
            Some(range) => format!(
                "{}{table}{}",
                &file.text[..range.start],
                &file.text[range.end..]
            ),
            None => format!("{}\n\n{table}\n", file.text.trim_end()),
        };
        std::fs::write(root.join(&file.path), &file.text)?;
    }
    Ok(check(&files))
}

fn units(files: &[File]) -> Vec<Unit<'_>> {
    let mut units: Vec<_> = files
        .iter()
        .filter(|f| f.path.ends_with(".rs"))
        .map(|f| Unit {
            path: &f.path,
            source: Source::new(&f.text),
            is_test: false,
        })
        .collect();
    // A module declared for tests only makes its file, and all below it, test files.
    let mut tests = BTreeSet::new();
    for unit in &units {
        let stem = unit.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let own = if matches!(name, "mod" | "lib" | "main") {
            folder
        } else {
            stem
        };
        tests.extend(
            unit.source
                .test_modules
                .iter()
                .map(|module| format!("{own}/{module}")),
        );
    }
    for unit in &mut units {
        unit.is_test = unit.source.all_test
            || tests
                .iter()
                .any(|place| crate::places::is_in(unit.path, place))
            || unit
                .path
                .strip_prefix("crates/")
                .is_some_and(|p| matches!(p.split('/').nth(1), Some("tests" | "benches")));
    }
    units
}

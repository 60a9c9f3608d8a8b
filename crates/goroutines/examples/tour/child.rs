//! Runs each measured program in a process of its own, so that no figure disturbs another: peak
//! memory, for one, is counted per process.
//!
//! The tour starts itself with the hidden arguments `--part NAME COUNT`; the child prints its figures as
//! lines `key value`.

use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Stdio};

/// The figures of one program.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// One figure, if it could be measured here.
    pub(crate) fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).copied()
    }
}

/// Runs a part in a child and reads its figures.
pub(crate) fn figures(part: &str, count: u64) -> Result<Figures, String> {
    let mut figures = Figures::default();
    for line in lines(part, count)? {
        let (key, value) = line
            .split_once(' ')
            .ok_or(format!("part {part} printed {line:?}"))?;
        let value = value
            .parse()
            .map_err(|_| format!("part {part} printed {line:?}"))?;
        figures.0.insert(key.to_owned(), value);
    }
    Ok(figures)
}

/// Runs a part in a child and gives the lines it printed, in their order.
pub(crate) fn lines(part: &str, count: u64) -> Result<Vec<String>, String> {
    let failed = |why: &dyn std::fmt::Display| format!("part {part}: {why}");
    let program = env::current_exe().map_err(|error| failed(&error))?;
    let output = Command::new(program)
        .args(["--part", part, &count.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| failed(&error))?;
    Ok(text.lines().map(String::from).collect())
}

/// In the child: hands a figure to the tour. What cannot be measured here is left out.
pub(crate) fn figure(key: &str, value: impl Into<Option<f64>>) {
    if let Some(value) = value.into() {
        println!("{key} {value}");
    }
}

/// The same for a number of bytes or things.
pub(crate) fn count(key: &str, value: impl Into<Option<u64>>) {
    figure(key, value.into().map(|value| value as f64));
}

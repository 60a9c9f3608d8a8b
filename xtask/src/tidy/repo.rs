//! Rules about files as files: their heads, sizes and words, and what the repository must hold.

use std::ops::Range;

use super::{Report, Unit};
use crate::layers;
use crate::places::{
    CARGO_INDEX, MACHINE_PATHS, MAX_LINES, NOTE_LINES, REGISTRY_HOSTS, REQUIRED, UNFINISHED_MACROS,
    UNFINISHED_WORDS,
};
use crate::tree::File;

/// The file that prints the table of layers.
pub(super) const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Every Rust file starts by saying what it is for.
pub(super) fn heads(units: &[Unit<'_>], report: &mut Report) {
    for unit in units {
        let first = unit.source.text().lines().next().unwrap_or("");
        if first
            .strip_prefix("//!")
            .is_none_or(|rest| rest.trim().is_empty())
        {
            report.error(
                unit,
                0,
                "the first line is not `//! …`, one sentence that says what the file is for",
            );
        }
    }
}

/// No file grows beyond what one can hold in the head.
pub(super) fn sizes(units: &[Unit<'_>], report: &mut Report) {
    for unit in units.iter().filter(|u| !u.is_test) {
        let lines = unit.source.code_lines();
        if lines > MAX_LINES {
            report.error(
                unit,
                0,
                format_args!("{lines} lines of code, more than {MAX_LINES}: look for a seam"),
            );
        } else if lines > NOTE_LINES {
            report
                .notes
                .push(format!("{}: {lines} lines of code", unit.path));
        }
    }
}

/// Nothing is left half done.
pub(super) fn unfinished(units: &[Unit<'_>], report: &mut Report) {
    for unit in units {
        for word in UNFINISHED_WORDS {
            for at in unit.source.find_word(word) {
                report.error(unit, at, format_args!("`{word}` marks unfinished work"));
            }
        }
        for name in UNFINISHED_MACROS {
            for i in unit.source.find_tokens(&[name, "!"]) {
                report.error(
                    unit,
                    unit.source.tokens[i].at,
                    format_args!("`{name}!` marks unfinished work"),
                );
            }
        }
    }
}

/// No file speaks of one particular machine.
pub(super) fn machine(files: &[File], report: &mut Report) {
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            let line = line.replace(CARGO_INDEX, "");
            for path in MACHINE_PATHS {
                let alone = |(at, _): (usize, &str)| {
                    !line[..at].ends_with(|c: char| {
                        c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '}')
                    })
                };
                if line.match_indices(path).any(alone) {
                    report.errors.push(format!(
                        "{}:{number}: names `{path}…`, a path of one machine",
                        file.path
                    ));
                }
            }
            for host in REGISTRY_HOSTS {
                if line.contains(host) {
                    report.errors.push(format!(
                        "{}:{number}: names the package registry `{host}`",
                        file.path
                    ));
                }
            }
        }
    }
}

/// The files that every reader looks for exist.
pub(super) fn required(files: &[File], report: &mut Report) {
    for path in REQUIRED {
        if !files
            .iter()
            .any(|f| f.path == *path && !f.text.trim().is_empty())
        {
            report.errors.push(format!("{path}: missing or empty"));
        }
    }
}

/// ARCHITECTURE.md, if there is one, prints the table of layers that is checked.
pub(super) fn architecture(files: &[File], report: &mut Report) {
    let Some(file) = files.iter().find(|f| f.path == ARCHITECTURE) else {
        return;
    };
    match table_range(&file.text) {
        None => report.errors.push(format!(
            "{ARCHITECTURE}: no `{}` … `{}`: run `cargo xtask tidy --bless`",
            layers::BEGIN,
            layers::END
        )),
        Some(range) if file.text[range.clone()] != layers::table() => report.errors.push(format!(
            "{ARCHITECTURE}: the table of layers differs from xtask/src/layers.rs: run `cargo xtask tidy --bless`"
        )),
        Some(_) => {}
    }
}

/// Where the table stands in ARCHITECTURE.md, markers included.
pub(super) fn table_range(text: &str) -> Option<Range<usize>> {
    let start = text.find(layers::BEGIN)?;
    let end = start + text[start..].find(layers::END)? + layers::END.len();
    Some(start..end)
}

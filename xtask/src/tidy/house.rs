//! Rules about the rooms: who imports whom, and what may be done where.

use super::{Report, Unit};
use crate::layers::{self, House, LAYERS};
use crate::paths::{Path, paths};
use crate::places::{DENY_UNSAFE, FORBID_UNSAFE, RESERVED, UNSAFE, is_in};

/// Imports run downwards; inside a layer only along the allowed edges; every module is in the table.
pub(super) fn layers(units: &[Unit<'_>], report: &mut Report) {
    if let Some(fault) = layers::fault(LAYERS, layers::ALLOWED) {
        report.errors.push(format!("xtask/src/layers.rs: {fault}"));
    }
    for unit in units {
        let Some((krate, module)) = unit.module() else {
            continue;
        };
        let Some(house) = LAYERS.iter().find(|h| h.krate == krate) else {
            continue;
        };
        // The root declares the rooms and re-exports from them.
        let Some(room) = module.first() else { continue };
        if unit.is_test {
            continue;
        }
        let Some(own) = layers::layer(house, room) else {
            report.error(
                unit,
                0,
                format_args!("unknown room `{room}`: add it to LAYERS in xtask/src/layers.rs"),
            );
            continue;
        };
        let mut last = (0, String::new());
        for path in paths(&unit.source, &module) {
            if path.segments[0] != "crate" || unit.in_test(path.at) {
                continue;
            }
            if let Err(complaint) = import(house, room, own, &path) {
                // A `use` tree that takes five things from one room is one complaint.
                let this = (unit.source.line(path.at), complaint);
                if this != last {
                    report.error(unit, path.at, &this.1);
                    last = this;
                }
            }
        }
    }
}

/// Judges one path from `room`, on layer `own`, to somewhere in the same crate.
fn import(house: &House, room: &str, own: u8, path: &Path<'_>) -> Result<(), String> {
    let to = match path.segments[1..] {
        [] | ["*" | "self"] => return Err("names the whole crate root: name the room".to_string()),
        [_] if path.is_macro => return Ok(()),
        [to, ..] => to,
    };
    if to == room || house.root.iter().any(|(name, _)| *name == to) {
        return Ok(());
    }
    let Some(layer) = layers::layer(house, to) else {
        return Err(format!(
            "`crate::{to}` is no known room: if it is one, add it to LAYERS in xtask/src/layers.rs; if it is an item \
             that the root re-exports, name its room"
        ));
    };
    if layer < own || (layer == own && layers::allowed(house.krate, room, to)) {
        Ok(())
    } else if layer == own {
        Err(format!(
            "`{room}` imports `{to}`, both on layer {own}: not an edge in ALLOWED in xtask/src/layers.rs"
        ))
    } else {
        Err(format!(
            "`{room}` (layer {own}) imports `{to}` (layer {layer}): imports run downwards only"
        ))
    }
}

/// The upper crate sees the runtime only through its windows.
pub(super) fn windows(units: &[Unit<'_>], report: &mut Report) {
    for unit in units {
        let Some(("goroutines", module)) = unit.module() else {
            continue;
        };
        // The root re-exports what it likes, as long as some room may see it.
        let room = module.first().copied().unwrap_or("*");
        let sees = layers::window(room);
        for path in paths(&unit.source, &module) {
            let [first, inside @ ..] = path.segments.as_slice() else {
                continue;
            };
            if *first != "goroutines_runtime"
                || unit.in_test(path.at)
                || (inside.len() == 1 && path.is_macro)
            {
                continue;
            }
            // To import `poll` when only `poll::Registration` is seen would open all of it.
            let seen = sees.iter().any(|s| {
                let parts: Vec<_> = s.split("::").collect();
                inside.starts_with(&parts)
            });
            if !seen {
                let name = path.segments.join("::");
                report.error(
                    unit,
                    path.at,
                    format_args!(
                        "`{name}` is not what this room sees of the runtime ({}): see WINDOWS in xtask/src/layers.rs",
                        sees.join(", ")
                    ),
                );
            }
        }
    }
}

/// Certain names are for certain places only.
pub(super) fn reserved(units: &[Unit<'_>], report: &mut Report) {
    for unit in units.iter().filter(|u| u.is_library() && !u.is_test) {
        let all = paths(&unit.source, &[]);
        for rule in RESERVED {
            let holds = rule.within.iter().any(|place| is_in(unit.path, place));
            if !holds || rule.places.iter().any(|place| is_in(unit.path, place)) {
                continue;
            }
            for name in rule.names {
                let mut last = 0;
                for at in uses(unit, &all, name) {
                    let line = unit.source.line(at);
                    if line != last && !unit.in_test(at) {
                        report.error(
                            unit,
                            at,
                            format_args!("`{name}` is reserved: {}", rule.instead),
                        );
                    }
                    last = line;
                }
            }
        }
    }
}

/// Offsets at which a reserved name is used: `name!`, `.name(`, `a::b`, or `name`.
fn uses(unit: &Unit<'_>, all: &[Path<'_>], name: &str) -> Vec<usize> {
    let source = &unit.source;
    let tokens = |pattern: &[&str]| {
        source
            .find_tokens(pattern)
            .into_iter()
            .map(|i| source.tokens[i].at)
            .collect()
    };
    if let Some(name) = name.strip_suffix('!') {
        return tokens(&[name, "!"]);
    }
    if let Some(name) = name.strip_prefix('.').and_then(|n| n.strip_suffix('(')) {
        return tokens(&[".", name, "("]);
    }
    let parts: Vec<_> = name.split("::").collect();
    all.iter()
        .filter(|p| p.segments.windows(parts.len()).any(|w| w == parts))
        .map(|p| p.at)
        .collect()
}

/// Unsafe code is allowed only where the map says so, and denied or forbidden everywhere else.
pub(super) fn unsafe_map(units: &[Unit<'_>], report: &mut Report) {
    for unit in units {
        let mapped = UNSAFE.iter().any(|(place, _)| is_in(unit.path, place));
        if unit.is_library() && !unit.is_test && !mapped {
            for word in ["allow", "expect", "warn"] {
                for at in unit.source.lint_attributes(word, "unsafe_code", false) {
                    let message = "unsafe code outside the map: see UNSAFE in xtask/src/places.rs";
                    report.error(unit, at, message);
                }
            }
        }
        let says = |word| {
            !unit
                .source
                .lint_attributes(word, "unsafe_code", true)
                .is_empty()
        };
        let forbid =
            FORBID_UNSAFE.iter().any(|place| is_in(unit.path, place)) || is_example(unit.path);
        let deny = DENY_UNSAFE.iter().any(|place| is_in(unit.path, place));
        if forbid && !says("forbid") {
            report.error(unit, 0, "no `#![forbid(unsafe_code)]`");
        } else if deny && !says("deny") && !says("forbid") {
            report.error(unit, 0, "no `#![deny(unsafe_code)]`");
        }
    }
    for (place, what) in UNSAFE {
        let mut files = units.iter().filter(|u| is_in(u.path, place)).peekable();
        if !place.ends_with("/src")
            && files.peek().is_some()
            && files.all(|u| {
                ["allow", "expect"]
                    .iter()
                    .all(|w| u.source.lint_attributes(w, "unsafe_code", false).is_empty())
            })
        {
            report.notes.push(format!(
                "{place}: nothing here allows unsafe code ({what}): drop it from UNSAFE if that stays so"
            ));
        }
    }
}

/// Whether this is the root file of an example.
fn is_example(path: &str) -> bool {
    let below = match path.split_once("/examples/") {
        Some((krate, below)) if krate.starts_with("crates/") => below,
        _ => match path.strip_prefix("examples/") {
            Some(below) => below
                .trim_start_matches("src/bin/")
                .trim_start_matches("src/"),
            None => return false,
        },
    };
    !below.contains('/') || below.ends_with("/main.rs") && below.matches('/').count() == 1
}

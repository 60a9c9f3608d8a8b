//! From single answers to medians, ratios, the table and the JSON object.

use std::fmt::Write;

use crate::child::Outcome;
use crate::machine::Machine;
use crate::net;
use crate::programs::{Metric, NOTES, Peer, Program, Size};

/// One measurement.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) program: &'static Program,
    pub(crate) workers: usize,
    pub(crate) peer: Peer,
    pub(crate) outcome: Outcome,
}

/// All measurements of one call.
#[derive(Debug)]
pub(crate) struct Results {
    peers: Vec<Peer>,
    runs: usize,
    size: Size,
    cells: Vec<Cell>,
}

impl Results {
    pub(crate) fn new(peers: Vec<Peer>, runs: usize, size: Size) -> Self {
        Self {
            peers,
            runs,
            size,
            cells: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    /// The programs and worker counts that were run, in order.
    fn groups(&self) -> Vec<(&'static Program, usize)> {
        let mut groups: Vec<(&'static Program, usize)> = Vec::new();
        for cell in &self.cells {
            let group = (cell.program, cell.workers);
            if !groups
                .iter()
                .any(|(program, workers)| (program.name, *workers) == (group.0.name, group.1))
            {
                groups.push(group);
            }
        }
        groups
    }

    fn cells(&self, program: &Program, workers: usize, peer: Peer) -> impl Iterator<Item = &Cell> {
        let name = program.name;
        self.cells.iter().filter(move |cell| {
            (cell.program.name, cell.workers, cell.peer) == (name, workers, peer)
        })
    }

    /// Every run's figure for one metric, in the order of the runs.
    fn figures(&self, program: &Program, workers: usize, peer: Peer, key: &str) -> Vec<f64> {
        let of = |cell: &Cell| match &cell.outcome {
            Outcome::Done(figures) => figures.iter().find(|(k, _)| k == key).map(|(_, n)| *n),
            Outcome::Skipped(_) => None,
        };
        self.cells(program, workers, peer).filter_map(of).collect()
    }

    /// Why a peer has no figures, one line for each reason.
    fn skipped(&self) -> Vec<(Peer, String, Vec<String>)> {
        let mut reasons: Vec<(Peer, String, Vec<String>)> = Vec::new();
        for cell in &self.cells {
            let Outcome::Skipped(reason) = &cell.outcome else {
                continue;
            };
            let what = format!("{}/{}", cell.program.name, cell.workers);
            match reasons
                .iter_mut()
                .find(|(peer, why, _)| *peer == cell.peer && why == reason)
            {
                Some((_, _, list)) => list.push(what),
                None => reasons.push((cell.peer, reason.clone(), vec![what])),
            }
        }
        reasons
    }
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => None,
        n if n % 2 == 1 => Some(figures[middle]),
        _ => Some((figures[middle - 1] + figures[middle]) / 2.0),
    }
}

/// Three or more significant digits, thousands apart.
fn show(n: f64) -> String {
    match n.abs() {
        size if size < 9.995 => format!("{n:.2}"),
        size if size < 99.95 => format!("{n:.1}"),
        _ => {
            let digits = format!("{n:.0}");
            let mut out = String::new();
            for (i, digit) in digits.chars().enumerate() {
                let left = digits.len() - i;
                if i > 0 && left % 3 == 0 && !out.ends_with('-') {
                    out.push(',');
                }
                out.push(digit);
            }
            out
        }
    }
}

/// How many times better `ours` is than `theirs`.
fn ratio(metric: &Metric, ours: Option<f64>, theirs: Option<f64>) -> String {
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return String::new();
    };
    let times = if metric.more_is_better {
        ours / theirs
    } else {
        theirs / ours
    };
    if times.is_finite() {
        format!("{}×", show(times))
    } else {
        String::new()
    }
}

/// The table, which is also valid Markdown, with what must be known of it.
pub(crate) fn markdown(results: &Results, machine: &Machine) -> String {
    let others: Vec<Peer> = results
        .peers
        .iter()
        .copied()
        .filter(|peer| *peer != Peer::Ours)
        .collect();
    let with_ours = results.peers.contains(&Peer::Ours);
    let mut rows = vec![vec![
        "program".to_owned(),
        "workers".to_owned(),
        "metric".to_owned(),
    ]];
    rows[0].extend(results.peers.iter().map(|peer| peer.name().to_owned()));
    if with_ours {
        rows[0].extend(others.iter().map(|peer| format!("vs {peer}")));
    }
    for (program, workers) in results.groups() {
        for metric in program.metrics {
            let of = |peer| median(results.figures(program, workers, peer, metric.key));
            let mut row = vec![
                program.name.to_owned(),
                workers.to_string(),
                metric.label.to_owned(),
            ];
            row.extend(results.peers.iter().map(|&peer| match of(peer) {
                Some(n) => show(n),
                None if !program.offered_by(peer, workers) => String::new(),
                None => "skipped".to_owned(),
            }));
            if with_ours {
                row.extend(
                    others
                        .iter()
                        .map(|&peer| ratio(metric, of(Peer::Ours), of(peer))),
                );
            }
            rows.push(row);
        }
    }

    let mut out = format!(
        "machine:  {}\nversions: {}\ncommand:  {}\n\n",
        machine.machine, machine.versions, machine.command
    );
    let size = if results.size.quick {
        "; --quick: a tenth of the size, to see that it works"
    } else {
        ""
    };
    let rounds = if results.runs == 1 {
        "one run".into()
    } else {
        format!("medians of {} runs", results.runs)
    };
    let _ = writeln!(
        out,
        "{rounds}{size}; 'vs' says how many times better ours is\n"
    );
    lay_out(&mut out, &rows);
    append_notes(&mut out, results);
    out
}

fn lay_out(out: &mut String, rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for (i, row) in rows.iter().enumerate() {
        for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 | 2 => write!(out, "| {text:<width$} "),
                _ => write!(out, "| {text:>width$} "),
            };
        }
        out.push_str("|\n");
        if i == 0 {
            for (column, &width) in widths.iter().enumerate() {
                let line = "-".repeat(width + 1);
                let _ = match column {
                    0 | 2 => write!(out, "|{line}-"),
                    _ => write!(out, "|{line}:"),
                };
            }
            out.push_str("|\n");
        }
    }
}

fn append_notes(out: &mut String, results: &Results) {
    let groups = results.groups();
    let ran = |name: &str| groups.iter().any(|(program, _)| program.name == name);
    let notes: Vec<_> = NOTES
        .iter()
        .chain(net::NOTES)
        .filter(|(name, peer, _)| ran(name) && results.peers.contains(peer))
        .collect();
    if !notes.is_empty() {
        out.push_str("\nnotes:\n");
        for (name, peer, text) in notes {
            let _ = writeln!(out, "- {name}, {peer}: {text}");
        }
    }
    let skipped = results.skipped();
    if !skipped.is_empty() {
        out.push_str("\nskipped:\n");
        for (peer, reason, what) in skipped {
            let all = groups
                .iter()
                .filter(|(program, workers)| program.offered_by(peer, *workers))
                .count();
            let what = if what.len() == all {
                "all".to_owned()
            } else {
                what.join(" ")
            };
            let _ = writeln!(out, "- {peer}: {reason} ({what})");
        }
    }
}

/// Everything, single runs included, as one JSON object.
pub(crate) fn json(results: &Results, machine: &Machine) -> String {
    let mut rows = Vec::new();
    for (program, workers) in results.groups() {
        for metric in program.metrics {
            let mut peers = Vec::new();
            for &peer in &results.peers {
                let figures = results.figures(program, workers, peer, metric.key);
                let runs: Vec<String> = figures.iter().map(f64::to_string).collect();
                if let Some(median) = median(figures) {
                    peers.push(format!(
                        "{}:{{\"median\":{median},\"runs\":[{}]}}",
                        quote(peer.name()),
                        runs.join(",")
                    ));
                }
            }
            rows.push(format!(
                "{{\"program\":{},\"workers\":{workers},\"metric\":{},\"more_is_better\":{},\"peers\":{{{}}}}}",
                quote(program.name),
                quote(metric.key),
                metric.more_is_better,
                peers.join(",")
            ));
        }
    }
    let skipped: Vec<String> = results
        .skipped()
        .into_iter()
        .map(|(peer, reason, what)| {
            let what: Vec<String> = what.iter().map(|name| quote(name)).collect();
            format!(
                "{{\"peer\":{},\"reason\":{},\"programs\":[{}]}}",
                quote(peer.name()),
                quote(&reason),
                what.join(",")
            )
        })
        .collect();
    format!(
        "{{\"machine\":{},\"versions\":{},\"command\":{},\"runs\":{},\"quick\":{},\"results\":[{}],\"skipped\":[{}]}}",
        quote(&machine.machine),
        quote(&machine.versions),
        quote(&machine.command),
        results.runs,
        results.size.quick,
        rows.join(","),
        skipped.join(",")
    )
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

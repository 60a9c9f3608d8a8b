//! Runs the same programs in goroutines, tokio, Go and `may`, each measurement
//! in a process of its own, and prints a table of medians.
//!
//! This file reads the command line and drives the rounds; `README.md` beside
//! it says what each program does.

mod child;
mod machine;
mod may_peer;
mod mem;
mod net;
mod ours;
mod programs;
mod rounds;
mod sort;
mod std_peer;
mod table;
mod tokio_peer;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use child::{Launcher, Outcome};
use programs::{PROGRAMS, Peer, Program, Size};
use table::{Cell, Results};

const USAGE: &str = "\
goroutines-bench: the same programs in goroutines, tokio, Go and others

usage: cargo run --release -p goroutines-bench -- [names…] [options]
       … -- serve <program> <peer> <port> [workers]
       … -- load <program> <address:port> [seconds]

  names            programs to run, all when none is given; a name also
                   selects every program that starts with it
  --runs N         rounds, of which the table shows the median (5; 1 with --quick)
  --workers LIST   worker counts to measure (1,2); a program that makes sense
                   with one count only is left out when that is not listed
  --only LIST      peers: ours,tokio,go,may,std,tokio-ct
  --secs N         how long each network program is measured (5; 1 with --quick)
  --quick          a tenth of each program's size: to see that it works
  --timeout SECS   a measurement that takes longer is ended (120)
  --json           one JSON object on standard output instead of the table
  --list           print the programs and leave

environment: GO_BIN names a go command; else the one on PATH is taken.
";

/// What the command line asked for.
#[derive(Debug)]
struct Args {
    programs: Vec<&'static Program>,
    peers: Vec<Peer>,
    workers: Option<Vec<usize>>,
    runs: usize,
    size: Size,
    timeout: Duration,
    json: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--child") {
        return child::main(&words[1..]);
    }
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if words.iter().any(|word| word == "--list") {
        for program in PROGRAMS {
            println!("{:<12} {}", program.name, program.about);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(done) = net::command(&words) {
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("{message}");
                ExitCode::from(2)
            }
        };
    }
    let args = match parse(&words) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let launcher = Launcher::new(&args.peers, args.size, args.timeout);
    let results = measure(&args, &launcher);
    let machine = machine::describe(&args.peers, launcher.go_version(), &words);
    if args.json {
        println!("{}", table::json(&results, &machine));
    } else {
        print!("{}", table::markdown(&results, &machine));
    }
    ExitCode::SUCCESS
}

/// Runs every program round by round, the peers side by side within a round
/// and each round starting with another peer, so that a slow minute of the
/// machine falls on all of them.
fn measure(args: &Args, launcher: &Launcher) -> Results {
    let mut results = Results::new(args.peers.clone(), args.runs, args.size);
    let progress = std::io::stderr().is_terminal();
    for program in &args.programs {
        for workers in program.counts(args.workers.as_deref()) {
            let peers: Vec<Peer> = args
                .peers
                .iter()
                .copied()
                .filter(|&peer| program.offered_by(peer, workers))
                .collect();
            let mut gave_up: Vec<Peer> = Vec::new();
            for round in 0..args.runs {
                for turn in 0..peers.len() {
                    let peer = peers[(round + turn) % peers.len()];
                    if gave_up.contains(&peer) {
                        continue;
                    }
                    if progress {
                        let name = program.name;
                        eprint!(
                            "\r\x1b[K{name}, {workers} workers, round {}: {peer}",
                            round + 1
                        );
                    }
                    let outcome = launcher.run(peer, program, workers);
                    if let Outcome::Skipped(_) = outcome {
                        gave_up.push(peer);
                    }
                    results.add(Cell {
                        program,
                        workers,
                        peer,
                        outcome,
                    });
                }
            }
        }
    }
    if progress {
        eprint!("\r\x1b[K");
    }
    results
}

fn parse(words: &[String]) -> Result<Args, String> {
    let mut names: Vec<&str> = Vec::new();
    let mut peers = None;
    let mut workers = None;
    let mut runs = None;
    let mut secs = None;
    let mut timeout = 120;
    let (mut quick, mut json) = (false, false);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word {
            "--runs" => runs = Some(number(word, value()?)?),
            "--secs" => secs = Some(number(word, value()?)? as u64),
            "--timeout" => timeout = number(word, value()?)?,
            "--workers" => {
                let list: Result<Vec<usize>, _> =
                    value()?.split(',').map(|n| number(word, n)).collect();
                workers = Some(list?);
            }
            "--only" => {
                let list: Result<Vec<Peer>, _> = value()?.split(',').map(Peer::parse).collect();
                peers = Some(list?);
            }
            "--quick" => quick = true,
            "--json" => json = true,
            _ if word.starts_with('-') => return Err(format!("unknown option {word}")),
            _ => names.push(word),
        }
    }
    for name in &names {
        if !PROGRAMS
            .iter()
            .any(|program| program.name.starts_with(name))
        {
            return Err(format!("no program is called {name}; --list names them"));
        }
    }
    let chosen = |program: &&Program| {
        names.is_empty() || names.iter().any(|name| program.name.starts_with(name))
    };
    Ok(Args {
        programs: PROGRAMS.iter().filter(chosen).collect(),
        peers: peers.unwrap_or_else(Peer::usual),
        workers,
        runs: runs.unwrap_or(if quick { 1 } else { 5 }),
        size: Size {
            quick,
            secs: secs.unwrap_or(if quick { 1 } else { 5 }),
        },
        timeout: Duration::from_secs(timeout as u64),
        json,
    })
}

fn number(option: &str, word: &str) -> Result<usize, String> {
    match word.trim().parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!(
            "{option} wants a whole number from 1, not {word:?}"
        )),
    }
}

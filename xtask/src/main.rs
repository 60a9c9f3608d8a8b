//! The checks of this repository, behind one command: `cargo xtask check`.

#![forbid(unsafe_code)]

mod examples;
mod json;
mod layers;
mod paths;
mod places;
mod source;
mod steps;
mod tidy;
mod tree;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bless = arguments.iter().any(|a| a == "--bless");
    let names: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--bless")
        .collect();
    let chosen = match names.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            help();
            return ExitCode::SUCCESS;
        }
        ["check"] => steps::STEPS.iter().collect(),
        names => match names
            .iter()
            .map(|name| steps::find(name).ok_or(name))
            .collect::<Result<Vec<_>, _>>()
        {
            Ok(chosen) => chosen,
            Err(name) => {
                eprintln!("xtask: no step `{name}`\n");
                help();
                return ExitCode::from(2);
            }
        },
    };
    if bless && !chosen.iter().any(|step| step.name == "tidy") {
        eprintln!("xtask: --bless is for `tidy`");
        return ExitCode::from(2);
    }
    if steps::run(&chosen, bless) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn help() {
    println!("cargo xtask check           run every step; all run even if one fails");
    println!("cargo xtask <step>...       run some steps");
    println!("cargo xtask tidy --bless    first write the table of layers into ARCHITECTURE.md");
    println!("\nsteps, in the order of `check`:");
    for step in steps::STEPS {
        println!("  {:<9} {}", step.name, step.about);
    }
}

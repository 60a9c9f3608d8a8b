//! Settings from the environment: what is good, and what is said about what is not.

use crate::sched::config::{Config, PanicPolicy};
use std::time::Duration;

fn with(name: &str, value: &str) -> Result<Config, String> {
    Config::from_vars(|n| (n == name).then(|| value.to_owned())).map_err(|e| e.to_string())
}

#[test]
fn every_bad_value_is_named() {
    let table = [
        (
            "GOROUTINES_MAXPROCS",
            &["0", "1025", "-1", "two", "1.5", "99999999999999999999"][..],
        ),
        (
            "GOROUTINES_STACK",
            &[
                "x",
                "-1",
                "12Q",
                "K",
                "1.5M",
                "99999999999999999999",
                "70G",
                "1KK",
            ],
        ),
        (
            "GOROUTINES_MAIN_STACK",
            &["x", "-1", "64GiBs", "17179869184G"],
        ),
        ("GOROUTINES_PANIC", &["abort", "Exit", "0", " exit"]),
        ("GOROUTINES_STALL_MS", &["-1", "3600001", "soon"]),
        ("GOROUTINES_SPIN_US", &["-1", "1000001", "50us"]),
        ("GOROUTINES_BLOCKING", &["0", "65537", "many"]),
        ("GOROUTINES_SCAVENGE_MS", &["-1", "86400001", "never"]),
        ("GOROUTINES_SEED", &["-1", "0x10", "18446744073709551616"]),
    ];
    for (name, values) in table {
        for value in values {
            match with(name, value) {
                Ok(config) => panic!("{name}={value} gave {config:?}"),
                Err(text) => assert!(text.contains(name), "{name}={value}: {text}"),
            }
        }
    }
}

#[test]
fn good_values() {
    assert_eq!(with("GOROUTINES_MAXPROCS", " 3 ").unwrap().workers, 3);
    assert_eq!(with("GOROUTINES_MAXPROCS", "1024").unwrap().workers, 1024);
    assert_eq!(
        with("GOROUTINES_PANIC", "exit").unwrap().panic,
        PanicPolicy::Exit
    );
    assert_eq!(
        with("GOROUTINES_PANIC", "isolate").unwrap().panic,
        PanicPolicy::Isolate
    );
    assert_eq!(with("GOROUTINES_STALL_MS", "0").unwrap().stall, None);
    assert_eq!(
        with("GOROUTINES_STALL_MS", "7").unwrap().stall,
        Some(Duration::from_millis(7))
    );
    assert_eq!(with("GOROUTINES_SCAVENGE_MS", "0").unwrap().scavenge, None);
    assert_eq!(
        with("GOROUTINES_SPIN_US", "0").unwrap().spin,
        Duration::ZERO
    );
    assert_eq!(
        with("GOROUTINES_BLOCKING", "65536").unwrap().blocking,
        65_536
    );
    assert_eq!(
        with("GOROUTINES_SEED", "18446744073709551615")
            .unwrap()
            .seed,
        Some(u64::MAX)
    );
}

#[test]
fn sizes() {
    let table = [
        ("0", 48 << 10),
        ("1", 48 << 10),
        ("65536", 240 << 10),
        ("64k", 240 << 10),
        ("48K", 48 << 10),
        (" 200 KiB ", 240 << 10),
        ("1M", (8 << 20) - (16 << 10)),
        ("1008kb", (1 << 20) - (16 << 10)),
        ("1G", (1 << 30) + (1 << 20) - (16 << 10)),
    ];
    for (text, bytes) in table {
        assert_eq!(
            with("GOROUTINES_STACK", text).unwrap().stack.bytes(),
            bytes,
            "{text}"
        );
        assert_eq!(
            with("GOROUTINES_MAIN_STACK", text)
                .unwrap()
                .main_stack
                .bytes(),
            bytes,
            "{text}"
        );
    }
}

#[test]
fn nothing_set_and_empty_values_are_the_defaults() {
    let defaults = Config::from_vars(|_| None).unwrap();
    let empty = Config::from_vars(|_| Some(String::new())).unwrap();
    assert_eq!(format!("{defaults:?}"), format!("{empty:?}"));
    assert!(defaults.workers >= 1);
    assert_eq!(defaults.stack.bytes(), 240 << 10);
    assert_eq!(defaults.panic, PanicPolicy::Isolate);
    assert_eq!(defaults.stall, Some(Duration::from_millis(100)));
    assert_eq!(defaults.seed, None);
}

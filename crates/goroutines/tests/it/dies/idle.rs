//! A program in which everybody waits uses no processor time.

use super::{again, skip};
use goroutines::{go, park, sleep};
use std::time::{Duration, Instant};

/// User and system time so far, in clock ticks.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How often threads other than the caller's have gone to sleep so far, and who they are.
fn switches() -> Vec<(String, u64)> {
    let me = std::fs::read_link("/proc/thread-self").unwrap();
    let me = me.file_name().unwrap().to_owned();
    let mut all = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap();
        if task.file_name() == me {
            continue;
        }
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        let line = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        all.push((
            line("Name:"),
            line("voluntary_ctxt_switches:").parse().unwrap(),
        ));
    }
    all.sort();
    all
}

/// Measures one second from a plain thread, once the program has come to rest.
fn rest(wait_first: Duration) {
    std::thread::sleep(wait_first);
    let (ticks_before, switches_before) = (ticks(), switches());
    std::thread::sleep(Duration::from_secs(1));
    let (ticks_after, switches_after) = (ticks(), switches());
    assert!(
        ticks_after - ticks_before <= 2,
        "{ticks_before} {ticks_after}"
    );
    assert_eq!(switches_before, switches_after, "somebody woke");
    println!("at rest");
}

fn crowd(n: usize) {
    for _ in 0..n {
        go!(park());
    }
}

fn supported() -> bool {
    if !cfg!(target_os = "linux") {
        skip("reads /proc");
    }
    cfg!(target_os = "linux")
}

#[test]
fn hundred_parked() {
    if supported() {
        let test = again("dies::idle::hundred_parked").var("GOROUTINES_MAXPROCS", 2);
        let end = test.of(|| {
            goroutines::runtime::builder().start().unwrap();
            crowd(100);
            rest(Duration::from_secs(2));
        });
        end.code(0).prints("at rest");
    }
}

#[test]
fn main_parked_too() {
    if supported() {
        let end = again("dies::idle::main_parked_too").run(|| {
            super::main_of(2, || {
                crowd(100);
                std::thread::spawn(|| {
                    rest(Duration::from_secs(2));
                    std::process::exit(0);
                });
                park();
            })
        });
        end.code(0).prints("at rest");
    }
}

#[test]
fn without_scavenging() {
    if supported() {
        let test = again("dies::idle::without_scavenging").var("GOROUTINES_SCAVENGE_MS", 0);
        let end = test.of(|| {
            goroutines::runtime::builder().workers(2).start().unwrap();
            crowd(100);
            rest(Duration::from_secs(1));
        });
        end.code(0).prints("at rest");
    }
}

/// One that sleeps for long costs nothing meanwhile, and is woken in time after the long rest.
#[test]
fn sleepers_far_in_the_future() {
    if supported() {
        let end = again("dies::idle::sleepers_far_in_the_future").of(|| {
            goroutines::runtime::builder().workers(2).start().unwrap();
            for _ in 0..100 {
                go!(sleep(Duration::from_secs(3600)));
            }
            go!(sleep(Duration::MAX));
            let start = Instant::now();
            let sleeper = goroutines::spawn(move || {
                sleep(Duration::from_secs(4));
                start.elapsed()
            });
            rest(Duration::from_secs(2));
            let slept = sleeper.join().unwrap();
            assert!(slept >= Duration::from_secs(4), "{slept:?}");
            assert!(slept < Duration::from_millis(4_500), "{slept:?}");
        });
        end.code(0).prints("at rest");
    }
}

/// After a rest everything works as before: nobody waits for a monitor that sleeps.
#[test]
fn and_then_busy_again() {
    if supported() {
        let test = again("dies::idle::and_then_busy_again").var("GOROUTINES_STALL_MS", 50);
        let end = test.of(|| {
            goroutines::runtime::builder().workers(1).start().unwrap();
            crowd(100);
            rest(Duration::from_secs(2));
            // Two that never wait: only the monitor's time slices let the third one run.
            let pair = || {
                go!(|| {
                    loop {
                        goroutines::yield_now();
                    }
                });
            };
            pair();
            pair();
            goroutines::spawn(|| println!("ran")).join().unwrap();
        });
        end.code(0).prints("ran");
    }
}

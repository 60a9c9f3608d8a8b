//! Goroutines that keep others from running: the report, and that the rest of the program goes on.

use super::{Again, End, again, main_of, skip};
use goroutines::{Builder, go, park, sleep, spawn, spawn_local, yield_now};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const STUCK_FOR: Duration = Duration::from_millis(600);

fn stall_test(name: &'static str) -> Again {
    again(name)
        .var("GOROUTINES_STALL_MS", 50)
        .until("the rest went on", "has held")
        // The stuck thread has 100 ms to answer, which a loaded machine may not give it.
        .excused_by("no safe way to take")
}

/// Lets the monitor finish its report: finding the names of functions takes a debug build a while. The
/// parent ends this when it has read it.
fn stay() {
    std::thread::sleep(Duration::from_secs(30));
}

/// Whether backtraces of other threads are promised here.
fn samples() -> bool {
    let here = cfg!(all(target_os = "linux", target_env = "gnu"));
    if !here {
        skip("another thread's backtrace is taken on Linux with glibc only");
    }
    here
}

/// What the report of a goroutine named `who`, started in this file, has.
#[track_caller]
fn check(end: &End, who: &str, function: &str) {
    end.prints("the rest went on");
    end.says(&[
        "goroutines: goroutine ",
        " has held worker ",
        " ms, and ",
        "yield_now()",
    ]);
    end.says(&["blocking(", "GOROUTINES_STALL_MS=0"]);
    if samples() {
        end.says(&[
            &format!("'{who}' (started at "),
            "dies/stalls.rs:",
            "has held",
            function,
        ]);
        end.says(&[function, "dies/stalls.rs:"]);
    }
}

#[inline(never)]
fn spins_for_long() {
    let start = Instant::now();
    while start.elapsed() < STUCK_FOR {
        std::hint::spin_loop();
    }
}

#[inline(never)]
fn sits_in_thread_sleep() {
    std::thread::sleep(STUCK_FOR);
    // So that the call is not the last thing here, which would leave no frame of this function.
    std::hint::black_box(());
}

/// Holds a worker by `f` while others at home there wait; the program goes on elsewhere meanwhile.
fn hold(f: fn()) {
    static HELD: AtomicBool = AtomicBool::new(false);
    static MATE: AtomicBool = AtomicBool::new(false);
    let holder = Builder::new().name("holder".into()).spawn(move || {
        // At home wherever this one is, and waiting for it.
        spawn_local(|| MATE.store(true, Ordering::SeqCst));
        let started = spawn_local(park);
        yield_now();
        started.goroutine().unpark();
        HELD.store(true, Ordering::SeqCst);
        f();
        HELD.store(false, Ordering::SeqCst);
        started.join().unwrap();
    });
    let holder = holder.unwrap();
    while !HELD.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(1));
    }
    let mut rounds = 0;
    while HELD.load(Ordering::SeqCst) {
        spawn(|| sleep(Duration::from_millis(1))).join().unwrap();
        rounds += 1;
    }
    holder.join().unwrap();
    if rounds >= 10 {
        println!("the rest went on");
    }
}

/// As [`hold`] with a plain thread as the rest, so that it is not at home with the holder.
fn hold_from_outside(f: fn()) {
    goroutines::runtime::builder().start().unwrap();
    hold(f);
    if std::env::var("GOROUTINES_STALL_MS").is_ok_and(|ms| ms != "0") {
        stay();
    }
}

#[test]
fn by_one_that_spins() {
    let test = stall_test("dies::stalls::by_one_that_spins").var("GOROUTINES_MAXPROCS", 2);
    check(
        &test.of(|| hold_from_outside(spins_for_long)),
        "holder",
        "spins_for_long",
    );
}

#[test]
fn by_one_that_sits_in_thread_sleep() {
    let test = stall_test("dies::stalls::by_one_that_sits_in_thread_sleep");
    let test = test.var("GOROUTINES_MAXPROCS", 2);
    check(
        &test.of(|| hold_from_outside(sits_in_thread_sleep)),
        "holder",
        "sits_in_thread_sleep",
    );
}

/// The only worker is stuck: what has not started is run by a spare one.
#[test]
fn by_one_that_spins_on_the_only_worker() {
    let test = stall_test("dies::stalls::by_one_that_spins_on_the_only_worker");
    let test = test.var("GOROUTINES_MAXPROCS", 1);
    check(
        &test.of(|| hold_from_outside(spins_for_long)),
        "holder",
        "spins_for_long",
    );
}

#[test]
fn by_one_that_sits_in_thread_sleep_on_the_only_worker() {
    let test = stall_test("dies::stalls::by_one_that_sits_in_thread_sleep_on_the_only_worker");
    let test = test.var("GOROUTINES_MAXPROCS", 1);
    check(
        &test.of(|| hold_from_outside(sits_in_thread_sleep)),
        "holder",
        "sits_in_thread_sleep",
    );
}

/// Main itself spins: what it started before is run, and it is named as number 1.
#[test]
fn by_main() {
    let test = stall_test("dies::stalls::by_main");
    let end = test.run(|| {
        main_of(1, || {
            static DONE: AtomicU32 = AtomicU32::new(0);
            let mates: Vec<_> = (0..3).map(|_| spawn_local(park)).collect();
            yield_now();
            mates.iter().for_each(|m| m.goroutine().unpark());
            for _ in 0..10 {
                go!(DONE.fetch_add(1, Ordering::SeqCst));
            }
            spins_for_long();
            if DONE.load(Ordering::SeqCst) == 10 {
                println!("the rest went on");
            }
            stay();
        })
    });
    end.prints("the rest went on");
    end.says(&[
        "goroutines: goroutine ",
        " has held worker 0 for ",
        "3 other(s)",
    ]);
    if samples() {
        end.says(&[
            "goroutine 1 (started at ",
            "dies/",
            "has held",
            "spins_for_long",
        ]);
    }
}

/// A `std` lock held across a park, wanted by a home-mate: nobody can get at who holds it.
#[test]
fn by_one_that_waits_for_a_home_mates_lock() {
    #[inline(never)]
    fn wants_the_lock(lock: &Mutex<()>) {
        drop(lock.lock());
    }
    let test = stall_test("dies::stalls::by_one_that_waits_for_a_home_mates_lock");
    let test = test.var("GOROUTINES_MAXPROCS", 2);
    let end = test.of(|| {
        static LOCK: Mutex<()> = Mutex::new(());
        goroutines::runtime::builder().start().unwrap();
        let holder = Builder::new().name("holder".into()).spawn(|| {
            let guard = LOCK.lock();
            let wants = Builder::new().name("wants".into());
            let _wants = wants.spawn_local(|| wants_the_lock(&LOCK)).unwrap();
            // Its mate runs now and blocks the worker, so this is not come back to.
            sleep(Duration::from_millis(1));
            drop(guard);
        });
        drop(holder);
        let start = Instant::now();
        let mut rounds = 0;
        while start.elapsed() < STUCK_FOR {
            spawn(|| sleep(Duration::from_millis(1))).join().unwrap();
            rounds += 1;
        }
        if rounds >= 10 {
            println!("the rest went on");
        }
        stay();
    });
    check(&end, "wants", "wants_the_lock");
}

#[test]
fn are_not_reported_if_so_set() {
    let test = again("dies::stalls::are_not_reported_if_so_set");
    let test = test
        .var("GOROUTINES_STALL_MS", 0)
        .var("GOROUTINES_MAXPROCS", 2);
    let end = test.of(|| hold_from_outside(spins_for_long));
    end.code(0)
        .prints("the rest went on")
        .keeps_quiet_about(&["has held", "goroutine"]);
}

/// Nobody waits for it: that is what processors are for.
#[test]
fn are_not_reported_if_nobody_waits() {
    let end = stall_test("dies::stalls::are_not_reported_if_nobody_waits").run(|| {
        main_of(1, || {
            for _ in 0..10 {
                go!(park());
            }
            yield_now();
            spins_for_long();
            println!("done");
        })
    });
    end.code(0).prints("done").keeps_quiet_about(&["has held"]);
}

/// What has not started yet is not stranded with a stuck worker, also if all others are busy.
#[test]
fn strand_nobody_who_has_not_started() {
    let end = again("dies::stalls::strand_nobody_who_has_not_started").run(|| {
        main_of(2, || {
            static RAN: AtomicU32 = AtomicU32::new(0);
            static BUSY: AtomicBool = AtomicBool::new(false);
            go!(|| {
                loop {
                    // Always has something to do of its own.
                    spawn(|| BUSY.store(true, Ordering::SeqCst)).join().unwrap();
                }
            });
            while !BUSY.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            go!(RAN.fetch_add(1, Ordering::SeqCst));
            go!(RAN.fetch_add(1, Ordering::SeqCst));
            let start = Instant::now();
            while RAN.load(Ordering::SeqCst) < 2 {
                assert!(start.elapsed() < Duration::from_secs(10), "stranded");
                std::thread::sleep(Duration::from_millis(1));
            }
            println!("took {:?}", start.elapsed());
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "took {:?}",
                start.elapsed()
            );
        })
    });
    end.code(0).prints("took ");
}

/// Nor what was to start on it, because it had fewer than others: nobody knew that it would be stuck.
#[test]
fn strand_nobody_who_was_placed() {
    let end = again("dies::stalls::strand_nobody_who_was_placed").run(|| {
        main_of(2, || {
            static STEP: AtomicU32 = AtomicU32::new(0);
            static RAN: AtomicU32 = AtomicU32::new(0);
            let wait_for = |what: &AtomicU32, n| {
                let start = Instant::now();
                while what.load(Ordering::SeqCst) < n {
                    assert!(start.elapsed() < Duration::from_secs(10), "stranded");
                    std::thread::sleep(Duration::from_millis(1));
                }
                start.elapsed()
            };
            // On the other worker, since this one is blocked until it runs.
            go!(|| {
                for _ in 0..1_000 {
                    drop(spawn_local(park));
                }
                yield_now();
                STEP.store(1, Ordering::SeqCst);
                while STEP.load(Ordering::SeqCst) < 2 {
                    sleep(Duration::from_millis(1));
                }
                for _ in 0..100 {
                    go!(RAN.fetch_add(1, Ordering::SeqCst));
                }
            });
            wait_for(&STEP, 1);
            // Not stuck, as far as anybody can see.
            sleep(Duration::from_millis(50));
            STEP.store(2, Ordering::SeqCst);
            println!("took {:?}", wait_for(&RAN, 100));
        })
    });
    end.code(0).prints("took ");
}

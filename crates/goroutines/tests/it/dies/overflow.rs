//! Stack overflows: the report says whose stack, how large, and what to do; and nothing else that
//! crashes looks like one.
//!
//! Not for: how the handler finds the stack (`goroutines-fiber`).
#![allow(
    unsafe_code,
    reason = "one scenario reads from an address that is not there"
)]

use super::{Again, End, SIGABRT, SIGSEGV, again, main_of, skip};
use goroutines::Builder;
use std::hint::black_box;

/// Whether this system has guards and signals as the report needs them.
fn supported() -> bool {
    let here = cfg!(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ));
    if !here {
        skip("overflow reports are promised on Linux, x86-64 and aarch64");
    }
    here
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let local = black_box([depth; 16]);
    if depth == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + black_box(local)[3]
}

/// What every report has. The scenario prints the line on which it starts the goroutine.
#[track_caller]
fn check(end: &End, who: &str, kib: usize) {
    let line = end
        .out
        .split("started on line ")
        .nth(1)
        .and_then(|s| s.lines().next());
    end.signal(SIGABRT).says(&[
        &format!("goroutine {who} (started at "),
        &format!("dies/overflow.rs:{}:", line.expect("a line")),
        "has overflowed its stack",
        &format!("its limit is {kib} KiB"),
        "Builder::stack_size",
        "GOROUTINES_STACK=",
        "GOROUTINES_MAIN_STACK",
        "stack overflow",
    ]);
    assert_eq!(
        end.err.matches("has overflowed its stack").count(),
        1,
        "{end:#?}"
    );
}

/// Runs `f` in a goroutine with a name and a stack of this size, and waits for it.
fn deep(bytes: Option<usize>, f: fn()) {
    goroutines::run(move || {
        let builder = Builder::new().name("deep".into());
        let builder = bytes.into_iter().fold(builder, Builder::stack_size);
        println!("started on line {}", line!() + 1);
        let handle = builder.spawn(f);
        handle.unwrap().join().unwrap();
    });
}

/// Overflows the stack of main.
fn main_deep() {
    println!("started on line {}", line!() + 1);
    goroutines::run(endless);
}

fn endless() {
    recurse(0);
}

/// Runs a scenario in which a goroutine named 'deep' overflows its stack of so many KiB.
#[track_caller]
fn deep_overflow(test: Again, kib: usize, scenario: fn()) {
    if supported() {
        let end = test.of(scenario);
        let who = end
            .err
            .split("goroutine ")
            .find_map(|s| s.split_once(" 'deep'"));
        let number = who.map_or("?", |(n, _)| n);
        assert!(number.parse::<u64>().is_ok_and(|n| n > 1), "{end:#?}");
        check(&end, &format!("{number} 'deep'"), kib);
    }
}

#[test]
fn in_main() {
    if supported() {
        let end = again("dies::overflow::in_main").of(main_deep);
        check(&end, "1", 8 * 1024 - 16);
    }
}

#[test]
fn in_main_of_another_size() {
    if supported() {
        let test = again("dies::overflow::in_main_of_another_size");
        let end = test.var("GOROUTINES_MAIN_STACK", "20M").of(main_deep);
        check(&end, "1", 21 * 1024 - 16);
    }
}

#[test]
fn in_a_default_stack() {
    let test = again("dies::overflow::in_a_default_stack");
    deep_overflow(test, 240, || deep(None, endless));
}

#[test]
fn in_a_default_stack_of_another_size() {
    let test = again("dies::overflow::in_a_default_stack_of_another_size");
    deep_overflow(test.var("GOROUTINES_STACK", "1M"), 8 * 1024 - 16, || {
        deep(None, endless)
    });
}

#[test]
fn in_the_smallest_stack() {
    deep_overflow(again("dies::overflow::in_the_smallest_stack"), 48, || {
        deep(Some(0), endless)
    });
}

#[test]
fn in_64_kib() {
    // Rounded up: 64 KiB do not fit into a slot of 64 KiB with a guard.
    deep_overflow(again("dies::overflow::in_64_kib"), 240, || {
        deep(Some(64 << 10), endless)
    });
}

#[test]
fn in_64_mib() {
    let kib = 65 * 1024 - 16;
    deep_overflow(again("dies::overflow::in_64_mib"), kib, || {
        deep(Some(64 << 20), endless)
    });
}

#[test]
fn with_guards_by_protection() {
    let test = again("dies::overflow::with_guards_by_protection");
    deep_overflow(test.var("GOROUTINES_GUARD", "mprotect"), 240, || {
        deep(None, endless)
    });
}

#[test]
fn on_a_worker_that_is_not_main() {
    deep_overflow(
        again("dies::overflow::on_a_worker_that_is_not_main"),
        240,
        || {
            goroutines::runtime::builder().workers(2).start().unwrap();
            deep(None, endless);
        },
    );
}

#[test]
fn in_a_frame_larger_than_the_guard() {
    #[inline(never)]
    fn big() {
        let local = black_box([1_u8; 900_000]);
        black_box(&local);
    }
    let test = again("dies::overflow::in_a_frame_larger_than_the_guard");
    deep_overflow(test, 240, || deep(None, big));
}

struct Deep;

impl Drop for Deep {
    fn drop(&mut self) {
        recurse(0);
    }
}

#[test]
fn while_a_panic_unwinds() {
    let test = again("dies::overflow::while_a_panic_unwinds");
    deep_overflow(test, 240, || {
        deep(None, || {
            let _deep = Deep;
            panic!("first this");
        });
    });
}

#[test]
fn while_another_goroutine_waits_in_an_unwind() {
    let test = again("dies::overflow::while_another_goroutine_waits_in_an_unwind");
    deep_overflow(test, 240, || {
        struct Waits;
        impl Drop for Waits {
            fn drop(&mut self) {
                goroutines::park();
            }
        }
        main_of(1, || {
            goroutines::go!(|| {
                let _waits = Waits;
                panic!("first this");
            });
            goroutines::yield_now();
            deep(None, endless);
        });
    });
}

#[test]
fn after_the_stack_was_scavenged() {
    deep_overflow(
        again("dies::overflow::after_the_stack_was_scavenged"),
        240,
        || {
            goroutines::run(|| {
                goroutines::spawn(|| ()).join().unwrap();
                goroutines::runtime::scavenge();
                deep(None, endless);
            });
        },
    );
}

#[test]
fn of_a_plain_thread_is_reported_by_std() {
    let end = again("dies::overflow::of_a_plain_thread_is_reported_by_std").of(|| {
        goroutines::run(|| goroutines::spawn(|| ()).join().unwrap());
        let plain = std::thread::Builder::new().name("plain".into());
        let _ = plain.spawn(endless).unwrap().join();
    });
    end.signal(SIGABRT)
        .says(&["thread 'plain'", "has overflowed its stack"]);
    end.keeps_quiet_about(&["goroutine ", "Builder::stack_size"]);
}

#[test]
fn of_a_blocking_thread_is_reported_by_std() {
    let end = again("dies::overflow::of_a_blocking_thread_is_reported_by_std").of(|| {
        goroutines::run(|| goroutines::blocking(endless));
    });
    end.signal(SIGABRT)
        .says(&["thread 'goroutines-blk'", "has overflowed its stack"]);
    end.keeps_quiet_about(&["Builder::stack_size"]);
}

fn null() {
    let at = black_box(8_usize) as *const u8;
    // SAFETY: none. It is meant to crash.
    black_box(unsafe { at.read_volatile() });
}

#[test]
fn is_not_what_a_null_dereference_is() {
    if cfg!(unix) {
        let test = again("dies::overflow::is_not_what_a_null_dereference_is");
        let end = test.of(|| deep(None, null));
        end.signal(SIGSEGV)
            .keeps_quiet_about(&["goroutine ", "overflow"]);
    } else {
        skip("SIGSEGV is Unix's");
    }
}

#[test]
fn is_not_what_a_null_dereference_in_main_is() {
    if cfg!(unix) {
        let test = again("dies::overflow::is_not_what_a_null_dereference_in_main_is");
        let end = test.of(|| goroutines::run(null));
        end.signal(SIGSEGV)
            .keeps_quiet_about(&["goroutine ", "overflow"]);
    } else {
        skip("SIGSEGV is Unix's");
    }
}

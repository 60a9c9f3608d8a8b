//! Panics that print a backtrace, on stacks that have just enough room for it (SEMANTICS PA-15).

use super::{again, text_of};
use goroutines::Builder;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[inline(never)]
fn fails_in_the_smallest_stack() {
    panic!("with a trace");
}

fn in_the_smallest_stack() {
    goroutines::run(|| {
        let small = Builder::new().name("small".into()).stack_size(0);
        let handle = small.spawn(fails_in_the_smallest_stack).unwrap();
        let payload = handle.join().unwrap_err();
        assert_eq!(text_of(&*payload), "with a trace");
    });
    println!("went on");
}

const LINES: &[&str] = &[
    "'small' (started at ",
    "dies/backtraces.rs:",
    "with a trace",
    "stack backtrace:",
    "fails_in_the_smallest_stack",
];

#[test]
fn short_in_the_smallest_stack() {
    let test = again("dies::backtraces::short_in_the_smallest_stack").var("RUST_BACKTRACE", 1);
    test.of(in_the_smallest_stack)
        .code(0)
        .prints("went on")
        .says(LINES);
}

#[test]
fn full_in_the_smallest_stack() {
    let test = again("dies::backtraces::full_in_the_smallest_stack").var("RUST_BACKTRACE", "full");
    test.of(in_the_smallest_stack)
        .code(0)
        .prints("went on")
        .says(LINES);
}

#[test]
fn none_without_the_variable() {
    let end = again("dies::backtraces::none_without_the_variable").of(in_the_smallest_stack);
    end.code(0)
        .prints("went on")
        .says(&LINES[..3])
        .keeps_quiet_about(&["fails_in_the_smallest"]);
}

/// A backtrace goes through the goroutine's entry and ends where the thread's stack does, like any
/// other: no frame that is not there, no loop.
#[test]
fn end() {
    let test = again("dies::backtraces::end").var("RUST_BACKTRACE", "full");
    let end = test.of(in_the_smallest_stack);
    end.code(0).prints("went on");
    let frames = || {
        end.err
            .lines()
            .filter(|line| line.trim_start().contains(": "))
    };
    let numbers = frames().filter_map(|line| line.trim_start().split(": ").next()?.parse().ok());
    let most: u32 = numbers.max().expect("numbered frames");
    assert!((10..100).contains(&most), "{end:#?}");
    assert!(
        frames().filter(|line| line.contains("<unknown>")).count() <= 1,
        "{end:#?}"
    );
}

/// Calls itself until so many bytes of stack are in use below here, then calls `then`.
#[inline(never)]
fn burn(bytes: usize, then: &mut dyn FnMut()) {
    let here = 0_u8;
    burn_to((&raw const here).addr() - bytes, then);
}

#[inline(never)]
fn burn_to(until: usize, then: &mut dyn FnMut()) {
    let local = black_box([1_u8; 1024]);
    if local.as_ptr().addr() < until {
        then();
    } else {
        burn_to(until, then);
    }
    black_box(&local);
}

/// Panics in a destructor that runs because of a panic: burns stack first, and catches its own.
struct Nested {
    kib: &'static [usize],
}

impl Drop for Nested {
    fn drop(&mut self) {
        let Some((&kib, rest)) = self.kib.split_first() else {
            println!("innermost");
            return;
        };
        burn(kib << 10, &mut || {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _inner = Nested { kib: rest };
                panic!("nested after {kib} KiB");
            }));
            assert_eq!(
                text_of(&*caught.unwrap_err()),
                format!("nested after {kib} KiB")
            );
            let trace = std::backtrace::Backtrace::force_capture().to_string();
            assert!(trace.contains("burn_to"), "{trace}");
        });
    }
}

fn nested(stack: Option<usize>, kib: &'static [usize]) {
    goroutines::run(move || {
        let builder = stack.into_iter().fold(Builder::new(), Builder::stack_size);
        let outer = builder.spawn(move || {
            let _nested = Nested { kib };
            panic!("outermost");
        });
        assert_eq!(text_of(&*outer.unwrap().join().unwrap_err()), "outermost");
    });
    println!("went on");
}

/// As Go's test, scaled to a stack that does not grow beyond 240 KiB.
#[test]
fn of_nested_panics_in_the_default_stack() {
    let test = again("dies::backtraces::of_nested_panics_in_the_default_stack");
    let end = test
        .var("RUST_BACKTRACE", "full")
        .of(|| nested(None, &[50, 80]));
    end.code(0).prints("innermost").prints("went on");
    end.says(&["outermost", "nested after 50 KiB", "nested after 80 KiB"]);
}

#[test]
fn of_nested_panics_as_deep_as_in_go() {
    let test = again("dies::backtraces::of_nested_panics_as_deep_as_in_go");
    let end = test
        .var("RUST_BACKTRACE", "full")
        .of(|| nested(Some(500 << 10), &[100, 200]));
    end.code(0).prints("innermost").prints("went on");
    end.says(&["outermost", "nested after 100 KiB", "nested after 200 KiB"]);
}

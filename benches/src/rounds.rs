//! What the Rust peers share: how often a program is repeated, and how its
//! times become figures. The Go programs do the same in their own words.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::mem;
use crate::programs::Size;

type Figures = Vec<(&'static str, f64)>;

/// The first round, and the median of three more.
fn first_and_warm(mut round: impl FnMut()) -> (Duration, Duration) {
    let mut timed = || {
        let start = Instant::now();
        round();
        start.elapsed()
    };
    let first = timed();
    let mut warm = [timed(), timed(), timed()];
    warm.sort();
    (first, warm[1])
}

/// First and warm rounds of `n` things each, in ns for each thing.
pub(crate) fn per_item_ns(n: usize, round: impl FnMut()) -> Figures {
    let (first, warm) = first_and_warm(round);
    let each = |time: Duration| time.as_nanos() as f64 / n as f64;
    vec![("first_ns", each(first)), ("warm_ns", each(warm))]
}

/// First and warm rounds of a skynet, whose answer is checked.
pub(crate) fn skynet(leaves: u64, mut round: impl FnMut() -> u64) -> Figures {
    let (first, warm) = first_and_warm(|| assert_eq!(round(), leaves * (leaves - 1) / 2));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    vec![
        ("first_ms", ms(first)),
        ("warm_ms", ms(warm)),
        ("peak_mib", mem::peak_mib()),
    ]
}

/// First and warm rounds of a Fibonacci program in which every inner call
/// starts `spawns` goroutines. There are fib(n+1) - 1 inner calls.
pub(crate) fn fib(size: Size, spawns: usize, mut round: impl FnMut(u32) -> u64) -> Figures {
    let n = size.fib();
    let (mut here, mut next) = (0_u64, 1_u64);
    for _ in 0..n {
        (here, next) = (next, here + next);
    }
    let inner = usize::try_from(next).expect("a small number") - 1;
    per_item_ns(inner * spawns, || assert_eq!(round(n), here))
}

/// The figures of the program `parked`.
pub(crate) fn parked(n: usize, bytes: u64, create: Duration, wake: Duration) -> Figures {
    vec![
        ("bytes", bytes as f64 / n as f64),
        ("create_us", create.as_nanos() as f64 / 1e3 / n as f64),
        ("wake_ns", wake.as_nanos() as f64 / n as f64),
    ]
}

/// How long sleeper `i` sleeps: 0 to 100 ms, in steps of a microsecond.
pub(crate) fn nap(i: usize) -> Duration {
    let scattered = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_micros(scattered % 100_001)
}

/// Keeps the latest of all deadlines, counted from the start.
pub(crate) fn note_deadline(last: &AtomicU64, deadline: Duration) {
    let deadline = deadline.as_nanos() as u64;
    // Most deadlines are not the latest: look before writing.
    if last.load(Relaxed) < deadline {
        last.fetch_max(deadline, Relaxed);
    }
}

/// The figures of the program `sleepers`.
pub(crate) fn sleepers(total: Duration, last: &AtomicU64) -> Figures {
    let over = total.saturating_sub(Duration::from_nanos(last.load(Relaxed)));
    vec![
        ("over_ms", over.as_secs_f64() * 1e3),
        ("total_ms", total.as_secs_f64() * 1e3),
        ("peak_mib", mem::peak_mib()),
    ]
}

/// The figures of the program `ctx_tree`.
pub(crate) fn ctx_tree(call: Duration, all: Duration) -> Figures {
    vec![
        ("cancel_ms", call.as_secs_f64() * 1e3),
        ("all_ms", all.as_secs_f64() * 1e3),
    ]
}

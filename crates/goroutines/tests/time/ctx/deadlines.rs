//! Deadlines.

use crate::support::{HOUR, PATIENCE, SHORT, both, inside, rounds, until};
use goroutines::context::{Context, ContextError};
use goroutines::sleep;
use std::time::{Duration, Instant};

const EXCEEDED: Option<ContextError> = Some(ContextError::DeadlineExceeded);

#[track_caller]
fn expires(ctx: &Context, deadline: Instant) {
    assert!(
        ctx.done()
            .recv_timeout(PATIENCE)
            .unwrap_err()
            .is_disconnected()
    );
    assert_eq!(ctx.err(), EXCEEDED);
    assert!(Instant::now() >= deadline, "early");
    assert_eq!(ctx.deadline(), Some(deadline));
}

// CX-6
#[test]
fn pass() {
    both(|| {
        let deadline = Instant::now() + SHORT;
        let (ctx, _a) = Context::background().with_deadline(deadline);
        let (below, _b) = ctx.with_cancel();
        assert_eq!(ctx.err(), None);
        expires(&ctx, deadline);
        expires(&below, deadline);
    });
}

// CX-18: the earlier one counts.
#[test]
fn the_earlier_one_counts() {
    both(|| {
        let near = Instant::now() + SHORT;
        let (far, _a) = Context::background().with_timeout(HOUR);
        let (ctx, _b) = far.with_deadline(near);
        expires(&ctx, near);
        assert_eq!(far.err(), None);

        let near = Instant::now() + SHORT;
        let (outer, _a) = Context::background().with_deadline(near);
        let (ctx, _b) = outer.with_timeout_cause(HOUR, "not this one");
        assert_eq!(ctx.deadline(), Some(near));
        expires(&ctx, near);
        assert!(ctx.cause().unwrap().is::<ContextError>());
    });
}

// CX-19: past, or now.
#[test]
fn past() {
    both(|| {
        for deadline in [Instant::now(), Instant::now() - SHORT] {
            let (ctx, cancel) = Context::background().with_deadline(deadline);
            assert_eq!(ctx.err(), EXCEEDED);
            cancel.cancel();
            assert_eq!(ctx.err(), EXCEEDED);
            assert!(ctx.done().is_closed());
        }
        let (ctx, _cancel) = Context::background().with_timeout(Duration::ZERO);
        assert_eq!(ctx.err(), EXCEEDED);
    });
}

// TI-3: for ever.
#[test]
fn for_ever() {
    both(|| {
        for long in [Duration::MAX, Duration::from_nanos(u64::MAX)] {
            let (ctx, cancel) = Context::background().with_timeout(long);
            assert_eq!(ctx.sleep(Duration::from_millis(1)), Ok(()));
            cancel.cancel();
            assert_eq!(ctx.err(), Some(ContextError::Canceled));
        }
    });
}

// CX-20: nothing fires afterwards, and the timer is gone; dropping is enough.
#[goroutines::test(workers = 2)]
fn cancelling_stops_the_timer() {
    let before = goroutines::runtime::metrics().spawned;
    for i in 0..rounds(1_000) {
        let (ctx, cancel) = Context::background().with_timeout(Duration::from_millis(30));
        if i % 2 == 0 {
            cancel.cancel();
        }
        drop(ctx);
    }
    sleep(Duration::from_millis(60));
    let started = goroutines::runtime::metrics().spawned - before;
    assert!(started < 500, "{started} goroutines were started by timers");
}

// CX-13: no goroutine and no thread, however many.
#[goroutines::test(workers = 2)]
fn cost_no_goroutines() {
    let root = Context::background().with_cancel();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let all: Vec<_> = (0..10_000)
        .map(|i| match i % 3 {
            0 => root.0.with_cancel(),
            1 => root.0.with_timeout(HOUR),
            _ => root.0.without_cancel().with_timeout(HOUR),
        })
        .collect();
    assert_eq!(goroutines::num_goroutines(), 1);
    all[0].0.after_func(|| ());
    assert_eq!(goroutines::num_goroutines(), 1);
    // A spare worker may have come, if this machine is busy.
    assert!(threads() <= before + 2);
    root.1.cancel();
    assert_eq!(
        all.iter().filter(|(ctx, _)| ctx.err().is_none()).count(),
        3_333
    );
}

// One worker, and a goroutine on it that only ever looks at the error: the monitor helps.
#[goroutines::test(workers = 1)]
fn noticed_by_one_that_never_waits() {
    let (ctx, _cancel) = Context::background().with_timeout(SHORT);
    let start = Instant::now();
    while ctx.err().is_none() {
        assert!(start.elapsed() < PATIENCE);
        std::hint::spin_loop();
    }
    assert_eq!(ctx.err(), EXCEEDED);
}

// A deadline set by a plain thread, while the runtime is idle.
#[test]
fn set_by_a_thread() {
    crate::support::start();
    for _ in 0..rounds(5) {
        std::thread::sleep(Duration::from_millis(30));
        let deadline = Instant::now() + Duration::from_millis(1);
        let (ctx, _cancel) = Context::background().with_deadline(deadline);
        expires(&ctx, deadline);
    }
}

// CX-10, CX-20: the deadline passes while somebody cancels: one of them counts, all of it.
#[goroutines::test(workers = 2)]
fn against_a_cancel() {
    let (mut cancelled, mut expired) = (0, 0);
    for i in 0..rounds(2_000) {
        let d = Duration::from_micros(50 + i as u64 % 20);
        let (ctx, cancel) = Context::background().with_timeout_cause(d, "late");
        let (below, _b) = ctx.with_cancel();
        let start = Instant::now();
        while start.elapsed() < d {
            goroutines::yield_now();
        }
        cancel.cancel();
        let (err, cause) = (ctx.err().unwrap(), ctx.cause().unwrap().to_string());
        match err {
            ContextError::Canceled => cancelled += 1,
            ContextError::DeadlineExceeded => expired += 1,
        }
        assert_eq!(cause == "late", err.is_timeout());
        assert_eq!(below.err(), Some(err));
        assert_eq!(below.cause().unwrap().to_string(), cause);
    }
    println!("{cancelled} cancelled, {expired} expired");
}

// Dropped while its deadline passes.
#[test]
fn dropped_while_it_passes() {
    inside(|| {
        for i in 0..rounds(2_000) {
            let d = Duration::from_micros(i as u64 % 30);
            let (ctx, cancel) = Context::background().with_timeout(d);
            let (below, _b) = ctx.with_cancel();
            if i % 3 == 0 {
                until("it expires", || below.err().is_some());
            }
            drop((ctx, cancel));
        }
    });
}

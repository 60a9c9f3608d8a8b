//! What contexts are before anything ends, and what ends with what.

use crate::support::{HOUR, SHORT, both};
use goroutines::context::{CancelFunc, Context, ContextError, Key};
use goroutines::{select, spawn};
use std::time::{Duration, Instant};

fn live(ctx: &Context) {
    assert_eq!(ctx.err(), None);
    assert!(ctx.cause().is_none());
    select! {
        recv(ctx.done()) -> _ => panic!("{ctx:?} is done"),
        default => {}
    }
}

fn done(ctx: &Context) {
    assert_eq!(ctx.err(), Some(ContextError::Canceled), "{ctx:?}");
    assert!(ctx.done().try_recv().unwrap_err().is_disconnected());
    assert!(ctx.cause().unwrap().is::<ContextError>());
}

// CX-1
#[test]
fn background_is_never_done() {
    both(|| {
        for ctx in [Context::background(), Context::todo(), Context::default()] {
            live(&ctx);
            assert_eq!(ctx.deadline(), None);
            assert!(ctx.done().recv_timeout(Duration::from_millis(1)).is_err());
            assert!(!ctx.done().is_closed());
            assert!(ctx.value::<Depth>().is_none());
        }
        assert!(
            Context::background()
                .done()
                .same_channel(Context::todo().done())
        );
    });
}

// CX-2: the same answer every time, from any thread.
#[test]
fn answers_stay() {
    both(|| {
        let (ctx, cancel) = Context::background()
            .with_value::<Depth>(3)
            .with_timeout(HOUR);
        let (deadline, done) = (ctx.deadline(), ctx.done().clone());
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    assert!(ctx.done().same_channel(&done));
                    assert_eq!(ctx.deadline(), deadline);
                    assert_eq!(ctx.value::<Depth>(), Some(&3));
                });
            }
        });
        cancel.cancel();
        assert!(ctx.done().same_channel(&done) && done.is_closed());
        assert_eq!(ctx.deadline(), deadline);
        assert_eq!(ctx.value::<Depth>(), Some(&3));
        let late = ctx.with_cancel().0;
        assert!(late.done().same_channel(late.done()));
    });
}

struct Depth;
impl Key for Depth {
    type Value = u32;
}
struct Width;
impl Key for Width {
    type Value = u32;
}
struct Maybe;
impl Key for Maybe {
    type Value = Option<&'static str>;
}

// CX-4
#[test]
fn values_from_the_inside_out() {
    let c0 = Context::background();
    let c1 = c0.with_value::<Depth>(1).with_value::<Maybe>(Some("outer"));
    let c2 = c1.with_value::<Width>(1);
    let (c3, _cancel) = c2.with_cancel();
    let c4 = c3.with_value::<Depth>(4).with_value::<Maybe>(None);
    let all = |c: &Context| (c.value::<Depth>().copied(), c.value::<Width>().copied());
    assert_eq!(all(&c0), (None, None));
    assert_eq!(all(&c1), (Some(1), None), "another type is another key");
    assert_eq!(all(&c2), (Some(1), Some(1)));
    assert_eq!(all(&c3), (Some(1), Some(1)));
    assert_eq!(all(&c4), (Some(4), Some(1)));
    assert_eq!(c3.value::<Maybe>(), Some(&Some("outer")));
    assert_eq!(c4.value::<Maybe>(), Some(&None), "hides the outer one");
    assert_eq!(all(&c4.without_cancel()), (Some(4), Some(1)));
}

// CX-5
#[test]
fn names() {
    crate::support::start();
    assert_eq!(format!("{:?}", Context::background()), "context.Background");
    assert_eq!(format!("{:?}", Context::todo()), "context.TODO");
    let (ctx, _cancel) = Context::background().with_cancel();
    assert_eq!(format!("{ctx:?}"), "context.Background.WithCancel");
    let (timed, _timer) = ctx
        .with_value::<Depth>(1)
        .without_cancel()
        .with_timeout(HOUR);
    let text = format!("{timed:?}");
    assert!(
        text.starts_with("context.Background.WithCancel.WithValue("),
        "{text}"
    );
    assert!(
        text.contains("Depth).WithoutCancel.WithDeadline([3599."),
        "{text}"
    );
    let (later, _c) = timed.with_timeout(HOUR * 2);
    assert!(format!("{later:?}").ends_with("]).WithCancel"));
}

// CX-6, CX-7: one cancel and all below are done when it returns; others are not. CX-14.
#[test]
fn all_below_and_nobody_else() {
    both(|| {
        let (root, _cancel) = Context::background().with_cancel();
        let (ctx, cancel) = root.with_value::<Depth>(1).with_cancel();
        let (sibling, _s) = root.with_cancel();
        let (a, _a) = ctx.with_cancel();
        let (b, _b) = a.with_timeout(HOUR);
        let c = b.with_value::<Width>(2);
        let (d, _d) = c.with_cancel_cause();
        let below = [&ctx, &a, &b, &c, &d];
        _ = below.map(live);
        assert!(b.done().same_channel(c.done()));
        cancel.cancel();
        _ = below.map(done);
        live(&root);
        live(&sibling);
        cancel.cancel();
        _ = below.map(done);
        assert_eq!(c.value::<Depth>(), Some(&1));
    });
}

// CX-9, CX-10: again, from many at once.
#[test]
fn again_and_at_once() {
    both(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    cancel.cancel();
                    done(&ctx);
                });
            }
        });
        assert_eq!(ctx.err().unwrap().to_string(), "context canceled");
        assert!(!ctx.err().unwrap().is_timeout());
        // For ever, also when its deadline has passed.
        let (ctx, cancel) = Context::background().with_timeout(SHORT);
        cancel.cancel();
        done(&ctx);
        goroutines::sleep(SHORT * 2);
        done(&ctx);
        let late = ContextError::DeadlineExceeded;
        assert_eq!(late.to_string(), "context deadline exceeded");
        assert!(late.is_timeout());
    });
}

// CX-11: made from one that has been cancelled.
#[test]
fn from_a_cancelled_one() {
    both(|| {
        let (ctx, cancel) = Context::background().with_cancel_cause();
        cancel.cancel("first");
        let (a, cancel_a) = ctx.with_cancel();
        let (b, _b) = ctx.with_value::<Depth>(1).with_timeout(HOUR);
        let (c, cancel_c) = b.with_cancel_cause();
        cancel_a.cancel();
        cancel_c.cancel("second");
        for late in [&a, &b, &c] {
            assert_eq!(late.err(), Some(ContextError::Canceled));
            assert_eq!(late.cause().unwrap().to_string(), "first");
            assert!(late.done().is_closed());
        }
    });
}

// CX-25
#[test]
fn without_cancel() {
    both(|| {
        let (ctx, cancel) = Context::background()
            .with_value::<Depth>(7)
            .with_timeout(HOUR);
        let free = ctx.without_cancel();
        let (below, cancel_below) = free.with_cancel();
        cancel.cancel();
        live(&free);
        live(&below);
        assert_eq!(free.deadline(), None);
        assert_eq!(free.value::<Depth>(), Some(&7));
        assert!(free.done().same_channel(Context::background().done()));
        cancel_below.cancel();
        done(&below);
        live(&free);
    });
}

// The guard is `defer cancel()`, also when a panic unwinds.
#[test]
fn cancels_when_dropped() {
    let (ctx, cancel) = Context::background().with_cancel();
    let ended = std::panic::catch_unwind(|| {
        let _cancel = cancel.on_drop();
        panic!("expected");
    });
    assert!(ended.is_err());
    done(&ctx);
    // The function itself does not.
    let (ctx, cancel) = Context::background().with_cancel();
    drop(cancel);
    live(&ctx);
}

// Waiting for the end: in a select, by receiving, in goroutines and threads.
#[test]
fn waiters_wake() {
    both(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (a, b) = (ctx.clone(), ctx.clone());
        let first = spawn(move || a.done().recv().is_err());
        let second = spawn(move || {
            select! {
                recv(b.done()) -> end => end.is_err(),
                default(HOUR) => false,
            }
        });
        let c = ctx.clone();
        let third = std::thread::spawn(move || c.sleep(HOUR));
        goroutines::sleep(SHORT);
        cancel.cancel();
        assert!(first.join().unwrap() && second.join().unwrap());
        assert_eq!(third.join().unwrap(), Err(ContextError::Canceled));
    });
}

#[test]
fn sleeps() {
    both(|| {
        let start = Instant::now();
        assert_eq!(Context::background().sleep(SHORT), Ok(()));
        assert!(start.elapsed() >= SHORT);
        let (ctx, cancel) = Context::background().with_cancel();
        assert_eq!(ctx.sleep(SHORT), Ok(()));
        assert_eq!(ctx.sleep(Duration::ZERO), Ok(()));
        cancel.cancel();
        assert_eq!(ctx.sleep(Duration::ZERO), Err(ContextError::Canceled));
        assert_eq!(ctx.sleep(Duration::MAX), Err(ContextError::Canceled));
    });
}

// A receiver alone does not keep its context: without anybody who could cancel, it is closed.
#[test]
fn a_receiver_alone() {
    let (ctx, cancel) = Context::background().with_cancel();
    let done = ctx.done().clone();
    drop(ctx);
    assert!(!done.is_closed());
    drop(cancel);
    assert!(done.is_closed());
}

// CX-3, CX-26: a context is this type and no other: there is none that is nil or somebody else's, a key is a type,
// and a value is of the type that its key says.
#[test]
fn types() {
    let _: fn(&Context) -> (Context, CancelFunc) = Context::with_cancel;
    let _: fn(&Context, u32) -> Context = Context::with_value::<Depth>;
    fn shared<T: Send + Sync + std::fmt::Debug + 'static>() {}
    fn cheap<T: Clone>() {}
    shared::<Context>();
    shared::<CancelFunc>();
    shared::<goroutines::context::CancelOnDrop>();
    shared::<goroutines::context::CancelCauseFunc>();
    shared::<goroutines::context::StopFunc>();
    cheap::<Context>();
    cheap::<CancelFunc>();
    assert_eq!(size_of::<Context>(), 16);
}

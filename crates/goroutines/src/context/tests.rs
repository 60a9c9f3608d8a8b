//! Who is among whose children, and when not any more.

use super::Context;
use goroutines_runtime::park::Moment;
use std::time::Duration;

fn children(ctx: &Context) -> usize {
    ctx.node().map_or(0, |node| node.children())
}

// CX-12
#[test]
fn who_is_cancelled_leaves() {
    let (ctx, cancel) = Context::background().with_cancel();
    assert_eq!(children(&ctx), 0);
    let (_a, cancel_a) = ctx.with_cancel();
    let (_b, cancel_b) = ctx.with_timeout(Duration::from_secs(3600));
    let (_c, cancel_c) = ctx.with_cancel_cause();
    let stop = ctx.after_func(|| ());
    assert_eq!(children(&ctx), 4);
    cancel_a.cancel();
    cancel_a.cancel();
    assert_eq!(children(&ctx), 3);
    cancel_b.cancel();
    assert_eq!(children(&ctx), 2);
    cancel_c.cancel("c");
    assert_eq!(children(&ctx), 1);
    assert!(stop.stop());
    assert!(!stop.stop());
    assert_eq!(children(&ctx), 0);
    let (_d, _cancel) = ctx.with_cancel();
    cancel.cancel();
    assert_eq!(children(&ctx), 0);
    let (d, _cancel) = ctx.with_cancel();
    assert!(d.err().is_some());
    assert_eq!(children(&ctx), 0);
}

// CX-12: through values, and at the deadline.
#[test]
fn who_expires_leaves() {
    let (ctx, _cancel) = Context::background().with_cancel();
    let over = ctx.without_cancel();
    let (_o, _cancel_o) = over.with_cancel();
    assert_eq!(children(&ctx), 0, "it does not end with it");
    let (timed, _cancel_t) = ctx.with_timeout(Duration::from_millis(1));
    assert_eq!(children(&ctx), 1);
    assert!(timed.done().recv().is_err());
    let start = Moment::now();
    while children(&ctx) != 0 {
        assert!(Moment::now().since(start) < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

// CX-12: dropping everything of a context is enough.
#[test]
fn who_is_dropped_leaves() {
    let (ctx, _cancel) = Context::background().with_cancel();
    for i in 0..1_000 {
        let (a, _) = ctx.with_cancel();
        let (b, cancel_b) = a.with_timeout(Duration::from_secs(3600));
        drop(a);
        assert_eq!(children(&ctx), 1, "b keeps a");
        if i % 2 == 0 {
            drop(b);
            assert_eq!(children(&ctx), 1, "its cancel keeps b");
            drop(cancel_b);
        } else {
            drop(cancel_b);
            drop(b);
        }
        assert_eq!(children(&ctx), 0);
    }
}

// A function keeps what it waits for, and lets go of it.
#[test]
fn a_function_keeps_its_context() {
    let (ctx, _cancel) = Context::background().with_cancel();
    let (a, _) = ctx.with_cancel();
    let stop = a.after_func(|| ());
    drop(a);
    assert_eq!(children(&ctx), 1);
    assert!(stop.stop());
    assert_eq!(children(&ctx), 0);
}

// Places are used again, and their memory is not kept for ever.
#[test]
fn places() {
    let (ctx, _cancel) = Context::background().with_cancel();
    let mut all = Vec::new();
    for round in 0..10_u32 {
        for _ in 0..100 {
            all.push(ctx.with_cancel());
        }
        let mut i = round;
        all.retain(|(_, cancel)| {
            i += 1;
            if i % 3 == 0 {
                cancel.cancel();
            }
            i % 3 != 0
        });
        assert_eq!(children(&ctx), all.len());
    }
    drop(all);
    assert_eq!(children(&ctx), 0);
}

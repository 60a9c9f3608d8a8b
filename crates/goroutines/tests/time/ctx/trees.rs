//! Many contexts: layers, chains, trees, and what they cost.

use crate::alloc;
use crate::support::{HOUR, both, inside, until};
use goroutines::context::{CancelFunc, Context, ContextError, Key};
use goroutines::sync::WaitGroup;
use goroutines::{go, select};
use std::time::{Duration, Instant};

struct Layer;
impl Key for Layer {
    type Value = usize;
}

// CX-21: thirty layers of all kinds; whichever is cancelled, the top sees it at once, and values stay.
#[test]
fn layers() {
    both(|| {
        for seed in 0..40 {
            let mut dice = crate::support::Dice(seed);
            let mut ctx = Context::background();
            let (mut cancels, mut values) = (Vec::new(), 0);
            for layer in 0..30 {
                match dice.below(3) {
                    0 => {
                        ctx = ctx.with_value::<Layer>(layer);
                        values = layer;
                    }
                    1 => {
                        let (next, cancel) = ctx.with_cancel();
                        cancels.push(cancel);
                        ctx = next;
                    }
                    _ => {
                        let (next, cancel) = ctx.with_timeout(HOUR);
                        cancels.push(cancel);
                        ctx = next;
                    }
                }
            }
            if cancels.is_empty() {
                continue;
            }
            select! {
                recv(ctx.done()) -> _ => panic!("done too early"),
                default => {}
            }
            let which = dice.below(cancels.len() as u64) as usize;
            cancels[which].cancel();
            assert_eq!(ctx.err(), Some(ContextError::Canceled));
            assert!(ctx.done().is_closed());
            assert_eq!(ctx.value::<Layer>().copied().unwrap_or(0), values);
        }
    });
}

// CX-21: a timeout somewhere in the layers.
#[test]
fn layers_with_a_timeout() {
    inside(|| {
        let mut ctx = Context::background();
        let mut keep = Vec::new();
        for layer in 0..30 {
            let d = if layer == 11 {
                Duration::from_millis(3)
            } else {
                HOUR
            };
            let (next, cancel) = ctx.with_timeout(d);
            keep.push(cancel);
            ctx = next.with_value::<Layer>(layer);
        }
        assert!(ctx.done().recv().is_err());
        assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
        assert_eq!(ctx.value::<Layer>(), Some(&29));
    });
}

/// A tree of `n` contexts, each with `width` below it.
fn tree(n: usize, width: usize) -> Vec<(Context, CancelFunc)> {
    let mut all = vec![Context::background().with_cancel()];
    for i in 1..n {
        let next = all[(i - 1) / width].0.with_cancel();
        all.push(next);
    }
    all
}

// A chain longer than a stack has room for frames: cancelled, asked, printed, dropped.
#[test]
fn a_long_chain() {
    both(|| {
        const N: usize = 20_000;
        let chain = tree(N, 1);
        let last = chain[N - 1].0.with_value::<Layer>(5);
        assert!(last.err().is_none());
        assert!(format!("{last:?}").len() > N);
        chain[0].1.cancel();
        assert!(last.err().is_some() && last.done().is_closed());
        drop(chain);
        drop(last);
        // One that nobody ends, each link held by the next one only.
        let mut ctx = Context::background();
        for i in 0..N {
            ctx = match i % 3 {
                0 => ctx.with_cancel().0,
                1 => ctx.with_value::<Layer>(i),
                _ => ctx.without_cancel(),
            };
        }
        drop(ctx);
    });
}

// The figure of the plan: a tree of 10,000 contexts, a goroutine waiting on each.
#[goroutines::test(workers = 2)]
fn ten_thousand() {
    const N: usize = 10_000;
    let all = tree(N, 10);
    let (started, finished) = (WaitGroup::new(), WaitGroup::new());
    started.add(N as isize);
    finished.add(N as isize);
    for (ctx, _) in &all {
        let (ctx, started, finished) = (ctx.clone(), started.clone(), finished.clone());
        go!(move || {
            let done = ctx.done();
            started.done();
            done.recv().unwrap_err();
            assert!(ctx.err().is_some());
            finished.done();
        });
    }
    started.wait();
    let start = Instant::now();
    all[0].1.cancel();
    let call = start.elapsed();
    assert!(all.iter().all(|(ctx, _)| ctx.err().is_some()));
    finished.wait();
    println!("cancel {call:?}, all {:?}", start.elapsed());
    assert!(call < Duration::from_secs(5), "{call:?}");
}

// CX-22
#[goroutines::test(workers = 1)]
fn allocations() {
    let (root, _cancel) = Context::background().with_cancel();
    let warm = |ctx: &Context| {
        let (c, cancel) = ctx.with_timeout(HOUR);
        assert!(!c.done().is_closed());
        cancel.cancel();
    };
    warm(&root);
    let n = alloc::count(|| {
        let (ctx, cancel) = root.with_cancel();
        assert!(!ctx.done().is_closed());
        cancel.cancel();
        drop(ctx);
    });
    assert!(n <= 3, "with_cancel: {n}");
    let n = alloc::count(|| warm(&root));
    assert!(n <= 4, "with_timeout and cancel: {n}");
    let n = alloc::count(|| drop(root.with_value::<Layer>(1)));
    assert!(n <= 2, "with_value: {n}");
    let n = alloc::count(|| {
        drop((
            root.clone(),
            root.err(),
            root.deadline(),
            root.value::<Layer>(),
        ))
    });
    assert_eq!(n, 0, "asking");
}

// CX-12, TI-11: what is made, ended or dropped leaves no memory behind.
#[goroutines::test(workers = 2)]
fn nothing_is_left() {
    let (root, _cancel) = Context::background().with_cancel();
    let round = || {
        for i in 0..1_000_u32 {
            let (a, cancel) = root.with_timeout(HOUR);
            let (b, _b) = a.with_value::<Layer>(1).with_cancel();
            let stop = b.after_func(|| ());
            match i % 3 {
                0 => cancel.cancel(),
                1 => _ = stop.stop(),
                _ => _b.cancel(),
            }
            goroutines::time::after_func(HOUR, || ()).stop();
        }
        until("functions have run", || goroutines::num_goroutines() == 1);
    };
    round();
    let before = alloc::live();
    for _ in 0..10 {
        round();
    }
    let grown = alloc::live() - before;
    assert!(grown < 64 * 1024, "{grown} bytes");
}

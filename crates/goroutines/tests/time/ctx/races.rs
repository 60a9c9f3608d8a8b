//! Contexts that are cancelled from many sides at once.

use crate::support::{Dice, HOUR, everybody, on_workers, rounds};
use goroutines::context::{CancelFunc, Context, ContextError};
use goroutines::{go, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

on_workers! {
    all_at_once
    interlocked
    made_while_cancelled
    err_and_done
    churn
}

/// A tree of a hundred, four below each, all cancelled at once in random order.
fn simultaneous(seed: u64) {
    let mut all: Vec<(Context, CancelFunc)> = vec![Context::background().with_cancel()];
    for i in 1..100 {
        let parent = &all[(i - 1) / 4].0;
        let next = if i % 5 == 0 {
            parent.with_timeout(HOUR)
        } else {
            parent.with_cancel()
        };
        all.push(next);
    }
    let mut dice = Dice(seed);
    let mut order: Vec<_> = (0..all.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, dice.below(i as u64 + 1) as usize);
    }
    everybody(96, 4, |n| {
        let i = order[n];
        if (i as u64 + seed).is_multiple_of(13) {
            yield_now();
        }
        all[i].1.cancel();
        // CX-7: all below are done, whoever did it.
        for (at, (ctx, _)) in all.iter().enumerate() {
            let mut up = at;
            while up > i {
                up = (up - 1) / 4;
            }
            if up == i {
                assert!(ctx.err().is_some(), "{at} below {i}");
            }
        }
    });
    for (ctx, _) in all {
        assert_eq!(ctx.err(), Some(ContextError::Canceled));
        assert!(ctx.done().is_closed());
    }
}

// CX-10: TestSimultaneousCancels.
fn all_at_once() {
    (0..rounds(50) as u64).for_each(simultaneous);
}

// CX-10: TestInterlockedCancels: whoever watches the parent cancels the child.
fn interlocked() {
    for _ in 0..rounds(200) {
        let (parent, cancel_parent) = Context::background().with_cancel();
        let (child, cancel_child) = parent.with_cancel();
        let watcher = spawn(move || {
            parent.done().recv().unwrap_err();
            cancel_child.cancel();
        });
        cancel_parent.cancel();
        assert!(child.done().recv().is_err());
        watcher.join().unwrap();
    }
}

// CX-11: made while the parent is being cancelled.
fn made_while_cancelled() {
    for i in 0..rounds(200) {
        let (parent, cancel) = Context::background().with_cancel_cause();
        let canceller = spawn(move || cancel.cancel("race"));
        for _ in 0..i % 4 {
            yield_now();
        }
        let (child, _c) = parent.with_cancel();
        let (grandchild, _g) = child.with_timeout(HOUR);
        canceller.join().unwrap();
        for ctx in [&parent, &child, &grandchild] {
            assert_eq!(ctx.err(), Some(ContextError::Canceled));
            assert_eq!(ctx.cause().unwrap().to_string(), "race");
            assert!(ctx.done().is_closed());
        }
    }
}

/// CX-8, CX-17, MM-11: whoever sees one sees the other, and the cause is whole.
fn err_and_done() {
    for i in 0..rounds(300) {
        let (ctx, cancel) = Context::background().with_cancel_cause();
        let looks = [(); 3].map(|()| {
            let ctx = ctx.clone();
            spawn(move || {
                loop {
                    if let Some(cause) = ctx.cause() {
                        assert_eq!(cause.to_string(), "why");
                        assert!(ctx.err().is_some());
                    }
                    if ctx.err().is_some() {
                        assert!(ctx.done().is_closed());
                        assert!(ctx.cause().is_some());
                        return;
                    }
                    if ctx.done().is_closed() {
                        assert_eq!(ctx.err(), Some(ContextError::Canceled));
                        assert_eq!(ctx.cause().unwrap().to_string(), "why");
                        return;
                    }
                    yield_now();
                }
            })
        });
        for _ in 0..i % 5 {
            yield_now();
        }
        cancel.cancel("why");
        _ = looks.map(|look| look.join().unwrap());
    }
}

// CX-8 between threads, which do not take turns.
#[test]
fn err_and_done_on_threads() {
    for _ in 0..rounds(300) {
        let (ctx, cancel) = Context::background().with_cancel();
        let ready = AtomicUsize::new(0);
        std::thread::scope(|s| {
            for looks_at_err in [true, false] {
                let (ctx, ready) = (&ctx, &ready);
                s.spawn(move || {
                    ready.fetch_add(1, SeqCst);
                    if looks_at_err {
                        while ctx.err().is_none() {
                            std::hint::spin_loop();
                        }
                        assert!(ctx.done().is_closed());
                    } else {
                        while !ctx.done().is_closed() {
                            std::hint::spin_loop();
                        }
                        assert!(ctx.err().is_some());
                    }
                });
            }
            while ready.load(SeqCst) < 2 {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
    }
}

/// Contexts made, waited for, cancelled and dropped at random, below roots that are cancelled too; by
/// goroutines and threads.
fn churn() {
    let stop = Arc::new(AtomicBool::new(false));
    let (root, cancel) = Context::background().with_cancel();
    let work = |seed: u64, root: Context, stop: Arc<AtomicBool>| {
        move || {
            let mut dice = Dice(seed);
            let mut mine: Vec<(Context, CancelFunc)> = Vec::new();
            while !stop.load(SeqCst) {
                let from = match mine.len() {
                    0 => root.clone(),
                    n => mine[dice.below(n as u64) as usize].0.clone(),
                };
                match dice.below(6) {
                    0 | 1 => mine.push(from.with_cancel()),
                    2 => {
                        let d = std::time::Duration::from_micros(dice.below(500));
                        mine.push(from.with_timeout(d));
                    }
                    3 => {
                        let theirs = from.clone();
                        let ended = from.after_func(move || assert!(theirs.err().is_some()));
                        if dice.below(2) == 0 {
                            ended.stop();
                        }
                    }
                    4 if !mine.is_empty() => {
                        let (ctx, cancel) = &mine[dice.below(mine.len() as u64) as usize];
                        cancel.cancel();
                        assert!(ctx.err().is_some());
                    }
                    _ => {
                        let theirs = from.clone();
                        go!(move || {
                            let _ = theirs.sleep(std::time::Duration::from_micros(50));
                        });
                    }
                }
                while mine.len() > 20 {
                    mine.swap_remove(dice.below(mine.len() as u64) as usize);
                }
                yield_now();
            }
            for (ctx, cancel) in mine {
                cancel.cancel();
                assert!(ctx.err().is_some());
            }
        }
    };
    let inside = [1, 2, 3, 4].map(|seed| spawn(work(seed, root.clone(), stop.clone())));
    let outside = [5, 6].map(|seed| std::thread::spawn(work(seed, root.clone(), stop.clone())));
    goroutines::sleep(std::time::Duration::from_millis(rounds(200) as u64));
    cancel.cancel();
    goroutines::sleep(std::time::Duration::from_millis(20));
    stop.store(true, SeqCst);
    _ = inside.map(|one| one.join().unwrap());
    _ = outside.map(|one| one.join().unwrap());
}

//! `Context::after_func`.

use crate::support::{HOUR, PATIENCE, SHORT, both, inside, rounds, until};
use goroutines::channel::bounded;
use goroutines::context::{Context, ContextError};
use goroutines::sleep;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

// CX-23, MM-11: cancel neither waits for it nor runs it.
#[test]
fn runs_in_a_goroutine_of_its_own() {
    both(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (s, r) = bounded(0);
        let theirs = ctx.clone();
        ctx.after_func(move || s.send(theirs.err()).unwrap());
        sleep(Duration::from_millis(1));
        assert!(r.try_recv().is_err());
        cancel.cancel();
        assert_eq!(r.recv_timeout(PATIENCE), Ok(Some(ContextError::Canceled)));
        assert!(
            r.recv_timeout(PATIENCE).unwrap_err().is_disconnected(),
            "once"
        );
    });
}

// CX-23: at once if it is done, at a deadline, with a parent.
#[test]
fn runs_however_it_ends() {
    both(|| {
        let (s, r) = bounded(0);
        let run = |ctx: &Context| {
            let s = s.clone();
            ctx.after_func(move || s.send(()).unwrap())
        };
        let (done, cancel) = Context::background().with_cancel();
        cancel.cancel();
        let stop = run(&done);
        r.recv_timeout(PATIENCE).unwrap();
        assert!(!stop.stop());

        let (timed, _t) = Context::background().with_timeout(SHORT);
        run(&timed);
        r.recv_timeout(PATIENCE).unwrap();

        let (parent, cancel) = Context::background().with_cancel();
        let (child, _c) = parent.with_timeout(HOUR);
        run(&child.with_value::<K>(1));
        cancel.cancel();
        r.recv_timeout(PATIENCE).unwrap();
    });
}

struct K;
impl goroutines::context::Key for K {
    type Value = i32;
}

// CX-24
#[test]
fn stop() {
    both(|| {
        let (ctx, cancel) = Context::background().with_cancel();
        let own = Arc::new(());
        let (s, r) = bounded(4);
        let stops = [(); 4].map(|()| {
            let (s, own) = (s.clone(), own.clone());
            ctx.after_func(move || {
                drop(own);
                s.send(()).unwrap();
            })
        });
        assert!(stops[1].stop() && !stops[1].stop());
        assert_eq!(Arc::strong_count(&own), 4, "it has been dropped");
        cancel.cancel();
        for _ in 0..3 {
            r.recv_timeout(PATIENCE).unwrap();
        }
        assert!(stops.iter().all(|s| !s.stop()));
        sleep(Duration::from_millis(1));
        assert!(r.is_empty());
        until("all are dropped", || Arc::strong_count(&own) == 1);
    });
}

// CX-24: of one that never ends.
#[test]
fn of_the_background() {
    both(|| {
        let own = Arc::new(());
        let theirs = own.clone();
        let stop = Context::background().after_func(move || drop(theirs));
        assert!(stop.stop() && !stop.stop());
        let theirs = own.clone();
        drop(Context::background().after_func(move || drop(theirs)));
        assert_eq!(Arc::strong_count(&own), 1);
    });
}

// CX-24: stop is true exactly if it does not run.
#[test]
fn stop_is_right() {
    inside(|| {
        for i in 0..rounds(1_000) {
            let (ctx, cancel) = Context::background().with_cancel();
            let ran = Arc::new(AtomicUsize::new(0));
            let theirs = ran.clone();
            let stop = ctx.after_func(move || {
                theirs.fetch_add(1, SeqCst);
            });
            let canceller = goroutines::spawn(move || cancel.cancel());
            for _ in 0..i % 5 {
                goroutines::yield_now();
            }
            let stopped = stop.stop();
            canceller.join().unwrap();
            if !stopped {
                until("it runs", || ran.load(SeqCst) == 1);
            }
            assert_eq!(ran.load(SeqCst), usize::from(!stopped));
        }
    });
}

// It keeps its context: what can still end ends, and what was started comes.
#[test]
fn keeps_its_context() {
    both(|| {
        let (s, r) = bounded(2);
        {
            let (ctx, _cancel) = Context::background().with_timeout(SHORT);
            let s = s.clone();
            ctx.after_func(move || s.send("deadline").unwrap());
        }
        assert_eq!(r.recv_timeout(PATIENCE), Ok("deadline"));
        let (parent, cancel) = Context::background().with_cancel();
        {
            let (ctx, _cancel) = parent.with_cancel();
            ctx.after_func(move || s.send("parent").unwrap());
        }
        cancel.cancel();
        assert_eq!(r.recv_timeout(PATIENCE), Ok("parent"));
    });
}

// What is dropped by a cancel may cancel again, anything.
#[test]
fn destructors_may_cancel() {
    struct Again(Option<goroutines::context::CancelFunc>);
    impl Drop for Again {
        fn drop(&mut self) {
            self.0.take().unwrap().cancel();
        }
    }
    struct Holds;
    impl goroutines::context::Key for Holds {
        type Value = std::sync::Mutex<Option<Again>>;
    }
    both(|| {
        for _ in 0..rounds(20) {
            let (root, cancel) = Context::background().with_cancel();
            let (a, cancel_a) = root.with_cancel();
            let (b, cancel_b) = a.with_cancel();
            let (below, _) = b.with_cancel();
            let again = Again(Some(cancel_a));
            let held = a.with_value::<Holds>(std::sync::Mutex::new(Some(again)));
            // The last handle of `leaf` goes while the tree is being cancelled, and its value with it.
            let (leaf, leaf_cancel) = held.with_cancel();
            let waiter = goroutines::spawn(move || {
                let _ = leaf.done().recv();
                drop((leaf, leaf_cancel));
            });
            drop(held);
            goroutines::yield_now();
            cancel.cancel();
            waiter.join().unwrap();
            assert!(below.err().is_some());
            drop(cancel_b);
        }
    });
}

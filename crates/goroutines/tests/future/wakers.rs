//! Wakers of other executors, which channels and contexts call: they may do more than they should.

use super::support::{calls, on_workers, poll_once_with, rounds, until};
use goroutines::channel::bounded;
use goroutines::context::Context;
use goroutines::sync::Mutex;
use goroutines::{sleep, spawn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

on_workers! {
    one_that_waits_on_the_senders_thread
    one_that_waits_in_another
    one_that_asks_the_context
}

/// A sender calls the waker in the middle of its own wait; what that waits for is another matter.
fn one_that_waits_on_the_senders_thread() {
    for round in 0..rounds(10) {
        let (s, r) = bounded(0);
        let queue = Arc::new(Mutex::new(0));
        let guard = queue.lock().unwrap();
        let called = Arc::new(AtomicUsize::new(0));
        let (q, c) = (queue.clone(), called.clone());
        let waits = calls(move || {
            c.fetch_add(1, Ordering::SeqCst);
            *q.lock().unwrap() += 1;
            sleep(Duration::from_micros(500));
        });
        let mut watches = Box::pin(r.recv_async());
        assert!(poll_once_with(&mut watches, &waits).is_pending());
        let sender = std::thread::spawn(move || s.send(round).unwrap());
        until("it is called", || called.load(Ordering::SeqCst) == 1);
        drop(guard);
        sleep(Duration::from_millis(2));
        drop(watches);
        assert_eq!(r.recv_timeout(LONG), Ok(round), "a sender waits");
        sender.join().unwrap();
        // It may have got a goroutine of its own.
        until("it has waited", || *queue.lock().unwrap() == 1);
    }
}

/// Two wakers, one within the other, on the same worker.
fn one_that_waits_in_another() {
    for round in 0..rounds(10) {
        let (s1, r1) = bounded(1);
        let (s2, r2) = bounded(0);
        let outer = calls(move || s2.send(round).unwrap());
        let inner = calls(|| sleep(Duration::from_micros(500)));
        let (mut first, mut second) = (Box::pin(r1.recv_async()), Box::pin(r2.recv_async()));
        assert!(poll_once_with(&mut first, &outer).is_pending());
        assert!(poll_once_with(&mut second, &inner).is_pending());
        let sender = spawn(move || s1.send(7).unwrap());
        // The outer one blocks the worker until it has sent, so who receives must not be at home there.
        goroutines::blocking(|| {
            std::thread::sleep(Duration::from_millis(3));
            drop(second);
            assert_eq!(r2.recv_timeout(LONG), Ok(round), "a waker sends");
        });
        sender.join().unwrap();
        drop(first);
    }
}

/// Whoever ends a context calls it, and holds nothing that it may want.
fn one_that_asks_the_context() {
    for _ in 0..rounds(10) {
        let (ctx, cancel) = Context::background().with_cancel();
        let (asked, told) = (ctx.clone(), Arc::new(AtomicUsize::new(0)));
        let by = told.clone();
        let asks = calls(move || {
            assert!(asked.err().is_some());
            by.fetch_add(1, Ordering::SeqCst);
        });
        let done = ctx.done().clone();
        let mut watches = Box::pin(done.recv_async());
        assert!(poll_once_with(&mut watches, &asks).is_pending());
        cancel.cancel();
        until("it is told", || told.load(Ordering::SeqCst) == 1);
    }
}

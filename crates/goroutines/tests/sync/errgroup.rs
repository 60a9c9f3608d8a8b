//! `ErrGroup`: SEMANTICS EG-1 to EG-8; Go's x/sync suite.

use crate::support::{both, everybody, inside, moment, on_workers, quiet_panic, rounds, until};
use goroutines::context::{Context, ContextError};
use goroutines::sync::ErrGroup;
use goroutines::{exit, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// EG-1, EG-6; Go's TestZeroGroup, which uses a group again after it has waited
#[test]
fn the_first_error_in_time() {
    both(|| {
        let cases: [&[Option<u32>]; 5] = [
            &[],
            &[None],
            &[Some(1)],
            &[Some(1), None],
            &[Some(1), None, Some(2)],
        ];
        for errors in cases {
            let group = ErrGroup::new();
            let mut first = None;
            for &error in errors {
                group.go(move || error.map_or(Ok(()), Err));
                first = first.or(error);
                // One after the other, as Go's test has it.
                assert_eq!(group.wait().err(), error);
            }
        }
        let group = ErrGroup::new();
        let turn = Arc::new(AtomicUsize::new(0));
        for n in [3, 1, 2] {
            let turn = turn.clone();
            group.go(move || {
                until("its turn", || turn.load(Ordering::SeqCst) == n - 1);
                let result = if n == 1 { Ok(()) } else { Err(n) };
                turn.store(n, Ordering::SeqCst);
                // The error counts when the function returns.
                if n > 2 {
                    moment();
                }
                result
            });
        }
        assert_eq!(group.wait(), Err(2));
    });
}

// EG-1
#[test]
fn wait_returns_after_all() {
    both(|| {
        let (group, done) = (ErrGroup::new(), Arc::new(AtomicUsize::new(0)));
        for n in 0..20 {
            let done = done.clone();
            group.go(move || {
                if n == 0 {
                    return Err("early");
                }
                moment();
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
        }
        assert_eq!(group.wait(), Err("early"));
        assert_eq!(done.load(Ordering::SeqCst), 19);
    });
}

// EG-2; Go's TestWithContext
#[test]
fn cancel_is_called_once() {
    both(|| {
        type Case<'a> = (&'a [Result<(), u32>], Option<u32>);
        let cases: [Case<'_>; 4] = [
            (&[], None),
            (&[Ok(())], None),
            (&[Err(1)], Some(1)),
            (&[Err(1), Ok(()), Ok(())], Some(1)),
        ];
        for (results, want) in cases {
            let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
            let c = calls.clone();
            let group = ErrGroup::with_cancel(move |e| c.lock().unwrap().push(e.copied()));
            for &result in results {
                group.go(move || result);
            }
            assert_eq!(group.wait().err(), want);
            let _ = group.wait();
            assert_eq!(*calls.lock().unwrap(), [want]);
        }
        // At the error, not at the end.
        let stop = Arc::new(AtomicBool::new(false));
        let s = stop.clone();
        let group = ErrGroup::with_cancel(move |_| s.store(true, Ordering::SeqCst));
        let s = stop.clone();
        group.go(move || {
            until("the cancel", || s.load(Ordering::SeqCst));
            Ok(())
        });
        group.go(|| Err(()));
        assert_eq!(group.wait(), Err(()));
    });
}

// EG-3; Go's TestGoLimit
#[test]
fn the_limit_holds() {
    both(|| {
        let (group, active) = (ErrGroup::<()>::new(), Arc::new(AtomicUsize::new(0)));
        group.set_limit(Some(10));
        for _ in 0..1_025 {
            let active = active.clone();
            group.go(move || {
                let now = active.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(now <= 10, "{now} active");
                yield_now();
                active.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
        }
        group.wait().unwrap();
    });
}

// EG-3, EG-7: `go` makes its caller wait.
#[test]
fn go_waits_for_room() {
    inside(|| {
        let (group, free) = (ErrGroup::<()>::new(), Arc::new(AtomicBool::new(false)));
        group.set_limit(Some(1));
        let f = free.clone();
        group.go(move || {
            until("told", || f.load(Ordering::SeqCst));
            Ok(())
        });
        let g = group.clone();
        let second = spawn(move || g.go(|| Ok(())));
        moment();
        assert!(!second.is_finished());
        free.store(true, Ordering::SeqCst);
        second.join().unwrap();
        group.wait().unwrap();
        // With a limit of 0 nothing starts.
        let group = ErrGroup::<()>::new();
        group.set_limit(Some(0));
        let g = group.clone();
        let stuck = spawn(move || g.go(|| unreachable!()));
        moment();
        assert!(!stuck.is_finished());
        group.wait().unwrap();
    });
}

// EG-4; Go's TestTryGo
#[test]
fn try_go() {
    both(|| {
        let (group, free) = (ErrGroup::<()>::new(), Arc::new(AtomicBool::new(false)));
        let n = 42;
        group.set_limit(Some(n));
        for i in 0..=n {
            let f = free.clone();
            let started = group.try_go(move || {
                until("told", || f.load(Ordering::SeqCst));
                Ok(())
            });
            assert_eq!(started.is_ok(), i < n, "number {i}");
        }
        free.store(true, Ordering::SeqCst);
        group.wait().unwrap();
        assert!(group.try_go(|| Ok(())).is_ok());
        group.wait().unwrap();
        group.set_limit(None);
        for _ in 0..100 {
            assert!(group.try_go(|| Ok(())).is_ok());
        }
        group.wait().unwrap();
        group.set_limit(Some(0));
        for _ in 0..1_024 {
            assert!(group.try_go(|| Ok(())).is_err());
        }
    });
}

// EG-1 … EG-4: many start goroutines under one limit, and some fail.
fn many_start_and_some_fail() {
    for round in 0..rounds(20) {
        let (group, ctx) = ErrGroup::with_context(&Context::background());
        group.set_limit(Some(3));
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let started = AtomicUsize::new(0);
        everybody(4, 2, |i| {
            for n in i * 10..(i + 1) * 10 {
                let counts = counts.clone();
                let part = move || {
                    let [active, ended] = &*counts;
                    assert!(active.fetch_add(1, Ordering::SeqCst) < 3);
                    yield_now();
                    active.fetch_sub(1, Ordering::SeqCst);
                    ended.fetch_add(1, Ordering::SeqCst);
                    if n % 7 == round % 7 { Err(n) } else { Ok(()) }
                };
                if n % 3 == 0 {
                    let tried = group.try_go(part);
                    started.fetch_add(usize::from(tried.is_ok()), Ordering::SeqCst);
                } else {
                    group.go(part);
                    started.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let error = group.wait().unwrap_err();
        assert_eq!(error % 7, round % 7);
        assert_eq!(ctx.cause().unwrap().to_string(), error.to_string());
        let [active, ended] = &*counts;
        assert_eq!(active.load(Ordering::SeqCst), 0);
        assert_eq!(ended.load(Ordering::SeqCst), started.into_inner());
    }
}

on_workers! { many_start_and_some_fail }

// EG-5
#[test]
fn set_limit_while_active_panics() {
    both(|| {
        let (group, free) = (ErrGroup::<()>::new(), Arc::new(AtomicBool::new(false)));
        for _ in 0..2 {
            let f = free.clone();
            group.go(move || {
                until("told", || f.load(Ordering::SeqCst));
                Ok(())
            });
        }
        let caught = catch_unwind(AssertUnwindSafe(|| group.set_limit(Some(3))));
        let text = *caught.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(
            text,
            "errgroup: modify limit while 2 goroutines in the group are still active"
        );
        free.store(true, Ordering::SeqCst);
        group.wait().unwrap();
        group.set_limit(Some(3));
    });
}

// EG-8, R0.1
#[test]
fn a_panic_is_surfaced_by_wait() {
    both(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let s = stop.clone();
        let group = ErrGroup::<()>::with_cancel(move |e| {
            assert!(e.is_none());
            s.store(true, Ordering::SeqCst);
        });
        group.set_limit(Some(2));
        let s = stop.clone();
        group.go(move || {
            until("the cancel", || s.load(Ordering::SeqCst));
            Ok(())
        });
        group.go(|| quiet_panic());
        let caught = catch_unwind(AssertUnwindSafe(|| group.wait()));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "quiet");
        // The places were given back.
        group.go(|| Ok(()));
        group.go(|| Ok(()));
    });
}

#[test]
fn an_exit_is_an_end() {
    both(|| {
        let group = ErrGroup::<()>::new();
        group.set_limit(Some(1));
        group.go(|| exit());
        group.go(|| Ok(()));
        group.wait().unwrap();
    });
}

// EG-2: the context ends at the first error, and that is its cause; Go's TestWithContext.
#[test]
fn a_context_ends_at_the_first_error() {
    both(|| {
        let cases: [(&[Option<&str>], Option<&str>); 4] = [
            (&[], None),
            (&[None], None),
            (&[Some("a")], Some("a")),
            (&[None, Some("b")], Some("b")),
        ];
        for (errors, first) in cases {
            let (group, ctx) = ErrGroup::with_context(&Context::background());
            for &error in errors {
                let ctx = ctx.clone();
                group.go(move || match error {
                    Some(error) => Err(error),
                    // Waits for the other one's error, if there is one.
                    None if first.is_some() => {
                        ctx.done().recv().unwrap_err();
                        Ok(())
                    }
                    None => Ok(()),
                });
            }
            assert_eq!(group.wait().err(), first);
            assert_eq!(ctx.err(), Some(ContextError::Canceled));
            assert_eq!(
                ctx.cause().unwrap().to_string(),
                first.unwrap_or("context canceled")
            );
        }
    });
}

#[test]
fn a_context_of_a_group_ends_with_its_parent_and_at_a_panic() {
    both(|| {
        let (parent, cancel) = Context::background().with_cancel();
        let (group, ctx) = ErrGroup::<String>::with_context(&parent);
        cancel.cancel();
        assert_eq!(ctx.err(), Some(ContextError::Canceled));
        assert_eq!(group.wait(), Ok(()));
        let (group, ctx) = ErrGroup::<String>::with_context(&Context::background());
        group.go(|| quiet_panic());
        ctx.done().recv().unwrap_err();
        assert!(ctx.cause().unwrap().is::<ContextError>());
        catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    });
}

//! The panic count of a thread, around suspensions in the middle of unwinding.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::thread;

use goroutines_fiber::unwind::set_aside;

use crate::support::{Leave, Run};

/// Suspends its fiber when dropped, with the panic count set aside meanwhile.
struct Parks(Leave);

impl Drop for Parks {
    fn drop(&mut self) {
        assert!(thread::panicking());
        let count = set_aside();
        assert_eq!(count.count(), 1);
        assert!(!thread::panicking());
        self.0.leave();
        count.put_back();
        assert!(thread::panicking());
    }
}

fn unwinding(payload: u32) -> Run {
    Run::new(64 * 1024, move |fiber| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _parks = Parks(fiber);
            resume_unwind(Box::new(payload));
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&payload));
        assert!(!thread::panicking());
    })
}

#[test]
fn the_thread_does_not_panic_while_the_fiber_is_away() {
    let mutex = Mutex::new(());
    let mut run = unwinding(1);
    assert!(run.resume());
    assert!(!thread::panicking());
    drop(mutex.lock().unwrap());
    assert!(!mutex.is_poisoned());
    let caught = catch_unwind(|| {
        let _guard = mutex.lock().unwrap();
        resume_unwind(Box::new(()));
    });
    assert!(caught.is_err());
    assert!(mutex.is_poisoned(), "panics of others still count");
    assert!(!run.resume());
    assert!(!thread::panicking());
}

#[test]
fn a_thousand_rounds() {
    for round in 0..1000 {
        unwinding(round).finish();
    }
    assert!(!thread::panicking());
}

#[test]
fn many_at_a_time_in_any_order() {
    let mut runs: Vec<_> = (0..40).map(unwinding).collect();
    for run in &mut runs {
        assert!(run.resume());
        assert!(!thread::panicking());
    }
    let (odd, even): (Vec<_>, Vec<_>) = runs.into_iter().enumerate().partition(|(i, _)| i % 2 == 1);
    for (_, mut run) in even.into_iter().rev().chain(odd) {
        assert!(!run.resume());
        assert!(!thread::panicking());
    }
}

#[test]
fn two_threads_at_a_time() {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..500 {
                    let mut one = unwinding(round);
                    let mut two = unwinding(round + 1);
                    assert!(one.resume() && two.resume());
                    assert!(!thread::panicking());
                    assert!(!one.resume() && !two.resume());
                    assert!(!thread::panicking());
                }
            });
        }
    });
}

#[test]
fn nested_counts() {
    struct Outer(Leave, Rc<RefCell<Vec<usize>>>);
    struct Inner(Leave, Rc<RefCell<Vec<usize>>>);
    impl Drop for Inner {
        fn drop(&mut self) {
            let count = set_aside();
            self.1.borrow_mut().push(count.count());
            assert!(!thread::panicking());
            self.0.leave();
            count.put_back();
            assert!(thread::panicking());
        }
    }
    impl Drop for Outer {
        fn drop(&mut self) {
            let inner = Inner(self.0, self.1.clone());
            let caught = catch_unwind(AssertUnwindSafe(move || {
                let _inner = inner;
                resume_unwind(Box::new("inner"));
            }));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"inner"));
            assert!(thread::panicking(), "the outer one still unwinds");
        }
    }
    let counts = Rc::new(RefCell::new(Vec::new()));
    let theirs = counts.clone();
    let mut run = Run::new(64 * 1024, move |fiber| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _outer = Outer(fiber, theirs);
            resume_unwind(Box::new("outer"));
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"outer"));
        assert!(!thread::panicking());
    });
    assert!(run.resume());
    assert!(!thread::panicking());
    assert!(!run.resume());
    assert!(!thread::panicking());
    assert_eq!(*counts.borrow(), [2]);
}

#[test]
fn a_fiber_may_go_on_unwinding_elsewhere() {
    for round in 0..50 {
        let mut run = unwinding(round);
        assert!(run.resume());
        assert!(!thread::panicking());
        thread::spawn(move || {
            assert!(!run.resume());
            assert!(!thread::panicking());
        })
        .join()
        .unwrap();
        assert!(!thread::panicking());
    }
}

#[test]
fn a_real_panic_inside_a_fiber_with_the_hook() {
    let caught = Rc::new(Cell::new(false));
    let theirs = caught.clone();
    let mut run = Run::new(128 * 1024, move |fiber| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _parks = Parks(fiber);
            panic!("this text is expected");
        }));
        theirs.set(result.is_err());
    });
    assert!(run.resume());
    let other = catch_unwind(|| panic!("this text is expected, too"));
    assert!(other.is_err());
    assert!(!run.resume());
    assert!(caught.get());
}

//! Resume, suspend, finish.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use goroutines_fiber::{Fiber, StackSize, put_shared, take_shared};

use crate::support::{Run, descend};

#[test]
fn runs_in_turns_with_its_resumer() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let theirs = log.clone();
    let mut run = Run::new(0, move |fiber| {
        for step in 0..3 {
            theirs.borrow_mut().push(format!("fiber {step}"));
            fiber.leave();
        }
    });
    for step in 0..3 {
        log.borrow_mut().push(format!("resumer {step}"));
        assert!(run.resume());
    }
    assert!(!run.resume());
    let expected = [
        "resumer 0",
        "fiber 0",
        "resumer 1",
        "fiber 1",
        "resumer 2",
        "fiber 2",
    ]
    .map(String::from);
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn nested_fibers_return_to_whom_resumed_them() {
    let inner_done = Rc::new(Cell::new(0));
    let count = inner_done.clone();
    let outer = Run::new(0, move |fiber| {
        let count_too = count.clone();
        let mut inner = Run::new(0, move |fiber| {
            count_too.set(count_too.get() + 1);
            fiber.leave();
            count_too.set(count_too.get() + 1);
        });
        assert!(inner.resume());
        fiber.leave();
        assert!(!inner.resume());
        count.set(count.get() + 10);
    });
    outer.finish();
    assert_eq!(inner_done.get(), 12);
}

#[test]
fn a_fiber_goes_through_a_pointer_and_back() {
    let mut run = Run::new(0, |fiber| fiber.leave());
    let ptr = run.fiber().as_ptr();
    // SAFETY: this copy is used for looking only.
    let copy = unsafe { Fiber::from_ptr(ptr) };
    assert_eq!(copy.stack().base(), ptr.as_ptr().addr());
    assert!(run.resume());
    assert!(!run.resume());
}

#[test]
fn many_fibers_keep_their_own_state() {
    let sum = Rc::new(Cell::new(0_u64));
    let mut runs: Vec<_> = (0..2000_u64)
        .map(|index| {
            let sum = sum.clone();
            Run::new(0, move |fiber| {
                let mut local = index;
                for _ in 0..5 {
                    fiber.leave();
                    local += index;
                }
                sum.set(sum.get() + local);
            })
        })
        .collect();
    while !runs.is_empty() {
        runs.retain_mut(Run::resume);
    }
    assert_eq!(sum.get(), (0..2000).sum::<u64>() * 6);
}

#[test]
fn a_fiber_may_move_when_its_stack_does_not_mind() {
    let mut run = Run::new(0, |fiber| {
        let mut numbers = vec![1, 2, 3];
        for step in 0..100 {
            fiber.leave();
            numbers.push(step);
        }
        assert_eq!(numbers.len(), 103);
    });
    while let Some(next) = std::thread::spawn(move || run.resume().then_some(run))
        .join()
        .unwrap()
    {
        run = next;
    }
}

#[test]
fn a_panic_is_caught_inside() {
    let seen = Rc::new(Cell::new(false));
    let theirs = seen.clone();
    Run::new(0, move |fiber| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            fiber.leave();
            descend(20_000, &mut || std::panic::resume_unwind(Box::new(17)));
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&17));
        theirs.set(true);
    })
    .finish();
    assert!(seen.get());
}

#[test]
fn a_backtrace_ends() {
    let text = Rc::new(RefCell::new(String::new()));
    let theirs = text.clone();
    Run::new(64 * 1024, move |fiber| {
        fiber.leave();
        descend(4096, &mut || {
            *theirs.borrow_mut() = std::backtrace::Backtrace::force_capture().to_string();
        });
    })
    .finish();
    let text = text.borrow();
    assert!(text.contains("descend"), "{text}");
    assert!(text.lines().count() < 400, "{text}");
}

#[test]
fn a_panic_with_a_backtrace_fits_on_the_smallest_stack() {
    let check = crate::support::check_success;
    let env = [("RUST_BACKTRACE", "1")];
    let name = "fiber::a_panic_with_a_backtrace_fits_on_the_smallest_stack";
    if crate::support::is_child_with(name, &env, check) {
        Run::new(0, |_| {
            let caught = catch_unwind(|| panic!("with a backtrace"));
            assert!(caught.is_err());
        })
        .finish();
    }
}

#[test]
fn sixty_four_mebibytes_deep() {
    const DEEP: usize = 60 << 20;
    let done = Rc::new(Cell::new(false));
    let theirs = done.clone();
    let mut run = Run::new(64 << 20, move |fiber| {
        descend(DEEP, &mut || fiber.leave());
        theirs.set(true);
    });
    assert!(run.resume());
    let fiber = run.fiber();
    assert!(fiber.stack().base() - fiber.stack_pointer() > DEEP);
    assert!(!run.resume());
    assert!(done.get());
}

#[test]
fn a_finished_fiber_gives_its_stack_back() {
    let mut bases = HashSet::new();
    let mut stack = take_shared(StackSize::DEFAULT).unwrap();
    for _ in 0..100 {
        unsafe fn nothing(_: *mut ()) {}
        bases.insert(stack.base());
        // SAFETY: `nothing` needs nothing.
        let fiber = unsafe { Fiber::new(stack, nothing, std::ptr::null_mut()) };
        // SAFETY: new.
        let resumed = unsafe { fiber.resume() };
        assert_eq!(resumed, goroutines_fiber::Resumed::Finished);
        // SAFETY: finished.
        stack = unsafe { fiber.into_stack() };
    }
    put_shared(stack);
    assert_eq!(bases.len(), 1);
}

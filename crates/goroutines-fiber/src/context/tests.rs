//! What can only be seen from inside: the layout of the top of a stack, and what lies below the
//! recorded stack pointer.

use std::ptr::NonNull;

use super::*;
use crate::stack::{Class, StackSize, put_shared, take_shared};

/// What the tests' fibers are given.
struct Given<'a> {
    fiber: Option<NonNull<()>>,
    run: Box<dyn FnMut(NonNull<()>) + 'a>,
}

unsafe fn entry(arg: *mut ()) {
    // SAFETY: `with` passes a `Given` that outlives the fiber.
    let given = unsafe { &mut *arg.cast::<Given<'_>>() };
    (given.run)(given.fiber.expect("set before the first resume"));
}

/// Makes a fiber of `run`, and calls `with` with it; it must finish it.
fn with(size: StackSize, run: impl FnMut(NonNull<()>), with: impl FnOnce(&Fiber)) {
    let mut given = Given {
        fiber: None,
        run: Box::new(run),
    };
    let stack = take_shared(size).unwrap();
    // SAFETY: `given` outlives the fiber, and the functions of these tests do not unwind.
    let fiber = unsafe { Fiber::new(stack, entry, (&raw mut given).cast()) };
    given.fiber = Some(fiber.as_ptr());
    with(&fiber);
    // SAFETY: `with` has finished it.
    put_shared(unsafe { fiber.into_stack() });
}

fn resume(fiber: &Fiber) -> Resumed {
    // SAFETY: the tests resume a fiber on one thread, and not after it has finished.
    unsafe { fiber.resume() }
}

#[test]
fn a_fiber_is_one_word() {
    assert_eq!(size_of::<Fiber>(), 8);
    assert_eq!(size_of::<Option<Fiber>>(), 8);
    assert_eq!(size_of::<Routine>(), 32);
}

#[test]
fn all_that_a_switch_needs_is_in_one_line() {
    let stack = take_shared(StackSize::DEFAULT).unwrap();
    let line = (stack.base() - PARENT_LINK) / 64;
    assert_eq!((stack.base() + size_of::<Header>() - 1) / 64, line);
    put_shared(stack);
}

#[test]
fn neighbours_have_their_tops_in_different_sets() {
    let stacks: Vec<_> = (0..64)
        .map(|_| take_shared(StackSize::DEFAULT).unwrap())
        .collect();
    let mut sets: Vec<_> = stacks
        .iter()
        .map(|stack| stack.base() % 4096 / 64)
        .collect();
    sets.sort_unstable();
    sets.dedup();
    assert_eq!(sets.len(), 16);
    for stack in stacks {
        assert!(
            stack.base() % 4096 >= 2048,
            "frames have at least half of the first page"
        );
        put_shared(stack);
    }
}

#[test]
fn nothing_below_the_stack_pointer_is_live() {
    #[inline(never)]
    fn deep(fiber: NonNull<()>, depth: u32) -> u64 {
        let mut local = [u64::from(depth); 20];
        std::hint::black_box(&mut local);
        // SAFETY: on the fiber's own stack.
        unsafe { suspend(fiber) };
        let below = if depth == 0 {
            0
        } else {
            deep(fiber, depth - 1)
        };
        assert!(local.iter().all(|&word| word == u64::from(depth)));
        below + local[7]
    }
    let mut sum = 0;
    with(
        StackSize::MIN,
        |fiber| sum = deep(fiber, 40),
        |fiber| {
            loop {
                let limit = fiber.stack().limit();
                let pointer = fiber.stack_pointer();
                assert!(pointer > limit && pointer < fiber.stack().base());
                let below = std::ptr::with_exposed_provenance_mut::<u8>(limit);
                // SAFETY: this is what the test is about: nothing there is live.
                unsafe { below.write_bytes(0xA5, pointer - limit) };
                if resume(fiber) == Resumed::Finished {
                    break;
                }
            }
        },
    );
    assert_eq!(sum, (0..=40).sum());
}

#[test]
fn the_margin_is_not_wasteful() {
    with(
        StackSize::DEFAULT,
        // SAFETY: on the fiber's own stack.
        |fiber| unsafe { suspend(fiber) },
        |fiber| {
            assert_eq!(fiber.stack().class(), Class::KIB_256);
            assert_eq!(resume(fiber), Resumed::Suspended);
            let used = fiber.stack().base() - fiber.stack_pointer();
            assert!(used < 2048, "{used} bytes");
            assert_eq!(resume(fiber), Resumed::Finished);
        },
    );
}

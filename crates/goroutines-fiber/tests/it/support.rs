//! What the tests share: a fiber of a closure, running a test again as a child, and what
//! `/proc` says about this process. Not a place for tests.

use std::process::{Command, Output};
use std::ptr::NonNull;

use goroutines_fiber::{Fiber, Resumed, Stack, StackSize, put_shared, suspend, take_shared};

/// Leaves the fiber that it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Leave(NonNull<()>);

impl Leave {
    #[inline(never)]
    pub(crate) fn leave(self) {
        // SAFETY: given to the closure of this fiber only, which keeps it on its own stack.
        unsafe { suspend(self.0) }
    }
}

type Body = Box<dyn FnOnce(Leave)>;

/// A fiber of a closure. Finish it, or it is leaked.
pub(crate) struct Run {
    fiber: Option<Fiber>,
}

// SAFETY: the tests that move one between threads have nothing on its stack that minds.
unsafe impl Send for Run {}

unsafe fn entry(arg: *mut ()) {
    // SAFETY: `Run::on` leaks a box of this type for us.
    let given = unsafe { Box::from_raw(arg.cast::<(Option<NonNull<()>>, Body)>()) };
    let (fiber, body) = *given;
    body(Leave(fiber.expect("set before the first resume")));
}

impl Run {
    pub(crate) fn on(stack: Stack, body: impl FnOnce(Leave) + 'static) -> Run {
        let body: Body = Box::new(body);
        let given = Box::into_raw(Box::new((None, body)));
        // SAFETY: `entry` takes the box; the bodies of the tests catch their panics, or are meant
        // to abort.
        let fiber = unsafe { Fiber::new(stack, entry, given.cast()) };
        // SAFETY: the box is still ours: the fiber has not run yet.
        unsafe { (*given).0 = Some(fiber.as_ptr()) };
        Run { fiber: Some(fiber) }
    }

    pub(crate) fn new(bytes: usize, body: impl FnOnce(Leave) + 'static) -> Run {
        Run::on(take_shared(StackSize::new(bytes).unwrap()).unwrap(), body)
    }

    pub(crate) fn fiber(&self) -> &Fiber {
        self.fiber.as_ref().expect("not finished")
    }

    /// False: it has finished, and its stack was put back.
    pub(crate) fn resume(&mut self) -> bool {
        // SAFETY: one thread at a time has the `Run`, and a finished fiber is taken out below.
        if unsafe { self.fiber().resume() } == Resumed::Suspended {
            return true;
        }
        let fiber = self.fiber.take().expect("not finished");
        // SAFETY: finished.
        put_shared(unsafe { fiber.into_stack() });
        false
    }

    pub(crate) fn finish(mut self) {
        while self.resume() {}
    }
}

const CHILD: &str = "GOROUTINES_FIBER_TEST_CHILD";

/// In the child: true. In the parent: runs the test `name` again as a child, alone in its process,
/// hands the outcome to `check`, and returns false.
pub(crate) fn is_child(name: &str, check: impl FnOnce(Output)) -> bool {
    is_child_with(name, &[], check)
}

/// [`is_child`], with environment variables for the child.
pub(crate) fn is_child_with(name: &str, env: &[(&str, &str)], check: impl FnOnce(Output)) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let exe = std::env::current_exe().unwrap();
    let mut child = Command::new(exe);
    child.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    child.env(CHILD, "1").envs(env.iter().copied());
    check(child.output().unwrap());
    false
}

/// The child ended well.
#[track_caller]
pub(crate) fn check_success(output: Output) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{}\n{text}\n{error}",
        output.status
    );
    assert!(text.contains("1 passed"), "{text}\n{error}");
}

/// Lines of `/proc/self/maps`.
pub(crate) fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}

/// Resident memory, in bytes.
pub(crate) fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

/// Touches the byte at `addr`.
pub(crate) fn touch(addr: usize) {
    let byte = std::ptr::with_exposed_provenance_mut::<u8>(addr);
    // SAFETY: callers pass addresses in stacks that they own, or mean to crash.
    unsafe { byte.write_volatile(1) };
}

/// Calls itself until `bytes` bytes of stack are in use below here, and then calls `at_end`. By
/// address, since frames have other sizes without optimisation.
#[inline(never)]
pub(crate) fn descend(bytes: usize, at_end: &mut dyn FnMut()) {
    let here = 0_u8;
    down((&raw const here).addr() - bytes, at_end);
}

#[inline(never)]
fn down(until: usize, at_end: &mut dyn FnMut()) -> u8 {
    let local = std::hint::black_box([1_u8; 512]);
    if local.as_ptr().addr() < until {
        at_end();
        return 0;
    }
    down(until, at_end) | std::hint::black_box(local)[100]
}

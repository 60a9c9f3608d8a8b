//! It dies well: overflows are reported, and other faults look as they do without us.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use goroutines_fiber::guard::{
    FixedWriter, Overflow, Region, install_alt_stack, install_overflow_handler, locate,
};
use goroutines_fiber::{StackSize, put_shared, take_shared};

use crate::support::{Run, check_success, is_child, is_child_with, touch};

fn report(overflow: &Overflow) {
    let mut text = FixedWriter::new();
    let below = overflow.limit - overflow.addr;
    let _ = writeln!(
        text,
        "TEST: overflow of {} bytes, {below} below",
        overflow.size
    );
    text.flush();
}

/// Runs `body` in a fiber, on a thread that is ready for an overflow.
fn in_fiber(bytes: usize, body: fn()) {
    let _alt = install_alt_stack();
    install_overflow_handler(report);
    Run::new(bytes, move |_| body()).finish();
}

#[track_caller]
fn check(output: Output, signal: i32, text: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.signal(),
        Some(signal),
        "{}\n{error}",
        output.status
    );
    assert!(error.contains(text), "{error}");
    if text.is_empty() {
        assert!(!error.contains("TEST:"), "{error}");
        assert!(!error.contains("overflow"), "{error}");
    }
}

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let local = std::hint::black_box([depth; 16]);
    if depth == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + std::hint::black_box(local)[3]
}

fn null() {
    touch(std::hint::black_box(8));
}

#[test]
fn an_overflow_is_reported() {
    let check = |output| check(output, SIGABRT, "TEST: overflow of 245760 bytes");
    if is_child("crash::an_overflow_is_reported", check) {
        in_fiber(StackSize::DEFAULT.bytes(), || {
            recurse(0);
        });
    }
}

#[test]
fn an_overflow_by_protection_is_reported() {
    let check = |output| check(output, SIGABRT, "TEST: overflow of 245760 bytes");
    let env = [("GOROUTINES_GUARD", "mprotect")];
    if is_child_with("crash::an_overflow_by_protection_is_reported", &env, check) {
        in_fiber(StackSize::DEFAULT.bytes(), || {
            recurse(0);
        });
    }
}

#[test]
fn an_overflow_of_a_large_stack_is_reported() {
    let check = |output| check(output, SIGABRT, "TEST: overflow of 16760832 bytes");
    if is_child("crash::an_overflow_of_a_large_stack_is_reported", check) {
        in_fiber(15 << 20, || {
            recurse(0);
        });
    }
}

#[test]
fn a_frame_larger_than_the_guard_is_caught() {
    #[inline(never)]
    fn big() -> u8 {
        // Larger than the stack and its guard: without stack probes, this would reach into the
        // slots below.
        let local = std::hint::black_box([1_u8; 900_000]);
        std::hint::black_box(&local)[5]
    }
    let check = |output| check(output, SIGABRT, "TEST: overflow of 245760 bytes");
    if is_child("crash::a_frame_larger_than_the_guard_is_caught", check) {
        in_fiber(StackSize::DEFAULT.bytes(), || {
            big();
        });
    }
}

#[test]
fn an_overflow_after_scavenging_is_reported() {
    let check = |output| check(output, SIGABRT, "TEST: overflow of 49152 bytes");
    if is_child("crash::an_overflow_after_scavenging_is_reported", check) {
        Run::new(0, |_| {}).finish();
        assert!(goroutines_fiber::scavenge_idle() > 0);
        in_fiber(0, || {
            recurse(0);
        });
    }
}

#[test]
fn a_null_dereference_in_a_fiber_is_a_segfault() {
    let check = |output| check(output, SIGSEGV, "");
    if is_child("crash::a_null_dereference_in_a_fiber_is_a_segfault", check) {
        in_fiber(0, null);
    }
}

#[test]
fn a_null_dereference_on_a_thread_is_a_segfault() {
    let check = |output| check(output, SIGSEGV, "");
    if is_child("crash::a_null_dereference_on_a_thread_is_a_segfault", check) {
        in_fiber(0, || {});
        std::thread::spawn(null).join().unwrap();
    }
}

#[test]
fn a_stray_pointer_into_a_guard_is_a_segfault() {
    let check = |output| check(output, SIGSEGV, "");
    if is_child("crash::a_stray_pointer_into_a_guard_is_a_segfault", check) {
        in_fiber(0, || {});
        let stack = take_shared(StackSize::DEFAULT).unwrap();
        touch(stack.limit() - 100);
    }
}

#[test]
fn the_overflow_of_a_thread_is_reported_by_std() {
    let check = |output| check(output, SIGABRT, "has overflowed its stack");
    if is_child("crash::the_overflow_of_a_thread_is_reported_by_std", check) {
        in_fiber(0, || {});
        let thread = std::thread::Builder::new()
            .name("plain".into())
            .stack_size(64 * 1024);
        let _ = thread.spawn(|| recurse(0)).unwrap().join();
    }
}

mod chained {
    //! A handler that was there before ours.

    use super::*;

    fn set(handler: usize, flags: i32) {
        // SAFETY: all-zero is a valid sigaction.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        // SAFETY: the handlers below are async-signal-safe.
        unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) };
    }

    extern "C" fn exits(signal: i32) {
        // SAFETY: async-signal-safe.
        unsafe { libc::_exit(70 + signal) };
    }

    extern "C" fn exits_with(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel passes a valid siginfo.
        let info = unsafe { &*info };
        // SAFETY: that of a fault, which has an address.
        let addr = unsafe { info.si_addr() }.addr();
        // SAFETY: async-signal-safe.
        unsafe { libc::_exit(i32::try_from(addr).unwrap_or(0) + 90 + signal) };
    }

    #[track_caller]
    fn check_code(output: Output, code: i32) {
        assert_eq!(output.status.code(), Some(code), "{}", output.status);
    }

    #[test]
    fn a_plain_handler_is_called() {
        let check = |output| check_code(output, 70 + SIGSEGV);
        if is_child("crash::chained::a_plain_handler_is_called", check) {
            set(exits as *const () as usize, 0);
            in_fiber(0, null);
        }
    }

    #[test]
    fn a_handler_with_info_is_called() {
        let check = |output| check_code(output, 98 + SIGSEGV);
        if is_child("crash::chained::a_handler_with_info_is_called", check) {
            set(exits_with as *const () as usize, libc::SA_SIGINFO);
            in_fiber(0, null);
        }
    }

    #[test]
    fn a_fault_cannot_be_ignored() {
        let check = |output| check(output, SIGSEGV, "");
        if is_child("crash::chained::a_fault_cannot_be_ignored", check) {
            set(libc::SIG_IGN, 0);
            in_fiber(0, null);
        }
    }

    #[test]
    fn a_signal_that_was_sent_kills() {
        let check = |output| check(output, SIGSEGV, "");
        if is_child("crash::chained::a_signal_that_was_sent_kills", check) {
            set(libc::SIG_DFL, 0);
            in_fiber(0, || {});
            // SAFETY: meant to end the process.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
    }

    #[test]
    fn a_signal_that_was_sent_is_ignored() {
        if is_child(
            "crash::chained::a_signal_that_was_sent_is_ignored",
            check_success,
        ) {
            set(libc::SIG_IGN, 0);
            in_fiber(0, || {});
            // SAFETY: ignored.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
    }

    #[test]
    fn the_default_is_restored() {
        let check = |output| check(output, SIGSEGV, "");
        if is_child("crash::chained::the_default_is_restored", check) {
            set(libc::SIG_DFL, 0);
            in_fiber(0, null);
        }
    }

    #[test]
    fn an_overflow_is_still_ours() {
        let check = |output| check(output, SIGABRT, "TEST: overflow");
        if is_child("crash::chained::an_overflow_is_still_ours", check) {
            set(exits as *const () as usize, 0);
            in_fiber(0, || {
                recurse(0);
            });
        }
    }
}

#[test]
fn addresses_are_located() {
    let local = 1;
    assert_eq!(locate((&raw const local).addr()), None);
    assert_eq!(locate(0), None);
    assert_eq!(locate(usize::MAX), None);
    for bytes in [0, 200 << 10, 900 << 10, 3 << 20, 9 << 20, 30 << 20] {
        let stack = take_shared(StackSize::new(bytes).unwrap()).unwrap();
        let inside = locate(stack.limit()).unwrap();
        assert_eq!(inside.kind, Region::Stack);
        assert_eq!(inside.limit, stack.limit());
        assert_eq!(inside.base, stack.base());
        assert_eq!(inside.size, stack.size());
        assert_eq!(locate(stack.base()).unwrap(), inside);
        let below = locate(stack.limit() - 1).unwrap();
        assert_eq!(below.kind, Region::Guard);
        assert_eq!(below.limit, stack.limit());
        let lowest = locate(stack.limit() - 16 * 1024).unwrap();
        assert_eq!(lowest, below);
        put_shared(stack);
    }
}

#[test]
fn large_stacks_are_forgotten_when_they_go() {
    let size = StackSize::new(12 << 20).unwrap();
    let stacks: Vec<_> = (0..200).map(|_| take_shared(size).unwrap()).collect();
    let limits: Vec<_> = stacks.iter().map(|stack| stack.limit()).collect();
    assert!(limits.iter().all(|&limit| locate(limit).is_some()));
    stacks.into_iter().for_each(put_shared);
    let left = limits
        .iter()
        .filter(|&&limit| locate(limit).is_some())
        .count();
    assert!(left < 20, "{left}");
}

#[test]
fn the_alternate_stack_is_put_back() {
    let now = || {
        // SAFETY: room for the answer.
        let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: only asks.
        unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
        (stack.ss_sp.addr(), stack.ss_size, stack.ss_flags)
    };
    let before = now();
    let alt = install_alt_stack();
    assert_ne!(now(), before);
    assert!(now().1 >= 64 * 1024);
    let second = install_alt_stack();
    drop(second);
    drop(alt);
    assert_eq!(now(), before);
}

#[test]
fn a_long_message_is_cut() {
    let mut text = FixedWriter::new();
    assert!(write!(text, "{} {:#x}", 12, 0xabc).is_ok());
    assert_eq!(text.as_bytes(), b"12 0xabc");
    assert!((0..1000).any(|_| text.write_str("abcdefgh").is_err()));
    assert!(text.as_bytes().len() >= 512);
}

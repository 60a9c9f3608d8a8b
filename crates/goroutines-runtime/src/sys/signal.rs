//! Catching signals: a handler that notes which came, and an `eventfd` that says that some did.
//!
//! Not for: who is told, and of what (`signal` of the crate above). Only one caller at a time may change
//! what is caught; it holds a lock of its own around all of these.
//!
//! ```text
//! handler                                    who stops catching
//! a one more is in the handler               1 put the old action back
//! b wanted? note it, write to the eventfd    2 not wanted any more
//!   else raise it again                      3 wait until nobody is in the handler
//! c one less                                 4 take what was noted
//! ```
//!
//! *No signal is lost*: a handler that finds the signal wanted has done `b` before 3 is over, so 4 sees it.
//! One that does not has come after 2, so the old action is back, and what it raises takes that.
#![allow(unsafe_code, reason = "signal handler")]

use crate::shim::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use crate::shim::{Lock, OnceLock};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Signals are numbered from 1 to this.
pub const LAST: i32 = 64;

const N: usize = LAST as usize + 1;

/// The signals that are caught, a bit for each: bit 0 is number 1.
static WANTED: AtomicU64 = AtomicU64::new(0);
/// Those that came.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// How many threads are in the handler.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The number of the eventfd; -1: there is none yet.
static EVENT: AtomicI32 = AtomicI32::new(-1);
/// The handler that was put back last, as a number.
static PUT_BACK: [AtomicUsize; N] = [const { AtomicUsize::new(0) }; N];
/// What was there before this process caught or ignored a signal by these functions.
static BEFORE: Lock<[Option<Action>; N]> = Lock::new([const { None }; N]);

#[derive(Clone, Copy)]
struct Action(libc::sigaction);

/// The bit of a signal.
pub fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Why a signal cannot be caught or ignored; `None`: it can.
pub fn refused(signal: i32) -> Option<&'static str> {
    match signal {
        libc::SIGKILL | libc::SIGSTOP => Some("nobody can catch or ignore it"),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP => {
            Some("it means that the code itself has failed, and is not delivered to others")
        }
        libc::SIGURG => Some("the runtime uses it to look at workers that are stuck"),
        32 | 33 => Some("the C library uses it"),
        1..=LAST => None,
        _ => Some("there is no such signal"),
    }
}

/// A descriptor that has an event after each signal that was caught. It is never read.
pub fn event() -> io::Result<BorrowedFd<'static>> {
    static FD: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(fd) = FD.get() {
        return Ok(fd.as_fd());
    }
    let new = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let fd = FD.get_or_init(|| new);
    EVENT.store(fd.as_raw_fd(), Ordering::SeqCst);
    Ok(fd.as_fd())
}

/// Whether [`event`] was ever called: a signal may then start something at any time.
pub fn in_use() -> bool {
    EVENT.load(Ordering::Relaxed) != -1
}

/// Catches a signal from now on. Call [`event`] before.
pub fn catch(signal: i32) -> io::Result<()> {
    WANTED.fetch_or(bit(signal), Ordering::SeqCst);
    let installed = set(signal, &ours());
    if installed.is_err() {
        WANTED.fetch_and(!bit(signal), Ordering::SeqCst);
    }
    installed
}

/// Ignores a signal from now on.
pub fn ignore(signal: i32) -> io::Result<()> {
    PUT_BACK[signal as usize].store(libc::SIG_IGN, Ordering::SeqCst);
    set(signal, &action(libc::SIG_IGN, 0))?;
    WANTED.fetch_and(!bit(signal), Ordering::SeqCst);
    Ok(())
}

/// Puts back what was there before [`catch`] or [`ignore`], unless somebody else has changed it since.
pub fn restore(signal: i32) {
    let before = BEFORE.lock()[signal as usize].take();
    if let Some(before) = before
        && let Ok(now) = change(signal, None)
        && [handler_address(), libc::SIG_IGN].contains(&now.0.sa_sigaction)
    {
        PUT_BACK[signal as usize].store(before.0.sa_sigaction, Ordering::SeqCst);
        let _ = change(signal, Some(&before));
    }
    WANTED.fetch_and(!bit(signal), Ordering::SeqCst);
}

/// Whether the signal is ignored at present.
pub fn is_ignored(signal: i32) -> bool {
    change(signal, None).is_ok_and(|now| now.0.sa_sigaction == libc::SIG_IGN)
}

/// The signals that came since this was called last, a bit for each.
pub fn take() -> u64 {
    PENDING.swap(0, Ordering::SeqCst)
}

/// Waits until nobody is in the handler: a few instructions, on threads that may not run at the moment.
pub fn settle() {
    while INSIDE.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
}

/// In a forked child: those who were in the handler at that moment are threads of the parent.
pub(crate) fn forked() {
    INSIDE.store(0, Ordering::SeqCst);
}

extern "C" fn on_signal(signal: libc::c_int) {
    // SAFETY: it always points to this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let kept = unsafe { *errno };
    #[cfg(test)]
    super::tests::dawdle();
    INSIDE.fetch_add(1, Ordering::SeqCst);
    if WANTED.load(Ordering::SeqCst) & bit(signal) != 0 {
        #[cfg(test)]
        super::tests::dawdle();
        PENDING.fetch_or(bit(signal), Ordering::SeqCst);
        let one = 1_u64.to_ne_bytes();
        let fd = EVENT.load(Ordering::SeqCst);
        // It fails only if the counter is full, and then there was an event for each before.
        // SAFETY: writes eight bytes that are there; the descriptor is never closed.
        unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    } else if let Ok(now) = change(signal, None)
        // Otherwise somebody else's handler has called this one, and knows what it does.
        && now.0.sa_sigaction == PUT_BACK[signal as usize].load(Ordering::SeqCst)
    {
        // It is blocked until this handler returns, and takes the action that is there now.
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(signal) };
    }
    INSIDE.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: as above.
    unsafe { *errno = kept };
}

fn handler_address() -> usize {
    on_signal as extern "C" fn(libc::c_int) as usize
}

fn ours() -> Action {
    action(handler_address(), libc::SA_RESTART | libc::SA_ONSTACK)
}

fn action(handler: usize, flags: libc::c_int) -> Action {
    // SAFETY: all zeros is a value of this type: no handler, no flags, no signals blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    Action(action)
}

/// Sets an action, and remembers what was there if that was not ours.
fn set(signal: i32, new: &Action) -> io::Result<()> {
    let mut before = BEFORE.lock();
    let old = change(signal, Some(new))?;
    before[signal as usize].get_or_insert(old);
    Ok(())
}

/// Sets an action, or only looks, and gives what was there.
fn change(signal: i32, new: Option<&Action>) -> io::Result<Action> {
    let mut old = action(0, 0);
    let new = new.map_or(std::ptr::null(), |new| &raw const new.0);
    // SAFETY: both point to actions or are null; a handler is ours, which is async-signal-safe, or was
    // there before.
    match unsafe { libc::sigaction(signal, new, &raw mut old.0) } {
        0 => Ok(old),
        _ => Err(io::Error::last_os_error()),
    }
}

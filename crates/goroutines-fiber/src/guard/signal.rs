//! The handler for SIGSEGV and SIGBUS, and what else of signals this crate needs.
//!
//! Not for the message: that is the caller's.
//!
//! # What the handler promises
//!
//! A fault in a guard of ours, of code that runs on that stack, is reported and ends the process with SIGABRT, as `std` ends an
//! overflow of a thread's stack. Every other fault goes to whoever handled these signals before,
//! as if we were not there: `std`'s handler (which reports overflows of thread stacks, and lets
//! the rest die of SIGSEGV), a crash reporter, a garbage collector, or the default.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Located, Region, locate};

/// An overflow of one of our stacks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Overflow {
    /// The address that was touched.
    pub addr: usize,
    /// The lowest usable address of the stack.
    pub limit: usize,
    /// Where execution on the stack started; also the address of its [`Fiber`](crate::Fiber).
    pub base: usize,
    /// Its size, as the user thinks of it.
    pub size: usize,
}

type Report = fn(&Overflow);

/// The report function, as a pointer; null: no handler installed.
static REPORT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// The handlers that were there before, for SIGSEGV and SIGBUS. Leaked boxes.
static PREVIOUS: [AtomicPtr<libc::sigaction>; 2] = [
    AtomicPtr::new(ptr::null_mut()),
    AtomicPtr::new(ptr::null_mut()),
];

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Installs the handler for overflows of our stacks, for the whole process. Once; later calls
/// only change the report.
///
/// `report` must be async-signal-safe: it runs in the handler, on the alternate signal stack,
/// with the overflowed stack as it is. It is to write a message (see
/// [`FixedWriter`](super::FixedWriter)); after it the process aborts.
pub fn install_overflow_handler(report: fn(&Overflow)) {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    // Release: pairs with the Acquire in `handler`.
    REPORT.store(report as *mut (), Ordering::Release);
    let mut installed = INSTALLED.lock().unwrap_or_else(|error| error.into_inner());
    if std::mem::replace(&mut *installed, true) {
        return;
    }
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        let Some(before) = current_action(signal) else {
            continue;
        };
        // Release: pairs with the Acquire in `chain`. Before our handler can run.
        previous.store(Box::leak(Box::new(before)), Ordering::Release);
        // SAFETY: all-zero is a valid sigaction: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = handler as *const () as usize;
        // On the alternate stack, since the ordinary one may have overflowed.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: `handler` is async-signal-safe and has the signature that SA_SIGINFO says.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
}

fn current_action(signal: c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: only asks; `action` is room for the answer.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: written by the call, which succeeded.
    Some(unsafe { action.assume_init() })
}

/// # Safety
///
/// Called by the kernel, as a handler with SA_SIGINFO.
unsafe extern "C" fn handler(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo.
    let known = unsafe { &*info };
    let code = known.si_code;
    // Positive: a fault of this thread. Otherwise somebody sent the signal, and there is no
    // address.
    if code > 0 {
        // SAFETY: these signals, from the kernel, carry an address.
        let addr = unsafe { known.si_addr() }.addr();
        // SAFETY: the kernel passes a valid ucontext.
        let pointer = unsafe { stack_pointer(context) };
        let in_guard = locate(addr).filter(|located| located.kind == Region::Guard);
        if let Some(located) = in_guard.filter(|located| is_overflow(located, pointer)) {
            let located = Overflow {
                addr,
                limit: located.limit,
                base: located.base,
                size: located.size,
            };
            die(&located);
        }
    }
    // SAFETY: these are the arguments that the kernel gave us for this signal.
    unsafe { chain(signal, code, info, context) };
}

/// Whether code with this stack pointer overflows that stack when it touches its guard. A stray
/// pointer can point there just as well, from any other stack, and must look like one.
pub(super) fn is_overflow(located: &Located, pointer: Option<usize>) -> bool {
    /// The largest frame, of code that does not probe its stack, to be taken for an overflow
    /// when it was reserved at once and reaches right through the guard.
    const FRAME: usize = 1 << 20;
    match pointer {
        Some(pointer) => {
            pointer <= located.base && located.limit - pointer.min(located.limit) < FRAME
        }
        None => true,
    }
}

/// The stack pointer of the code that was interrupted, where we know how to find it.
///
/// # Safety
///
/// `context` is what the kernel passes to a handler.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
unsafe fn stack_pointer(context: *mut c_void) -> Option<usize> {
    // SAFETY: by the contract.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() }?;
    #[cfg(target_arch = "x86_64")]
    let pointer = context.uc_mcontext.gregs[libc::REG_RSP as usize];
    #[cfg(target_arch = "aarch64")]
    let pointer = context.uc_mcontext.sp;
    usize::try_from(pointer).ok()
}

/// # Safety
///
/// None: this is the version that does not know.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
unsafe fn stack_pointer(_context: *mut c_void) -> Option<usize> {
    None
}

/// Reports and ends the process.
fn die(overflow: &Overflow) -> ! {
    // Should the report overflow or fault itself, do not report that.
    for signal in SIGNALS {
        set_default(signal);
    }
    // Acquire: pairs with the Release in `install_overflow_handler`.
    let report = REPORT.load(Ordering::Acquire);
    if !report.is_null() {
        // SAFETY: only a `Report` is ever stored there, before the handler is installed.
        let report = unsafe { std::mem::transmute::<*mut (), Report>(report) };
        report(overflow);
    }
    // As `std` dies of a stack overflow; a handler for SIGABRT might not return from here.
    set_default(libc::SIGABRT);
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}

fn set_default(signal: c_int) {
    // SAFETY: all-zero is a valid sigaction: SIG_DFL, no flags, an empty mask.
    let action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    const { assert!(libc::SIG_DFL == 0) };
    // SAFETY: the default action is always valid to set.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

/// Does what would have happened without us.
///
/// # Safety
///
/// The arguments are those the kernel gave to the handler that this is called from.
unsafe fn chain(signal: c_int, code: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let index = usize::from(signal != SIGNALS[0]);
    // Acquire: pairs with the Release in `install_overflow_handler`.
    let previous = PREVIOUS[index].load(Ordering::Acquire);
    // SAFETY: null or a leaked box.
    let Some(previous) = (unsafe { previous.as_ref() }) else {
        set_default(signal);
        return;
    };
    let action = previous.sa_sigaction;
    // The kernel does not let a process ignore its own faults.
    let ignored = action == libc::SIG_IGN;
    if ignored && code <= 0 {
        return;
    }
    if ignored || action == libc::SIG_DFL {
        set_default(signal);
        if code <= 0 {
            // It will not come again by itself; this one waits until the handler has returned.
            // SAFETY: no preconditions.
            unsafe { libc::raise(signal) };
        }
        // A fault recurs when the handler returns to the instruction that caused it.
        return;
    }
    if previous.sa_flags & libc::SA_RESETHAND != 0 {
        set_default(signal);
    }
    // The mask in force while that handler runs. It needs no restoring: returning from ours puts
    // back the mask that was in force before the signal.
    // SAFETY: `previous` is an initialised sigaction; async-signal-safe.
    unsafe {
        libc::pthread_sigmask(
            libc::SIG_BLOCK,
            &raw const previous.sa_mask,
            ptr::null_mut(),
        )
    };
    if previous.sa_flags & libc::SA_NODEFER != 0 {
        unblock(signal);
    }
    if previous.sa_flags & libc::SA_SIGINFO != 0 {
        type WithInfo = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: SA_SIGINFO says that the handler is of this type.
        let before = unsafe { std::mem::transmute::<usize, WithInfo>(action) };
        // SAFETY: called as the kernel would have.
        unsafe { before(signal, info, context) };
    } else {
        type Plain = unsafe extern "C" fn(c_int);
        // SAFETY: neither SA_SIGINFO nor one of the special values: a handler of this type.
        let before = unsafe { std::mem::transmute::<usize, Plain>(action) };
        // SAFETY: called as the kernel would have.
        unsafe { before(signal) };
    }
}

fn unblock(signal: c_int) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is room for a set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the line above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    // SAFETY: a valid set; async-signal-safe.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) };
}

/// Writes to standard error. `None`: it cannot be written to.
pub(super) fn write_to_stderr(bytes: &[u8]) -> Option<usize> {
    loop {
        // SAFETY: the range is readable.
        let done = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(done) {
            Ok(0) => return None,
            Ok(done) => return Some(done),
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// An alternate signal stack, as it was set before.
pub(super) struct AltStackSetting(libc::stack_t);

impl AltStackSetting {
    pub(super) const fn none() -> Self {
        let stack = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: 0,
        };
        Self(stack)
    }
}

/// What the kernel itself needs of an alternate stack, for the registers it saves there.
pub(super) fn least_alt_stack() -> usize {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: no preconditions; zero if unknown.
        let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
        usize::try_from(least).unwrap_or(0).max(libc::MINSIGSTKSZ)
    }
    #[cfg(not(target_os = "linux"))]
    libc::MINSIGSTKSZ
}

/// Makes `[start, start + bytes)` this thread's alternate stack. Returns what it was before, or
/// `None` if that failed.
///
/// # Safety
///
/// The range is for this alone, and stays mapped until another setting is in force.
pub(super) unsafe fn set_alt_stack(start: usize, bytes: usize) -> Option<AltStackSetting> {
    let stack = libc::stack_t {
        ss_sp: ptr::with_exposed_provenance_mut(start),
        ss_flags: 0,
        ss_size: bytes,
    };
    let mut previous = AltStackSetting::none();
    // SAFETY: the caller vouches for the range.
    let result = unsafe { libc::sigaltstack(&raw const stack, &raw mut previous.0) };
    (result == 0).then_some(previous)
}

/// Puts `previous` in force again, if the setting is still the one that starts at `start`
/// (somebody may have set another since). Returns whether that one is out of force.
///
/// # Safety
///
/// `previous` was in force on this thread before, and is still mapped.
pub(super) unsafe fn restore_alt_stack(start: usize, previous: &AltStackSetting) -> bool {
    let mut now = AltStackSetting::none();
    // SAFETY: only asks.
    let asked = unsafe { libc::sigaltstack(ptr::null(), &raw mut now.0) };
    if asked == 0 && now.0.ss_sp.addr() != start {
        return true;
    }
    // SAFETY: by the contract.
    unsafe { libc::sigaltstack(&raw const previous.0, ptr::null_mut()) == 0 }
}

//! Where another thread is right now: its return addresses, taken by a signal.
//!
//! Not for: anything but the report of a stuck goroutine. The thread is interrupted with `SIGURG` (as
//! in Go: ignored by default, and expected by nobody to arrive only when meant) and walks its own
//! stack in the handler. Walking uses the unwinder, which is safe in a handler only where it finds
//! its tables without a lock: glibc 2.35 and later (`_dl_find_object`). Elsewhere there is no sample.
#![allow(unsafe_code, reason = "signal handler")]

use crate::shim::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use crate::shim::{Lock, OnceLock};
use goroutines_fiber::guard::FixedWriter;
use std::time::Duration;

const FRAMES: usize = 64;

/// What is known of the thread that answered.
#[derive(Debug)]
pub struct Sample {
    /// What the `note` function wrote there.
    pub who: String,
    /// Return addresses, innermost first.
    pub frames: Vec<usize>,
}

/// Why there is no [`Sample`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSample {
    /// This system has no safe way to take one.
    NoWay,
    /// The thread did not answer in time.
    TooLate,
}

const NOTE: usize = 256;

static WHO: [AtomicU8; NOTE] = [const { AtomicU8::new(0) }; NOTE];
static WHO_LEN: AtomicUsize = AtomicUsize::new(0);
/// The note function of the sample under way, as a number.
static NOTE_FN: AtomicUsize = AtomicUsize::new(0);
static FRAME: [AtomicUsize; FRAMES] = [const { AtomicUsize::new(0) }; FRAMES];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The thread that is to answer; 0: nobody is asked.
static ASKED: AtomicU32 = AtomicU32::new(0);
static ANSWERED: AtomicBool = AtomicBool::new(false);
static ONE_AT_A_TIME: Lock<()> = Lock::new(());
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Where thread `tid` of this process is. `note` is called on that
/// thread, in a signal handler: it must be async-signal-safe.
pub fn sample(tid: u32, note: fn(&mut FixedWriter)) -> Result<Sample, NoSample> {
    let _one = ONE_AT_A_TIME.lock();
    if tid == 0 || !*INSTALLED.get_or_init(install) {
        return Err(NoSample::NoWay);
    }
    NOTE_FN.store(note as usize, Ordering::Relaxed);
    COUNT.store(0, Ordering::Relaxed);
    ANSWERED.store(false, Ordering::Relaxed);
    // Release: pairs with the exchange in `answer`.
    ASKED.store(tid, Ordering::Release);
    let pid = std::process::id();
    // SAFETY: sends a signal whose handler is installed to a thread of this process, or fails.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, libc::SIGURG) } == 0;
    for _ in 0..500 {
        if !sent || ANSWERED.load(Ordering::Acquire) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // If it has not answered by now it is in the kernel for good; it will find nobody asking.
    let late = ASKED.swap(0, Ordering::AcqRel) == tid;
    if !sent || late || !ANSWERED.load(Ordering::Acquire) {
        return Err(NoSample::TooLate);
    }
    let n = COUNT.load(Ordering::Relaxed).min(FRAMES);
    let len = WHO_LEN.load(Ordering::Relaxed).min(NOTE);
    let who: Vec<u8> = WHO[..len]
        .iter()
        .map(|b| b.load(Ordering::Relaxed))
        .collect();
    Ok(Sample {
        who: String::from_utf8_lossy(&who).into_owned(),
        frames: FRAME[..n]
            .iter()
            .map(|f| f.load(Ordering::Relaxed))
            .collect(),
    })
}

fn install() -> bool {
    // SAFETY: looks a name up.
    let lock_free = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    if lock_free.is_null() {
        return false;
    }
    // The unwinder's tables of registers are made at its first use: do that here, not in a handler.
    let mut first = true;
    // SAFETY: the callback does nothing.
    unsafe { backtrace::trace_unsynchronized(|_| std::mem::take(&mut first)) };
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = answer as *const () as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: asks for the present action.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null new action only reads.
    unsafe { libc::sigaction(libc::SIGURG, std::ptr::null(), &raw mut before) };
    if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN {
        // The program uses the signal itself: leave it alone.
        return false;
    }
    // SAFETY: `answer` is async-signal-safe, see the module's head.
    unsafe { libc::sigaction(libc::SIGURG, &raw const action, std::ptr::null_mut()) == 0 }
}

extern "C" fn answer(_signal: libc::c_int) {
    let me = super::thread::id();
    // Acquire: pairs with the Release in `sample`.
    if ASKED
        .compare_exchange(me, 0, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        return;
    }
    let mut out = FixedWriter::new();
    let note = NOTE_FN.load(Ordering::Relaxed);
    // SAFETY: `sample` stored a function of this type before it asked (Release, Acquire above).
    let note: fn(&mut FixedWriter) = unsafe { std::mem::transmute(note) };
    note(&mut out);
    for (to, from) in WHO.iter().zip(out.as_bytes()) {
        to.store(*from, Ordering::Relaxed);
    }
    WHO_LEN.store(out.as_bytes().len(), Ordering::Relaxed);
    let mut n = 0;
    // SAFETY: nothing else unwinds through `backtrace` at this moment with shared state: the
    // unsynchronised walk itself keeps none, and the unwinder below it is lock-free (`install`).
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            FRAME[n].store(frame.ip() as usize, Ordering::Relaxed);
            n += 1;
            n < FRAMES
        });
    }
    COUNT.store(n, Ordering::Relaxed);
    // Release: pairs with the Acquire in `sample`.
    ANSWERED.store(true, Ordering::Release);
}

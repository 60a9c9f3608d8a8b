//! Facts about and settings of the calling thread.
//!
//! Not for: starting threads; std does.
#![allow(unsafe_code, reason = "system calls without a safe wrapper")]

/// The thread's number in the system.
pub fn id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// Asks the kernel to wake this thread when its timeout is over, not up to 50 µs later.
pub fn fine_timers() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the option takes plain numbers. Failing changes nothing but precision.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
    }
}

/// Whether thread `tid` of this process is on a processor or waits for one, as opposed to blocked in
/// the kernel. If that cannot be known: yes.
pub fn is_running(tid: u32) -> bool {
    // The state is the field behind the name, which is in parentheses and may contain any byte.
    let stat = std::fs::read(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    let state = stat
        .iter()
        .rposition(|&b| b == b')')
        .and_then(|at| stat.get(at + 2));
    state.is_none_or(|&s| s == b'R')
}

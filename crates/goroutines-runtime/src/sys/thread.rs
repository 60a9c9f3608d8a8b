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

//! Every system call of this crate but those on signals: mappings, advice, limits.
//!
//! A port is this file (and [`guard::signal`](crate::guard)). Required items: [`reserve`],
//! [`release`], [`give_back`], [`give_back_all`], [`guard_install`], [`guard_install_all`],
//! [`guard_protect`], [`populate_all`], [`name_the_limit`], [`max_mappings`], [`page_size`],
//! [`IoVec`], [`Errno`].
//!
//! Not for policy: nothing here decides how much, when, or what to do after a failure.

use std::ffi::{c_int, c_void};
use std::io::{self, Read};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::limit;

/// An error number.
pub(crate) type Errno = i32;

/// A range of addresses, as the vectored calls want it: `struct iovec`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct IoVec {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

const _: () = assert!(size_of::<IoVec>() == size_of::<libc::iovec>());

/// `MADV_GUARD_INSTALL`, Linux 6.13. The `libc` crate has no name for it yet.
const MADV_GUARD_INSTALL: c_int = 102;

/// `MADV_POPULATE_WRITE`, Linux 5.14.
#[cfg(target_os = "linux")]
const MADV_POPULATE_WRITE: c_int = 23;

/// "This process", where a pidfd is asked for. Linux 6.14.
#[cfg(target_os = "linux")]
const PIDFD_SELF: c_int = -10_000;

fn errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Bytes of a page.
#[inline]
pub(crate) fn page_size() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: every thread that computes it computes the same.
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: no preconditions.
            let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let page = usize::try_from(page).unwrap_or(4096);
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

/// Reserves `bytes` of address space, readable and writable, with no memory behind it and no
/// claim on any: pages come with their first touch.
pub(crate) fn reserve(bytes: usize) -> Result<usize, Errno> {
    // SAFETY: a new mapping at an address that the kernel picks disturbs nothing.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(errno());
    }
    // One page of a stack is to cost one page. A kernel without huge pages refuses the advice,
    // which is as good.
    #[cfg(target_os = "linux")]
    // SAFETY: the range was mapped just now, and the advice changes no content.
    unsafe {
        libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE);
    }
    // For who reads /proc/<pid>/maps. Fails on kernels built without it, which is as good.
    #[cfg(target_os = "linux")]
    // SAFETY: the range was mapped just now, and the name is a string that ends in zero.
    unsafe {
        libc::prctl(
            libc::PR_SET_VMA,
            libc::PR_SET_VMA_ANON_NAME,
            start,
            bytes,
            c"goroutine stacks".as_ptr(),
        );
    }
    Ok(start.expose_provenance())
}

/// Unmaps.
///
/// # Safety
///
/// The range came from [`reserve`], as a whole, and nobody uses it any more.
pub(crate) unsafe fn release(start: usize, bytes: usize) {
    // SAFETY: the caller owns the range.
    let result = unsafe { libc::munmap(address(start), bytes) };
    debug_assert_eq!(result, 0, "munmap: {}", io::Error::last_os_error());
}

fn address(start: usize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(start)
}

/// Gives the pages of a range back to the system: it reads as zero from then on.
///
/// # Safety
///
/// Nobody needs the content of the range, nor uses it meanwhile.
pub(crate) unsafe fn give_back(start: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: by the contract, the content may go.
    let result = unsafe { libc::madvise(address(start), bytes, libc::MADV_DONTNEED) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// [`give_back`] for many ranges, in one call where the system can. Returns the bytes of address
/// space for which it succeeded.
///
/// # Safety
///
/// As for [`give_back`], for each range.
pub(crate) unsafe fn give_back_all(ranges: &[IoVec]) -> usize {
    static VECTORED: Vectored = Vectored::new();
    // SAFETY: by the contract, the content of each range may go.
    let done = unsafe { VECTORED.advise(ranges, libc::MADV_DONTNEED) };
    let mut bytes: usize = ranges[..done].iter().map(|range| range.len).sum();
    for range in &ranges[done..] {
        // SAFETY: as above.
        if unsafe { give_back(range.start, range.len) }.is_ok() {
            bytes += range.len;
        }
    }
    bytes
}

/// Makes a range fault when touched, without a mapping of its own. Survives [`give_back`].
///
/// # Safety
///
/// Nobody needs the content of the range.
pub(crate) unsafe fn guard_install(start: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: by the contract, the content may go.
    let result = unsafe { libc::madvise(address(start), bytes, MADV_GUARD_INSTALL) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// [`guard_install`] for many ranges, in one call where the system can. Fails at the first range
/// that cannot be had.
///
/// # Safety
///
/// As for [`guard_install`], for each range.
pub(crate) unsafe fn guard_install_all(ranges: &[IoVec]) -> Result<(), Errno> {
    static VECTORED: Vectored = Vectored::new();
    // SAFETY: by the contract, the content of each range may go.
    let done = unsafe { VECTORED.advise(ranges, MADV_GUARD_INSTALL) };
    for range in &ranges[done..] {
        // SAFETY: as above.
        unsafe { guard_install(range.start, range.len) }?;
    }
    Ok(())
}

/// Makes a range fault when touched, by a mapping of its own (in fact up to two: it splits the
/// one it lies in).
///
/// # Safety
///
/// Nobody uses the range any more.
pub(crate) unsafe fn guard_protect(start: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: by the contract nobody touches the range.
    let result = unsafe { libc::mprotect(address(start), bytes, libc::PROT_NONE) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// Puts memory behind many ranges, as if they had been written to, where one call can do it for
/// all; else does nothing. Only saves time: the memory comes with the first touch anyway.
///
/// # Safety
///
/// The ranges are mapped, and ours.
pub(crate) unsafe fn populate_all(ranges: &[IoVec]) {
    #[cfg(target_os = "linux")]
    {
        static VECTORED: Vectored = Vectored::new();
        // SAFETY: changes no content.
        unsafe { VECTORED.advise(ranges, MADV_POPULATE_WRITE) };
    }
    let _ = ranges;
}

/// Whether an advice can be given for many ranges at once; learnt by trying.
struct Vectored {
    refused: AtomicBool,
}

impl Vectored {
    const fn new() -> Self {
        Self {
            refused: AtomicBool::new(false),
        }
    }

    /// Gives `advice` for as many of the ranges, from the first on, as can be done vectored, and
    /// returns how many that were. The rest is to be advised one by one.
    ///
    /// # Safety
    ///
    /// That of `madvise` with this advice, for each range.
    #[cfg(target_os = "linux")]
    unsafe fn advise(&self, ranges: &[IoVec], advice: c_int) -> usize {
        // Relaxed: a hint, learnt by each thread on its own if need be.
        if ranges.len() < 2 || self.refused.load(Ordering::Relaxed) {
            return 0;
        }
        let mut done = 0;
        while done < ranges.len() {
            let rest = &ranges[done..];
            // UIO_MAXIOV is 1024.
            let count = rest.len().min(1024);
            // SAFETY: `rest` is an array of at least `count` iovecs (asserted to be of the same
            // size; same fields by definition); the caller answers for the effect.
            let bytes = unsafe {
                libc::syscall(
                    libc::SYS_process_madvise,
                    PIDFD_SELF,
                    rest.as_ptr(),
                    count,
                    advice,
                    0,
                )
            };
            let Ok(mut bytes) = usize::try_from(bytes) else {
                // EINVAL or EBADF from a kernel that does not know how, ENOSYS or EPERM from a
                // sandbox: none of them will change its mind. Others say something about these
                // ranges, and `madvise` will say it again.
                if matches!(
                    errno(),
                    libc::EINVAL | libc::EBADF | libc::ENOSYS | libc::EPERM
                ) {
                    self.refused.store(true, Ordering::Relaxed);
                }
                return done;
            };
            let before = done;
            while done < ranges.len() && bytes >= ranges[done].len {
                bytes -= ranges[done].len;
                done += 1;
            }
            if done == before {
                return done;
            }
        }
        done
    }

    #[cfg(not(target_os = "linux"))]
    unsafe fn advise(&self, _ranges: &[IoVec], _advice: c_int) -> usize {
        self.refused.store(true, Ordering::Relaxed);
        0
    }
}

/// The most mappings this process may have.
pub(crate) fn max_mappings() -> usize {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    // The default of Linux.
    text.trim().parse().unwrap_or(65_530)
}

/// How many mappings this process has. Reads piece by piece: when there can be no more of them, a
/// large buffer cannot be had either.
fn mappings() -> Option<usize> {
    let mut maps = std::fs::File::open("/proc/self/maps").ok()?;
    let mut lines = 0;
    let mut buffer = [0; 4096];
    loop {
        match maps.read(&mut buffer).ok()? {
            0 => return Some(lines),
            len => lines += buffer[..len].iter().filter(|&&byte| byte == b'\n').count(),
        }
    }
}

/// After `error` from [`reserve`] or from a guard: the limit that was reached, and its value.
#[cold]
pub(crate) fn name_the_limit(error: Errno, bytes: usize) -> (&'static str, Option<u64>) {
    if error != libc::ENOMEM && error != libc::EAGAIN {
        return (limit::MEMORY, None);
    }
    let mut space = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `space` is a valid rlimit to write to.
    let asked = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut space) };
    if asked == 0 && space.rlim_cur != libc::RLIM_INFINITY {
        let used = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let used = used
            .split(' ')
            .next()
            .and_then(|pages| pages.parse::<u64>().ok());
        let used = used.unwrap_or(u64::MAX / 2 / page_size() as u64) * page_size() as u64;
        if used + bytes as u64 > space.rlim_cur {
            return (limit::ADDRESS_SPACE, Some(space.rlim_cur));
        }
    }
    let most = max_mappings();
    // Some slack, for what the reading itself maps.
    if mappings().is_some_and(|mappings| mappings + 16 > most) {
        return (limit::MAPPINGS, Some(most as u64));
    }
    let overcommit = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    if overcommit.trim() == "2" {
        return (limit::COMMIT, None);
    }
    (limit::MEMORY, None)
}

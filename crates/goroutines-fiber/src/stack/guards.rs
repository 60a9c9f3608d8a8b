//! How the low end of a slot is made to fault: by advice where the kernel can (no mapping, Linux
//! 6.13), else by protection, of which there is only so much.
//!
//! Not for the handler of the fault: that is [`guard`](crate::guard).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::error::{StackError, limit};
use super::sys::{self, IoVec};
use super::{GUARD, Stack};

/// How stacks are guarded.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GuardMode {
    /// `MADV_GUARD_INSTALL`.
    Advice = 1,
    /// `mprotect`, within a budget of mappings.
    Protect = 2,
    /// Not at all: for measuring only. An overflow then runs into the next stack.
    None = 3,
}

impl GuardMode {
    const fn from_byte(byte: u8) -> Option<GuardMode> {
        match byte {
            1 => Some(GuardMode::Advice),
            2 => Some(GuardMode::Protect),
            3 => Some(GuardMode::None),
            _ => None,
        }
    }
}

/// 0: not known yet.
static MODE: AtomicU8 = AtomicU8::new(0);
/// Mappings that guards have cost so far (in mode `Protect`).
static MAPPINGS: AtomicUsize = AtomicUsize::new(0);
/// How many they may cost; 0: not known yet.
static BUDGET: AtomicUsize = AtomicUsize::new(0);

/// A guard by protection splits the mapping it lies in: one more for itself and one more for
/// what is left on the other side.
const MAPPINGS_PER_GUARD: usize = 2;

/// The mode in use; `None` until the first stack was guarded.
#[doc(hidden)]
#[must_use]
pub fn guard_mode() -> Option<GuardMode> {
    // Relaxed: the byte stands for itself.
    GuardMode::from_byte(MODE.load(Ordering::Relaxed))
}

/// Forces a mode from now on, and for `Protect` sets the budget of mappings. For tests: slots
/// that are guarded already stay as they are.
#[doc(hidden)]
pub fn set_guard_mode_for_tests(mode: GuardMode, budget: Option<usize>) {
    if let Some(budget) = budget {
        BUDGET.store(budget.max(1), Ordering::Relaxed);
    }
    MODE.store(mode as u8, Ordering::Relaxed);
}

/// Mappings spent on guards.
pub(crate) fn mappings() -> usize {
    MAPPINGS.load(Ordering::Relaxed)
}

fn mode_from_environment() -> Option<GuardMode> {
    static MODE: OnceLock<Option<GuardMode>> = OnceLock::new();
    *MODE.get_or_init(|| match std::env::var_os("GOROUTINES_GUARD")?.to_str()? {
        "madvise" => Some(GuardMode::Advice),
        "mprotect" => Some(GuardMode::Protect),
        "none" => Some(GuardMode::None),
        _ => None,
    })
}

/// Guards `stacks`, which are fresh. Returns how many of them, from the first on, are guarded
/// now; an error only if there is none.
pub(crate) fn install(stacks: &[Stack]) -> Result<usize, StackError> {
    let Some(first) = stacks.first() else {
        return Ok(0);
    };
    if sys::page_size() > GUARD {
        // A guard would be rounded up to a page, and take usable bytes away. Such a system
        // (aarch64 with pages of 64 KiB) needs a port: a larger GUARD and larger classes.
        return Err(StackError::exhausted(
            limit::PAGE,
            GUARD,
            Some(sys::page_size() as u64),
        ));
    }
    let mode = guard_mode().unwrap_or_else(|| {
        let mode = mode_from_environment().unwrap_or_else(|| probe(first));
        // A mode forced meanwhile by a test stays.
        let _ = MODE.compare_exchange(0, mode as u8, Ordering::Relaxed, Ordering::Relaxed);
        guard_mode().unwrap_or(mode)
    });
    match mode {
        GuardMode::Advice => advise(stacks),
        GuardMode::Protect => protect(stacks),
        GuardMode::None => Ok(stacks.len()),
    }
}

/// Whether the kernel knows the advice: try it, on a stack that is to be guarded anyway.
fn probe(stack: &Stack) -> GuardMode {
    // SAFETY: the stack is fresh: nothing in its slot is needed.
    match unsafe { sys::guard_install(stack.low(), GUARD) } {
        Ok(()) => GuardMode::Advice,
        Err(_) => GuardMode::Protect,
    }
}

fn advise(stacks: &[Stack]) -> Result<usize, StackError> {
    const BATCH: usize = 64;
    let mut ranges = [IoVec { start: 0, len: 0 }; BATCH];
    for chunk in stacks.chunks(BATCH) {
        for (range, stack) in ranges.iter_mut().zip(chunk) {
            *range = IoVec {
                start: stack.low(),
                len: GUARD,
            };
        }
        // SAFETY: the stacks are fresh: nothing in their slots is needed.
        if let Err(error) = unsafe { sys::guard_install_all(&ranges[..chunk.len()]) } {
            // Page tables could not be had (ENOMEM), or the mapping is locked (EINVAL, before
            // Linux 6.15). Which of this batch are guarded is not known: protect them.
            let _ = error;
            return protect(stacks);
        }
    }
    Ok(stacks.len())
}

fn protect(stacks: &[Stack]) -> Result<usize, StackError> {
    let budget = budget();
    for (done, stack) in stacks.iter().enumerate() {
        // Relaxed: a counter.
        let used = MAPPINGS.fetch_add(MAPPINGS_PER_GUARD, Ordering::Relaxed);
        let failure = if used + MAPPINGS_PER_GUARD > budget {
            Some(StackError::exhausted(
                limit::MAPPINGS,
                GUARD,
                Some(sys::max_mappings() as u64),
            ))
        } else {
            // SAFETY: the stack is fresh: nobody uses its slot.
            unsafe { sys::guard_protect(stack.low(), GUARD) }
                .err()
                .map(|error| {
                    let (limit, value) = sys::name_the_limit(error, GUARD);
                    StackError::exhausted(limit, GUARD, value)
                })
        };
        if let Some(failure) = failure {
            MAPPINGS.fetch_sub(MAPPINGS_PER_GUARD, Ordering::Relaxed);
            return if done == 0 { Err(failure) } else { Ok(done) };
        }
    }
    Ok(stacks.len())
}

/// The budget: half of what the process may have, so that the rest of the program can still map.
fn budget() -> usize {
    match BUDGET.load(Ordering::Relaxed) {
        0 => {
            let budget = (sys::max_mappings() / 2).max(1);
            let _ = BUDGET.compare_exchange(0, budget, Ordering::Relaxed, Ordering::Relaxed);
            BUDGET.load(Ordering::Relaxed)
        }
        budget => budget,
    }
}

/// A mapping with a guard goes away (only large stacks do).
pub(crate) fn removed() {
    if guard_mode() == Some(GuardMode::Protect) {
        let less = |used: usize| Some(used.saturating_sub(MAPPINGS_PER_GUARD));
        let _ = MAPPINGS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

//! Stacks larger than the largest slot: a mapping each.
//!
//! Not for speed: a large stack costs system calls. A couple of idle ones are kept, for the
//! program that starts one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{StackError, limit};
use super::{Stack, StackSize, guards, sys, table};

/// How many idle ones are kept.
const KEPT: usize = 2;

/// Idle large stacks; true: its pages have not been given back since it was put.
static IDLE: Mutex<Vec<(Stack, bool)>> = Mutex::new(Vec::new());

/// Large stacks there are, idle ones included, and their address space.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static RESERVED: AtomicUsize = AtomicUsize::new(0);

fn idle() -> MutexGuard<'static, Vec<(Stack, bool)>> {
    // A Vec is never left half changed.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Count, address space, and how many are idle.
pub(crate) fn stats() -> (usize, usize, usize) {
    (
        COUNT.load(Ordering::Relaxed),
        RESERVED.load(Ordering::Relaxed),
        idle().len(),
    )
}

#[cold]
pub(crate) fn take(size: StackSize) -> Result<Stack, StackError> {
    {
        let mut idle = idle();
        if let Some(index) = idle
            .iter()
            .rposition(|(stack, _)| stack.stack_size() == size)
        {
            return Ok(idle.swap_remove(index).0);
        }
    }
    let bytes = size.reserved();
    let start = match sys::reserve(bytes) {
        Ok(start) => start,
        Err(error) => {
            // The idle ones of other sizes may be what is in the way.
            let kept: Vec<_> = idle().drain(..).collect();
            kept.into_iter().for_each(|(stack, _)| unmap(stack));
            sys::reserve(bytes).map_err(|_| {
                let (limit, value) = sys::name_the_limit(error, bytes);
                StackError::exhausted(limit, bytes, value)
            })?
        }
    };
    // SAFETY: reserved above, for this stack alone.
    let Some(stack) = (unsafe { Stack::from_parts(start, size) }) else {
        // SAFETY: reserved above, and nobody knows of it.
        unsafe { sys::release(start, bytes) };
        return Err(StackError::exhausted(limit::MEMORY, bytes, None));
    };
    if let Err(error) = guards::install(std::slice::from_ref(&stack)) {
        // SAFETY: as above; the stack is not used.
        unsafe { sys::release(start, bytes) };
        return Err(error);
    }
    table::add_large(&stack);
    // Relaxed: counters.
    COUNT.fetch_add(1, Ordering::Relaxed);
    RESERVED.fetch_add(bytes, Ordering::Relaxed);
    Ok(stack)
}

#[cold]
pub(crate) fn put(stack: Stack) {
    let oldest = {
        let mut idle = idle();
        idle.push((stack, true));
        if idle.len() <= KEPT {
            return;
        }
        idle.remove(0).0
    };
    unmap(oldest);
}

/// Gives the pages of the idle ones back. Returns bytes of address space.
pub(crate) fn scavenge() -> usize {
    let mut bytes = 0;
    for (stack, dirty) in idle().iter_mut().filter(|(_, dirty)| *dirty) {
        let range = stack.low() + super::GUARD..stack.low() + stack.stack_size().reserved();
        // SAFETY: an idle stack has nothing on it that anybody needs, and the lock keeps it idle.
        if unsafe { sys::give_back(range.start, range.len()) }.is_ok() {
            *dirty = false;
            bytes += range.len();
        }
    }
    bytes
}

fn unmap(stack: Stack) {
    table::remove_large(&stack);
    guards::removed();
    let bytes = stack.stack_size().reserved();
    // Relaxed: counters.
    COUNT.fetch_sub(1, Ordering::Relaxed);
    RESERVED.fetch_sub(bytes, Ordering::Relaxed);
    // SAFETY: `take` reserved it as a whole; it is idle and consumed here.
    unsafe { sys::release(stack.low(), bytes) };
}

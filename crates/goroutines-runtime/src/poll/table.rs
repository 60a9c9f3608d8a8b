//! All slots, by number: taking one, giving it back, finding it for an event.
//!
//! Not for: what is in them.

use super::slot::Slot;
use crate::shim::{Lock, OnceLock};

/// Slots in a chunk, which is made when its first slot is needed.
const CHUNK: usize = 256;
/// More than there can be descriptors at the kernel's usual limit.
const CHUNKS: usize = 1 << 14;

static TABLE: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
static FREE: Lock<Free> = Lock::new(Free {
    slots: Vec::new(),
    made: 0,
});

#[derive(Debug)]
struct Free {
    /// Those given back, the last one first: it may still be in the cache.
    slots: Vec<&'static Slot>,
    /// How many numbers have been given out.
    made: usize,
}

/// The slot with this number, if there is one.
pub(super) fn get(number: usize) -> Option<&'static Slot> {
    TABLE.get(number / CHUNK)?.get()?.get(number % CHUNK)
}

/// A slot that nobody uses; `None`: there are four million already.
pub(super) fn take() -> Option<&'static Slot> {
    let mut free = FREE.lock();
    if let Some(slot) = free.slots.pop() {
        return Some(slot);
    }
    let number = free.made;
    let chunk = TABLE.get(number / CHUNK)?.get_or_init(|| {
        (number..number + CHUNK)
            .map(|n| Slot::new(n as u32))
            .collect()
    });
    free.made += 1;
    Some(&chunk[number % CHUNK])
}

/// Gives a slot back that nobody waits for and that is registered nowhere, or whose descriptor is
/// closed.
pub(super) fn put(slot: &'static Slot) {
    slot.reset();
    FREE.lock().slots.push(slot);
}

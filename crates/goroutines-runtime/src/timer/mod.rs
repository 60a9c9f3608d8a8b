//! The deadlines of one worker: add, cancel, expire.
//!
//! Not for: making anything ready, or calling anything: `expired` hands out what is due, `sched` does
//! the rest.
//!
//! A 4-ary heap of (deadline, place) pairs: four children lie in one cache line, and the deadline
//! is in the heap itself, so sifting does not touch the timers. Timers are numbered slots of a slab,
//! so that cancelling one finds its place without a search: O(log n) each.

use crate::g::G;
use crate::g::state::Ticket;
use crate::seam::clock::Moment;
use std::fmt;

/// What is to be done when a timer is due.
#[derive(Debug)]
pub enum Entry {
    /// Make a goroutine ready, if it is still in this wait.
    Wake {
        /// The one that waits.
        g: &'static G,
        /// Which of its waits.
        ticket: Ticket,
    },
    /// Call this.
    Call(Box<dyn Due>),
}

/// What a timer calls.
pub trait Due: fmt::Debug + Send {
    /// Called once, when the time has come, by whoever looks after the timers: without a lock, perhaps
    /// with no goroutine on the thread. It must be short, and must not wait, unwind or run what a
    /// user wrote; it starts a goroutine for that.
    fn due(self: Box<Self>);
}

/// Names a timer until it expired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    slot: u32,
    seq: u32,
}

#[derive(Debug)]
struct Slot {
    /// Place in the heap; `FREE` if the slot is in the free list.
    at: u32,
    seq: u32,
    entry: Option<Entry>,
}

const FREE: u32 = u32::MAX;

/// The timers of one worker.
#[derive(Debug, Default)]
pub struct Timers {
    heap: Vec<(Moment, u32)>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    next_seq: u32,
}

const D: usize = 4;

impl Timers {
    /// No timers.
    pub const fn new() -> Timers {
        Timers {
            heap: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            next_seq: 0,
        }
    }

    /// The earliest deadline.
    #[inline]
    pub fn next(&self) -> Option<Moment> {
        self.heap.first().map(|e| e.0)
    }

    /// How many timers there are.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds a timer.
    pub fn add(&mut self, when: Moment, entry: Entry) -> Key {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    at: FREE,
                    seq: 0,
                    entry: None,
                });
                (self.slots.len() - 1) as u32
            }
        };
        // Each timer has a number of its own, so that a key from before never fits again.
        let seq = self.next_seq;
        self.next_seq = seq.wrapping_add(1);
        let s = &mut self.slots[slot as usize];
        s.entry = Some(entry);
        s.seq = seq;
        self.heap.push((when, slot));
        self.sift_up(self.heap.len() - 1);
        Key { slot, seq }
    }

    /// Takes a timer back; `None` if it expired or was cancelled before.
    #[must_use = "to be dropped without the lock of the timers"]
    pub fn cancel(&mut self, key: Key) -> Option<Entry> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.seq != key.seq || slot.at == FREE {
            return None;
        }
        let at = slot.at as usize;
        self.remove(at)
    }

    /// Takes the earliest timer whose deadline is not after `now`.
    pub fn expired(&mut self, now: Moment) -> Option<Entry> {
        if self.next()? > now {
            return None;
        }
        self.remove(0)
    }

    fn remove(&mut self, at: usize) -> Option<Entry> {
        let (_, slot) = self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sift_up(at);
            self.sift_down(at);
        }
        let s = &mut self.slots[slot as usize];
        s.at = FREE;
        self.free.push(slot);
        let entry = s.entry.take();
        self.trim();
        entry
    }

    /// Gives memory back after a burst, so that a million sleepers once are not kept for ever.
    fn trim(&mut self) {
        if self.heap.is_empty() && self.slots.len() > 4096 {
            *self = Timers {
                next_seq: self.next_seq,
                ..Timers::new()
            };
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        let moving = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / D;
            if self.heap[parent].0 <= moving.0 {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, moving);
    }

    fn sift_down(&mut self, mut at: usize) {
        let moving = self.heap[at];
        loop {
            let first = at * D + 1;
            let last = (first + D).min(self.heap.len());
            let Some(child) = (first..last).min_by_key(|&i| self.heap[i].0) else {
                break;
            };
            if self.heap[child].0 >= moving.0 {
                break;
            }
            self.put(at, self.heap[child]);
            at = child;
        }
        self.put(at, moving);
    }

    fn put(&mut self, at: usize, entry: (Moment, u32)) {
        self.heap[at] = entry;
        self.slots[entry.1 as usize].at = at as u32;
    }
}

#[cfg(test)]
mod tests;

//! What a context has to tell when it ends.
//!
//! Not for: telling them (`cancel`).

use super::func::Func;
use super::node::Node;
use goroutines_runtime::shim::Arc;
use std::mem;
use std::sync::Weak;

/// Somebody who is told.
pub(super) enum Child {
    /// A context made from this one. Whoever uses it keeps it; this does not.
    Node(Weak<Node>),
    /// A function to start.
    Func(Arc<Func>),
}

/// Names a child until it is taken out.
#[derive(Clone, Copy)]
pub(super) struct Key(u32);

enum Slot {
    Used(Child),
    /// And the number of the next free one.
    Free(u32),
}

const NONE: u32 = u32::MAX;

/// The children, in numbered slots, so that one leaves without being searched for.
pub(super) struct Children {
    slots: Vec<Slot>,
    free: u32,
    len: usize,
}

/// Above so many slots, their memory is given back when the last child leaves.
const KEEP: usize = 64;

impl Children {
    pub(super) const fn new() -> Children {
        Children {
            slots: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, child: Child) -> Key {
        self.len += 1;
        let key = self.free;
        match self.slots.get_mut(key as usize) {
            Some(slot) => {
                if let Slot::Free(next) = mem::replace(slot, Slot::Used(child)) {
                    self.free = next;
                }
                Key(key)
            }
            None => {
                self.slots.push(Slot::Used(child));
                Key((self.slots.len() - 1) as u32)
            }
        }
    }

    /// Takes one out; `None` if all have been taken before.
    pub(super) fn remove(&mut self, key: Key) -> Option<Child> {
        let slot = self.slots.get_mut(key.0 as usize)?;
        let Slot::Used(child) = mem::replace(slot, Slot::Free(self.free)) else {
            unreachable!("a key is used once");
        };
        self.free = key.0;
        self.len -= 1;
        if self.len == 0 && self.slots.len() > KEEP {
            *self = Children::new();
        }
        Some(child)
    }

    /// Takes all out; after this nobody comes in any more.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Child> + use<> {
        let all = mem::replace(self, Children::new());
        all.slots.into_iter().filter_map(|slot| match slot {
            Slot::Used(child) => Some(child),
            Slot::Free(_) => None,
        })
    }
}

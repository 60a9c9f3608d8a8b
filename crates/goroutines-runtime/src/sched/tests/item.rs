//! A record for the models: it has a link, and it notices who looks into it without having got it.
#![allow(unsafe_code, reason = "shares a loom cell, which checks each access")]

use crate::g::list::Linked;
use crate::shim::atomic::AtomicPtr;
use loom::cell::UnsafeCell;

/// What queues of the models hold.
pub(super) struct Item {
    link: AtomicPtr<Item>,
    number: UnsafeCell<u32>,
    taken: UnsafeCell<u32>,
}

// SAFETY: loom fails a model in which two threads use a cell without an order between them.
unsafe impl Sync for Item {}

// SAFETY: `link` is one field, and returned only here.
unsafe impl Linked for Item {
    fn link(&self) -> &AtomicPtr<Item> {
        &self.link
    }
}

impl Item {
    /// An item that lives for ever, as records do. Its number is written when it is sent.
    pub(super) fn leak() -> &'static Item {
        Box::leak(Box::new(Item {
            link: AtomicPtr::new(std::ptr::null_mut()),
            number: UnsafeCell::new(0),
            taken: UnsafeCell::new(0),
        }))
    }

    /// Written by its owner before it is given away.
    pub(super) fn write(&'static self, number: u32) -> &'static Item {
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        self.number.with_mut(|n| unsafe { *n = number });
        self
    }

    /// Reads the number, as the one who took the item out; nobody may do that twice.
    pub(super) fn take(&self) -> u32 {
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        let before = self
            .taken
            .with_mut(|n| unsafe { std::mem::replace(&mut *n, 1) });
        assert_eq!(before, 0, "taken twice");
        // SAFETY: loom checks that nobody writes at this moment.
        self.number.with(|n| unsafe { *n })
    }
}

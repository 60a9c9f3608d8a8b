//! What only some goroutines have: a name, a stack size of their own, goroutine-local values.
//!
//! Not for: anything a switch touches.
#![allow(unsafe_code, reason = "goroutine-local values belong to one goroutine")]

use goroutines_fiber::{Stack, StackSize};
use std::any::Any;
use std::cell::{Cell, RefCell};

/// The rarely needed part of a goroutine.
#[derive(Default)]
pub struct Ext {
    /// Its name.
    pub name: Option<Box<str>>,
    /// How large a stack it asked for.
    pub stack_size: Option<StackSize>,
    /// A stack that was mapped when it was spawned, because it is a large one.
    pub stack: Cell<Option<Stack>>,
    /// Its goroutine-local values. Only the goroutine itself touches them.
    pub locals: Locals,
}

// SAFETY: `name` and `stack_size` do not change after the record is published. `stack` is used by
// who starts the goroutine and then by the worker that runs it first, one after the other. `locals`
// is used by the goroutine itself only (`current::locals` is the only way to it).
unsafe impl Sync for Ext {}

impl std::fmt::Debug for Ext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ext")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

type Slot = (usize, *const dyn Any);

/// The goroutine-local values of one goroutine, found by the address of their key.
#[derive(Debug, Default)]
pub struct Locals {
    slots: RefCell<Vec<Slot>>,
}

impl Locals {
    /// The value of `key`, if it was made already.
    pub fn get(&self, key: usize) -> Option<*const dyn Any> {
        self.slots
            .borrow()
            .iter()
            .find(|slot| slot.0 == key)
            .map(|slot| slot.1)
    }

    /// Keeps the value of `key` until [`Locals::pop`] takes it.
    pub fn insert(&self, key: usize, value: Box<dyn Any>) -> *const dyn Any {
        let ptr: *const dyn Any = Box::into_raw(value);
        self.slots.borrow_mut().push((key, ptr));
        ptr
    }

    /// Takes the value made last, to be dropped.
    pub fn pop(&self) -> Option<Box<dyn Any>> {
        let (_, ptr) = self.slots.borrow_mut().pop()?;
        // SAFETY: the pointer came from `Box::into_raw` in `insert` and leaves the list here.
        Some(unsafe { Box::from_raw(ptr.cast_mut()) })
    }
}

impl Drop for Locals {
    fn drop(&mut self) {
        // The goroutine or thread has dropped them at its end. What a destructor went on making is
        // leaked: this may be another thread, and the values need not be `Send`.
        self.slots.get_mut().clear();
    }
}

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

/// A goroutine-local value, and how many calls use it right now.
#[derive(Debug)]
pub struct Local<T> {
    users: Cell<usize>,
    value: T,
}

impl<T> Local<T> {
    /// A value that nobody uses.
    pub fn new(value: T) -> Local<T> {
        Local {
            users: Cell::new(0),
            value,
        }
    }

    /// Calls `f` with the value, and notes that it is in use meanwhile.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        struct Leave<'a>(&'a Cell<usize>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.users.set(self.users.get() + 1);
        let _leave = Leave(&self.users);
        f(&self.value)
    }
}

/// A [`Local`] of any type.
trait AnyLocal: Any {
    fn in_use(&self) -> bool;
}

impl<T: 'static> AnyLocal for Local<T> {
    fn in_use(&self) -> bool {
        self.users.get() > 0
    }
}

type Slot = (usize, *const dyn AnyLocal);

/// The goroutine-local values of one goroutine, found by the address of their key.
#[derive(Debug, Default)]
pub struct Locals {
    slots: RefCell<Vec<Slot>>,
}

impl Locals {
    /// The value of `key`, if it was made already.
    pub fn get<T: 'static>(&self, key: usize) -> Option<*const Local<T>> {
        let ptr = self.slots.borrow().iter().find(|slot| slot.0 == key)?.1;
        // SAFETY: values live until `pop_all`, which the same goroutine calls at its end.
        let value: &dyn Any = unsafe { &*ptr };
        value.downcast_ref().map(std::ptr::from_ref)
    }

    /// Keeps the value of `key` until [`Locals::pop_all`] takes it.
    pub fn insert<T: 'static>(&self, key: usize, value: T) -> *const Local<T> {
        let ptr: *const Local<T> = Box::into_raw(Box::new(Local::new(value)));
        self.slots.borrow_mut().push((key, ptr));
        ptr
    }

    /// Takes all that are there, the one made last first, and up to a thousand that their destructors make,
    /// each for `drop` to drop. One that never stops making them gets them leaked.
    pub fn pop_all(&self, drop: impl Fn(Option<Box<dyn Any>>)) {
        let most = self.slots.borrow().len() + 1_000;
        for _ in 0..most {
            let Some(value) = self.pop() else { return };
            drop(value);
        }
    }

    /// Takes the value made last, to be dropped; `None` in it if it must be leaked: somebody still uses
    /// it. That can only be a coroutine of the user's own, suspended inside `Local::with`, which
    /// another goroutine may resume.
    fn pop(&self) -> Option<Option<Box<dyn Any>>> {
        let (_, ptr) = self.slots.borrow_mut().pop()?;
        // SAFETY: the pointer came from a box in `insert`, and has not been taken before.
        if unsafe { &*ptr }.in_use() {
            return Some(None);
        }
        // SAFETY: as above; it leaves the list here, and nobody uses the value.
        let value: Box<dyn Any> = unsafe { Box::from_raw(ptr.cast_mut()) };
        Some(Some(value))
    }
}

impl Drop for Locals {
    fn drop(&mut self) {
        // The goroutine or thread has dropped them at its end. What a destructor went on making is
        // leaked: this may be another thread, and the values need not be `Send`.
        self.slots.get_mut().clear();
    }
}

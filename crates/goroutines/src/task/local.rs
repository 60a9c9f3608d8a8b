//! Goroutine-local values.

use goroutines_runtime::spawn;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::thread::AccessError;

/// A value of which each goroutine has its own; made by [`goroutine_local!`](crate::goroutine_local).
///
/// The value is made at the first use in a goroutine and dropped when the goroutine ends, on its own
/// stack, where it may wait like any other code. A panic in a destructor is printed and goes no further. On
/// a plain thread the value belongs to the thread, and a panic in its destructor aborts the process, as
/// with `thread_local!`.
///
/// A destructor that uses the same key, or one whose value is gone already, gets a new value, where
/// `thread_local!` would panic. That one is dropped too; a goroutine whose destructors never stop making
/// values ends all the same: after a few thousand of them the last one is leaked.
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey { init }
    }

    /// Calls `f` with this goroutine's value, which is made if this is its first use.
    ///
    /// ```
    /// goroutines::goroutine_local! { static NAMES: Vec<u8> = vec![1, 2]; }
    /// # goroutines::run(|| {
    /// assert_eq!(NAMES.with(|names| names.len()), 2);
    /// # });
    /// ```
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        spawn::with_local(std::ptr::from_ref(self).addr(), self.init, f)
    }

    /// As [`with`](LocalKey::with), under a name that `std` has for it.
    ///
    /// # Errors
    ///
    /// None: there is a value also in destructors, where there may be none of a `thread_local!`.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        Ok(self.with(f))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// A copy of the value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value and leaves the default.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Sets the value and gives the one before.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the value borrowed.
    ///
    /// # Panics
    ///
    /// If it is borrowed mutably.
    #[track_caller]
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.with(|cell| cell.try_borrow().map(|value| f(&value))) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the value borrowed mutably.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    #[track_caller]
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        match self.with(|cell| cell.try_borrow_mut().map(|mut value| f(&mut value))) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the value.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        drop(self.replace(value));
    }

    /// Takes the value and leaves the default.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Sets the value and gives the one before.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with_borrow_mut(|old| std::mem::replace(old, value))
    }
}

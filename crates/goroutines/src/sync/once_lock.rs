//! `OnceLock`: a value that is set once.
//!
//! Not for: a value with its initialiser; that is `LazyLock`.
#![allow(unsafe_code, reason = "the cell that is written once")]

use super::once::Once;
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A cell that can be written once, as [`std::sync::OnceLock`]; who comes while its value is made waits,
/// without its thread.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::OnceLock;
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "Ada".to_owned()), "Ada");
/// assert_eq!(NAME.set("Bob".to_owned()), Err("Bob".to_owned()));
/// # });
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<MaybeUninit<T>>,
    // It drops a `T`.
    _owns: PhantomData<T>,
}

// SAFETY: a shared cell gives shared references (`Sync`), and may be filled on one thread and dropped
// on another (`Send`).
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
// SAFETY: whoever owns the cell owns the value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty cell.
    #[inline]
    #[must_use]
    pub const fn new() -> OnceLock<T> {
        OnceLock {
            once: Once::new(),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            _owns: PhantomData,
        }
    }

    /// The value, if it has been set; never waits.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.once.is_completed() {
            // SAFETY: completed, so it was written, and is not written again.
            Some(unsafe { self.value() })
        } else {
            None
        }
    }

    /// The value, if it has been set.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if self.once.is_completed() {
            // SAFETY: as in `get`; and the cell is borrowed exclusively.
            Some(unsafe { self.value.get_mut().assume_init_mut() })
        } else {
            None
        }
    }

    /// Waits until somebody sets the value.
    ///
    /// ```
    /// # goroutines::run(|| {
    /// use goroutines::sync::OnceLock;
    /// static ANSWER: OnceLock<u32> = OnceLock::new();
    /// goroutines::go!(|| ANSWER.set(42).unwrap());
    /// assert_eq!(*ANSWER.wait(), 42);
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        // SAFETY: as in `get`.
        unsafe { self.value() }
    }

    /// Sets the value.
    ///
    /// If somebody else's [`OnceLock::get_or_init`] is running it waits for that.
    ///
    /// # Errors
    ///
    /// `value`, if there is one already.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| match value.take() {
            Some(value) => value,
            None => unreachable!("called once"),
        });
        value.map_or(Ok(()), Err)
    }

    /// The value; if there is none, `f` makes it.
    ///
    /// If several call this at the same time one `f` runs and the others wait for it. `f` must not use
    /// the same cell: it would wait for itself.
    ///
    /// # Panics
    ///
    /// If `f` panics that goes on here, and the cell stays empty: the next call tries again.
    #[inline]
    pub fn get_or_init<F>(&self, f: F) -> &T
    where
        F: FnOnce() -> T,
    {
        if !self.once.is_completed() {
            self.init(f);
        }
        // SAFETY: as in `get`.
        unsafe { self.value() }
    }

    #[cold]
    fn init<F: FnOnce() -> T>(&self, f: F) {
        let mut f = Some(f);
        self.once.call_or_reset(&mut |_| {
            if let Some(f) = f.take() {
                let value = f();
                // SAFETY: this runs once until it is completed, and before that nobody reads.
                unsafe { (*self.value.get()).write(value) };
            }
        });
    }

    /// The value itself, if it was set.
    #[inline]
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Takes the value out; the cell is empty again.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        if !self.once.is_completed() {
            return None;
        }
        self.once = Once::new();
        // SAFETY: it was completed, so there is a value; and is not any more, so this one is not used
        // again.
        Some(unsafe { self.value.get_mut().assume_init_read() })
    }

    /// # Safety
    ///
    /// The cell is completed.
    unsafe fn value(&self) -> &T {
        // SAFETY: completed, and not written again while it is shared.
        let value = unsafe { &*self.value.get() };
        // SAFETY: completed, so it was written.
        unsafe { value.assume_init_ref() }
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => d.field(value),
            None => d.field(&format_args!("<uninit>")),
        };
        d.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get()
            .cloned()
            .map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = OnceLock::new();
        cell.get_or_init(|| value);
        cell
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

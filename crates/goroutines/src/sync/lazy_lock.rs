//! `LazyLock`: a value that is made at its first use.
//!
//! Not for: values whose initialiser is known later; that is `OnceLock`.
#![allow(
    unsafe_code,
    reason = "the cell that holds first the initialiser, then the value"
)]

use super::once::Once;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A value that is made at its first use, as [`std::sync::LazyLock`]; who comes while it is made waits,
/// without its thread.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::LazyLock;
/// static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (0..10).map(|n| n * n).collect());
/// assert_eq!(TABLE[3], 9);
/// # });
/// ```
///
/// If the initialiser panics the value is poisoned: every use panics from then on. (This is also what
/// Go's `sync.OnceValue` is for; a payload cannot be panicked with twice in Rust, so later panics have
/// a text of their own.) The initialiser is dropped after its run.
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    data: UnsafeCell<Data<T, F>>,
}

/// `value` if `once` is completed, nothing if it is poisoned, else `init`.
union Data<T, F> {
    value: ManuallyDrop<T>,
    init: ManuallyDrop<F>,
}

// SAFETY: as for `OnceLock`; `F` is run or dropped on one thread, and never shared.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}
// `Send` follows from the fields.

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` will make.
    #[inline]
    pub const fn new(f: F) -> LazyLock<T, F> {
        let data = Data {
            init: ManuallyDrop::new(f),
        };
        LazyLock {
            once: Once::new(),
            data: UnsafeCell::new(data),
        }
    }

    /// The value, made now if it has not been; the same as `&*this`.
    ///
    /// # Panics
    ///
    /// If the initialiser panics, or has panicked.
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        if !this.once.is_completed() {
            this.init();
        }
        // SAFETY: completed, so the value is there, and is not changed while it is shared.
        let data = unsafe { &*this.data.get() };
        // SAFETY: the same.
        unsafe { &data.value }
    }

    /// The value, if it has been made.
    ///
    /// ```
    /// use goroutines::sync::LazyLock;
    /// let lazy = LazyLock::new(|| 7);
    /// assert_eq!(LazyLock::get(&lazy), None);
    /// assert_eq!((*lazy, LazyLock::get(&lazy)), (7, Some(&7)));
    /// ```
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        this.once.is_completed().then(|| LazyLock::force(this))
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        this.once.is_completed().then(|| LazyLock::force_mut(this))
    }

    /// The value, made now if it has not been, to be changed.
    ///
    /// # Panics
    ///
    /// As [`LazyLock::force`].
    ///
    /// ```
    /// use goroutines::sync::LazyLock;
    /// let mut lazy = LazyLock::new(|| 7);
    /// *LazyLock::force_mut(&mut lazy) += 1;
    /// assert_eq!(*lazy, 8);
    /// ```
    #[inline]
    #[track_caller]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        LazyLock::force(this);
        // SAFETY: completed, so the value is there.
        unsafe { &mut this.data.get_mut().value }
    }

    #[cold]
    #[track_caller]
    fn init(&self) {
        if self.once.is_poisoned() {
            panic!("LazyLock instance has previously been poisoned");
        }
        self.once.call_once(|| {
            // SAFETY: this runs once, and nobody else looks at the cell before it is done: a
            // reference to it is exclusive.
            let data = unsafe { &mut *self.data.get() };
            // SAFETY: not run yet, so `init` is there; it is not used again, run or not.
            let f = unsafe { ManuallyDrop::take(&mut data.init) };
            data.value = ManuallyDrop::new(f());
        });
    }
}

impl<T, F> Drop for LazyLock<T, F> {
    fn drop(&mut self) {
        let data = self.data.get_mut();
        if self.once.is_completed() {
            // SAFETY: completed: the value is there, and not used again.
            unsafe { ManuallyDrop::drop(&mut data.value) };
        } else if !self.once.is_poisoned() {
            // SAFETY: never run (nobody runs it now: it is borrowed exclusively): `init` is there.
            unsafe { ManuallyDrop::drop(&mut data.init) };
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;
    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("LazyLock");
        if self.once.is_completed() {
            // SAFETY: as in `force`.
            let data = unsafe { &*self.data.get() };
            // SAFETY: as in `force`.
            d.field(unsafe { &*data.value });
        } else {
            d.field(&format_args!("<uninit>"));
        }
        d.finish()
    }
}

//! `RwLock`: many readers or one writer.
//!
//! Not for: the order in which waiters get it (`raw`), access to the data (`guard`).
#![allow(unsafe_code, reason = "the cell behind the guards")]

mod guard;
mod raw;
mod state;

use super::poison::{self, Flag};
pub use guard::{RwLockReadGuard, RwLockWriteGuard};
use raw::RawRwLock;
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A lock that many readers or one writer may have, as [`std::sync::RwLock`], that makes the goroutine
/// wait and not its thread.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::RwLock;
/// let lock = RwLock::new(vec![1]);
/// {
///     let (a, b) = (lock.read().unwrap(), lock.read().unwrap());
///     assert_eq!(a.len() + b.len(), 2);
/// }
/// lock.write().unwrap().push(2);
/// assert_eq!(lock.into_inner().unwrap(), [1, 2]);
/// # });
/// ```
///
/// # Who gets it
///
/// As in Go. A writer that waits for readers keeps new ones out, so they cannot starve it; for that reason
/// do not read-lock again what you have read-locked: with a writer waiting in between, both wait for
/// ever. When a writer is done all readers that came meanwhile get in before the next writer. Among
/// writers it is as with a [`Mutex`](super::Mutex): the quickest, until one has waited for more than a
/// millisecond.
///
/// It may be held across everything that waits, and guards may be sent to others.
///
/// # Poisoning
///
/// As in `std`: a panic of a *writer* poisons it, one of a reader does not. An
/// [`exit`](crate::exit) or a [`cancel`](crate::JoinHandle::cancel) does not either.
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    poison: Flag,
    data: UnsafeCell<T>,
}

// SAFETY: the lock lets one write guard or any number of read guards reach the data; the former needs
// `Send`, since it moves access between threads, the latter `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: whoever owns the lock owns the data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`.
    #[inline]
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            raw: RawRwLock::new(),
            poison: Flag::new(),
            data: UnsafeCell::new(value),
        }
    }

    /// The value itself.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.poison.get();
        poison::result(poisoned, self.data.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no writer has the lock or waits for it, and takes it for reading.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the guard is in the error.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.raw.read();
        // SAFETY: just locked.
        unsafe { RwLockReadGuard::new(self) }
    }

    /// Takes the lock for reading if no writer has it or waits for it; never waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if that is not so; [`TryLockError::Poisoned`], with the guard, if
    /// it is poisoned.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_read() {
            // SAFETY: just locked.
            Ok(unsafe { RwLockReadGuard::new(self) }?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Waits until nobody has the lock and takes it for writing.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the guard is in the error.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.raw.write();
        // SAFETY: just locked.
        unsafe { RwLockWriteGuard::new(self) }
    }

    /// Takes the lock for writing if nobody has it; never waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if somebody has it, or it is being handed to a writer that
    /// starved; [`TryLockError::Poisoned`], with the guard, if it is poisoned.
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_write() {
            // SAFETY: just locked.
            Ok(unsafe { RwLockWriteGuard::new(self) }?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether it is poisoned. Somebody else may change that at any time.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.get()
    }

    /// Makes it not poisoned any more, for when what it protects has been put in order.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value; nobody else can have it locked, so this takes no lock.
    ///
    /// # Errors
    ///
    /// If it is poisoned; the reference is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.poison.get();
        poison::result(poisoned, self.data.get_mut())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => d.field("data", &&*guard),
            Err(TryLockError::Poisoned(e)) => d.field("data", &&**e.get_ref()),
            Err(TryLockError::WouldBlock) => d.field("data", &format_args!("<locked>")),
        };
        d.field("poisoned", &self.poison.get())
            .finish_non_exhaustive()
    }
}

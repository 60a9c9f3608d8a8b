//! `SingleFlight`: several who want the same thing at the same time get it from one run.
//!
//! Not for: keeping results; nothing is cached.

use super::{Mutex, MutexGuard, OnceLock};
use goroutines_runtime::park::{self, Cancelled, Exited, is_panic};
use goroutines_runtime::shim::Arc;
use goroutines_runtime::shim::atomic::{AtomicBool, Ordering};
use std::any::Any;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;

/// Suppresses duplicate calls, as Go's `x/sync/singleflight`.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::sync::SingleFlight;
/// let flights = SingleFlight::new();
/// let load = |id: u32| flights.run(id, || format!("user {id}")).unwrap().value;
/// assert_eq!(load(7), "user 7");
/// # });
/// ```
///
/// While a call with some key runs, callers with an equal key wait for it and get a clone of its
/// value. Afterwards the next call runs again. Different keys have nothing to do with each other. A
/// function that may fail has a `Result` for its value.
pub struct SingleFlight<K, V> {
    calls: Mutex<HashMap<K, Arc<Call<V>>>>,
}

struct Call<V> {
    /// Whether somebody joined; settled before `end` is set.
    shared: AtomicBool,
    end: OnceLock<Result<V, Panicked>>,
}

/// What [`SingleFlight::run`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight<V> {
    /// What the call returned.
    pub value: V,
    /// Whether more than one caller got it.
    pub shared: bool,
}

/// The call panicked, called [`exit`](crate::exit), or was cancelled; each of its callers gets one of
/// these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    message: Arc<str>,
}

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Panicked {
        let text = if payload.is::<Exited>() {
            "its goroutine exited"
        } else if payload.is::<Cancelled>() {
            "its goroutine was cancelled"
        } else if let Some(text) = payload.downcast_ref::<&str>() {
            text
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text
        } else {
            "(no text)"
        };
        Panicked {
            message: text.into(),
        }
    }

    /// The text of the panic.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shared call panicked: {}", self.message)
    }
}

impl std::error::Error for Panicked {}

impl<K: Eq + Hash, V: Clone> SingleFlight<K, V> {
    /// With nothing in flight.
    #[must_use]
    pub fn new() -> SingleFlight<K, V> {
        SingleFlight {
            calls: Mutex::new(HashMap::new()),
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<K, Arc<Call<V>>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f`, or waits for the call with this key that runs already, and gives its value.
    ///
    /// `f` must not use the same key: it would wait for itself.
    ///
    /// # Errors
    ///
    /// If the call panicked: every caller gets the error, the one whose `f` it was included. If it
    /// called [`exit`](crate::exit) or was cancelled, that one goes on unwinding.
    pub fn run<F>(&self, key: K, f: F) -> Result<Flight<V>, Panicked>
    where
        K: Clone,
        F: FnOnce() -> V,
    {
        let call = match self.calls().entry(key.clone()) {
            Entry::Occupied(entry) => {
                let call = Arc::clone(entry.get());
                call.shared.store(true, Ordering::Relaxed);
                Err(call)
            }
            Entry::Vacant(entry) => {
                let call = Call {
                    shared: AtomicBool::new(false),
                    end: OnceLock::new(),
                };
                Ok(Arc::clone(entry.insert(Arc::new(call))))
            }
        };
        match call {
            Ok(call) => self.fly(&key, &call, f),
            Err(call) => call.value(),
        }
    }

    fn fly<F: FnOnce() -> V>(
        &self,
        key: &K,
        call: &Arc<Call<V>>,
        f: F,
    ) -> Result<Flight<V>, Panicked> {
        let outcome = catch_unwind(AssertUnwindSafe(f));
        // A cancel, or an exit, that was caught above must not keep the others from being told.
        let mut calls = park::shielded(|| self.calls());
        // Unless it was forgotten: then the entry, if there is one, is somebody else's.
        if calls.get(key).is_some_and(|now| Arc::ptr_eq(now, call)) {
            calls.remove(key);
        }
        drop(calls);
        let (end, payload) = match outcome {
            Ok(value) => (Ok(value), None),
            Err(payload) => (Err(Panicked::new(&*payload)), Some(payload)),
        };
        let _ = call.end.set(end);
        match payload {
            Some(payload) if !is_panic(&*payload) => resume_unwind(payload),
            _ => call.value(),
        }
    }

    /// Lets the next call with this key run even if one is in flight; those who wait for that one
    /// still get its value.
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let forgotten = self.calls().remove(key);
        drop(forgotten);
    }
}

impl<V: Clone> Call<V> {
    fn value(&self) -> Result<Flight<V>, Panicked> {
        let value = self.end.wait().clone()?;
        Ok(Flight {
            value,
            shared: self.shared.load(Ordering::Relaxed),
        })
    }
}

impl<K: Eq + Hash, V: Clone> Default for SingleFlight<K, V> {
    fn default() -> Self {
        SingleFlight::new()
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

//! `Send`, `Sync`, unwind safety and sizes, as in std where it has the same.

use goroutines::sync::{
    Barrier, BarrierWaitResult, Condvar, ErrGroup, LazyLock, Mutex, MutexGuard, Once, OnceLock,
    OwnedPermit, Permit, Pool, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SingleFlight,
    WaitTimeoutResult,
};
use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// Whether a type implements a trait, by the method that is found first.
macro_rules! implements {
    ($ty:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        trait No {
            const YES: bool = false;
        }
        impl<T: ?Sized> No for T {}
        struct Is<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $($bound)+> Is<T> {
            const YES: bool = true;
        }
        <Is<$ty>>::YES
    }};
}

fn all<T: Send + Sync + Debug>() {}
fn safe<T: UnwindSafe + RefUnwindSafe>() {}

#[test]
fn shared_by_all() {
    all::<Mutex<Cell<u32>>>();
    all::<RwLock<u32>>();
    all::<Condvar>();
    all::<Barrier>();
    all::<BarrierWaitResult>();
    all::<WaitTimeoutResult>();
    all::<Once>();
    all::<OnceLock<u32>>();
    all::<LazyLock<u32>>();
    all::<Semaphore>();
    all::<Permit<'_>>();
    all::<OwnedPermit>();
    all::<ErrGroup<Cell<u32>>>();
    all::<SingleFlight<u32, u32>>();
    all::<Pool<Cell<u32>>>();
    all::<MutexGuard<'_, u32>>();
    all::<RwLockReadGuard<'_, u32>>();
    all::<RwLockWriteGuard<'_, u32>>();
    safe::<Mutex<Cell<u32>>>();
    safe::<RwLock<Cell<u32>>>();
    safe::<Condvar>();
    safe::<Once>();
    safe::<OnceLock<u32>>();
    safe::<LazyLock<u32>>();
}

// CO-8: not copied, so not after its first use. MU-4, RW-5: what is not locked cannot be unlocked, as only guards
// unlock, and those are not copied. MM-10: atomics are std's.
#[test]
fn what_types_exclude() {
    assert!(!implements!(Condvar: Clone));
    assert!(!implements!(Mutex<u32>: Clone) && !implements!(RwLock<u32>: Clone));
    assert!(!implements!(MutexGuard<'static, u32>: Clone));
    assert!(!implements!(RwLockReadGuard<'static, u32>: Clone));
    assert!(!implements!(RwLockWriteGuard<'static, u32>: Clone));
    let _: std::sync::atomic::AtomicU32 = goroutines::sync::atomic::AtomicU32::new(0);
}

#[test]
fn bounds() {
    type Here = Rc<u32>;
    type StdGuard = std::sync::MutexGuard<'static, u32>;
    assert!(!implements!(Mutex<Here>: Sync) && !implements!(Mutex<Here>: Send));
    assert!(!implements!(RwLock<Cell<u32>>: Sync) && implements!(RwLock<Cell<u32>>: Send));
    assert!(!implements!(OnceLock<Cell<u32>>: Sync) && implements!(OnceLock<Cell<u32>>: Send));
    assert!(!implements!(LazyLock<Cell<u32>>: Sync) && implements!(LazyLock<Cell<u32>>: Send));
    assert!(!implements!(LazyLock<u32, Box<dyn Fn() -> u32>>: Sync));
    // MU-3: guards are `Send` if what they give access to is.
    assert!(implements!(MutexGuard<'static, Cell<u32>>: Send));
    assert!(!implements!(MutexGuard<'static, Cell<u32>>: Sync));
    assert!(!implements!(MutexGuard<'static, Here>: Send));
    assert!(implements!(MutexGuard<'static, StdGuard>: Sync));
    assert!(!implements!(MutexGuard<'static, StdGuard>: Send));
    assert!(!implements!(RwLockReadGuard<'static, Cell<u32>>: Send));
    assert!(implements!(RwLockReadGuard<'static, StdGuard>: Send));
    assert!(implements!(RwLockWriteGuard<'static, Cell<u32>>: Send));
    assert!(!implements!(RwLockWriteGuard<'static, StdGuard>: Send));
    assert!(!implements!(RwLockWriteGuard<'static, Cell<u32>>: Sync));
    assert!(!implements!(Pool<Here>: Send) && !implements!(Pool<Here>: Sync));
    assert!(!implements!(SingleFlight<u32, Cell<u32>>: Sync));
}

#[test]
fn sizes() {
    // A word, the queue's lock and its two ends.
    assert!(size_of::<Mutex<()>>() <= 40);
    assert!(size_of::<RwLock<()>>() <= 56);
    assert!(size_of::<Once>() <= 32);
    assert!(size_of::<MutexGuard<'_, ()>>() <= 16);
}

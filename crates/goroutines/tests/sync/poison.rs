//! Poisoning: what counts is the goroutine's own panic (SEMANTICS RH-1, R0.5).

use crate::support::{both, inside, moment, on_workers, quiet_panic, until};
use goroutines::sync::{Condvar, Mutex, RwLock, TryLockError};
use goroutines::{exit, sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn mutex_like_std() {
    both(|| {
        let mut mutex = Mutex::new(1);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().unwrap();
            quiet_panic()
        }));
        assert!(caught.is_err());
        assert!(mutex.is_poisoned());
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(e)) if **e.get_ref() == 1));
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
        assert!(mutex.get_mut().is_err());
        assert!(format!("{mutex:?}").contains("poisoned: true"));
        mutex.clear_poison();
        assert!(!mutex.is_poisoned());
        assert!(mutex.lock().is_ok());
        assert_eq!(mutex.into_inner().unwrap(), 1);
    });
}

#[test]
fn rwlock_like_std() {
    both(|| {
        let lock = RwLock::new(1);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.read().unwrap();
            quiet_panic()
        }));
        assert!(!lock.is_poisoned(), "readers do not poison");
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.write().unwrap();
            quiet_panic()
        }));
        assert!(lock.is_poisoned());
        assert!(lock.read().is_err());
        assert!(lock.write().is_err());
        assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
        assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
        lock.clear_poison();
        assert_eq!(lock.into_inner().unwrap(), 1);
    });
}

#[test]
fn a_guard_made_and_dropped_while_unwinding_does_not_poison() {
    struct Locks<'a>(&'a Mutex<u32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    both(|| {
        let mutex = Mutex::new(0);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _locks = Locks(&mutex);
            quiet_panic()
        }));
        assert_eq!(mutex.into_inner().unwrap(), 1);
    });
}

#[test]
fn exit_does_not_poison() {
    inside(|| {
        let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let (m, l) = (mutex.clone(), lock.clone());
        let gone = spawn(move || {
            let _both = (m.lock().unwrap(), l.write().unwrap());
            exit();
        });
        assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
        assert!(mutex.lock().is_ok());
        assert!(lock.write().is_ok());
    });
}

// A panic is one even if its goroutine has caught a cancel or an exit before.
#[test]
fn a_panic_after_a_caught_cancel_poisons() {
    inside(|| {
        for exits in [false, true] {
            let mutex = Arc::new(Mutex::new(0));
            let begun = Arc::new(AtomicBool::new(false));
            let (m, b) = (mutex.clone(), begun.clone());
            let panics = spawn(move || {
                b.store(true, Ordering::SeqCst);
                let caught = catch_unwind(|| match exits {
                    true => exit(),
                    false => sleep(Duration::MAX),
                });
                assert!(caught.is_err());
                let _guard = m.try_lock().unwrap();
                panic!("after all");
            });
            until("it has begun", || begun.load(Ordering::SeqCst));
            panics.cancel();
            assert!(panics.join().is_err());
            assert!(mutex.is_poisoned(), "exits: {exits}");
        }
    });
}

/// Waits in its destructor, in the middle of somebody's panic.
struct Lingers(Arc<AtomicBool>, Arc<AtomicUsize>);

impl Drop for Lingers {
    fn drop(&mut self) {
        assert!(std::thread::panicking());
        self.1.fetch_add(1, Ordering::SeqCst);
        until("somebody says so", || self.0.load(Ordering::SeqCst));
        assert!(std::thread::panicking());
    }
}

// RH-1a
fn others_on_the_worker_do_not_poison() {
    let (go_on, unwinding) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let held = Arc::new(Mutex::new(0));
    let broken: Vec<_> = (0..8)
        .map(|_| {
            let (g, u, m) = (go_on.clone(), unwinding.clone(), held.clone());
            spawn(move || {
                let _lingers = Lingers(g, u);
                let _guard = m.lock().unwrap_or_else(|e| e.into_inner());
                quiet_panic()
            })
        })
        .collect();
    until("all unwind", || unwinding.load(Ordering::SeqCst) == 8);
    assert!(held.is_poisoned());
    let healthy = Arc::new((Mutex::new(0), RwLock::new(0)));
    let others: Vec<_> = (0..64)
        .map(|_| {
            let h = healthy.clone();
            spawn(move || {
                assert!(!std::thread::panicking());
                for _ in 0..10 {
                    *h.0.lock().unwrap() += 1;
                    let mut guard = h.1.write().unwrap();
                    yield_now();
                    *guard += 1;
                }
            })
        })
        .collect();
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(
        (*healthy.0.lock().unwrap(), *healthy.1.read().unwrap()),
        (640, 640)
    );
    go_on.store(true, Ordering::SeqCst);
    for broken in broken {
        assert!(broken.join().is_err());
    }
}

// A destructor that waits for a lock while its goroutine panics (PA-14).
fn locks_wait_while_unwinding() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Arc::new(Mutex::new(0));
    let guard = mutex.lock().unwrap();
    let broken: Vec<_> = (0..10)
        .map(|_| {
            let locks = Locks(mutex.clone());
            spawn(move || {
                let _locks = locks;
                quiet_panic()
            })
        })
        .collect();
    sleep(Duration::from_millis(5));
    drop(guard);
    for broken in broken {
        assert!(broken.join().is_err());
    }
    assert_eq!(*mutex.lock().unwrap(), 10);
}

#[test]
fn a_condvar_wait_gives_the_poison_on() {
    inside(|| {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let p = pair.clone();
        let waiter = spawn(move || p.1.wait(p.0.lock().unwrap()).is_err());
        let p = pair.clone();
        let timed = spawn(move || {
            let guard = p.0.lock().unwrap();
            let result = p.1.wait_timeout(guard, Duration::from_secs(60));
            result.is_err_and(|e| !e.into_inner().1.timed_out())
        });
        moment();
        let p = pair.clone();
        let broken = spawn(move || {
            let _guard = p.0.lock().unwrap();
            p.1.notify_all();
            quiet_panic()
        });
        assert!(broken.join().is_err());
        assert!(waiter.join().unwrap());
        assert!(timed.join().unwrap());
    });
}

#[test]
fn exit_while_waiting_leaves_the_mutex_in_order() {
    inside(|| {
        let mutex = Arc::new(Mutex::new(0));
        let m = mutex.clone();
        // Caught, as a user's `catch_unwind` may do; the next wait unwinds again (PA-10).
        let gone = spawn(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| exit()));
            let guard = m.lock().unwrap();
            let _guard = Condvar::new().wait(guard);
            unreachable!("nothing recovers an exit");
        });
        assert!(gone.join().unwrap_err().is::<goroutines::Exited>());
        assert!(mutex.try_lock().is_ok());
    });
}

on_workers! { others_on_the_worker_do_not_poison locks_wait_while_unwinding }

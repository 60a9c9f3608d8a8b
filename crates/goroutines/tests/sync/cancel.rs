//! Goroutines that are cancelled while they wait, or while they hold something.

use crate::support::{everybody, inside, moment, on_workers, rounds, until};
use goroutines::sync::{Barrier, Condvar, ErrGroup, Mutex, Once, OnceLock, RwLock, Semaphore};
use goroutines::{Cancelled, JoinHandle, sleep, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Starts `f`, lets it wait, cancels it, and sees it unwind.
#[track_caller]
fn cancelled<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) {
    let waits = spawn(f);
    moment();
    end(waits);
}

#[track_caller]
fn end<T>(waits: JoinHandle<T>) {
    assert!(!waits.is_finished());
    waits.cancel();
    assert!(waits.join().is_err_and(|e| e.is::<Cancelled>()));
}

#[test]
fn waiting_for_a_mutex() {
    inside(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let m = mutex.clone();
        cancelled(move || *m.lock().unwrap() = 9);
        let m = mutex.clone();
        let stays = spawn(move || *m.lock().unwrap() += 1);
        moment();
        let m = mutex.clone();
        cancelled(move || *m.lock().unwrap() = 9);
        drop(guard);
        stays.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn holding_locks_does_not_poison() {
    inside(|| {
        let locks = Arc::new((Mutex::new(0), RwLock::new(0), Semaphore::new(1)));
        let l = locks.clone();
        cancelled(move || {
            let _all = (l.0.lock().unwrap(), l.1.write().unwrap(), l.2.acquire(1));
            sleep(Duration::MAX);
        });
        assert!(locks.0.try_lock().is_ok() && locks.1.try_write().is_ok());
        assert_eq!(locks.2.available(), 1);
        // But a panic does, even if the goroutine was to be cancelled.
        let l = locks.clone();
        let told = Arc::new(AtomicBool::new(false));
        let t = told.clone();
        let panics = spawn(move || {
            let _guard = l.0.lock().unwrap();
            while !t.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            crate::support::quiet_panic()
        });
        // From a thread: it does not leave its worker to anybody.
        goroutines::blocking(|| {
            until("it has the lock", || locks.0.try_lock().is_err());
            panics.cancel();
            told.store(true, Ordering::SeqCst);
        });
        assert!(panics.join().is_err_and(|e| !e.is::<Cancelled>()));
        assert!(locks.0.is_poisoned());
    });
}

// The readers behind a writer that gives up get in.
#[test]
fn waiting_for_an_rwlock() {
    inside(|| {
        let lock = Arc::new(RwLock::new(0));
        let reader = lock.read().unwrap();
        let l = lock.clone();
        let writer = spawn(move || *l.write().unwrap() = 9);
        moment();
        let l = lock.clone();
        let behind = spawn(move || *l.read().unwrap());
        moment();
        assert!(!behind.is_finished());
        end(writer);
        assert_eq!(behind.join().unwrap(), 0);
        drop(reader);
        let guard = lock.write().unwrap();
        let l = lock.clone();
        cancelled(move || *l.read().unwrap());
        drop(guard);
        assert!(lock.try_write().is_ok() && lock.try_read().is_ok());
    });
}

#[test]
fn waiting_on_a_condvar() {
    inside(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let p = pair.clone();
        cancelled(move || {
            let _guard = p.1.wait(p.0.lock().unwrap()).unwrap();
        });
        assert!(pair.0.try_lock().is_ok(), "it left without the mutex");
        let p = pair.clone();
        let first = spawn(move || p.1.wait(p.0.lock().unwrap()).map(|_| ()).unwrap());
        moment();
        let p = pair.clone();
        let second = spawn(move || p.1.wait(p.0.lock().unwrap()).map(|_| ()).unwrap());
        moment();
        end(first);
        // The signal is not lost with it.
        pair.1.notify_one();
        second.join().unwrap();
    });
}

#[test]
fn waiting_for_the_rest() {
    inside(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let one = semaphore.acquire(1);
        let s = semaphore.clone();
        let head = spawn(move || s.acquire(2).forget());
        moment();
        let s = semaphore.clone();
        let behind = spawn(move || s.acquire(1).count());
        moment();
        end(head);
        assert_eq!(behind.join().unwrap(), 1);
        drop(one);
        assert_eq!(semaphore.available(), 2);

        let barrier = Arc::new(Barrier::new(2));
        let b = barrier.clone();
        cancelled(move || b.wait().is_leader());
        let b = barrier.clone();
        let waits = spawn(move || b.wait().is_leader());
        moment();
        assert!(!waits.is_finished(), "who has left does not count");
        assert!(barrier.wait().is_leader());
        assert!(!waits.join().unwrap());

        let cell = Arc::new(OnceLock::new());
        let c = cell.clone();
        cancelled(move || *c.wait());
        let c = cell.clone();
        cancelled(move || {
            *c.get_or_init(|| {
                sleep(Duration::MAX);
                1
            })
        });
        assert_eq!(*cell.get_or_init(|| 2), 2);

        let once = Arc::new(Once::new());
        let o = once.clone();
        cancelled(move || o.call_once(|| sleep(Duration::MAX)));
        once.call_once_force(|state| assert!(state.is_poisoned()));

        let group = ErrGroup::<()>::new();
        group.set_limit(Some(0));
        let g = group.clone();
        cancelled(move || g.go(|| Ok(())));
        group.wait().unwrap();
    });
}

// A destructor that waits for a lock finishes, though its goroutine is cancelled meanwhile.
#[test]
fn waiting_while_it_unwinds() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    inside(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let (a, b) = (Locks(mutex.clone()), Locks(mutex.clone()));
        let panics = spawn(move || {
            let _a = a;
            crate::support::quiet_panic()
        });
        let waits = spawn(move || {
            let _b = b;
            sleep(Duration::MAX);
        });
        moment();
        panics.cancel();
        waits.cancel();
        moment();
        waits.cancel();
        assert!(!panics.is_finished() && !waits.is_finished());
        drop(guard);
        assert!(panics.join().is_err());
        assert!(waits.join().is_err());
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

// A guard's destructor lets others run if the time slice is over, and does not unwind.
#[goroutines::test(workers = 1)]
fn letting_go() {
    fn check<L: Default + Send + Sync + 'static>(hold: fn(&L, &dyn Fn()), wait: fn(&L)) {
        let lock = Arc::new(L::default());
        let steps: Arc<[AtomicBool; 3]> = Arc::default();
        let (l, s) = (lock.clone(), steps.clone());
        let holder = spawn(move || {
            hold(&l, &|| {
                let l = l.clone();
                drop(spawn(move || wait(&l)));
                yield_now();
                s[0].store(true, Ordering::SeqCst);
                while !s[1].load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
            });
            s[2].store(true, Ordering::SeqCst);
            sleep(Duration::MAX);
        });
        // From a thread: it does not leave its worker to anybody.
        goroutines::blocking(|| {
            until("it has the lock", || steps[0].load(Ordering::SeqCst));
            holder.cancel();
            // Longer than its time slice.
            sleep(Duration::from_millis(40));
            steps[1].store(true, Ordering::SeqCst);
        });
        assert!(holder.join().is_err_and(|e| e.is::<Cancelled>()));
        assert!(steps[2].load(Ordering::SeqCst), "it unwound as it let go");
    }
    check::<Mutex<()>>(
        |lock, meanwhile| {
            let _guard = lock.lock().unwrap();
            meanwhile();
        },
        |lock| drop(lock.lock()),
    );
    check::<RwLock<()>>(
        |lock, meanwhile| {
            let _guard = lock.write().unwrap();
            meanwhile();
        },
        |lock| drop(lock.write()),
    );
    check::<RwLock<()>>(
        |lock, meanwhile| {
            let _guard = lock.read().unwrap();
            meanwhile();
        },
        |lock| drop(lock.write()),
    );
}

// Cancels that race with everything else: the locks stay whole.
fn at_any_moment() {
    let locks = Arc::new((Mutex::new(0_usize), RwLock::new(0_usize), Semaphore::new(3)));
    let (condvar, stop) = (Arc::new(Condvar::new()), Arc::new(AtomicBool::new(false)));
    let (done, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
    everybody(3, 1, |i| {
        if i == 0 {
            while !stop.load(Ordering::SeqCst) {
                condvar.notify_one();
                yield_now();
                sleep(Duration::from_micros(20));
            }
            return;
        }
        for round in 0..rounds(50) {
            let victims: Vec<_> = (0..10)
                .map(|v| {
                    let (l, c) = (locks.clone(), condvar.clone());
                    spawn(move || {
                        for _ in 0..20 {
                            let mut guard = l.0.lock().unwrap();
                            *guard += 1;
                            if v % 3 == 0 {
                                yield_now();
                            }
                            if v % 4 == 0 {
                                guard = c.wait(guard).unwrap();
                            }
                            drop(guard);
                            *l.1.write().unwrap() += 1;
                            let _permits = l.2.acquire(v % 3 + 1);
                            let _read = l.1.read().unwrap();
                            yield_now();
                        }
                    })
                })
                .collect();
            sleep(Duration::from_micros(round as u64 % 7 * 30));
            for victim in victims {
                victim.cancel();
                let which = if victim.join().is_ok() { &done } else { &gone };
                which.fetch_add(1, Ordering::SeqCst);
            }
        }
        if i == 1 {
            until("all are done", || {
                done.load(Ordering::SeqCst) + gone.load(Ordering::SeqCst) == rounds(50) * 30
            });
            stop.store(true, Ordering::SeqCst);
        }
    });
    assert!(locks.0.try_lock().is_ok());
    assert!(locks.1.try_write().is_ok());
    assert_eq!(locks.2.available(), 3);
}

on_workers! { at_any_moment }

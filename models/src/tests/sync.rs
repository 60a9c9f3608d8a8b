//! Locks and their kin. In each model, data that a lock protects is in a cell of loom's, which notices two at a time.

use super::{cancelled, model};
use crate::park::When;
use crate::sync::{Barrier, Condvar, Mutex, OnceLock, RwLock, RwLockWriteGuard, Semaphore};
use loom::cell::UnsafeCell;
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// No time passes: nobody starves.
const CALM: Duration = Duration::ZERO;
/// Whoever waits twice has waited for too long.
const LONG: Duration = Duration::from_millis(2);

/// Runs each of them in a thread, the last one here.
fn together<const N: usize>(all: [Box<dyn FnOnce() + Send>; N]) {
    let mut all = Vec::from(all);
    let here = all.pop();
    let threads: Vec<_> = all.into_iter().map(thread::spawn).collect();
    if let Some(here) = here {
        here();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A number that only one at a time may change.
struct Data(UnsafeCell<u32>);

// SAFETY: loom checks it.
unsafe impl Sync for Data {}
// SAFETY: it is a number.
unsafe impl Send for Data {}

impl Data {
    fn new() -> Data {
        Data(UnsafeCell::new(0))
    }

    fn add(&self) {
        // SAFETY: loom checks that nobody else does.
        self.0.with_mut(|n| unsafe { *n += 1 });
    }

    fn get(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.0.with(|n| unsafe { *n })
    }
}

fn locks(mutex: &Arc<Mutex<Data>>, times: usize) -> Box<dyn FnOnce() + Send> {
    let mutex = mutex.clone();
    Box::new(move || {
        for _ in 0..times {
            mutex.lock().unwrap().add();
        }
    })
}

/// Runs `f` as one that is cancelled.
fn gone(when: When, f: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        cancelled(when, f);
    })
}

#[test]
fn loom_mutex_two_twice() {
    for step in [CALM, LONG] {
        model(5, step, || {
            let mutex = Arc::new(Mutex::new(Data::new()));
            together([locks(&mutex, 2), locks(&mutex, 2)]);
            assert_eq!(mutex.lock().unwrap().get(), 4);
        });
    }
}

#[test]
fn loom_mutex_three() {
    for step in [CALM, LONG] {
        model(2, step, || {
            let mutex = Arc::new(Mutex::new(Data::new()));
            together([locks(&mutex, 1), locks(&mutex, 1), locks(&mutex, 2)]);
            assert_eq!(mutex.lock().unwrap().get(), 4);
        });
    }
}

#[test]
fn loom_mutex_a_waiter_is_cancelled() {
    for step in [CALM, LONG] {
        model(3, step, || {
            let mutex = Arc::new(Mutex::new(Data::new()));
            let m = mutex.clone();
            let leaves = gone(When::Parked, move || m.lock().unwrap().add());
            together([leaves, locks(&mutex, 1), locks(&mutex, 1)]);
            assert!(mutex.try_lock().unwrap().get() >= 2);
        });
    }
}

// One that was woken, missed the lock, and is cancelled when it is about to wait again: it has to wake
// another instead.
#[test]
fn loom_mutex_a_woken_waiter_is_cancelled() {
    for step in [CALM, LONG] {
        model(2, step, || {
            let mutex = Arc::new(Mutex::new(Data::new()));
            let m = mutex.clone();
            let leaves = gone(When::Begins(1), move || m.lock().unwrap().add());
            together([leaves, locks(&mutex, 1), locks(&mutex, 2)]);
            assert!(mutex.try_lock().unwrap().get() >= 3);
        });
    }
}

fn reads(lock: &Arc<RwLock<Data>>) -> Box<dyn FnOnce() + Send> {
    let lock = lock.clone();
    Box::new(move || {
        lock.read().unwrap().get();
    })
}

fn reads_twice(lock: &Arc<RwLock<Data>>) -> Box<dyn FnOnce() + Send> {
    let lock = lock.clone();
    Box::new(move || {
        let before = lock.read().unwrap().get();
        assert!(lock.read().unwrap().get() >= before);
    })
}

fn writes(lock: &Arc<RwLock<Data>>, times: usize) -> Box<dyn FnOnce() + Send> {
    let lock = lock.clone();
    Box::new(move || {
        for _ in 0..times {
            lock.write().unwrap().add();
        }
    })
}

/// What is in a lock that nobody has and nobody waits for.
fn free(lock: &RwLock<Data>) -> u32 {
    let value = lock.try_read().unwrap().get();
    assert_eq!(lock.try_write().unwrap().get(), value);
    value
}

/// RW-7, MM-7
#[test]
fn loom_rwlock_writers_and_a_reader() {
    for (preemptions, step) in [(2, CALM), (3, LONG)] {
        model(preemptions, step, || {
            let lock = Arc::new(RwLock::new(Data::new()));
            together([writes(&lock, 1), reads(&lock), writes(&lock, 2)]);
            assert_eq!(free(&lock), 3);
        });
    }
}

/// RW-7, MM-7
#[test]
fn loom_rwlock_readers_and_a_writer() {
    model(3, CALM, || {
        let lock = Arc::new(RwLock::new(Data::new()));
        together([reads(&lock), writes(&lock, 1), reads(&lock)]);
        assert_eq!(free(&lock), 1);
    });
}

// Between two writers readers come and go: whoever wakes the second one, or lets it wait on, does not
// forget it.
#[test]
fn loom_rwlock_a_reader_comes_again() {
    for step in [CALM, LONG] {
        model(2, step, || {
            let lock = Arc::new(RwLock::new(Data::new()));
            together([writes(&lock, 1), reads_twice(&lock), writes(&lock, 1)]);
            assert_eq!(free(&lock), 2);
        });
    }
}

// One that was woken misses the lock, because a reader has come, and is cancelled: the other one, which
// has queued behind a writer, is pending then.
#[test]
fn loom_rwlock_a_woken_writer_is_cancelled_beside_a_reader() {
    model(3, CALM, || {
        let lock = Arc::new(RwLock::new(Data::new()));
        let (l, m) = (lock.clone(), lock.clone());
        let leaves = gone(When::Begins(1), move || l.write().unwrap().add());
        let comes_again = Box::new(move || {
            m.write().unwrap().add();
            m.read().unwrap().get();
        });
        together([comes_again as Box<_>, leaves, writes(&lock, 1)]);
        free(&lock);
    });
}

#[test]
fn loom_rwlock_downgrade() {
    for step in [CALM, LONG] {
        model(2, step, || {
            let lock = Arc::new(RwLock::new(Data::new()));
            let l = lock.clone();
            let downgrades = Box::new(move || {
                let guard = l.write().unwrap();
                guard.add();
                let guard = RwLockWriteGuard::downgrade(guard);
                guard.get();
            });
            together([writes(&lock, 1), reads(&lock), downgrades]);
            assert_eq!(free(&lock), 2);
        });
    }
}

// A reader is there, a writer gives up, and another reader waits for it.
#[test]
fn loom_rwlock_a_writer_is_cancelled() {
    for step in [CALM, LONG] {
        model(2, step, || {
            let lock = Arc::new(RwLock::new(Data::new()));
            let l = lock.clone();
            let leaves = gone(When::Parked, move || l.write().unwrap().add());
            together([reads(&lock), leaves, reads(&lock)]);
            free(&lock);
        });
    }
}

#[test]
fn loom_rwlock_a_writer_is_cancelled_beside_another() {
    model(3, LONG, || {
        let lock = Arc::new(RwLock::new(Data::new()));
        let l = lock.clone();
        let leaves = gone(When::Parked, move || l.write().unwrap().add());
        together([writes(&lock, 1), leaves, reads(&lock)]);
        free(&lock);
    });
}

#[test]
fn loom_rwlock_a_woken_writer_is_cancelled() {
    model(3, CALM, || {
        let lock = Arc::new(RwLock::new(Data::new()));
        let l = lock.clone();
        let leaves = gone(When::Begins(1), move || l.write().unwrap().add());
        together([writes(&lock, 2), leaves, reads(&lock)]);
        free(&lock);
    });
}

#[test]
fn loom_condvar_a_signal_finds_who_waits() {
    model(5, CALM, || {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let (p, q) = (pair.clone(), pair.clone());
        let waits = Box::new(move || {
            drop(p.1.wait_while(p.0.lock().unwrap(), |go| !*go).unwrap());
        });
        let signals = Box::new(move || {
            *q.0.lock().unwrap() = true;
            q.1.notify_one();
        });
        together([waits as Box<_>, signals]);
    });
}

/// CO-2, CO-7, MM-9: who waits does not return before the signal, and sees what was done before it; the mutex is
/// not between the two.
#[test]
fn loom_condvar_a_signal_orders() {
    model(5, CALM, || {
        let all = Arc::new((Mutex::new(()), Condvar::new(), Data::new()));
        let (mutex, condvar, data) = &*all;
        let guard = mutex.lock().unwrap();
        let theirs = all.clone();
        let signals = thread::spawn(move || {
            // The other one waits from then on.
            drop(theirs.0.lock().unwrap());
            theirs.2.add();
            theirs.1.notify_one();
        });
        drop(condvar.wait(guard).unwrap());
        assert_eq!(data.get(), 1);
        signals.join().unwrap();
    });
}

// Two wait, one of them with a timeout; one signal: the other one gets it, or both have returned.
#[test]
fn loom_condvar_a_signal_is_not_lost_to_a_timeout() {
    model(2, CALM, || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let (p, q, r) = (pair.clone(), pair.clone(), pair);
        let takes = Box::new(move || {
            let mut guard = p.1.wait_while(p.0.lock().unwrap(), |n| *n == 0).unwrap();
            *guard -= 1;
        });
        let times_out = Box::new(move || {
            let guard = q.0.lock().unwrap();
            drop(q.1.wait_timeout(guard, Duration::from_secs(1)).unwrap());
            // Takes nothing; if it was woken for it, it passes that on.
            q.1.notify_one();
        });
        let gives = Box::new(move || {
            *r.0.lock().unwrap() += 1;
            r.1.notify_one();
        });
        together([takes as Box<_>, times_out, gives]);
    });
}

#[test]
fn loom_condvar_notify_all() {
    model(3, CALM, || {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let waits = || {
            let p = pair.clone();
            Box::new(move || {
                drop(p.1.wait_while(p.0.lock().unwrap(), |go| !*go).unwrap());
            }) as Box<dyn FnOnce() + Send>
        };
        let p = pair.clone();
        let signals = Box::new(move || {
            *p.0.lock().unwrap() = true;
            p.1.notify_all();
        });
        together([waits(), waits(), signals]);
    });
}

#[test]
fn loom_once_lock_three_at_a_time() {
    model(2, CALM, || {
        let cell = Arc::new(OnceLock::new());
        let inits = |n: u32| {
            let cell = cell.clone();
            Box::new(move || {
                let seen = *cell.get_or_init(|| n);
                assert_eq!(cell.get(), Some(&seen));
            }) as Box<dyn FnOnce() + Send>
        };
        let c = cell.clone();
        let waits = Box::new(move || {
            c.wait();
        });
        together([waits, inits(1), inits(2)]);
    });
}

#[test]
fn loom_once_lock_a_failed_run_lets_the_next_try() {
    model(2, CALM, || {
        let cell = Arc::new(OnceLock::new());
        let (c, d, e) = (cell.clone(), cell.clone(), cell);
        let fails = Box::new(move || {
            let run = || *c.get_or_init(|| std::panic::resume_unwind(Box::new(())));
            let _ = catch_unwind(AssertUnwindSafe(run));
        });
        let waits = Box::new(move || assert_eq!(*d.wait(), 5));
        let inits = Box::new(move || assert_eq!(*e.get_or_init(|| 5), 5));
        together([fails as Box<_>, waits, inits]);
    });
}

#[test]
fn loom_semaphore_in_order() {
    model(3, CALM, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let takes = |n: usize| {
            let s = semaphore.clone();
            Box::new(move || drop(s.acquire(n))) as Box<dyn FnOnce() + Send>
        };
        together([takes(2), takes(1), takes(2)]);
        assert_eq!(semaphore.available(), 2);
        assert!(semaphore.try_acquire(2).is_some());
    });
}

// The head of the queue gives up, and the next one fits, though nobody releases anything.
#[test]
fn loom_semaphore_a_head_gives_up() {
    model(5, CALM, || {
        let semaphore = Arc::new(Semaphore::new(2));
        let one = semaphore.acquire(1);
        let (s, t) = (semaphore.clone(), semaphore.clone());
        let gives_up = Box::new(move || drop(s.acquire_timeout(2, Duration::from_secs(1))));
        let one_more = Box::new(move || drop(t.acquire(1)));
        together([gives_up as Box<_>, one_more]);
        drop(one);
        assert!(semaphore.try_acquire(2).is_some());
    });
}

#[test]
fn loom_barrier_twice() {
    model(5, CALM, || {
        let (barrier, data) = (Arc::new(Barrier::new(2)), Arc::new(Data::new()));
        let waits = || {
            let (b, d) = (barrier.clone(), data.clone());
            Box::new(move || {
                for _ in 0..2 {
                    // The leader changes it alone, between the barriers.
                    if b.wait().is_leader() {
                        d.add();
                    }
                    b.wait();
                }
                assert_eq!(d.get(), 2);
            }) as Box<dyn FnOnce() + Send>
        };
        together([waits(), waits()]);
    });
}

//! The lock of a channel, which leans to the worker that takes it: against others who want it.

use super::channel::model;
use crate::channel::slot::lock::Core;
use crate::park::{be_a_worker, bias};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A lock, and what it protects.
struct Counted(Core, UnsafeCell<usize>);

// SAFETY: the cell is reached with the lock held, or loom complains.
unsafe impl Sync for Counted {}

impl Counted {
    /// One that leans to the caller's worker.
    fn leaning() -> Arc<Counted> {
        let counted = Arc::new(Counted(Core::new(0), UnsafeCell::new(0)));
        counted.add();
        counted.add();
        counted
    }

    fn add(&self) {
        let _guard = self.0.lock();
        self.1.with_mut(|count| {
            // SAFETY: the lock is held.
            unsafe { *count += 1 };
        });
    }

    fn count(&self) -> usize {
        let _guard = self.0.lock();
        self.1.with(|count| {
            // SAFETY: the lock is held.
            unsafe { *count }
        })
    }
}

#[test]
fn loom_a_lock_that_leans_to_one_of_two() {
    model(4, || {
        bias::set_possible(true);
        be_a_worker(1);
        let counted = Counted::leaning();
        let theirs = counted.clone();
        let other = thread::spawn(move || {
            be_a_worker(2);
            theirs.add();
        });
        counted.add();
        counted.add();
        other.join().unwrap();
        assert_eq!(counted.count(), 5);
    });
}

#[test]
fn loom_a_lock_that_two_others_want() {
    model(2, || {
        bias::set_possible(true);
        be_a_worker(1);
        let counted = Counted::leaning();
        let others = [0, 2].map(|number| {
            let theirs = counted.clone();
            thread::spawn(move || {
                be_a_worker(number);
                theirs.add();
            })
        });
        counted.add();
        others.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(counted.count(), 5);
    });
}

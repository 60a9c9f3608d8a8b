//! A lock that leans to a worker, or is about to: taken by that worker, by others, and by two at once.

use super::channel::{NEVER, chan, model, recv, send};
use crate::channel::env::{Moment, begin_with};
use crate::channel::slot::lock::Core;
use crate::park::be_a_worker;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// It leans to worker 1.
const LEANS: u32 = 1 << 17 | 1;
/// It will when worker 1 has taken it once more.
const NEARLY: u32 = ((1 << 31) - (1 << 24)) | 1;

/// A lock, and what it protects.
struct Counted(Core, UnsafeCell<usize>);

// SAFETY: the cell is reached with the lock held, or loom complains.
unsafe impl Sync for Counted {}

impl Counted {
    fn begin_with(word: u32) -> Arc<Counted> {
        begin_with(&[word]);
        Arc::new(Counted(Core::new(0), UnsafeCell::new(0)))
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
    for word in [LEANS, NEARLY] {
        model(4, move || {
            be_a_worker(1);
            let counted = Counted::begin_with(word);
            let theirs = counted.clone();
            let other = thread::spawn(move || {
                be_a_worker(2);
                theirs.add();
            });
            (0..3).for_each(|_| counted.add());
            other.join().unwrap();
            assert_eq!(counted.count(), 4);
        });
    }
}

#[test]
fn loom_a_lock_that_two_others_want() {
    for word in [LEANS, NEARLY] {
        model(3, move || {
            be_a_worker(1);
            let counted = Counted::begin_with(word);
            let others = [0, 2].map(|number| {
                let theirs = counted.clone();
                thread::spawn(move || {
                    be_a_worker(number);
                    theirs.add();
                })
            });
            (0..2).for_each(|_| counted.add());
            others.into_iter().for_each(|h| h.join().unwrap());
            assert_eq!(counted.count(), 4);
        });
    }
}

#[test]
fn loom_leaning_send_and_receive() {
    for (word, other, cap) in [(LEANS, 0, 0), (LEANS, 2, 1), (NEARLY, 2, 0), (NEARLY, 0, 1)] {
        model(5, move || {
            be_a_worker(1);
            begin_with(&[word]);
            let c = chan(cap);
            let d = c.clone();
            let sender = thread::spawn(move || {
                be_a_worker(other);
                send(&d, 1, NEVER).unwrap();
                send(&d, 2, NEVER).unwrap();
            });
            assert_eq!(recv(&c, NEVER), Some(1));
            assert_eq!(recv(&c, NEVER), Some(2));
            sender.join().unwrap();
        });
    }
}

/// Two others at once, of which one straightens it.
#[test]
fn loom_leaning_against_two() {
    for (word, cap) in [(LEANS, 0), (LEANS, 1), (NEARLY, 0)] {
        model(3, move || {
            be_a_worker(1);
            begin_with(&[word]);
            let c = chan(cap);
            let senders = [2, 0].map(|i| {
                let d = c.clone();
                thread::spawn(move || {
                    be_a_worker(i);
                    send(&d, 1, NEVER).unwrap();
                })
            });
            assert_eq!(recv(&c, NEVER), Some(1));
            assert_eq!(recv(&c, NEVER), Some(1));
            senders.into_iter().for_each(|h| h.join().unwrap());
        });
    }
}

/// The worker works in it, again and again, while another comes.
#[test]
fn loom_leaning_lock_alone() {
    for word in [LEANS, NEARLY] {
        model(5, move || {
            be_a_worker(1);
            begin_with(&[word]);
            let c = chan(2);
            let d = c.clone();
            let other = thread::spawn(move || {
                be_a_worker(2);
                send(&d, 3, NEVER).unwrap();
            });
            send(&c, 1, Moment::SOON).unwrap();
            assert!(recv(&c, Moment::SOON).is_some());
            send(&c, 2, Moment::SOON).unwrap();
            other.join().unwrap();
            assert!(recv(&c, Moment::SOON).is_some());
            assert!(recv(&c, Moment::SOON).is_some());
        });
    }
}

//! The queues that threads share, under real threads: many rounds, where the models try all orders of
//! a few steps.
#![allow(unsafe_code, reason = "is the deque's owner")]

use crate::g::list::{Linked, List};
use crate::sched::deque::Deque;
use crate::sched::inbox::Inbox;
use crate::shim::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::thread;

struct Item {
    number: u32,
    taken: AtomicU32,
    link: AtomicPtr<Item>,
}

// SAFETY: `link` is one field, and returned only here.
unsafe impl Linked for Item {
    fn link(&self) -> &AtomicPtr<Item> {
        &self.link
    }
}

fn items(n: u32) -> &'static [Item] {
    let item = |number| Item {
        number,
        taken: AtomicU32::new(0),
        link: AtomicPtr::default(),
    };
    Vec::leak((0..n).map(item).collect())
}

fn take(item: &Item) {
    item.taken.fetch_add(1, Ordering::Relaxed);
}

#[track_caller]
fn check(items: &[Item]) {
    let wrong = items.iter().find(|i| i.taken.load(Ordering::Relaxed) != 1);
    assert_eq!(
        wrong.map(|i| (i.number, i.taken.load(Ordering::Relaxed))),
        None
    );
}

const MANY: u32 = 100_000;

#[test]
fn deque_with_thieves() {
    let items = items(MANY);
    let deque = Deque::<Item>::new();
    let left = AtomicU32::new(MANY);
    let got = |item| {
        take(item);
        left.fetch_sub(1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while left.load(Ordering::Relaxed) > 0 {
                    match deque.steal() {
                        Some(item) => got(item),
                        None => thread::yield_now(),
                    }
                }
            });
        }
        // In bursts, so that it grows, runs empty, and is fought for at the last element.
        for (burst, some) in items.chunks(777).enumerate() {
            for item in some {
                // SAFETY: this is the owner's thread.
                unsafe { deque.push(item) };
            }
            for _ in 0..burst % 1000 {
                // SAFETY: this is the owner's thread.
                if let Some(item) = unsafe { deque.pop() } {
                    got(item);
                }
            }
        }
        // SAFETY: this is the owner's thread.
        while let Some(item) = unsafe { deque.pop() } {
            got(item);
        }
    });
    check(items);
}

#[test]
fn deque_is_a_stack_for_its_owner_and_a_queue_for_others() {
    let items = items(1000);
    let deque = Deque::<Item>::new();
    for (i, item) in items.iter().enumerate() {
        // SAFETY: this is the owner's thread.
        assert_eq!(unsafe { deque.push(item) }, i);
    }
    assert_eq!((deque.len(), deque.is_empty()), (1000, false));
    for i in 0..500 {
        assert_eq!(deque.oldest(), i as isize);
        assert_eq!(deque.steal().map(|item| item.number), Some(i));
        // SAFETY: this is the owner's thread.
        let newest = unsafe { deque.pop() };
        assert_eq!(newest.map(|item| item.number), Some(999 - i));
    }
    // SAFETY: this is the owner's thread.
    let newest = unsafe { deque.pop() };
    assert!(newest.is_none() && deque.steal().is_none());
    assert!(deque.is_empty());
}

#[test]
fn inbox_keeps_each_senders_order() {
    const SENDERS: usize = 4;
    let items = items(MANY);
    let inbox = Inbox::<Item>::new();
    thread::scope(|scope| {
        for mine in items.chunks(MANY as usize / SENDERS) {
            let inbox = &inbox;
            scope.spawn(move || mine.iter().for_each(|item| inbox.push(item)));
        }
        let list = List::new();
        let mut last = [None; SENDERS];
        let mut n = 0;
        while n < MANY {
            inbox.take(&list);
            while let Some(item) = list.pop_front() {
                take(item);
                n += 1;
                let sender = item.number as usize / (MANY as usize / SENDERS);
                assert!(last[sender] < Some(item.number), "{last:?} {}", item.number);
                last[sender] = Some(item.number);
            }
            thread::yield_now();
        }
    });
    assert!(inbox.is_empty());
    check(items);
}

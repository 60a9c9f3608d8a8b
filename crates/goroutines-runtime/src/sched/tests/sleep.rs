//! Models of going to sleep and being woken: nothing put where a worker looks is left lying while the
//! worker sleeps. Blocking is loom's `park`: a worker that is not unblocked is a deadlock, which loom
//! reports.

use super::item::Item;
use crate::g::list::List;
use crate::sched::inbox::Inbox;
use crate::sched::sleep::{Bed, SleepWord};
use crate::shim::atomic::{AtomicUsize, Ordering};
use crate::shim::{Arc, store_load_fence, thread};

/// As `futex::wake`, which others may come before: loom changes threads at atomic operations only.
fn unblock(thread: &thread::Thread, word: &SleepWord) {
    let _ = word.asleep();
    thread.unpark();
}

#[derive(Default)]
struct Worker {
    inbox: Inbox<Item>,
    sleep: SleepWord,
}

impl Worker {
    /// As `Here::sleep` in `idle`.
    fn sleep(&self, something_came: impl Fn() -> bool) {
        self.sleep.announce(Bed::Word);
        if !something_came() {
            while self.sleep.asleep() {
                thread::park();
            }
        }
        self.sleep.stay_awake();
    }

    /// Takes `n` items out, sleeping when there is none.
    fn serve(&self, n: usize) -> Vec<u32> {
        let list = List::new();
        let mut got = Vec::new();
        while got.len() < n {
            self.inbox.take(&list);
            match list.pop_front() {
                Some(item) => got.push(item.take()),
                None => self.sleep(|| !self.inbox.is_empty()),
            }
        }
        got
    }

    /// As `ready::send_home`; whether this call unblocked the worker.
    fn send(&self, number: u32, thread: &thread::Thread) -> bool {
        self.inbox.push(Item::leak().write(number));
        let woken = self.sleep.wake().is_some();
        if woken {
            unblock(thread, &self.sleep);
        }
        woken
    }
}

#[test]
fn loom_sleep_loses_no_wake_up() {
    loom::model(|| {
        let worker = Arc::new(Worker::default());
        let served = worker.clone();
        let thread = thread::spawn(move || served.serve(2));
        worker.send(1, thread.thread());
        worker.send(2, thread.thread());
        assert_eq!(thread.join().unwrap(), [1, 2]);
    });
}

#[test]
fn loom_sleep_with_two_wakers() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let worker = Arc::new(Worker::default());
        let served = worker.clone();
        let thread = thread::spawn(move || served.serve(2));
        let handle = thread.thread().clone();
        let other = worker.clone();
        let second = thread::spawn(move || other.send(2, &handle));
        worker.send(1, thread.thread());
        let mut got = thread.join().unwrap();
        second.join().unwrap();
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Of all who wake one sleep, one has to unblock the worker.
#[test]
fn loom_sleep_is_ended_by_one() {
    loom::model(|| {
        let word = Arc::new(SleepWord::new());
        word.announce(Bed::Word);
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let word = word.clone();
                thread::spawn(move || word.wake().is_some())
            })
            .collect();
        let woken = wakers
            .into_iter()
            .filter(|_| true)
            .map(|w| w.join().unwrap());
        assert_eq!(woken.filter(|&w| w).count(), 1);
        assert!(!word.asleep());
        word.stay_awake();
        assert!(word.wake().is_none());
    });
}

/// Who has to unblock a worker in its poller knows that poller, whoever made it.
#[test]
fn loom_sleep_tells_of_the_poller() {
    loom::model(|| {
        let word = Arc::new(SleepWord::new());
        let poller = Arc::new(AtomicUsize::new(0));
        let (slept, made) = (word.clone(), poller.clone());
        let thread = thread::spawn(move || {
            made.store(1, Ordering::Relaxed);
            slept.announce(Bed::Poller);
        });
        if word.wake() == Some(Bed::Poller) {
            assert_eq!(poller.load(Ordering::Relaxed), 1);
        }
        thread.join().unwrap();
    });
}

/// What a waker did before is visible to the worker that it unblocked, without any queue.
#[test]
fn loom_sleep_carries_what_was_done_before() {
    loom::model(|| {
        let word = Arc::new(SleepWord::new());
        let flag = Arc::new(AtomicUsize::new(0));
        let (slept, seen) = (word.clone(), flag.clone());
        let thread = thread::spawn(move || {
            slept.announce(Bed::Word);
            if seen.load(Ordering::Relaxed) == 0 {
                while slept.asleep() {
                    thread::park();
                }
            }
            slept.stay_awake();
            assert_eq!(seen.load(Ordering::Relaxed), 1);
        });
        flag.store(1, Ordering::Relaxed);
        if word.wake().is_some() {
            unblock(thread.thread(), &word);
        }
        thread.join().unwrap();
    });
}

/// The global queue: whoever fills it wakes somebody only if nobody is looking for work. Re-modelled
/// from `idle` (`search`, `sleep`, `wake_for_inject`), with a counter for the queue.
#[derive(Default)]
struct Idle {
    inject: AtomicUsize,
    searching: AtomicUsize,
    sleepers: AtomicUsize,
    workers: [SleepWord; 2],
}

impl Idle {
    fn pop(&self) -> bool {
        // A lock in the original; here it must only be taken by one.
        let mut n = self.inject.load(Ordering::Relaxed);
        while n > 0 {
            match self
                .inject
                .compare_exchange(n, n - 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    fn search(&self, threads: &[thread::Thread]) -> bool {
        self.searching.fetch_add(1, Ordering::Relaxed);
        let found = self.pop();
        self.searching.fetch_sub(1, Ordering::Relaxed);
        store_load_fence();
        if found {
            if self.inject.load(Ordering::Relaxed) > 0
                && self.searching.load(Ordering::Relaxed) == 0
            {
                self.wake_one(threads);
            }
            return true;
        }
        self.pop()
    }

    fn sleep(&self, index: usize) {
        self.sleepers.fetch_or(1 << index, Ordering::Relaxed);
        self.workers[index].announce(Bed::Word);
        if self.inject.load(Ordering::Relaxed) == 0 {
            while self.workers[index].asleep() {
                thread::park();
            }
        }
        self.workers[index].stay_awake();
        self.sleepers.fetch_and(!(1 << index), Ordering::Relaxed);
    }

    fn wake_one(&self, threads: &[thread::Thread]) {
        let bits = self.sleepers.load(Ordering::Relaxed);
        for (index, thread) in threads.iter().enumerate() {
            if bits & (1 << index) != 0 && self.workers[index].wake().is_some() {
                unblock(thread, &self.workers[index]);
                return;
            }
        }
    }

    fn push(&self, threads: &[thread::Thread]) {
        self.inject.fetch_add(1, Ordering::Release);
        store_load_fence();
        if self.searching.load(Ordering::Relaxed) == 0 {
            self.wake_one(threads);
        }
    }
}

#[test]
fn loom_sleep_and_the_global_queue() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let idle = Arc::new(Idle::default());
        let served = idle.clone();
        let worker = thread::spawn(move || {
            let mut n = 0;
            while n < 2 {
                // There is one worker, so nobody else would have to be woken.
                if served.search(&[]) {
                    n += 1;
                } else {
                    served.sleep(0);
                }
            }
        });
        let threads = [worker.thread().clone()];
        idle.push(&threads);
        idle.push(&threads);
        worker.join().unwrap();
        assert_eq!(idle.inject.load(Ordering::Relaxed), 0);
    });
}

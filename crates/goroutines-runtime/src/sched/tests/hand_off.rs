//! Model of the word in which the waker of a migratable goroutine meets the worker that it leaves:
//! re-modelled from `ready` and `park`, because what is around it switches stacks. The goroutine's
//! stack is a cell that only the worker it is on may touch.
#![allow(unsafe_code, reason = "shares a loom cell, which checks each access")]

use crate::g::state::{Cause, Ticket, WaitWord, Wakeable};
use crate::shim::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::shim::{Arc, thread};
use loom::cell::UnsafeCell;

const ON_STACK: u32 = 0;
const OFF_STACK: u32 = 1;
const WOKEN: u32 = 2;

#[derive(Default)]
struct Goroutine {
    wait: WaitWord,
    word: AtomicU32,
    stack: UnsafeCell<u32>,
    /// The queue in which its waker is found; 0: it has not got that far.
    enqueued: AtomicU64,
    /// How often it was queued to run, which whoever does so runs at once.
    queued: AtomicU32,
}

// SAFETY: loom fails a model in which two threads use a cell without an order between them.
unsafe impl Sync for Goroutine {}
// SAFETY: as above.
unsafe impl Send for Goroutine {}

impl Goroutine {
    fn use_stack(&self) {
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        self.stack.with_mut(|s| unsafe { *s += 1 });
    }

    /// As `prepare`.
    fn prepare(&self) -> Ticket {
        self.word.store(ON_STACK, Ordering::Relaxed);
        self.wait.begin(Wakeable::ByTicket)
    }

    /// As `left_stack`, on the worker.
    fn left_stack(&self) {
        if self.word.swap(OFF_STACK, Ordering::AcqRel) == WOKEN {
            self.resumed();
        }
    }

    /// As `ready_elsewhere`, by who has claimed it.
    fn ready(&self) {
        match self.word.swap(WOKEN, Ordering::AcqRel) {
            ON_STACK => {}
            _ => self.resumed(),
        }
    }

    /// Somebody took it from a queue.
    fn resumed(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.use_stack();
    }

    fn wake(&self, cause: Cause) -> bool {
        let ticket = self.enqueued.load(Ordering::Acquire);
        let claimed = ticket != 0 && self.wait.claim(Ticket::from_u64(ticket), cause);
        if claimed {
            self.ready();
        }
        claimed
    }
}

#[test]
fn loom_hand_off_runs_on_one_worker_at_a_time() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let wakers: Vec<_> = [Cause::Ready, Cause::Deadline]
            .into_iter()
            .map(|cause| {
                let g = g.clone();
                thread::spawn(move || g.wake(cause))
            })
            .collect();
        // On its worker.
        g.use_stack();
        let ticket = g.prepare();
        g.enqueued.store(ticket.as_u64(), Ordering::Release);
        g.use_stack();
        g.left_stack();
        let woken = wakers
            .into_iter()
            .map(|w| w.join().unwrap())
            .filter(|&w| w)
            .count();
        assert!(woken <= 1);
        // If both came too early, it is woken now.
        let late = g.wake(Cause::Ready);
        assert_eq!(woken + usize::from(late), 1);
        assert_eq!(g.queued.load(Ordering::Relaxed), 1);
    });
}

/// It waits again at once, on the worker of whoever resumed it, with the same word.
#[test]
fn loom_hand_off_word_is_used_again() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let first = g.prepare();
        let waker = {
            let g = g.clone();
            thread::spawn(move || {
                assert!(g.wait.claim(first, Cause::Ready));
                if g.word.swap(WOKEN, Ordering::AcqRel) != ON_STACK {
                    second_wait(&g);
                }
            })
        };
        g.use_stack();
        if g.word.swap(OFF_STACK, Ordering::AcqRel) == WOKEN {
            second_wait(&g);
        }
        waker.join().unwrap();
        assert_eq!(g.enqueued.load(Ordering::Relaxed), 2);
        assert!(!g.wait.claim(first, Cause::Ready), "a used ticket");
        assert!(g.wake(Cause::Ready));
        assert_eq!(g.queued.load(Ordering::Relaxed), 1);
    });
}

fn second_wait(g: &Goroutine) {
    g.use_stack();
    let ticket = g.prepare();
    g.enqueued.store(ticket.as_u64(), Ordering::Release);
    g.use_stack();
    g.left_stack();
}

//! The models: the result is a cell that loom watches, a waiter is a thread that loom parks.

use crate::shim::atomic::{AtomicU32, Ordering};
use crate::shim::{Arc, thread};
use crate::spawn::join_word::{Finish, JoinWord};
use loom::cell::UnsafeCell;

/// As a record's address.
const ME: usize = 64;

#[derive(Default)]
struct Packet {
    word: JoinWord,
    out: UnsafeCell<u32>,
    taken: AtomicU32,
    /// The ticket of the waiter that the finisher woke.
    woken: AtomicU32,
}

// SAFETY: loom fails a model in which two threads use a cell without an order between them.
unsafe impl Sync for Packet {}
// SAFETY: as above.
unsafe impl Send for Packet {}

impl Packet {
    /// Moves the result out, or drops it.
    fn take(&self) -> u32 {
        self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        self.out
            .with_mut(|out| unsafe { std::mem::take(&mut *out) })
    }

    /// As the end of `Packet::entry` in `join`.
    fn finish(&self, waiter: Option<&thread::Thread>) {
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        self.out.with_mut(|out| unsafe { *out = 7 });
        match self.word.finish() {
            Finish::Nobody => {}
            Finish::Wake(who, ticket) => {
                assert_eq!(who, ME);
                self.woken.store(ticket as u32, Ordering::Relaxed);
                waiter.expect("nobody waits in this model").unpark();
            }
            Finish::Tell(who) => {
                self.woken.store(who as u32, Ordering::Relaxed);
                waiter.expect("nobody waits in this model").unpark();
            }
            Finish::DropResult => assert_eq!(self.take(), 7),
        }
    }

    /// As `Join::join`, when nothing else wakes it.
    fn join(&self, ticket: u64) {
        while !self.word.is_done() {
            if self.word.wait(ME, ticket) {
                while self.woken.load(Ordering::Relaxed) != ticket as u32 {
                    thread::park();
                }
                assert!(self.word.is_done());
            }
        }
        assert_eq!(self.take(), 7);
    }

    fn end(&self) {
        assert_eq!(
            self.taken.load(Ordering::Relaxed),
            1,
            "taken or dropped once"
        );
    }
}

fn finisher(packet: &Arc<Packet>) -> thread::JoinHandle<()> {
    let packet = packet.clone();
    let waiter = thread::current();
    thread::spawn(move || packet.finish(Some(&waiter)))
}

#[test]
fn loom_join_waiter_is_woken_or_sees_the_end() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        packet.join(1);
        ends.join().unwrap();
        packet.end();
    });
}

#[test]
fn loom_join_detached_result_is_dropped_once() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        if packet.word.detach() {
            assert_eq!(packet.take(), 7);
        }
        ends.join().unwrap();
        packet.end();
    });
}

/// Something else ends the wait; the handle waits once more with another ticket.
#[test]
fn loom_join_waits_again_after_giving_up() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        let waited = packet.word.wait(ME, 1);
        if waited && packet.word.give_up(ME) {
            packet.join(2);
            assert_ne!(
                packet.woken.load(Ordering::Relaxed),
                1,
                "a wait that was given up"
            );
        } else {
            assert!(packet.word.is_done());
            assert_eq!(packet.take(), 7);
        }
        ends.join().unwrap();
        packet.end();
    });
}

#[test]
fn loom_join_detaches_after_giving_up() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        if packet.word.wait(ME, 1) {
            let _ = packet.word.give_up(ME);
        }
        if packet.word.detach() {
            assert_eq!(packet.take(), 7);
        }
        ends.join().unwrap();
        packet.end();
    });
}

/// `is_finished` on another thread: if it says so, what was left is visible.
#[test]
fn loom_join_is_done_publishes_the_result() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        if packet.word.is_done() {
            assert_eq!(packet.take(), 7);
        } else {
            ends.join().unwrap();
            assert_eq!(packet.take(), 7);
        }
    });
}

/// A task polls with one waker, then with another, and sleeps in between; it need not sleep for ever.
#[test]
fn loom_join_polled_task_is_told_or_sees_the_end() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        let mut held = 0;
        for task in [64, 128] {
            if let Some(old) = packet.word.take_back() {
                assert_eq!(old, 64);
                held -= 1;
            }
            if packet.word.is_done() || !packet.word.leave(task) {
                break;
            }
            held += 1;
        }
        if held > 0 && !packet.word.is_done() {
            while packet.woken.load(Ordering::Relaxed) == 0 {
                thread::park();
            }
        }
        assert!(packet.word.is_done());
        assert_eq!(packet.take(), 7);
        packet.word.take();
        assert!(!packet.word.detach());
        ends.join().unwrap();
        packet.end();
    });
}

/// A handle goes away after a poll: the waker is freed once, and so is the result.
#[test]
fn loom_join_dropped_after_a_poll() {
    loom::model(|| {
        let packet = Arc::new(Packet::default());
        let ends = finisher(&packet);
        let left = packet.word.leave(64);
        let back = packet.word.take_back().is_some();
        if packet.word.detach() {
            assert_eq!(packet.take(), 7);
        }
        ends.join().unwrap();
        let told = packet.woken.load(Ordering::Relaxed) != 0;
        assert_eq!(u32::from(left), u32::from(back) + u32::from(told));
        packet.end();
    });
}

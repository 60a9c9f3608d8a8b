//! Tests of the readiness word and of the slots, and the model of waiting for an event.

use super::readiness::{Look, Readiness};
#[cfg(not(loom))]
use super::{put_slot, table, take_slot};

#[cfg(not(loom))]
fn seen(word: &Readiness) -> super::readiness::Seen {
    match word.look() {
        Look::Ready(seen) => seen,
        other => panic!("{other:?}"),
    }
}

#[cfg(not(loom))]
#[test]
fn a_new_word_is_ready_until_somebody_knows_better() {
    let word = Readiness::default();
    word.would_block(seen(&word));
    assert_eq!(word.look(), Look::NotReady);
    assert!(!word.event(false));
    assert!(matches!(word.look(), Look::Ready(_)));
}

#[cfg(not(loom))]
#[test]
fn an_event_after_the_look_is_not_forgotten() {
    let word = Readiness::default();
    let before = seen(&word);
    word.event(false);
    word.would_block(before);
    word.short(before);
    assert!(matches!(word.look(), Look::Ready(_)));
}

#[cfg(not(loom))]
#[test]
fn a_waiter_is_looked_for_once() {
    let word = Readiness::default();
    word.would_block(seen(&word));
    assert_eq!(word.look_to_wait(), Look::NotReady);
    assert!(word.event(false));
    assert!(!word.event(false));
    assert!(matches!(word.look_to_wait(), Look::Ready(_)));
}

#[cfg(not(loom))]
#[test]
fn the_last_event_is_not_taken_for_short() {
    let word = Readiness::default();
    word.event(true);
    word.short(seen(&word));
    assert!(matches!(word.look(), Look::Ready(_)));
    word.would_block(seen(&word));
    assert_eq!(word.look(), Look::NotReady);
}

#[cfg(not(loom))]
#[test]
fn closed_is_for_good() {
    let word = Readiness::default();
    assert!(word.close());
    assert!(!word.close());
    word.event(false);
    assert_eq!(word.look(), Look::Closed);
}

#[cfg(not(loom))]
#[test]
fn slots_are_used_again_under_another_name() {
    let slot = take_slot().unwrap();
    let data = slot.data();
    assert!(std::ptr::eq(
        table::get(data as u32 as usize).unwrap(),
        slot
    ));
    put_slot(slot);
    assert!(!slot.is(data));
    let many: Vec<_> = (0..1_000).map(|_| take_slot().unwrap()).collect();
    for slot in many {
        let number = slot.data() as u32 as usize;
        assert!(std::ptr::eq(table::get(number).unwrap(), slot));
        put_slot(slot);
    }
    assert!(table::get(usize::MAX).is_none());
}

/// What `Slot` and `park::Registration` do, with a list of threads for the waiters: a reader that finds
/// nothing clears the word and waits; whatever comes, it is not left waiting.
#[cfg(loom)]
mod model {
    use super::{Look, Readiness};
    use crate::shim::atomic::{AtomicUsize, Ordering};
    use crate::shim::{Arc, thread};
    use loom::sync::Mutex;

    #[derive(Default)]
    struct Direction {
        word: Readiness,
        waiters: Mutex<Vec<thread::Thread>>,
        /// What there is to read; the kernel's part.
        data: AtomicUsize,
        closed: AtomicUsize,
    }

    impl Direction {
        /// The kernel's part: something has come, and there is an event for it.
        fn arrive(&self) {
            self.data.fetch_add(1, Ordering::SeqCst);
            if self.word.event(false) {
                self.wake();
            }
        }

        fn wake(&self) {
            let waiters = std::mem::take(&mut *self.waiters.lock().unwrap());
            waiters.iter().for_each(thread::Thread::unpark);
        }

        fn close(&self) {
            self.closed.store(1, Ordering::Relaxed);
            self.word.close();
            self.wake();
        }

        /// Reads one; `false`: it was closed.
        fn read(&self) -> bool {
            loop {
                match self.word.look() {
                    Look::Closed => return false,
                    Look::Ready(seen) => {
                        let data = self.data.load(Ordering::SeqCst);
                        if data > 0 {
                            self.data.fetch_sub(1, Ordering::SeqCst);
                            if data == 1 {
                                self.word.short(seen);
                            }
                            return true;
                        }
                        self.word.would_block(seen);
                    }
                    Look::NotReady => self.wait(),
                }
            }
        }

        fn wait(&self) {
            let mut waiters = self.waiters.lock().unwrap();
            if self.word.look_to_wait() == Look::NotReady {
                waiters.push(thread::current());
                drop(waiters);
                thread::park();
            }
        }
    }

    #[test]
    fn loom_poll_no_event_is_lost() {
        loom::model(|| {
            let direction = Arc::new(Direction::default());
            let reader = direction.clone();
            let thread = thread::spawn(move || reader.read() && reader.read());
            direction.arrive();
            direction.arrive();
            assert!(thread.join().unwrap());
        });
    }

    #[test]
    fn loom_poll_close_frees_the_reader() {
        loom::model(|| {
            let direction = Arc::new(Direction::default());
            let reader = direction.clone();
            let thread = thread::spawn(move || {
                let read = reader.read();
                // What was done before `close` is visible to who sees that it was called.
                assert!(read || reader.closed.load(Ordering::Relaxed) == 1);
            });
            let closer = direction.clone();
            let other = thread::spawn(move || closer.close());
            direction.arrive();
            other.join().unwrap();
            thread.join().unwrap();
        });
    }
}

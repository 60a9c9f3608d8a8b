//! The bell word: steps one by one, and the model of an owner with two ringers.

use crate::g::bell_word::BellWord;

#[cfg(not(loom))]
#[test]
fn a_ring_while_polling_prevents_the_wait() {
    use crate::g::state::Ticket;
    let word = BellWord::new();
    assert!(!word.hear());
    assert_eq!(word.ring(), None);
    assert_eq!(word.ring(), None, "two rings are one");
    assert!(!word.wait(Ticket::from_u64(1)));
    assert!(word.hear());
    assert!(word.wait(Ticket::from_u64(2)));
    assert_eq!(word.ring(), Some(Ticket::from_u64(2)));
    assert_eq!(word.ring(), None, "a ticket is given out once");
    assert!(word.hear());
}

#[cfg(not(loom))]
#[test]
fn a_wait_that_something_else_ended_leaves_nothing() {
    use crate::g::state::Ticket;
    let word = BellWord::new();
    assert!(word.wait(Ticket::from_u64(0)));
    assert!(!word.hear(), "nobody has rung");
    assert!(word.wait(Ticket::from_u64(1)));
}

/// The owner polls until it has seen what both ringers did, and sleeps in between: if a ring were
/// lost, it would sleep for ever.
#[cfg(loom)]
#[test]
fn loom_bell_no_ring_is_lost() {
    use crate::g::state::{Cause, WaitWord, Wakeable};
    use crate::shim::atomic::{AtomicU32, Ordering};
    use crate::shim::{Arc, thread};

    #[derive(Default)]
    struct Shared {
        bell: BellWord,
        wait: WaitWord,
        ready: [AtomicU32; 2],
    }

    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let owner = thread::current();
        let ringers: Vec<_> = (0..2)
            .map(|i| {
                let (shared, owner) = (shared.clone(), owner.clone());
                thread::spawn(move || {
                    shared.ready[i].store(1, Ordering::Relaxed);
                    if let Some(ticket) = shared.bell.ring()
                        && shared.wait.claim(ticket, Cause::Ready)
                    {
                        owner.unpark();
                    }
                })
            })
            .collect();
        loop {
            shared.bell.hear();
            // The poll: Relaxed, so that only the bell can make it see.
            if shared.ready.iter().all(|r| r.load(Ordering::Relaxed) == 1) {
                break;
            }
            let ticket = shared.wait.begin(Wakeable::ByTicket);
            if shared.bell.wait(ticket) {
                thread::park();
            } else {
                assert!(shared.wait.withdraw(ticket), "nobody had this ticket");
            }
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

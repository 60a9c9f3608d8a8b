//! A bell: what a `std::task::Waker` rings, and its owner waits for between two polls.
//!
//! Not for: polling. It may be rung from anywhere, any number of times, also after its owner has gone.

use super::{Moment, Reason, Wakeable, Waker, check, checkpoint, prepare};
use crate::current;
use crate::g::G;
use crate::g::bell_word::BellWord;
use crate::shim::Arc;
use std::task::Wake;

/// See the module's head. It belongs to the goroutine or thread that made it.
#[derive(Debug)]
pub struct Bell {
    owner: &'static G,
    word: BellWord,
}

impl Bell {
    /// A bell of whoever runs here.
    #[must_use]
    pub fn new() -> Bell {
        Bell {
            owner: current::waiter(),
            word: BellWord::new(),
        }
    }

    /// Rings it.
    pub fn ring(&self) {
        if let Some(ticket) = self.word.ring() {
            Waker::from_parts(self.owner, ticket).wake();
        }
    }

    /// Waits until it has been rung since the last call; only its owner may. It returns without having
    /// been rung only if a cancel was caught.
    ///
    /// Unwinds where every wait does.
    pub fn wait(&self, reason: Reason) {
        if self.word.hear() {
            // Whoever rings while it polls must not keep the others from running.
            checkpoint();
            return;
        }
        assert!(
            std::ptr::eq(self.owner, current::waiter()),
            "a bell is its owner's"
        );
        let wait = prepare(Wakeable::ByTicket);
        let cause = if self.word.wait(wait.waker().parts().1) {
            Some(wait.park(reason, Moment::NEVER))
        } else {
            wait.withdraw()
        };
        self.word.hear();
        cause.into_iter().for_each(check);
    }
}

impl Default for Bell {
    fn default() -> Self {
        Bell::new()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

//! A channel with one place, built on `park`: what skynet sends its sums over
//! until the library has channels.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use goroutines::{Goroutine, current, park};

/// Both ends of the channel; many may put, one takes.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    letter: Option<u64>,
    taker: Option<Goroutine>,
    putters: VecDeque<Goroutine>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Never held across a park.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics in here")
    }

    /// Puts a letter in, waiting for the place to be free.
    pub(crate) fn put(&self, letter: u64) {
        loop {
            {
                let mut state = self.state();
                if state.letter.is_none() {
                    state.letter = Some(letter);
                    if let Some(taker) = state.taker.take() {
                        taker.unpark();
                    }
                    return;
                }
                state.putters.push_back(current());
            }
            park();
        }
    }

    /// Takes the letter out, waiting for one.
    pub(crate) fn take(&self) -> u64 {
        loop {
            {
                let mut state = self.state();
                if let Some(letter) = state.letter.take() {
                    if let Some(putter) = state.putters.pop_front() {
                        putter.unpark();
                    }
                    return letter;
                }
                state.taker = Some(current());
            }
            park();
        }
    }
}

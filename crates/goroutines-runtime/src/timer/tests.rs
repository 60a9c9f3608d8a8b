//! The heap against a plain sorted list.

use super::{Entry, Key, Timers};
use crate::current;
use crate::g::state::Wakeable;
use crate::seam::choice::Choice;
use crate::seam::clock::Moment;

fn entry() -> Entry {
    let g = current::thread();
    Entry {
        g,
        ticket: g.wait.begin(Wakeable::ByTicket),
    }
}

#[test]
fn comes_out_in_order_with_random_cancels() {
    let choice = Choice::new(7);
    let mut timers = Timers::new();
    let mut model: Vec<(u64, Key)> = Vec::new();
    for _ in 0..20_000 {
        match choice.below(5) {
            0..=2 => {
                let when = choice.below(1_000) as u64;
                model.push((when, timers.add(Moment(when), entry())));
            }
            3 if !model.is_empty() => {
                let (_, key) = model.swap_remove(choice.below(model.len()));
                assert!(timers.cancel(key));
                assert!(!timers.cancel(key), "a key works once");
            }
            _ => {
                let now = choice.below(1_000) as u64;
                let earliest = model.iter().map(|m| m.0).min();
                match timers.expired(Moment(now)) {
                    None => assert!(earliest.is_none_or(|e| e > now)),
                    Some(_) => {
                        let earliest = earliest.expect("something was due");
                        assert!(earliest <= now);
                        // Among equals any may go; find the one whose key is dead.
                        let gone = model
                            .iter()
                            .position(|m| {
                                m.0 == earliest && timers.slots[m.1.slot as usize].at == super::FREE
                            })
                            .expect("the earliest went");
                        model.swap_remove(gone);
                    }
                }
            }
        }
        assert_eq!(timers.len(), model.len());
        assert_eq!(timers.next().map(|m| m.0), model.iter().map(|m| m.0).min());
    }
}

#[test]
fn a_burst_does_not_keep_its_memory() {
    let mut timers = Timers::new();
    for i in 0..100_000 {
        timers.add(Moment(i), entry());
    }
    while timers.expired(Moment::NEVER).is_some() {}
    assert!(timers.is_empty());
    assert_eq!(timers.slots.capacity(), 0);
}

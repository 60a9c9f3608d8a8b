//! The heap against a plain sorted list.

use super::{Entry, Key, Timers};
use crate::current;
use crate::g::state::{Ticket, Wakeable};
use crate::seam::choice::Choice;
use crate::seam::clock::Moment;

fn entry() -> Entry {
    let g = current::thread();
    Entry::Wake {
        g,
        ticket: g.wait.begin(Wakeable::ByTicket),
    }
}

fn ticket(entry: &Entry) -> Ticket {
    match entry {
        Entry::Wake { ticket, .. } => *ticket,
        Entry::Call(_) => unreachable!("none is put in"),
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
                assert!(timers.cancel(key).is_some());
                assert!(timers.cancel(key).is_none(), "a key works once");
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

// A key of an expired timer, or of one whose slot is in use again, cancels nothing.
#[test]
fn an_old_key_fits_nothing() {
    let mut timers = Timers::new();
    let expired = timers.add(Moment(1), entry());
    assert!(timers.expired(Moment(1)).is_some());
    assert!(timers.cancel(expired).is_none());
    let again = timers.add(Moment(2), entry());
    assert_eq!(again.slot, expired.slot, "the slot is used again");
    assert!(timers.cancel(expired).is_none());
    assert_eq!(timers.len(), 1);
    assert!(timers.cancel(again).is_some());
    assert!(timers.is_empty());
    assert_eq!(timers.next(), None);
}

// The slots were given back in between: keys from before still fit nothing.
#[test]
fn an_old_key_fits_nothing_after_a_burst() {
    let mut timers = Timers::new();
    let old: Vec<Key> = (0..5_000).map(|i| timers.add(Moment(i), entry())).collect();
    while timers.expired(Moment::NEVER).is_some() {}
    let new: Vec<Key> = (0..5_000).map(|i| timers.add(Moment(i), entry())).collect();
    assert!(old.iter().all(|&key| timers.cancel(key).is_none()));
    assert_eq!(timers.len(), 5_000);
    assert!(new.iter().all(|&key| timers.cancel(key).is_some()));
    assert!(timers.is_empty());
}

// TI-1: what is due at this very moment expires, what is due one nanosecond later does not.
#[test]
fn expires_at_its_moment_and_not_before() {
    let mut timers = Timers::new();
    timers.add(Moment(1_000), entry());
    assert!(timers.expired(Moment(999)).is_none());
    assert!(timers.expired(Moment(1_000)).is_some());
    assert!(timers.expired(Moment::NEVER).is_none());
}

// The ticket that comes out is the one that was put in, whatever moved in between.
#[test]
fn each_timer_keeps_its_entry() {
    let choice = Choice::new(11);
    let mut timers = Timers::new();
    let mut all: Vec<(Moment, Ticket, Key)> = (0..1_000)
        .map(|_| {
            let (when, entry) = (Moment(choice.below(100) as u64), entry());
            (when, ticket(&entry), timers.add(when, entry))
        })
        .collect();
    for _ in 0..500 {
        let (_, _, key) = all.swap_remove(choice.below(all.len()));
        assert!(timers.cancel(key).is_some());
    }
    let mut last = Moment(0);
    while let Some(next) = timers.next() {
        let came = timers.expired(next).expect("it is due");
        let at = all
            .iter()
            .position(|&(when, put_in, _)| when == next && put_in == ticket(&came))
            .expect("due at this moment, with this ticket");
        all.swap_remove(at);
        assert!(next >= last);
        last = next;
    }
    assert!(all.is_empty());
}

// TI-4: as many of one moment as you like, and for ever.
#[test]
fn many_of_one_moment() {
    let mut timers = Timers::new();
    for _ in 0..10_000 {
        timers.add(Moment(5), entry());
    }
    timers.add(Moment::NEVER, entry());
    let due = std::iter::from_fn(|| timers.expired(Moment(5))).count();
    assert_eq!((due, timers.len()), (10_000, 1));
    assert_eq!(timers.next(), Some(Moment::NEVER));
}

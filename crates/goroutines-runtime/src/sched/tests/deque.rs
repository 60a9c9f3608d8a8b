//! Models of the work-stealing deque: each element is taken once, whatever thieves do, also while the
//! buffer grows (its first length is 2 here).
#![allow(unsafe_code, reason = "is the deque's owner")]

use super::item::Item;
use crate::sched::deque::Deque;
use crate::shim::{Arc, thread};

type Shared = Arc<Deque<Item>>;

fn push(deque: &Deque<Item>, number: u32) {
    // SAFETY: called by the model's first thread only.
    unsafe { deque.push(Item::leak().write(number)) };
}

fn pop(deque: &Deque<Item>) -> Option<u32> {
    // SAFETY: called by the model's first thread only.
    unsafe { deque.pop() }.map(Item::take)
}

fn thief(deque: &Shared, tries: usize) -> thread::JoinHandle<Vec<u32>> {
    let deque = deque.clone();
    thread::spawn(move || {
        let one = |_| deque.steal().map(Item::take);
        (0..tries).filter_map(one).collect()
    })
}

/// Takes what is left and compares everything with `1..=n`.
fn check(
    deque: &Deque<Item>,
    thieves: Vec<thread::JoinHandle<Vec<u32>>>,
    mut got: Vec<u32>,
    n: u32,
) {
    for thief in thieves {
        let stolen = thief.join().unwrap();
        assert!(
            stolen.is_sorted(),
            "a thief takes the oldest first: {stolen:?}"
        );
        got.extend(stolen);
    }
    got.extend(std::iter::from_fn(|| pop(deque)));
    got.sort_unstable();
    assert_eq!(got, (1..=n).collect::<Vec<_>>());
    assert!(deque.is_empty());
}

fn model(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(f);
}

#[test]
fn loom_deque_last_element_goes_to_one() {
    model(None, || {
        let deque = Shared::default();
        push(&deque, 1);
        let thieves = vec![thief(&deque, 1)];
        let got = pop(&deque).into_iter().collect();
        check(&deque, thieves, got, 1);
    });
}

#[test]
fn loom_deque_owner_and_thief() {
    model(None, || {
        let deque = Shared::default();
        push(&deque, 1);
        let thieves = vec![thief(&deque, 2)];
        push(&deque, 2);
        let mut got = Vec::new();
        got.extend(pop(&deque));
        push(&deque, 3);
        got.extend(pop(&deque));
        check(&deque, thieves, got, 3);
    });
}

#[test]
fn loom_deque_grows_under_a_thief() {
    model(None, || {
        let deque = Shared::default();
        push(&deque, 1);
        push(&deque, 2);
        let thieves = vec![thief(&deque, 2)];
        push(&deque, 3);
        let got = pop(&deque).into_iter().collect();
        check(&deque, thieves, got, 3);
    });
}

/// The cell of what was stolen is used again: a slow thief must not see the newcomer twice.
#[test]
fn loom_deque_reuses_cells() {
    model(Some(3), || {
        let deque = Shared::default();
        push(&deque, 1);
        push(&deque, 2);
        let thieves = vec![thief(&deque, 1), thief(&deque, 1)];
        // Without growing if one of the first two is gone by now.
        push(&deque, 3);
        check(&deque, thieves, Vec::new(), 3);
    });
}

#[test]
fn loom_deque_two_thieves() {
    model(Some(3), || {
        let deque = Shared::default();
        push(&deque, 1);
        push(&deque, 2);
        let thieves = vec![thief(&deque, 1), thief(&deque, 1)];
        let mut got = Vec::new();
        got.extend(pop(&deque));
        push(&deque, 3);
        got.extend(pop(&deque));
        check(&deque, thieves, got, 3);
    });
}

//! Model of the inbox: nothing is lost or doubled, and each sender's order is kept.

use super::item::Item;
use crate::g::list::List;
use crate::sched::inbox::Inbox;
use crate::shim::{Arc, thread};

fn drain(list: &List<Item>, into: &mut Vec<u32>) {
    while let Some(item) = list.pop_front() {
        into.push(item.take());
    }
}

/// Two push, the third takes meanwhile and once more at the end.
fn run(per_pusher: u32, takes: usize) {
    let inbox = Arc::new(Inbox::<Item>::new());
    let pushers: Vec<_> = [10, 20]
        .into_iter()
        .map(|first| {
            let inbox = inbox.clone();
            thread::spawn(move || {
                for i in 0..per_pusher {
                    inbox.push(Item::leak().write(first + i));
                }
            })
        })
        .collect();
    let list = List::new();
    let mut got = Vec::new();
    for _ in 0..takes {
        let before = list.len();
        let n = inbox.take(&list);
        assert_eq!(list.len(), before + n);
        drain(&list, &mut got);
    }
    for pusher in pushers {
        pusher.join().unwrap();
    }
    inbox.take(&list);
    assert!(inbox.is_empty());
    drain(&list, &mut got);
    for first in [10, 20] {
        let of_one: Vec<u32> = got
            .iter()
            .copied()
            .filter(|n| n / 10 == first / 10)
            .collect();
        let sent: Vec<u32> = (first..first + per_pusher).collect();
        assert_eq!(of_one, sent, "of all: {got:?}");
    }
    assert_eq!(got.len() as u32, 2 * per_pusher);
}

#[test]
fn loom_inbox_loses_and_doubles_nothing() {
    loom::model(|| run(1, 2));
}

#[test]
fn loom_inbox_keeps_each_senders_order() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| run(2, 1));
}

/// What is put into a list again while it is being emptied may go into another inbox.
#[test]
fn loom_inbox_items_can_be_sent_on() {
    loom::model(|| {
        let first = Arc::new(Inbox::<Item>::new());
        let second = Arc::new(Inbox::<Item>::new());
        let forwarder = {
            let (first, second) = (first.clone(), second.clone());
            thread::spawn(move || {
                let list = List::new();
                first.take(&list);
                let mut sent = 0;
                while let Some(item) = list.pop_front() {
                    second.push(item);
                    sent += 1;
                }
                sent
            })
        };
        first.push(Item::leak().write(1));
        first.push(Item::leak().write(2));
        let list = List::new();
        second.take(&list);
        let sent = forwarder.join().unwrap();
        second.take(&list);
        assert_eq!(list.len(), sent);
        first.take(&list);
        let mut got = Vec::new();
        drain(&list, &mut got);
        assert_eq!(got, [1, 2]);
    });
}

//! The intrusive list, with links of the test's own.

use crate::g::list::{Linked, List};
use crate::shim::atomic::AtomicPtr;

struct Item {
    number: u32,
    link: AtomicPtr<Item>,
}

// SAFETY: `link` is one field, and returned only here.
unsafe impl Linked for Item {
    fn link(&self) -> &AtomicPtr<Item> {
        &self.link
    }
}

fn item(number: u32) -> &'static Item {
    Box::leak(Box::new(Item {
        number,
        link: AtomicPtr::default(),
    }))
}

fn list(numbers: impl IntoIterator<Item = u32>) -> List<Item> {
    let list = List::new();
    numbers.into_iter().for_each(|n| list.push_back(item(n)));
    list
}

#[track_caller]
fn check(list: &List<Item>, numbers: &[u32]) {
    assert_eq!(list.len(), numbers.len());
    assert_eq!(list.is_empty(), numbers.is_empty());
    assert_eq!(list.front().map(|i| i.number), numbers.first().copied());
    let got: Vec<u32> = std::iter::from_fn(|| list.pop_front())
        .map(|i| i.number)
        .collect();
    assert_eq!(got, numbers);
    assert_eq!((list.len(), list.is_empty()), (0, true));
    // An emptied list has not kept its old end.
    list.push_back(item(1));
    list.push_back(item(2));
    assert_eq!(list.pop_front().map(|i| i.number), Some(1));
    assert_eq!(list.pop_front().map(|i| i.number), Some(2));
    assert!(list.pop_front().is_none());
}

#[test]
fn first_in_first_out() {
    check(&list([]), &[]);
    check(&list(0..5), &[0, 1, 2, 3, 4]);
}

#[test]
fn in_front_of_all() {
    let items = List::new();
    items.push_front(item(2));
    items.push_back(item(3));
    items.push_front(item(1));
    check(&items, &[1, 2, 3]);
}

#[test]
fn appending() {
    for (left, right) in [(0, 0), (0, 3), (3, 0), (2, 3)] {
        let (to, from) = (list(0..left), list(10..10 + right));
        to.append(&from);
        let all: Vec<u32> = (0..left).chain(10..10 + right).collect();
        check(&to, &all);
        check(&from, &[]);
    }
}

#[test]
fn splitting() {
    for n in [0, 1, 4, 5, 9] {
        let rest = list(0..5);
        let front = rest.split_front(n);
        let middle = u32::try_from(n.min(5)).unwrap();
        check(&front, &(0..middle).collect::<Vec<_>>());
        check(&rest, &(middle..5).collect::<Vec<_>>());
    }
}

//! Every order of the two ends' calls, one after the other.

use crate::spawn::join_word::{Finish, JoinWord};

#[test]
fn nobody_waits() {
    let word = JoinWord::new();
    assert!(!word.is_done());
    assert_eq!(word.finish(), Finish::Nobody);
    assert!(word.is_done());
    assert!(!word.wait(64, 1), "there is nothing to wait for");
    assert!(word.detach(), "the result falls to the handle");
}

#[test]
fn one_waits() {
    let word = JoinWord::new();
    assert!(word.wait(64, 9));
    assert!(!word.is_done());
    assert_eq!(word.finish(), Finish::Wake(64, 9));
    assert!(!word.give_up(64));
    assert!(word.is_done());
}

#[test]
fn one_waits_twice() {
    let word = JoinWord::new();
    assert!(word.wait(64, 9));
    assert!(word.give_up(64));
    assert!(word.wait(64, 10));
    assert_eq!(word.finish(), Finish::Wake(64, 10));
}

#[test]
fn detached_first() {
    let word = JoinWord::new();
    assert!(!word.detach());
    assert!(!word.is_done());
    assert_eq!(word.finish(), Finish::DropResult);
}

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

#[test]
fn a_task_is_told_once() {
    let word = JoinWord::new();
    assert_eq!(word.take_back(), None);
    assert!(word.leave(64));
    assert!(!word.is_done());
    assert_eq!(word.finish(), Finish::Tell(64));
    assert_eq!(word.take_back(), None, "it is the goroutine's");
    assert!(!word.leave(64), "there is nothing to wait for");
    assert!(word.detach(), "the result falls to the handle");
}

#[test]
fn a_task_is_taken_back() {
    let word = JoinWord::new();
    assert!(word.leave(64));
    assert_eq!(word.take_back(), Some(64));
    assert_eq!(word.take_back(), None);
    assert!(word.wait(128, 9));
    assert_eq!(word.take_back(), None, "that is a waiter");
    assert_eq!(word.finish(), Finish::Wake(128, 9));
}

#[test]
fn a_result_that_was_given_away_falls_to_nobody() {
    let word = JoinWord::new();
    assert_eq!(word.finish(), Finish::Nobody);
    assert!(!word.is_taken());
    word.take();
    assert!(word.is_done() && word.is_taken());
    assert!(!word.detach());
}

//! The stock of carriers, seen from inside.

use super::*;

#[test]
fn a_count_of_zero_needs_nothing() {
    let count = set_aside();
    assert_eq!(count.count(), 0);
    count.put_back();
}

#[test]
fn carriers_move_the_count_between_threads() {
    let stack = take_shared(StackSize::MIN).unwrap();
    let carrier = Carrier::start(stack);
    assert!(thread::panicking());
    let spawned = thread::spawn(|| {
        let other = Carrier::start(take_shared(StackSize::MIN).unwrap());
        assert!(thread::panicking());
        put_shared(carrier.finish());
        assert!(!thread::panicking());
        other
    });
    let other = spawned.join().unwrap();
    assert!(thread::panicking());
    put_shared(other.finish());
    assert!(!thread::panicking());
}

//! `Barrier`.

use crate::support::{both, everybody, inside, moment, on_workers, rounds};
use goroutines::spawn;
use goroutines::sync::Barrier;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn rounds_of_all() {
    let n = 10;
    let barrier = Barrier::new(n + 2);
    let (arrived, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = rounds(100);
    everybody(n, 2, |_| {
        for round in 0..all {
            arrived.fetch_add(1, Ordering::Relaxed);
            let leads = barrier.wait().is_leader();
            leaders.fetch_add(usize::from(leads), Ordering::Relaxed);
            let seen = arrived.load(Ordering::Relaxed);
            assert!(
                seen >= (round + 1) * (n + 2),
                "round {round}: let go after {seen}"
            );
            assert!(seen < (round + 2) * (n + 2));
        }
    });
    assert_eq!(leaders.load(Ordering::Relaxed), all);
}

#[test]
fn nobody_is_let_go_early() {
    inside(|| {
        let barrier = Arc::new(Barrier::new(2));
        let b = barrier.clone();
        let first = spawn(move || b.wait().is_leader());
        moment();
        assert!(!first.is_finished());
        assert!(barrier.wait().is_leader());
        assert!(!first.join().unwrap());
    });
}

#[test]
fn none_or_one_does_not_wait() {
    both(|| {
        for n in [0, 1] {
            static ONE: Barrier = Barrier::new(1);
            assert!(Barrier::new(n).wait().is_leader());
            let result = ONE.wait();
            assert_eq!(
                format!("{result:?}"),
                "BarrierWaitResult { is_leader: true }"
            );
        }
    });
}

on_workers! { rounds_of_all }

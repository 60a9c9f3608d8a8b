//! Where goroutines start: spread when one makes thousands, together when two talk; and how many
//! stacks there are meanwhile.

use crate::support::{Ball, Tally, until};
use goroutines::sync::WaitGroup;
use goroutines::{runtime, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// `start` makes 4,000 that start and park; they end up spread over `workers`, within a quarter.
///
/// In one of five tries: on a machine with too much to do, a worker whose thread gets no processor
/// looks stuck, so that nothing is placed there, and a spare one may take a share.
fn check(workers: usize, start: impl Fn(usize, Box<dyn FnOnce() + Send>)) {
    let mut tries = Vec::new();
    for _ in 0..5 {
        let homes = homes_of_4_000(&start);
        let fair = 4_000 / workers;
        let spread = |&n: &u64| n.abs_diff(fair as u64) <= fair as u64 / 4;
        if homes.iter().take(workers).all(spread) {
            return;
        }
        tries.push(homes);
    }
    panic!("over {workers}: {tries:?}");
}

/// How many of them are at home on each worker.
fn homes_of_4_000(start: impl Fn(usize, Box<dyn FnOnce() + Send>)) -> Vec<u64> {
    const N: usize = 4_000;
    let (parked, stop) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (wg, tally) = (WaitGroup::new(), Tally::default());
    for i in 0..N {
        let (parked, stop, one) = (parked.clone(), stop.clone(), tally.one());
        let done = wg.clone();
        wg.add(1);
        start(
            i,
            Box::new(move || {
                parked.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Acquire) {
                    goroutines::park_timeout(std::time::Duration::from_secs(1));
                }
                drop(one);
                done.done();
            }),
        );
    }
    until("all have started", || parked.load(Ordering::Relaxed) == N);
    let metrics = runtime::metrics();
    assert_eq!(metrics.stacks_in_use as usize, N + 1);
    stop.store(true, Ordering::Release);
    wg.wait();
    tally.until_balanced();
    until("all have ended", || goroutines::num_goroutines() == 1);
    metrics.workers.iter().map(|w| w.goroutines).collect()
}

fn detached(_: usize, f: Box<dyn FnOnce() + Send>) {
    drop(spawn(f));
}

fn one_by_one(i: usize, f: Box<dyn FnOnce() + Send>) {
    drop(spawn(f));
    if i.is_multiple_of(8) {
        // As an accept loop does: it waits now and then.
        goroutines::sleep(std::time::Duration::from_micros(1));
    } else {
        yield_now();
    }
}

#[goroutines::test(workers = 2)]
fn one_that_starts_thousands_spreads_them_over_2() {
    check(2, detached);
}

#[goroutines::test(workers = 2)]
fn an_accept_loop_spreads_over_2() {
    check(2, one_by_one);
}

#[goroutines::test(workers = 4)]
fn one_that_starts_thousands_spreads_them_over_4() {
    check(4, detached);
}

#[goroutines::test(workers = 4)]
fn an_accept_loop_spreads_over_4() {
    check(4, one_by_one);
}

#[goroutines::test(workers = 2)]
fn two_that_talk_end_up_on_one_worker() {
    let mut together = 0;
    for _ in 0..100 {
        let ball = Ball::new(2);
        let pair: Vec<_> = (0..2)
            .map(|me| {
                let ball = ball.clone();
                spawn(move || {
                    ball.enter(me);
                    for _ in 0..50 {
                        ball.take(me);
                        ball.pass();
                    }
                    std::thread::current().id()
                })
            })
            .collect();
        let homes: Vec<_> = pair.into_iter().map(|h| h.join().unwrap()).collect();
        together += usize::from(homes[0] == homes[1]);
    }
    assert!(together >= 90, "{together} of 100");
}

/// The most stacks that leaves have seen.
struct Peak {
    looks: AtomicUsize,
    most: AtomicU64,
}

impl Peak {
    fn new() -> Arc<Peak> {
        Arc::new(Peak {
            looks: AtomicUsize::new(0),
            most: AtomicU64::new(0),
        })
    }

    fn look(&self) {
        if self
            .looks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(64)
        {
            self.most
                .fetch_max(runtime::metrics().stacks_in_use, Ordering::Relaxed);
        }
    }
}

fn skynet(number: u64, size: u64, peak: &Arc<Peak>) -> u64 {
    if size == 1 {
        peak.look();
        return number;
    }
    let children: Vec<_> = (0..10)
        .map(|i| {
            let (size, peak) = (size / 10, peak.clone());
            spawn(move || skynet(number + i * size, size, &peak))
        })
        .collect();
    children.into_iter().map(|c| c.join().unwrap()).sum()
}

/// The best of five: where there are more workers than processors the system stops some of them in the
/// middle, and others open branches of the tree for that long.
fn skynet_on(workers: u64) {
    let depth = 5;
    let size = 10_u64.pow(depth);
    // Each worker has one path of parents at a time; those that wait for a thief's part add some.
    let limit = 64 * u64::from(depth) * workers;
    let mut tries = Vec::new();
    for _ in 0..5 {
        let peak = Peak::new();
        assert_eq!(skynet(0, size, &peak), size * (size - 1) / 2);
        let most = peak.most.load(Ordering::Relaxed);
        if most <= limit {
            return;
        }
        tries.push(most);
    }
    panic!("{tries:?} stacks at once for {size} leaves");
}

#[goroutines::test(workers = 1)]
fn skynet_has_few_stacks_on_1_worker() {
    skynet_on(1);
}

#[goroutines::test(workers = 2)]
fn skynet_has_few_stacks_on_2_workers() {
    skynet_on(2);
}

#[goroutines::test(workers = 8)]
fn skynet_has_few_stacks_on_8_workers() {
    skynet_on(8);
}

fn fib(n: u32, peak: &Arc<Peak>) -> u64 {
    if n < 2 {
        peak.look();
        return u64::from(n);
    }
    let (left, right) = (peak.clone(), peak.clone());
    let left = spawn(move || fib(n - 1, &left));
    let right = spawn(move || fib(n - 2, &right));
    left.join().unwrap() + right.join().unwrap()
}

#[goroutines::test(workers = 2)]
fn fib_has_few_stacks() {
    let peak = Peak::new();
    assert_eq!(fib(20, &peak), 6_765);
    let most = peak.most.load(Ordering::Relaxed);
    assert!(
        most <= 64 * 20 * 2,
        "{most} stacks at once for 21,891 goroutines"
    );
}

// A small program stays where it is: some dozens that wait for their maker wake no other worker for
// long; nothing is placed elsewhere.
#[goroutines::test(workers = 2)]
fn a_few_dozen_stay_together() {
    for _ in 0..20 {
        let handles: Vec<_> = (0..40).map(|i| spawn(move || i)).collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), i);
        }
    }
    let placed: u64 = runtime::metrics().workers.iter().map(|w| w.placed).sum();
    assert_eq!(placed, 0);
}

//! What it costs: CH-3, CH-25, CH-26, SE-21.

use goroutines::channel::{Receiver, Select, Sender, bounded, unbounded};
use goroutines::{go, select, spawn, yield_now};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Counts the allocations of each thread. (There is one worker wherever it is asked; what other threads
/// of the runtime do is none of it.)
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn allocated() -> usize {
    ALLOCATIONS.get()
}

// SAFETY: hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: by the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: by the caller's contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Allocations of `f` once it is warm. (The runtime allocates something now and then.)
fn allocations(mut f: impl FnMut()) -> usize {
    f();
    let mut count = || {
        let before = allocated();
        f();
        allocated() - before
    };
    // The first time that nothing else happens will do.
    (0..10).map(|_| count()).find(|&n| n == 0).unwrap_or(1)
}

/// CH-3
#[goroutines::test(workers = 1)]
fn ch_3_values_without_a_size() {
    const N: usize = 1_000_000;
    let before = allocated();
    let (s, r) = bounded(N);
    assert!(allocated() - before <= 3);
    (0..N).for_each(|_| s.try_send(()).unwrap());
    assert!(s.try_send(()).is_err());
    assert_eq!(r.len(), N);
    assert_eq!(r.try_iter().count(), N);
    let (s, r) = unbounded();
    (0..N).for_each(|_| s.send(()).unwrap());
    drop(s);
    assert_eq!(r.iter().count(), N);
    let (s, r) = bounded(0);
    go!(move || (0..100).for_each(|_| s.send(()).unwrap()));
    assert_eq!(r.iter().count(), 100);
}

/// CH-25
#[goroutines::test(workers = 1)]
fn ch_25_no_memory_per_operation() {
    let (s, r) = bounded(1);
    let (t, u) = unbounded::<u64>();
    let (v, w) = bounded::<u64>(0);
    {
        let (r, v) = (r.clone(), v.clone());
        go!(move || r.iter().for_each(|i| v.send(i).unwrap()));
    }
    let never = bounded::<u64>(0);
    let send_and_receive = || {
        for i in 0..1_000 {
            s.send(i).unwrap();
            assert_eq!(w.recv(), Ok(i));
            t.send(i).unwrap();
            assert_eq!(u.recv(), Ok(i));
            // Parks: nothing is ready before the other one runs.
            s.send(i).unwrap();
            let got = select! {
                recv(w) -> i => i,
                recv(u) -> i => i,
                send(never.0, 1) -> _ => unreachable!(),
                recv(never.1) -> i => i,
            };
            assert_eq!(got, Ok(i));
        }
    };
    assert_eq!(allocations(send_and_receive), 0);
    let mut dynamic = Select::new();
    dynamic.recv(&w);
    dynamic.recv(&u);
    let select = || {
        for i in 0..1_000 {
            s.send(i).unwrap();
            let operation = dynamic.select();
            assert_eq!(operation.recv(&w), Ok(i));
        }
    };
    assert_eq!(allocations(select), 0);
}

/// CH-25: one case of a select never fires, 50,000 times and more.
#[goroutines::test(workers = 1)]
fn ch_25_select_in_vain() {
    let (_s, quiet) = bounded::<u8>(0);
    let (ping, pinged) = bounded(0);
    go!(move || while ping.send(1).is_ok() {});
    let mut in_vain = || {
        for _ in 0..50_000 {
            select! {
                recv(quiet) -> _ => unreachable!(),
                recv(pinged) -> m => assert_eq!(m, Ok(1)),
            }
        }
    };
    assert_eq!(allocations(&mut in_vain), 0);
}

/// A waiter leaves the middle of a queue of `n`: the time for all of them must not be quadratic.
fn leave_the_middle(n: usize, many: impl Fn(&Sender<u8>, &Receiver<u8>, usize)) -> Duration {
    let (s, r) = bounded::<u8>(0);
    let start = processor_time();
    many(&s, &r, n);
    processor_time() - start
}

/// How long the threads of this process have run: the time for which others have the processor is not in it.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// CH-26
#[goroutines::test(workers = 1)]
fn ch_26_leaving_the_middle_of_a_queue() {
    // All wait in one queue, and each is called away by a channel of its own.
    let many = |_: &Sender<u8>, r: &Receiver<u8>, n: usize| {
        let mut calls = Vec::new();
        let mut waiters = Vec::new();
        for _ in 0..n {
            let (call, called) = bounded::<u8>(0);
            let r = r.clone();
            calls.push(call);
            waiters.push(spawn(move || {
                select! {
                    recv(r) -> _ => unreachable!(),
                    recv(called) -> _ => (),
                }
            }));
        }
        yield_now();
        // From the middle outwards.
        while !calls.is_empty() {
            let call = calls.swap_remove(calls.len() / 2);
            call.send(0).unwrap();
        }
        waiters.into_iter().for_each(|h| h.join().unwrap());
    };
    // Both too many for the caches, so that these do not make the difference. Five times as many: if the
    // time were quadratic, the factor would be 25 and more (caches apart, 5 if it is not).
    let best = |n| (0..3).map(|_| leave_the_middle(n, many)).min().unwrap();
    let (large, small) = (best(40_000), best(8_000));
    assert!(
        large < small * 22,
        "{small:?} for 8,000 and {large:?} for 40,000"
    );
}

/// A pile of values does not leave a pile of memory.
#[goroutines::test(workers = 1)]
fn an_unbounded_channel_gives_memory_back() {
    let (s, r) = unbounded();
    let pile = || {
        (0..100_000_u64).for_each(|i| s.send(i).unwrap());
        assert!(r.try_iter().eq(0..100_000));
    };
    pile();
    // Warm: one block goes round.
    let around = || {
        for i in 0..10_000 {
            s.send(i).unwrap();
            assert_eq!(r.recv(), Ok(i));
        }
    };
    assert_eq!(allocations(around), 0);
}

/// SE-21: polling what is not ready does not touch the lock. (Its holder is asleep here, in a way.)
#[goroutines::test(workers = 2)]
fn se_21_polling_is_cheap() {
    let (_s, r) = unbounded::<u8>();
    let (_s2, r2) = bounded::<u8>(0);
    let start = Instant::now();
    for _ in 0..1_000_000 {
        assert!(r.try_recv().is_err());
        select! {
            recv(r) -> _ => unreachable!(),
            recv(r2) -> _ => unreachable!(),
            default => (),
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

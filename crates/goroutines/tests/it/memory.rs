//! What many goroutines cost: mappings, memory that is used again, stacks that are given back.

use crate::support::{mappings, resident, rounds, until};
use goroutines::sync::WaitGroup;
use goroutines::{go, num_goroutines, park, runtime, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MIB: usize = 1 << 20;

/// `round` leaves memory flat: after some rounds to warm up, more of them add less than `slack`.
fn check(slack: usize, rounds: usize, round: impl Fn()) {
    (0..rounds.div_ceil(4)).for_each(|_| round());
    let before = resident();
    (0..rounds).for_each(|_| round());
    let after = resident();
    assert!(
        after < before + slack,
        "grew from {} to {} KiB",
        before >> 10,
        after >> 10
    );
    assert_eq!(num_goroutines(), 1);
}

// A constant number of mappings, and no limit near 32,000.
#[goroutines::test(workers = 2)]
fn a_hundred_thousand_parked_add_few_mappings() {
    const N: usize = 100_000;
    let handles: Vec<_> = (0..16).map(|_| spawn(park)).collect();
    for handle in handles {
        handle.goroutine().unpark();
        handle.join().unwrap();
    }
    let (maps, memory) = (mappings(), resident());
    let parked = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..N)
        .map(|_| {
            let parked = parked.clone();
            spawn(move || {
                parked.fetch_add(1, Ordering::Relaxed);
                park();
            })
        })
        .collect();
    until("all have started", || parked.load(Ordering::Relaxed) == N);
    assert_eq!(num_goroutines(), N + 1);
    let (added, each) = (mappings().saturating_sub(maps), (resident() - memory) / N);
    assert!(added < 500, "{added} mappings for {N} goroutines");
    // One page of stack in release; unoptimised frames take some more.
    let most = if cfg!(debug_assertions) {
        16_384
    } else {
        6_000
    };
    assert!(each < most, "{each} bytes each");
    for handle in &handles {
        handle.goroutine().unpark();
    }
    for handle in handles {
        handle.join().unwrap();
    }
    assert_eq!(num_goroutines(), 1);
}

// Not yet started: no stack at all.
#[goroutines::test(workers = 1)]
fn a_hundred_thousand_unstarted_have_no_stacks() {
    const N: usize = 100_000;
    let memory = resident();
    let wg = WaitGroup::new();
    for _ in 0..N {
        wg.go(|| ());
    }
    // A spare worker may have begun with them, if this one looked stuck for so long.
    assert!(runtime::metrics().stacks_in_use <= 3);
    let each = (resident() - memory) / N;
    assert!(each < 400, "{each} bytes each");
    wg.wait();
}

#[goroutines::test(workers = 2)]
fn a_million_spawns_and_exits_leave_memory_flat() {
    check(8 * MIB, 1_000 * rounds(1), || {
        let wg = WaitGroup::new();
        for _ in 0..1_000 {
            wg.go(|| ());
        }
        wg.wait();
    });
}

#[goroutines::test(workers = 2)]
fn joined_and_detached_ones_leave_memory_flat() {
    check(8 * MIB, 200 * rounds(1), || {
        let handles: Vec<_> = (0..100).map(|i| spawn(move || Box::new([i; 20]))).collect();
        for (i, handle) in handles.into_iter().enumerate() {
            if i % 2 == 0 {
                assert_eq!(handle.join().unwrap()[3], i);
            }
        }
        let me = goroutines::current();
        go!(me.unpark());
        park();
        until("all have ended", || num_goroutines() == 1);
    });
}

// With names, sizes and goroutine-local values: what only some have is freed, too.
#[goroutines::test(workers = 2)]
fn those_with_names_and_locals_leave_memory_flat() {
    goroutines::goroutine_local! {
        static BIG: Vec<u8> = vec![1; 10_000];
    }
    check(8 * MIB, 100 * rounds(1), || {
        for i in 0..50 {
            let handle = goroutines::Builder::new()
                .name(format!("number {i}"))
                .stack_size(if i % 10 == 0 { 9 << 20 } else { 60_000 })
                .spawn(|| BIG.with(Vec::len))
                .unwrap();
            assert_eq!(handle.join().unwrap(), 10_000);
        }
    });
}

#[goroutines::test(workers = 2)]
fn panics_and_exits_leave_memory_flat() {
    check(16 * MIB, 20 * rounds(1), || {
        for i in 0..50 {
            let handle = spawn(move || {
                let _kept = Box::new([i; 100]);
                yield_now();
                if i % 2 == 0 {
                    goroutines::exit();
                }
                std::panic::resume_unwind(Box::new(i))
            });
            assert!(handle.join().is_err());
        }
    });
}

// RT-12: stacks that were deep are used again or given back.
#[goroutines::test(workers = 2)]
fn deep_stacks_are_used_again() {
    fn deep(bytes: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 1_024]);
        if bytes > 2_048 {
            deep(bytes - 2_048) + usize::from(frame[7])
        } else {
            0
        }
    }
    check(16 * MIB, 64, || {
        let wg = WaitGroup::new();
        for _ in 0..32 {
            wg.go(|| {
                std::hint::black_box(deep(128 << 10));
                yield_now();
            });
        }
        wg.wait();
    });
}

// The pages of a stack that was deep are given back while its goroutine is parked.
#[goroutines::test(workers = 2)]
fn stacks_shrink_while_parked() {
    fn deep(bytes: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 1_024]);
        if bytes > 2_048 {
            deep(bytes - 2_048) + usize::from(frame[7])
        } else {
            0
        }
    }
    let before = resident();
    let grown = Arc::new(AtomicUsize::new(0));
    let theirs = grown.clone();
    let handle = goroutines::Builder::new()
        .stack_size(80 << 20)
        .spawn(move || {
            std::hint::black_box(deep(64 << 20));
            theirs.store(resident(), Ordering::Relaxed);
            park();
        })
        .unwrap();
    until("it is parked", || grown.load(Ordering::Relaxed) > 0);
    let grown = grown.load(Ordering::Relaxed);
    assert!(grown > before + 30 * MIB, "it had no deep stack");
    until("its pages are given back", || {
        runtime::scavenge();
        resident() < grown - 25 * MIB
    });
    handle.goroutine().unpark();
    handle.join().unwrap();
}

// The timer of a wait that has ended is gone, long before its deadline: 100,000 of them are 5 MiB.
#[goroutines::test(workers = 2)]
fn waits_with_a_deadline_leave_memory_flat() {
    check(3 * MIB, 1_000 * rounds(1), || {
        let handles: Vec<_> = (0..100)
            .map(|_| spawn(|| goroutines::park_timeout(std::time::Duration::from_secs(3_600))))
            .collect();
        for handle in handles {
            handle.goroutine().unpark();
            handle.join().unwrap();
        }
    });
}

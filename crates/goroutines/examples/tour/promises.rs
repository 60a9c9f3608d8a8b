//! The programs of part 3 that set goroutines beside threads: memory, creation, switch.

use crate::child::{count, figure};
use crate::crowd::each;
use crate::machine::Memory;
use goroutines::runtime::{self, StartError};
use goroutines::sync::WaitGroup;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

/// Memory of `n` goroutines that have not started: on one worker, which main keeps to itself.
pub(crate) fn unstarted(n: u64) -> Result<(), StartError> {
    static SUM: AtomicU64 = AtomicU64::new(0);
    runtime::builder().workers(1).run(|| {
        let all = WaitGroup::new();
        // The first ones bring what they share with all.
        all.go(|| ());
        all.wait();
        let before = Memory::now();
        for i in 0..n {
            all.go(move || SUM.fetch_add(i, Ordering::Relaxed));
        }
        let after = Memory::now();
        // Whether really none of them had started is easily seen.
        let untouched = SUM.load(Ordering::Relaxed) == 0;
        all.wait();
        if let (Some(before), Some(after), true) = (before, after, untouched) {
            let each = after.each_since(before, n);
            count("bytes_each", each.resident + each.tables);
        }
    })
}

/// Memory of parked threads: `most` of them, or as many as the machine lets us have.
pub(crate) fn threads(most: u64) {
    let open = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::with_capacity(most as usize);
    let Some(before) = Memory::now() else { return };
    let arrived = Arc::new(AtomicU64::new(0));
    for _ in 0..most {
        let (open, arrived) = (open.clone(), arrived.clone());
        let made = thread::Builder::new().spawn(move || {
            arrived.fetch_add(1, Ordering::Relaxed);
            while !open.load(Ordering::Acquire) {
                thread::park();
            }
        });
        match made {
            Ok(handle) => threads.push(handle),
            // The limit of this machine; we keep to what it gave us.
            Err(_) => break,
        }
    }
    let n = threads.len() as u64;
    while arrived.load(Ordering::Relaxed) < n {
        thread::yield_now();
    }
    let each = Memory::now().map(|now| now.each_since(before, n));
    open.store(true, Ordering::Release);
    for handle in threads {
        handle.thread().unpark();
        handle.join().expect("a thread that only parks");
    }
    let Some(each) = each.filter(|_| n > 0) else {
        return;
    };
    count("count", n);
    count("resident_bytes_each", each.resident);
    count("page_table_bytes_each", each.tables);
    count("kernel_stack_bytes_each", each.kernel_stacks);
    count(
        "bytes_each",
        each.resident + each.tables + each.kernel_stacks,
    );
}

/// Create, run and join one, `n` times; and all at once.
pub(crate) fn create(n: u64) -> Result<(), StartError> {
    runtime::builder().run(|| {
        figure(
            "goroutine_ns",
            best_ns(n, || {
                for i in 0..n {
                    let child = goroutines::spawn(move || i);
                    assert_eq!(child.join().expect("no panic"), i);
                }
            }),
        );
        figure(
            "goroutine_batch_ns",
            best_ns(n, || {
                let all = WaitGroup::new();
                (0..n).for_each(|i| all.go(move || i));
                all.wait();
            }),
        );
    })?;
    // Threads take so much longer that fewer do.
    let n = n / 100;
    figure(
        "thread_ns",
        best_ns(n, || {
            for i in 0..n {
                let child = thread::spawn(move || i);
                assert_eq!(child.join().expect("no panic"), i);
            }
        }),
    );
    Ok(())
}

/// One context switch: from one goroutine to the other of two, `n` times.
///
/// The goroutines `yield_now`. A yield of a thread is no switch when the threads are on processors of
/// their own, so threads hand each other the turn with `unpark` and `park`; and, like for like,
/// goroutines do so too.
pub(crate) fn switch(n: u64) -> Result<(), StartError> {
    runtime::builder().workers(1).run(|| {
        figure(
            "goroutine_ns",
            best_ns(n, || {
                let yielder = move || (0..n / 2).for_each(|_| goroutines::yield_now());
                let pair = [goroutines::spawn(yielder), goroutines::spawn(yielder)];
                for one in pair {
                    one.join().expect("no panic");
                }
            }),
        );
        figure(
            "goroutine_handover_ns",
            best_ns(n, || {
                goroutines::scope(|scope| {
                    let ping = goroutines::current();
                    let pong = scope.spawn(move || {
                        for _ in 0..n / 2 {
                            goroutines::park();
                            ping.unpark();
                        }
                    });
                    for _ in 0..n / 2 {
                        pong.goroutine().unpark();
                        goroutines::park();
                    }
                });
            }),
        );
    })?;
    let n = n / 50;
    figure("thread_ns", best_ns(n, || hand_over(n)));
    Ok(())
}

/// Two threads take turns, `n` in all. `park` may return without reason, so a flag says whose turn it is.
fn hand_over(n: u64) {
    let turn_of_pong = &AtomicBool::new(false);
    let begin = &Barrier::new(2);
    let wait_for = move |turn: bool| {
        while turn_of_pong.load(Ordering::Acquire) != turn {
            thread::park();
        }
    };
    thread::scope(|scope| {
        let ping = thread::current();
        let pong = scope.spawn(move || {
            begin.wait();
            for _ in 0..n / 2 {
                wait_for(true);
                turn_of_pong.store(false, Ordering::Release);
                ping.unpark();
            }
        });
        begin.wait();
        for _ in 0..n / 2 {
            turn_of_pong.store(true, Ordering::Release);
            pong.thread().unpark();
            wait_for(false);
        }
    });
}

/// The time for one of `n`, of the best of five rounds: what else runs on the machine only adds to it.
fn best_ns(n: u64, mut round: impl FnMut()) -> f64 {
    let rounds = (0..5).map(|_| {
        let start = Instant::now();
        round();
        each(start.elapsed(), n)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

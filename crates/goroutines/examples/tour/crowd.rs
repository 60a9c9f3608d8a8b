//! The programs of parts 1, 2 and 4: hello, a crowd that is created and ends, a crowd that waits.

use crate::child::{count, figure};
use crate::machine::{self, Memory};
use goroutines::runtime::StartError;
use goroutines::{go, num_goroutines, runtime, sleep, sync::WaitGroup, yield_now};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn say_hello() {
    println!("Hello from goroutine");
}

/// `examples/hello.rs`: a goroutine, and a main that waits for it by sleeping.
pub(crate) fn hello() {
    goroutines::run(|| {
        go!(say_hello());
        println!("Hello from main");
        sleep(Duration::from_secs(1));
    });
}

/// What each of the crowd adds its number to: shows that each of them ran, once.
static SUM: AtomicU64 = AtomicU64::new(0);

fn all_have_run(n: u64) -> bool {
    SUM.load(Relaxed) == n * (n - 1) / 2
}

/// Creates `n` goroutines that wait for each other's creation, then lets them run.
///
/// The number after creation is to be what its name says, with all of them alive. So each first waits at
/// a gate that opens when the last one has been created. And main creates them on one worker: those that
/// have not started then cost 128 bytes each and stay so until main waits. With more workers the
/// others might start thousands meanwhile, only to park them at the gate, and the peak would depend on
/// how fast they are; part 4 shows what goroutines cost that have started and wait. `free_crowd` is
/// the same without gate, on all workers.
pub(crate) fn crowd(n: u64) -> Result<(), StartError> {
    runtime::builder().workers(1).run(|| {
        let initial = num_goroutines();
        let (gate, all) = (WaitGroup::new(), WaitGroup::new());
        gate.add(1);
        let start = Instant::now();
        for i in 0..n {
            let gate = gate.clone();
            all.go(move || {
                gate.wait();
                SUM.fetch_add(i, Relaxed);
            });
            // Scheduling is cooperative: a loop that runs for long lets others have a turn now and
            // then. At each one goroutine starts, and parks at the gate.
            if i % 4096 == 4095 {
                yield_now();
            }
        }
        let created = start.elapsed();
        let after_creation = num_goroutines();
        gate.done();
        all.wait();
        let total = start.elapsed();
        let last = num_goroutines();
        assert!(all_have_run(n), "a goroutine did not run, or ran twice");
        count("initial", initial as u64);
        count("after_creation", after_creation as u64);
        count("final", last as u64);
        figure("create_ns_each", each(created, n));
        figure("total_ns_each", each(total, n));
        count("peak_rss_bytes", machine::peak());
    })
}

/// The same as one would write it: no gate, all workers.
pub(crate) fn free_crowd(n: u64) -> Result<(), StartError> {
    runtime::builder().run(|| {
        let all = WaitGroup::new();
        let start = Instant::now();
        for i in 0..n {
            all.go(move || SUM.fetch_add(i, Relaxed));
        }
        let after_creation = num_goroutines();
        all.wait();
        let total = start.elapsed();
        assert!(all_have_run(n), "a goroutine did not run, or ran twice");
        count("after_creation", after_creation as u64);
        figure("total_ns_each", each(total, n));
        count("peak_rss_bytes", machine::peak());
        count("workers", runtime::workers() as u64);
    })
}

/// `n` goroutines alive at once, each having started and parked; then all are woken and end.
pub(crate) fn alive(n: u64) -> Result<(), StartError> {
    runtime::builder().run(|| {
        let (gate, arrived, all) = (WaitGroup::new(), WaitGroup::new(), WaitGroup::new());
        gate.add(1);
        let (memory, mappings) = (Memory::now(), machine::mappings());

        let start = Instant::now();
        arrived.add(n as isize);
        for i in 0..n {
            let (gate, arrived) = (gate.clone(), arrived.clone());
            all.go(move || {
                arrived.done();
                gate.wait();
                SUM.fetch_add(i, Relaxed);
            });
        }
        arrived.wait();
        let created = start.elapsed();

        // All but main, which is one too.
        count("count", num_goroutines() as u64 - 1);
        count("workers", runtime::workers() as u64);
        count("os_threads", machine::threads());
        let added = |now: u64, before| now.saturating_sub(before);
        count(
            "mappings_added",
            machine::mappings().zip(mappings).map(|(a, b)| added(a, b)),
        );
        if let (Some(now), Some(before)) = (Memory::now(), memory) {
            let each = now.each_since(before, n);
            count("bytes_each", each.resident + each.tables);
            count("resident_bytes_each", each.resident);
            count("page_table_bytes_each", each.tables);
        }

        let start = Instant::now();
        gate.done();
        all.wait();
        let woken = start.elapsed();
        assert!(all_have_run(n), "a goroutine did not run, or ran twice");
        figure("create_ns_each", each(created, n));
        figure("wake_ns_each", each(woken, n));
    })
}

/// Nanoseconds for each of `n`.
pub(crate) fn each(time: Duration, n: u64) -> f64 {
    time.as_nanos() as f64 / n as f64
}

//! The programs in goroutines.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use goroutines::channel::{Sender, bounded};
use goroutines::context::Context;
use goroutines::sync::{Mutex, RwLock, WaitGroup};
use goroutines::{Goroutine, JoinHandle, current, go, park, sleep, spawn, yield_now};

use crate::child::{Answer, announce_idle};
use crate::programs::Size;
use crate::sort::{self, GRAIN, Numbers};
use crate::{mem, rounds};

/// Runs one program on `workers` workers.
pub(crate) fn run(program: &str, workers: usize, size: Size) -> Answer {
    goroutines::runtime::builder()
        .workers(workers)
        .configure()
        .expect("the runtime has not been started");
    Ok(match program {
        "spawn" => {
            let n = size.of(1_000_000);
            rounds::per_item_ns(n, || goroutines::run(move || spawn_all(n)))
        }
        "spawn_100k" => {
            goroutines::run(move || spawn_all(size.of(100_000)));
            vec![("peak_mib", mem::peak_mib())]
        }
        "spawn_join" => goroutines::run(move || spawn_join(size.of(100_000))),
        "yield1" => goroutines::run(move || yields(1, size.of(1_000_000))),
        "yield2" => goroutines::run(move || yields(2, size.of(1_000_000))),
        "yield1k" => goroutines::run(move || yields(1_000, size.of(2_000_000))),
        "yield10k" => goroutines::run(move || yields(10_000, size.of(2_000_000))),
        "parked" => goroutines::run(move || parked(size.of(100_000))),
        "skynet_chan" => {
            let leaves = size.of(1_000_000) as u64;
            rounds::skynet(leaves, || goroutines::run(move || skynet_chan_root(leaves)))
        }
        "skynet_join" => {
            let leaves = size.of(1_000_000) as u64;
            rounds::skynet(leaves, || {
                goroutines::run(move || value(skynet_join(0, leaves)))
            })
        }
        "fib" => rounds::fib(size, 2, |n| goroutines::run(move || fib(n))),
        "fib_half" => rounds::fib(size, 1, |n| goroutines::run(move || fib_half(n))),
        "sleepers" => goroutines::run(move || sleepers(size.of(1_000_000))),
        "msort" => sort::compare(size.of(4_000_000), |numbers| {
            goroutines::run(move || sort(&numbers, 0, numbers.all().end));
        }),
        "idle" => goroutines::run(idle),
        "mutex" => goroutines::run(move || mutex(1_000, size.of(1_000))),
        "rwlock" => goroutines::run(move || rwlock(1_000, size.of(1_000))),
        "mutex_free" => goroutines::run(move || mutex_free(size.of(10_000_000))),
        "pingpong" => goroutines::run(move || pingpong(size.of(300_000))),
        "chan_1x1" => goroutines::run(move || channel(1, size.of(4_000_000))),
        "chan_4x4" => goroutines::run(move || channel(4, size.of(4_000_000))),
        "select4" => goroutines::run(move || select4(size.of(400_000))),
        "ring" => goroutines::run(move || ring(10_000, size.of(1_000_000))),
        "chan_threads" => chan_threads(size.of(2_000_000)),
        "ctx_tree" => goroutines::run(move || ctx_tree(size.of(10_000))),
        _ => return Err("not there yet".into()),
    })
}

fn value<T>(handle: JoinHandle<T>) -> T {
    handle.join().expect("the goroutine ends well")
}

fn ns_each(start: Instant, n: usize) -> Vec<(&'static str, f64)> {
    vec![("ns", start.elapsed().as_nanos() as f64 / n as f64)]
}

fn group_of(n: usize) -> WaitGroup {
    let group = WaitGroup::new();
    group.add(n.try_into().expect("a small number"));
    group
}

fn spawn_all(n: usize) {
    let group = group_of(n);
    for _ in 0..n {
        let group = group.clone();
        go!(move || group.done());
    }
    group.wait();
}

fn spawn_join(n: usize) -> Vec<(&'static str, f64)> {
    let mut start = Instant::now();
    for i in 0..n + n / 10 {
        if i == n / 10 {
            start = Instant::now();
        }
        value(spawn(move || black_box(i)));
    }
    ns_each(start, n)
}

/// All start and yield round and round; the last to arrive starts the clock.
fn yields(goroutines: usize, total: usize) -> Vec<(&'static str, f64)> {
    let each = total / goroutines;
    let group = group_of(goroutines);
    let gate = Arc::new((AtomicUsize::new(0), OnceLock::new()));
    for _ in 0..goroutines {
        let (group, gate) = (group.clone(), gate.clone());
        go!(move || {
            if gate.0.fetch_add(1, Relaxed) + 1 == goroutines {
                let _ = gate.1.set(Instant::now());
            }
            while gate.1.get().is_none() {
                yield_now();
            }
            for _ in 0..each {
                yield_now();
            }
            group.done();
        });
    }
    group.wait();
    let start = *gate.1.get().expect("the last one opened it");
    ns_each(start, each * goroutines)
}

fn parked(n: usize) -> Vec<(&'static str, f64)> {
    let (started, finished) = (group_of(n), group_of(n));
    let all: Arc<Vec<OnceLock<Goroutine>>> = Arc::new((0..n).map(|_| OnceLock::new()).collect());
    let before = mem::resident_bytes();
    let start = Instant::now();
    for i in 0..n {
        let (started, finished, all) = (started.clone(), finished.clone(), all.clone());
        go!(move || {
            let _ = all[i].set(current());
            started.done();
            park();
            finished.done();
        });
    }
    started.wait();
    let create = start.elapsed();
    let after = mem::resident_bytes();
    let start = Instant::now();
    for goroutine in all.iter() {
        goroutine.get().expect("all have started").unpark();
    }
    finished.wait();
    let wake = start.elapsed();
    rounds::parked(n, after.saturating_sub(before), create, wake)
}

fn skynet_chan_root(leaves: u64) -> u64 {
    let (tx, rx) = bounded(0);
    skynet_chan(tx, 0, leaves);
    rx.recv().expect("the root sends")
}

fn skynet_chan(to: Sender<u64>, first: u64, leaves: u64) {
    go!(move || {
        let mut sum = first;
        if leaves > 1 {
            let (tx, rx) = bounded(0);
            for i in 0..10 {
                skynet_chan(tx.clone(), first + i * (leaves / 10), leaves / 10);
            }
            sum = rx.iter().take(10).sum();
        }
        to.send(sum).expect("the parent receives");
    });
}

fn skynet_join(first: u64, leaves: u64) -> JoinHandle<u64> {
    spawn(move || {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let children: [_; 10] = std::array::from_fn(|i| skynet_join(first + i as u64 * part, part));
        children.into_iter().map(value).sum()
    })
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (a, b) = (spawn(move || fib(n - 1)), spawn(move || fib(n - 2)));
    value(a) + value(b)
}

fn fib_half(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let a = spawn(move || fib_half(n - 1));
    let b = fib_half(n - 2);
    value(a) + b
}

fn sleepers(n: usize) -> Vec<(&'static str, f64)> {
    let group = group_of(n);
    let start = Instant::now();
    let last = Arc::new(AtomicU64::new(0));
    for i in 0..n {
        let (group, last) = (group.clone(), last.clone());
        go!(move || {
            let nap = rounds::nap(i);
            rounds::note_deadline(&last, start.elapsed() + nap);
            sleep(nap);
            group.done();
        });
    }
    group.wait();
    rounds::sleepers(start.elapsed(), &last)
}

fn sort(numbers: &Numbers, from: usize, to: usize) {
    if to - from <= GRAIN {
        return numbers.sort_serially(from..to);
    }
    let middle = from + (to - from) / 2;
    let left = {
        let numbers = numbers.clone();
        spawn(move || sort(&numbers, from, middle))
    };
    sort(numbers, middle, to);
    value(left);
    numbers.merge(from..to, middle);
}

fn pingpong(trips: usize) -> Vec<(&'static str, f64)> {
    let (ping, pinged) = bounded(0);
    let (pong, ponged) = bounded(0);
    go!(move || {
        for i in pinged {
            let _ = pong.send(i);
        }
    });
    let start = Instant::now();
    for i in 0..trips {
        ping.send(i).expect("the other side is there");
        assert_eq!(ponged.recv(), Ok(i));
    }
    ns_each(start, trips)
}

fn channel(pairs: usize, total: usize) -> Vec<(&'static str, f64)> {
    let (tx, rx) = bounded(128);
    let each = total / pairs;
    let start = Instant::now();
    for _ in 0..pairs {
        let tx = tx.clone();
        go!(move || {
            for i in 0..each {
                tx.send(i).expect("the receivers are there");
            }
        });
    }
    drop(tx);
    let receivers: Vec<_> = (0..pairs)
        .map(|_| {
            let rx = rx.clone();
            spawn(move || rx.iter().count())
        })
        .collect();
    let count: usize = receivers.into_iter().map(value).sum();
    assert_eq!(count, each * pairs);
    ns_each(start, count)
}

fn select4(total: usize) -> Vec<(&'static str, f64)> {
    let each = total / 4;
    let start = Instant::now();
    let [a, b, c, d] = std::array::from_fn(|_| {
        let (tx, rx) = bounded(0);
        let kept = tx.clone();
        go!(move || {
            for i in 0..each {
                tx.send(i).expect("the receiver is there");
            }
        });
        (kept, rx)
    });
    let mut sum = 0;
    for _ in 0..each * 4 {
        let i = goroutines::select! {
            recv(a.1) -> i => i,
            recv(b.1) -> i => i,
            recv(c.1) -> i => i,
            recv(d.1) -> i => i,
        };
        sum += i.expect("the senders are there");
    }
    assert_eq!(sum, 4 * (each * (each - 1) / 2));
    ns_each(start, each * 4)
}

fn ring(members: usize, hops: usize) -> Vec<(&'static str, f64)> {
    let (first, mut rx) = bounded::<usize>(0);
    for _ in 1..members {
        let (tx, next) = bounded(0);
        go!(move || {
            for token in rx {
                let _ = tx.send(token + 1);
            }
        });
        rx = next;
    }
    // The first lap starts everyone.
    first.send(0).expect("the ring stands");
    rx.recv().expect("the token comes back");
    let laps = hops / members;
    let start = Instant::now();
    let mut token = 0;
    for _ in 0..laps {
        first.send(token).expect("the ring stands");
        token = rx.recv().expect("the token comes back") + 1;
    }
    assert_eq!(token, laps * members);
    ns_each(start, token)
}

fn chan_threads(n: usize) -> Vec<(&'static str, f64)> {
    let (tx, rx) = bounded(128);
    let start = Instant::now();
    let sender = std::thread::spawn(move || {
        for i in 0..n {
            tx.send(i).expect("the receiver is there");
        }
    });
    let sum: usize = rx.iter().sum();
    sender.join().expect("the sender ends well");
    assert_eq!(sum, n * (n - 1) / 2);
    ns_each(start, n)
}

fn idle() -> Vec<(&'static str, f64)> {
    let started = group_of(100);
    for _ in 0..100 {
        let started = started.clone();
        go!(move || {
            started.done();
            loop {
                park();
            }
        });
    }
    started.wait();
    announce_idle();
    sleep(Duration::from_secs(3600));
    Vec::new()
}

fn mutex(goroutines: usize, each: usize) -> Vec<(&'static str, f64)> {
    let count = Arc::new(Mutex::new(0_usize));
    let group = group_of(goroutines);
    let start = Instant::now();
    for _ in 0..goroutines {
        let (count, group) = (count.clone(), group.clone());
        go!(move || {
            for _ in 0..each {
                *count.lock().expect("nobody panics") += 1;
            }
            group.done();
        });
    }
    group.wait();
    assert_eq!(*count.lock().expect("nobody panics"), goroutines * each);
    ns_each(start, goroutines * each)
}

fn rwlock(goroutines: usize, each: usize) -> Vec<(&'static str, f64)> {
    let count = Arc::new(RwLock::new(0_usize));
    let group = group_of(goroutines);
    let start = Instant::now();
    for g in 0..goroutines {
        let (count, group) = (count.clone(), group.clone());
        go!(move || {
            for i in g..g + each {
                if i % 8 == 0 {
                    *count.write().expect("nobody panics") += 1;
                } else {
                    black_box(*count.read().expect("nobody panics"));
                }
            }
            group.done();
        });
    }
    group.wait();
    assert_eq!(*count.read().expect("nobody panics"), goroutines * each / 8);
    ns_each(start, goroutines * each)
}

fn mutex_free(n: usize) -> Vec<(&'static str, f64)> {
    let mutex = Mutex::new(0_u64);
    let start = Instant::now();
    for _ in 0..n {
        *black_box(&mutex).lock().expect("nobody panics") += 1;
    }
    ns_each(start, n)
}

fn ctx_tree(n: usize) -> Vec<(&'static str, f64)> {
    let mut tree = vec![Context::background().with_cancel()];
    for i in 1..n {
        let child = tree[(i - 1) / 10].0.with_cancel();
        tree.push(child);
    }
    let (started, finished) = (group_of(n), group_of(n));
    for (ctx, _) in &tree {
        let (ctx, started, finished) = (ctx.clone(), started.clone(), finished.clone());
        go!(move || {
            let done = ctx.done();
            started.done();
            done.recv().expect_err("nothing is sent");
            finished.done();
        });
    }
    started.wait();
    let start = Instant::now();
    tree[0].1.cancel();
    let call = start.elapsed();
    finished.wait();
    rounds::ctx_tree(call, start.elapsed())
}

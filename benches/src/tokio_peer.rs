//! The programs in tokio. All of it runs in spawned tasks, on the workers.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, Notify, RwLock, mpsc};
use tokio::task::{JoinHandle, yield_now};
use tokio_util::sync::CancellationToken;

use crate::child::{Answer, announce_idle};
use crate::programs::Size;
use crate::sort::{self, GRAIN, Numbers};
use crate::{mem, rounds};

/// Runs one program on `workers` workers of the multi-thread runtime, or with
/// none on the current-thread runtime.
pub(crate) fn run(program: &str, workers: usize, size: Size) -> Answer {
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    let runtime = builder
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    let rt = &runtime;
    Ok(match program {
        "spawn" => {
            let n = size.of(1_000_000);
            rounds::per_item_ns(n, || on(rt, spawn_all(n)))
        }
        "spawn_100k" => {
            on(rt, spawn_all(size.of(100_000)));
            vec![("peak_mib", mem::peak_mib())]
        }
        "spawn_join" => on(rt, spawn_join(size.of(100_000))),
        "yield1" => on(rt, yields(1, size.of(1_000_000))),
        "yield2" => on(rt, yields(2, size.of(1_000_000))),
        "yield1k" => on(rt, yields(1_000, size.of(2_000_000))),
        "yield10k" => on(rt, yields(10_000, size.of(2_000_000))),
        "parked" => on(rt, parked(size.of(100_000))),
        "skynet_chan" => {
            let leaves = size.of(1_000_000) as u64;
            rounds::skynet(leaves, || on(rt, skynet_chan_root(leaves)))
        }
        "skynet_join" => {
            let leaves = size.of(1_000_000) as u64;
            rounds::skynet(leaves, || {
                on(rt, async move { value(skynet_join(0, leaves).await) })
            })
        }
        "fib" => rounds::fib(size, 2, |n| on(rt, fib(n))),
        "fib_half" => rounds::fib(size, 1, |n| on(rt, fib_half(n))),
        "sleepers" => on(rt, sleepers(size.of(1_000_000))),
        "msort" => sort::compare(size.of(4_000_000), |numbers| {
            on(rt, sort(numbers.clone(), 0, numbers.all().end))
        }),
        "idle" => on(rt, idle()),
        "pingpong" => on(rt, pingpong(size.of(300_000))),
        "chan_1x1" => on(rt, channel(1, size.of(4_000_000))),
        "chan_4x4" => on(rt, channel(4, size.of(4_000_000))),
        "select4" => on(rt, select4(size.of(400_000))),
        "ring" => on(rt, ring(10_000, size.of(1_000_000))),
        "mutex" => on(rt, mutex(1_000, size.of(1_000))),
        "rwlock" => on(rt, rwlock(1_000, size.of(1_000))),
        "mutex_free" => on(rt, mutex_free(size.of(10_000_000))),
        "chan_threads" => chan_threads(size.of(2_000_000)),
        "ctx_tree" => on(rt, ctx_tree(size.of(10_000))),
        _ => return Err("no such program".into()),
    })
}

/// Runs a future as a task: `block_on` alone would leave it off the workers.
fn on<T: Send + 'static>(runtime: &Runtime, future: impl Future<Output = T> + Send + 'static) -> T {
    value(runtime.block_on(runtime.spawn(future)))
}

fn value<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    joined.expect("the task ends well")
}

fn ns_each(start: Instant, n: usize) -> Vec<(&'static str, f64)> {
    vec![("ns", start.elapsed().as_nanos() as f64 / n as f64)]
}

/// Counts down and wakes the one that waits: tokio itself has no `WaitGroup`.
#[derive(Clone)]
struct WaitGroup(Arc<(AtomicUsize, Notify)>);

impl WaitGroup {
    fn of(n: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(n), Notify::new())))
    }

    fn done(&self) {
        // Release so that what was done before is seen after `wait`.
        if self.0.0.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1 {
            self.0.1.notify_one();
        }
    }

    async fn wait(&self) {
        self.0.1.notified().await;
    }
}

async fn spawn_all(n: usize) {
    let group = WaitGroup::of(n);
    for _ in 0..n {
        let group = group.clone();
        tokio::spawn(async move { group.done() });
    }
    group.wait().await;
}

async fn spawn_join(n: usize) -> Vec<(&'static str, f64)> {
    let mut start = Instant::now();
    for i in 0..n + n / 10 {
        if i == n / 10 {
            start = Instant::now();
        }
        value(tokio::spawn(async move { black_box(i) }).await);
    }
    ns_each(start, n)
}

/// All start and yield round and round; the last to arrive starts the clock.
async fn yields(tasks: usize, total: usize) -> Vec<(&'static str, f64)> {
    let each = total / tasks;
    let group = WaitGroup::of(tasks);
    let gate = Arc::new((AtomicUsize::new(0), OnceLock::new()));
    for _ in 0..tasks {
        let (group, gate) = (group.clone(), gate.clone());
        tokio::spawn(async move {
            if gate.0.fetch_add(1, Relaxed) + 1 == tasks {
                let _ = gate.1.set(Instant::now());
            }
            while gate.1.get().is_none() {
                yield_now().await;
            }
            for _ in 0..each {
                yield_now().await;
            }
            group.done();
        });
    }
    group.wait().await;
    let start = *gate.1.get().expect("the last one opened it");
    ns_each(start, each * tasks)
}

async fn parked(n: usize) -> Vec<(&'static str, f64)> {
    let (started, finished) = (WaitGroup::of(n), WaitGroup::of(n));
    let gate = Arc::new(Notify::new());
    let before = mem::resident_bytes();
    let start = Instant::now();
    for _ in 0..n {
        let (started, finished, gate) = (started.clone(), finished.clone(), gate.clone());
        tokio::spawn(async move {
            let opened = gate.notified();
            tokio::pin!(opened);
            opened.as_mut().enable();
            started.done();
            opened.await;
            finished.done();
        });
    }
    started.wait().await;
    let create = start.elapsed();
    let after = mem::resident_bytes();
    let start = Instant::now();
    gate.notify_waiters();
    finished.wait().await;
    let wake = start.elapsed();
    rounds::parked(n, after.saturating_sub(before), create, wake)
}

async fn skynet_chan_root(leaves: u64) -> u64 {
    let (tx, mut rx) = mpsc::channel(1);
    skynet_chan(tx, 0, leaves);
    rx.recv().await.expect("the root sends")
}

fn skynet_chan(to: mpsc::Sender<u64>, first: u64, leaves: u64) {
    tokio::spawn(async move {
        let mut sum = first;
        if leaves > 1 {
            let (tx, mut rx) = mpsc::channel(1);
            for i in 0..10 {
                skynet_chan(tx.clone(), first + i * (leaves / 10), leaves / 10);
            }
            sum = 0;
            for _ in 0..10 {
                sum += rx.recv().await.expect("every child sends");
            }
        }
        to.send(sum).await.expect("the parent is there");
    });
}

fn skynet_join(first: u64, leaves: u64) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let children: [_; 10] = std::array::from_fn(|i| skynet_join(first + i as u64 * part, part));
        let mut sum = 0;
        for child in children {
            sum += value(child.await);
        }
        sum
    })
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn fib(n: u32) -> Boxed<u64> {
    Box::pin(async move {
        if n < 2 {
            return u64::from(n);
        }
        let (a, b) = (tokio::spawn(fib(n - 1)), tokio::spawn(fib(n - 2)));
        value(a.await) + value(b.await)
    })
}

fn fib_half(n: u32) -> Boxed<u64> {
    Box::pin(async move {
        if n < 2 {
            return u64::from(n);
        }
        let a = tokio::spawn(fib_half(n - 1));
        let b = fib_half(n - 2).await;
        value(a.await) + b
    })
}

async fn sleepers(n: usize) -> Vec<(&'static str, f64)> {
    let group = WaitGroup::of(n);
    let start = Instant::now();
    let last = Arc::new(AtomicU64::new(0));
    for i in 0..n {
        let (group, last) = (group.clone(), last.clone());
        tokio::spawn(async move {
            let nap = rounds::nap(i);
            rounds::note_deadline(&last, start.elapsed() + nap);
            tokio::time::sleep(nap).await;
            group.done();
        });
    }
    group.wait().await;
    rounds::sleepers(start.elapsed(), &last)
}

fn sort(numbers: Numbers, from: usize, to: usize) -> Boxed<()> {
    Box::pin(async move {
        if to - from <= GRAIN {
            return numbers.sort_serially(from..to);
        }
        let middle = from + (to - from) / 2;
        let left = tokio::spawn(sort(numbers.clone(), from, middle));
        sort(numbers.clone(), middle, to).await;
        value(left.await);
        numbers.merge(from..to, middle);
    })
}

async fn idle() -> Vec<(&'static str, f64)> {
    let started = WaitGroup::of(100);
    let gate = Arc::new(Notify::new());
    for _ in 0..100 {
        let (started, gate) = (started.clone(), gate.clone());
        tokio::spawn(async move {
            started.done();
            gate.notified().await;
        });
    }
    started.wait().await;
    announce_idle();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Vec::new()
}

async fn pingpong(trips: usize) -> Vec<(&'static str, f64)> {
    let (ping, mut pinged) = mpsc::channel(1);
    let (pong, mut ponged) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(i) = pinged.recv().await {
            let _ = pong.send(i).await;
        }
    });
    let start = Instant::now();
    for i in 0..trips {
        ping.send(i).await.expect("the other side is there");
        assert_eq!(ponged.recv().await, Some(i));
    }
    ns_each(start, trips)
}

async fn channel(pairs: usize, total: usize) -> Vec<(&'static str, f64)> {
    let (tx, rx) = mpsc::channel(128);
    let each = total / pairs;
    let start = Instant::now();
    for _ in 0..pairs {
        let tx = tx.clone();
        tokio::spawn(async move {
            for i in 0..each {
                tx.send(i).await.expect("the receivers are there");
            }
        });
    }
    drop(tx);
    let mut receivers = Vec::new();
    if pairs == 1 {
        let mut rx = rx;
        receivers.push(tokio::spawn(async move {
            let mut count = 0;
            while rx.recv().await.is_some() {
                count += 1;
            }
            count
        }));
    } else {
        let rx = Arc::new(Mutex::new(rx));
        for _ in 0..pairs {
            let rx = rx.clone();
            receivers.push(tokio::spawn(async move {
                let mut count = 0;
                loop {
                    let message = rx.lock().await.recv().await;
                    if message.is_none() {
                        return count;
                    }
                    count += 1;
                }
            }));
        }
    }
    let mut count = 0;
    for receiver in receivers {
        count += value(receiver.await);
    }
    assert_eq!(count, each * pairs);
    ns_each(start, count)
}

async fn select4(total: usize) -> Vec<(&'static str, f64)> {
    let each = total / 4;
    let mut ends = Vec::new();
    let start = Instant::now();
    for _ in 0..4 {
        let (tx, rx) = mpsc::channel(1);
        ends.push((tx.clone(), rx));
        tokio::spawn(async move {
            for i in 0..each {
                tx.send(i).await.expect("the receiver is there");
            }
        });
    }
    let [(_ka, a), (_kb, b), (_kc, c), (_kd, d)] = &mut ends[..] else {
        unreachable!()
    };
    let mut sum = 0;
    for _ in 0..each * 4 {
        tokio::select! {
            Some(i) = a.recv() => sum += i,
            Some(i) = b.recv() => sum += i,
            Some(i) = c.recv() => sum += i,
            Some(i) = d.recv() => sum += i,
        }
    }
    assert_eq!(sum, 4 * (each * (each - 1) / 2));
    ns_each(start, each * 4)
}

async fn ring(members: usize, hops: usize) -> Vec<(&'static str, f64)> {
    let (first, mut rx) = mpsc::channel::<usize>(1);
    for _ in 1..members {
        let (tx, next) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(token) = rx.recv().await {
                let _ = tx.send(token + 1).await;
            }
        });
        rx = next;
    }
    let lap = |token| {
        let first = first.clone();
        async move { first.send(token).await.expect("the ring stands") }
    };
    // The first lap starts everyone.
    lap(0).await;
    rx.recv().await.expect("the token comes back");
    let laps = hops / members;
    let start = Instant::now();
    let mut token = 0;
    for _ in 0..laps {
        lap(token).await;
        token = rx.recv().await.expect("the token comes back") + 1;
    }
    assert_eq!(token, laps * members);
    ns_each(start, token)
}

async fn mutex(tasks: usize, each: usize) -> Vec<(&'static str, f64)> {
    let count = Arc::new(Mutex::new(0_usize));
    let group = WaitGroup::of(tasks);
    let start = Instant::now();
    for _ in 0..tasks {
        let (count, group) = (count.clone(), group.clone());
        tokio::spawn(async move {
            for _ in 0..each {
                *count.lock().await += 1;
            }
            group.done();
        });
    }
    group.wait().await;
    assert_eq!(*count.lock().await, tasks * each);
    ns_each(start, tasks * each)
}

async fn rwlock(tasks: usize, each: usize) -> Vec<(&'static str, f64)> {
    let count = Arc::new(RwLock::new(0_usize));
    let group = WaitGroup::of(tasks);
    let start = Instant::now();
    for t in 0..tasks {
        let (count, group) = (count.clone(), group.clone());
        tokio::spawn(async move {
            for i in t..t + each {
                if i % 8 == 0 {
                    *count.write().await += 1;
                } else {
                    black_box(*count.read().await);
                }
            }
            group.done();
        });
    }
    group.wait().await;
    assert_eq!(*count.read().await, tasks * each / 8);
    ns_each(start, tasks * each)
}

async fn mutex_free(n: usize) -> Vec<(&'static str, f64)> {
    let mutex = Mutex::new(0_u64);
    let start = Instant::now();
    for _ in 0..n {
        *black_box(&mutex).lock().await += 1;
    }
    ns_each(start, n)
}

fn chan_threads(n: usize) -> Vec<(&'static str, f64)> {
    let (tx, mut rx) = mpsc::channel(128);
    let start = Instant::now();
    let sender = std::thread::spawn(move || {
        for i in 0..n {
            tx.blocking_send(i).expect("the receiver is there");
        }
    });
    let mut sum = 0;
    while let Some(i) = rx.blocking_recv() {
        sum += i;
    }
    sender.join().expect("the sender ends well");
    assert_eq!(sum, n * (n - 1) / 2);
    ns_each(start, n)
}

async fn ctx_tree(n: usize) -> Vec<(&'static str, f64)> {
    let mut tree = vec![CancellationToken::new()];
    for i in 1..n {
        tree.push(tree[(i - 1) / 10].child_token());
    }
    let (started, finished) = (WaitGroup::of(n), WaitGroup::of(n));
    for token in &tree {
        let (token, started, finished) = (token.clone(), started.clone(), finished.clone());
        tokio::spawn(async move {
            let cancelled = token.cancelled();
            started.done();
            cancelled.await;
            finished.done();
        });
    }
    started.wait().await;
    let start = Instant::now();
    tree[0].cancel();
    let call = start.elapsed();
    finished.wait().await;
    rounds::ctx_tree(call, start.elapsed())
}

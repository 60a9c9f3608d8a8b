//! The programs in `may`, behind the cargo feature of that name.

use crate::child::Answer;
use crate::programs::Size;

#[cfg(not(feature = "may"))]
pub(crate) fn run(_program: &str, _workers: usize, _size: Size) -> Answer {
    Err("built without the feature `may`".into())
}

#[cfg(feature = "may")]
pub(crate) use with_may::run;

#[cfg(feature = "may")]
mod with_may {
    use std::hint::black_box;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};
    use std::time::{Duration, Instant};

    use may::coroutine::{self, JoinHandle, yield_now};
    use may::go;
    use may::sync::{Semphore, mpsc};

    use super::{Answer, Size};
    use crate::child::announce_idle;
    use crate::sort::{self, GRAIN, Numbers};
    use crate::{mem, rounds};

    pub(crate) fn run(program: &str, workers: usize, size: Size) -> Answer {
        may::config().set_workers(workers);
        Ok(match program {
            "spawn" => {
                let n = size.of(1_000_000);
                rounds::per_item_ns(n, || on(move || spawn_all(n)))
            }
            "spawn_100k" => {
                let n = size.of(100_000);
                on(move || spawn_all(n));
                vec![("peak_mib", mem::peak_mib())]
            }
            "spawn_join" => on(move || spawn_join(size.of(100_000))),
            "yield1" => on(move || yields(1, size.of(1_000_000))),
            "yield2" => on(move || yields(2, size.of(1_000_000))),
            "yield1k" => on(move || yields(1_000, size.of(2_000_000))),
            "yield10k" => on(move || yields(10_000, size.of(2_000_000))),
            "parked" => on(move || parked(size.of(100_000))),
            "skynet_chan" => {
                let leaves = size.of(1_000_000) as u64;
                rounds::skynet(leaves, || {
                    on(move || {
                        let (tx, rx) = mpsc::channel();
                        skynet_chan(tx, 0, leaves);
                        rx.recv().expect("the root sends")
                    })
                })
            }
            "skynet_join" => {
                let leaves = size.of(1_000_000) as u64;
                rounds::skynet(leaves, || on(move || value(skynet_join(0, leaves))))
            }
            "fib" => rounds::fib(size, 2, |n| on(move || fib(n))),
            "fib_half" => rounds::fib(size, 1, |n| on(move || fib_half(n))),
            "sleepers" => on(move || sleepers(size.of(1_000_000))),
            "msort" => sort::compare(size.of(4_000_000), |numbers| {
                on(move || sort(&numbers, 0, numbers.all().end));
            }),
            "idle" => on(idle),
            "pingpong" => on(move || pingpong(size.of(300_000))),
            _ => return Err("not written for may".into()),
        })
    }

    /// Runs the program as a coroutine.
    fn on<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
        value(go!(f))
    }

    fn value<T>(handle: JoinHandle<T>) -> T {
        handle.join().expect("the coroutine ends well")
    }

    fn ns_each(start: Instant, n: usize) -> Vec<(&'static str, f64)> {
        vec![("ns", start.elapsed().as_nanos() as f64 / n as f64)]
    }

    #[derive(Clone)]
    struct WaitGroup(Arc<(AtomicUsize, Semphore)>);

    impl WaitGroup {
        fn of(n: usize) -> Self {
            Self(Arc::new((AtomicUsize::new(n), Semphore::new(0))))
        }

        fn done(&self) {
            if self.0.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.0.1.post();
            }
        }

        fn wait(&self) {
            self.0.1.wait();
        }
    }

    fn spawn_all(n: usize) {
        let group = WaitGroup::of(n);
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
            value(go!(move || black_box(i)));
        }
        ns_each(start, n)
    }

    fn yields(coroutines: usize, total: usize) -> Vec<(&'static str, f64)> {
        let each = total / coroutines;
        let group = WaitGroup::of(coroutines);
        let gate = Arc::new((AtomicUsize::new(0), OnceLock::new()));
        for _ in 0..coroutines {
            let (group, gate) = (group.clone(), gate.clone());
            go!(move || {
                if gate.0.fetch_add(1, Ordering::Relaxed) + 1 == coroutines {
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
        ns_each(start, each * coroutines)
    }

    fn parked(n: usize) -> Vec<(&'static str, f64)> {
        let (started, finished) = (WaitGroup::of(n), WaitGroup::of(n));
        let mut all = Vec::with_capacity(n);
        let before = mem::resident_bytes();
        let start = Instant::now();
        for _ in 0..n {
            let (started, finished) = (started.clone(), finished.clone());
            all.push(go!(move || {
                started.done();
                coroutine::park();
                finished.done();
            }));
        }
        started.wait();
        let create = start.elapsed();
        let after = mem::resident_bytes();
        let start = Instant::now();
        for handle in &all {
            handle.coroutine().unpark();
        }
        finished.wait();
        let wake = start.elapsed();
        rounds::parked(n, after.saturating_sub(before), create, wake)
    }

    fn skynet_chan(to: mpsc::Sender<u64>, first: u64, leaves: u64) {
        go!(move || {
            let mut sum = first;
            if leaves > 1 {
                let (tx, rx) = mpsc::channel();
                for i in 0..10 {
                    skynet_chan(tx.clone(), first + i * (leaves / 10), leaves / 10);
                }
                sum = (0..10).map(|_| rx.recv().expect("every child sends")).sum();
            }
            to.send(sum).expect("the parent is there");
        });
    }

    fn skynet_join(first: u64, leaves: u64) -> JoinHandle<u64> {
        go!(move || {
            if leaves == 1 {
                return first;
            }
            let part = leaves / 10;
            let children: [_; 10] =
                std::array::from_fn(|i| skynet_join(first + i as u64 * part, part));
            children.into_iter().map(value).sum()
        })
    }

    fn fib(n: u32) -> u64 {
        if n < 2 {
            return u64::from(n);
        }
        let (a, b) = (go!(move || fib(n - 1)), go!(move || fib(n - 2)));
        value(a) + value(b)
    }

    fn fib_half(n: u32) -> u64 {
        if n < 2 {
            return u64::from(n);
        }
        let a = go!(move || fib_half(n - 1));
        let b = fib_half(n - 2);
        value(a) + b
    }

    fn sleepers(n: usize) -> Vec<(&'static str, f64)> {
        let group = WaitGroup::of(n);
        let start = Instant::now();
        let last = Arc::new(AtomicU64::new(0));
        for i in 0..n {
            let (group, last) = (group.clone(), last.clone());
            go!(move || {
                let nap = rounds::nap(i);
                rounds::note_deadline(&last, start.elapsed() + nap);
                coroutine::sleep(nap);
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
            go!(move || sort(&numbers, from, middle))
        };
        sort(numbers, middle, to);
        value(left);
        numbers.merge(from..to, middle);
    }

    fn idle() -> Vec<(&'static str, f64)> {
        let started = WaitGroup::of(100);
        for _ in 0..100 {
            let started = started.clone();
            go!(move || {
                started.done();
                coroutine::park();
            });
        }
        started.wait();
        announce_idle();
        coroutine::sleep(Duration::from_secs(3600));
        Vec::new()
    }

    fn pingpong(trips: usize) -> Vec<(&'static str, f64)> {
        let (ping, pinged) = mpsc::channel();
        let (pong, ponged) = mpsc::channel();
        go!(move || {
            while let Ok(i) = pinged.recv() {
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
}

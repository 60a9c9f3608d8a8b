//! Nobody starves: ready pairs, streams of spawns, spinners; each in bounded time.

use crate::support::{Ball, rounds, spin_until, until};
use goroutines::{go, park, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A goroutine that is started while `busy` keeps its worker busy, until it is told to stop, runs.
fn check(busy: impl FnOnce(&Arc<AtomicBool>)) {
    let (stop, ran) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (theirs, end) = (ran.clone(), stop.clone());
    drop(spawn(move || {
        theirs.store(true, Ordering::Release);
        end.store(true, Ordering::Release);
    }));
    busy(&stop);
    assert!(ran.load(Ordering::Acquire));
}

/// Works for about `steps` steps.
fn work(steps: u64) {
    for i in 0..steps {
        std::hint::black_box(i);
    }
}

/// How many steps take about this long here.
fn steps(time: Duration) -> u64 {
    let mut n = 1_000;
    loop {
        let start = Instant::now();
        work(n);
        if start.elapsed() >= time {
            return n;
        }
        n += n / 4;
    }
}

/// Two goroutines that hand each other the processor and work in between, until `stop`.
fn pair(
    work_steps: u64,
    stop: &Arc<AtomicBool>,
    done: &Arc<AtomicU64>,
) -> Vec<goroutines::JoinHandle<()>> {
    let ball = Ball::new(2);
    (0..2)
        .map(|me| {
            let (ball, stop, done) = (ball.clone(), stop.clone(), done.clone());
            spawn(move || {
                ball.enter(me);
                while ball.take_until(me, &stop) {
                    work(work_steps);
                    done.fetch_add(work_steps, Ordering::Relaxed);
                    ball.pass();
                }
            })
        })
        .collect()
}

// FA-2 (TestPingPongHog): what hands each other the processor shares one time slice.
#[goroutines::test(workers = 1)]
fn a_pair_that_hogs_and_a_light_pair_get_the_same() {
    let heavy = steps(Duration::from_micros(300));
    let stop = Arc::new(AtomicBool::new(false));
    let (hog, light) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut all = pair(heavy, &stop, &hog);
    all.extend(pair((heavy / 1_000).max(1), &stop, &light));
    goroutines::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    for handle in all {
        handle.goroutine().unpark();
        handle.join().unwrap();
    }
    let (hog, light) = (hog.load(Ordering::Relaxed), light.load(Ordering::Relaxed));
    // Handing over costs more than the light pair's work, so allow it for that.
    assert!(light > 0 && hog > 0);
    assert!(
        hog / 20 <= light.saturating_mul(3),
        "hog {hog}, light {light}"
    );
}

// FA-2: the turns of the light pair come in one piece, so it has many more of them.
#[goroutines::test(workers = 1)]
fn a_light_pair_has_its_slice_beside_a_hog() {
    let heavy = steps(Duration::from_micros(300));
    let stop = Arc::new(AtomicBool::new(false));
    let (hog, light) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut all = pair(heavy, &stop, &hog);
    all.extend(pair(1, &stop, &light));
    goroutines::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    for handle in all {
        handle.goroutine().unpark();
        handle.join().unwrap();
    }
    let (hogs, lights) = (
        hog.load(Ordering::Relaxed) / heavy,
        light.load(Ordering::Relaxed),
    );
    assert!(lights > 20 * hogs, "turns: hog {hogs}, light {lights}");
}

// FA-2, bounded start (a): behind a pair that keep each other ready.
#[goroutines::test(workers = 1)]
fn an_unstarted_one_starts_behind_a_pair() {
    for _ in 0..rounds(3) {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let players = pair(1, &stop, &done);
        until("they play", || done.load(Ordering::Relaxed) > 100);
        check(|told| {
            let before = done.load(Ordering::Relaxed);
            until("it ran", || told.load(Ordering::Acquire));
            let turns = done.load(Ordering::Relaxed) - before;
            assert!(turns < 50_000_000, "only after {turns} turns");
        });
        stop.store(true, Ordering::Relaxed);
        for player in players {
            player.goroutine().unpark();
            player.join().unwrap();
        }
    }
}

// The same behind two that yield to each other.
#[goroutines::test(workers = 1)]
fn an_unstarted_one_starts_behind_yielders() {
    for _ in 0..rounds(10) {
        let stop = Arc::new(AtomicBool::new(false));
        let yielders: Vec<_> = (0..2)
            .map(|_| {
                let stop = stop.clone();
                spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        yield_now();
                    }
                })
            })
            .collect();
        (0..100).for_each(|_| yield_now());
        check(|told| {
            for turn in 0.. {
                if told.load(Ordering::Acquire) {
                    break;
                }
                assert!(turn < 2_000, "yielded {turn} times, and it has not started");
                yield_now();
            }
        });
        stop.store(true, Ordering::Relaxed);
        for yielder in yielders {
            yielder.join().unwrap();
        }
    }
}

// A few that are spawned together have all started after some dozens of rounds.
#[goroutines::test(workers = 1)]
fn a_few_start_soon_behind_yielders() {
    for _ in 0..rounds(10) {
        let stop = Arc::new(AtomicBool::new(false));
        let started = Arc::new(AtomicUsize::new(0));
        let yielder = {
            let stop = stop.clone();
            spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    yield_now();
                }
            })
        };
        (0..100).for_each(|_| yield_now());
        for _ in 0..8 {
            let started = started.clone();
            go!(move || started.fetch_add(1, Ordering::Relaxed));
        }
        // One each eighth round, of which this goroutine has every second.
        for turn in 0.. {
            if started.load(Ordering::Relaxed) == 8 {
                break;
            }
            assert!(turn < 40, "yielded {turn} times, and not all have started");
            yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        yielder.join().unwrap();
    }
}

/// Until nothing is left of what a test has started.
fn drain() {
    until("all have ended", || goroutines::num_goroutines() == 1);
}

// Bounded start (b): behind a steady stream of newer ones.
#[goroutines::test(workers = 1)]
fn an_unstarted_one_starts_behind_newer_ones() {
    for _ in 0..rounds(10) {
        check(|told| {
            for spawned in 0.. {
                if told.load(Ordering::Acquire) {
                    break;
                }
                assert!(
                    spawned < 5_000_000,
                    "it has not started after {spawned} newer ones"
                );
                // More than are started meanwhile, the newest first.
                go!({});
                go!({});
                yield_now();
            }
        });
        drain();
    }
}

// Bounded start (b), of a burst of 30,000: none waits for much longer than the burst's own work takes,
// though what comes later is started first. (Was: each had to be the oldest for 1 ms, one by one.)
#[goroutines::test(workers = 1)]
fn a_backlog_starts_behind_newer_ones() {
    const N: usize = 30_000;
    let started = Arc::new(AtomicUsize::new(0));
    for _ in 0..N {
        let started = started.clone();
        go!({
            started.fetch_add(1, Ordering::Relaxed);
        });
    }
    let start = Instant::now();
    while started.load(Ordering::Relaxed) < N {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{started:?} of {N} have started after {:?}",
            start.elapsed()
        );
        go!({});
        yield_now();
    }
}

// Bounded start (b): the stream feeds itself.
#[goroutines::test(workers = 1)]
fn an_unstarted_one_starts_behind_a_stream_of_respawns() {
    static SPAWNED: AtomicUsize = AtomicUsize::new(0);
    fn stream(stop: Arc<AtomicBool>) {
        if !stop.load(Ordering::Acquire) {
            assert!(
                SPAWNED.fetch_add(1, Ordering::Relaxed) < 200_000_000,
                "it never starts"
            );
            go!(stream(stop));
        }
    }
    for _ in 0..rounds(10) {
        check(|told| {
            stream(told.clone());
            until("it ran", || told.load(Ordering::Acquire));
        });
    }
}

// Bounded start (c): behind a spawner that never waits, another worker takes it.
#[goroutines::test(workers = 2)]
fn an_unstarted_one_starts_behind_one_that_never_waits() {
    for _ in 0..rounds(20) {
        check(|told| spin_until("the other worker takes it", || told.load(Ordering::Acquire)));
    }
}

// Bounded start (c), of many: each in its turn.
#[goroutines::test(workers = 2)]
fn a_spawner_that_never_waits_is_followed() {
    let ran = Arc::new(AtomicUsize::new(0));
    for i in 1..=rounds(200) {
        let theirs = ran.clone();
        go!({
            theirs.fetch_add(1, Ordering::AcqRel);
        });
        if i % 10 == 0 {
            spin_until("all have run", || ran.load(Ordering::Acquire) == i);
        }
    }
}

// FA-3: local respawners do not starve what comes from outside.
#[goroutines::test(workers = 1)]
fn spawns_from_threads_are_not_starved() {
    fn respawn(stop: Arc<AtomicBool>) {
        if !stop.load(Ordering::Acquire) {
            go!(respawn(stop));
        }
    }
    for _ in 0..rounds(10) {
        let (stop, ran) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        respawn(stop.clone());
        respawn(stop.clone());
        let theirs = ran.clone();
        let thread = std::thread::spawn(move || {
            spawn(move || theirs.store(true, Ordering::Release))
                .join()
                .unwrap();
        });
        until("it ran", || ran.load(Ordering::Acquire));
        stop.store(true, Ordering::Release);
        goroutines::blocking(|| thread.join().unwrap());
    }
}

// FA-3: nor what another thread wakes.
#[goroutines::test(workers = 1)]
fn wakes_from_threads_are_not_starved() {
    let stop = Arc::new(AtomicBool::new(false));
    let players = pair(1, &stop, &Arc::new(AtomicU64::new(0)));
    for _ in 0..rounds(20) {
        let me = goroutines::current();
        let thread = std::thread::spawn(move || me.unpark());
        park();
        thread.join().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for player in players {
        player.goroutine().unpark();
        player.join().unwrap();
    }
}

/// `n` goroutines that spin on each other's turns: all must run at once.
fn spin_on_each_other(n: usize, laps: usize) {
    let turn = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (1..n)
        .map(|me| {
            let turn = turn.clone();
            spawn(move || spin(me, n, laps, &turn))
        })
        .collect();
    spin(0, n, laps, &turn);
    for handle in handles {
        handle.join().unwrap();
    }
}

fn spin(me: usize, n: usize, laps: usize, turn: &AtomicUsize) {
    for _ in 0..laps {
        spin_until("all run at once", || turn.load(Ordering::Acquire) % n == me);
        turn.fetch_add(1, Ordering::AcqRel);
    }
}

// FA-6 (TestGoroutineParallelism)
#[goroutines::test(workers = 2)]
fn as_many_as_workers_spin_on_each_other() {
    for _ in 0..rounds(20) {
        spin_on_each_other(2, 5);
    }
}

// FA-6 (TestGoroutineParallelism2): also when the workers have gone to sleep before.
#[goroutines::test(workers = 4)]
fn sleeping_workers_wake_to_spin_on_each_other() {
    for _ in 0..rounds(2) {
        goroutines::sleep(Duration::from_millis(20));
        spin_on_each_other(4, 3);
    }
}

// FA-6: a worker that is spun on is not one of those asleep: what a thread adds is found.
#[goroutines::test(workers = 2)]
fn work_from_a_thread_is_found_while_one_worker_spins() {
    for _ in 0..rounds(20) {
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = ran.clone();
        let thread = std::thread::spawn(move || {
            drop(spawn(move || theirs.store(true, Ordering::Release)));
        });
        spin_until("the other worker runs it", || ran.load(Ordering::Acquire));
        thread.join().unwrap();
    }
}

// FA-12: no goroutine need see another's writes without an atomic; with one, it does, by yielding.
#[goroutines::test(workers = 1)]
fn waiting_for_a_flag_by_yielding() {
    for _ in 0..rounds(200) {
        let flag = Arc::new(AtomicBool::new(false));
        let theirs = flag.clone();
        drop(spawn(move || theirs.store(true, Ordering::Release)));
        let mut turns = 0;
        while !flag.load(Ordering::Acquire) {
            turns += 1;
            assert!(turns < 1_000);
            yield_now();
        }
    }
}

//! Timers that race with those who stop, reset and receive.

use crate::alloc;
use crate::support::{Dice, HOUR, PATIENCE, everybody, inside, on_workers, rounds};
use goroutines::channel::unbounded;
use goroutines::sync::WaitGroup;
use goroutines::time::{Ticker, Timer, after_func, sleep, sleep_until};
use goroutines::{go, select, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

on_workers! {
    results
    resets
    everything
    sleeps
}

// TI-10: a stop that says `false` finds the value with somebody; one that says `true` has taken it.
fn results() {
    everybody(100, 4, |seed| {
        let mut dice = Dice(seed as u64);
        for _ in 0..rounds(40) {
            let timer = Timer::new(Duration::from_micros(dice.below(300)));
            let theirs = timer.clone();
            let taker = spawn(move || theirs.c().recv_timeout(Duration::from_micros(300)).is_ok());
            sleep(Duration::from_micros(dice.below(300)));
            let prevented = match dice.below(2) {
                0 => timer.stop(),
                _ => timer.reset(HOUR),
            };
            assert_ne!(prevented, taker.join().unwrap());
            assert!(timer.c().try_recv().is_err());
        }
    });
}

/// TI-9, TI-13: waiters of all kinds, and others who set the timer all the time, mostly far away. Each
/// value that was not prevented is received once; nobody is forgotten.
fn resets() {
    let timer = Timer::new(HOUR);
    let (stop, stopped) = goroutines::channel::bounded::<()>(0);
    let received = Arc::new(AtomicUsize::new(0));
    let takers: Vec<_> = (0..6)
        .map(|i| {
            let (timer, stopped, received) = (timer.clone(), stopped.clone(), received.clone());
            let take = move || {
                loop {
                    select! {
                        recv(timer.c()) -> at => {
                            assert!(at.unwrap() <= Instant::now());
                            received.fetch_add(1, SeqCst);
                        }
                        recv(stopped) -> _ => return,
                    }
                    if i == 5 && timer.c().recv_timeout(Duration::from_micros(20)).is_ok() {
                        received.fetch_add(1, SeqCst);
                    }
                }
            };
            if i == 0 {
                Err(std::thread::spawn(take))
            } else {
                Ok(spawn(take))
            }
        })
        .collect();
    let mut expected = 0;
    let mut dice = Dice(7);
    let mut running = true;
    for _ in 0..rounds(2_000) {
        let d = match dice.below(3) {
            0 => HOUR,
            1 => Duration::ZERO,
            _ => Duration::from_micros(dice.below(60)),
        };
        let prevented = timer.reset(d);
        expected += usize::from(running && !prevented);
        running = true;
        for _ in 0..dice.below(4) {
            yield_now();
        }
        if dice.below(10) == 0 {
            expected += usize::from(!timer.stop());
            running = false;
        }
        if dice.below(10) == 0 {
            sleep(Duration::from_micros(100));
        }
    }
    // The last one comes for sure, however they wait.
    expected += usize::from(running && !timer.reset(Duration::ZERO));
    if !running {
        timer.reset(Duration::ZERO);
    }
    expected += 1;
    crate::support::until("the last one is received", || {
        received.load(SeqCst) == expected
    });
    drop(stop);
    for taker in takers {
        match taker {
            Ok(goroutine) => goroutine.join().unwrap(),
            Err(thread) => thread.join().unwrap(),
        }
    }
    assert_eq!(received.load(SeqCst), expected);
}

/// Everything at once, with plain threads among it.
fn everything() {
    let stop = Arc::new(AtomicBool::new(false));
    let ticker = Ticker::new(Duration::from_micros(20));
    let (s, r) = unbounded();
    let later = after_func(Duration::from_micros(10), move || _ = s.send(()));
    let work = |seed: u64| {
        let (stop, ticker, later) = (stop.clone(), ticker.clone(), later.clone());
        move || {
            let mut dice = Dice(seed);
            let mut ticks = 0;
            while !stop.load(SeqCst) {
                match dice.below(5) {
                    0 => _ = later.reset(Duration::from_micros(dice.below(50))),
                    1 => _ = later.stop(),
                    2 => ticker.reset(Duration::from_micros(1 + dice.below(50))),
                    _ => select! {
                        recv(ticker.c()) -> at => ticks += usize::from(at.is_ok()),
                        default(Duration::from_micros(dice.below(40))) => {}
                    },
                }
                yield_now();
            }
            ticks
        }
    };
    let inside = [1, 2, 3].map(|seed| spawn(work(seed)));
    let outside = [4, 5].map(|seed| std::thread::spawn(work(seed)));
    sleep(Duration::from_millis(rounds(150) as u64));
    stop.store(true, SeqCst);
    let ticks: usize = inside.map(|one| one.join().unwrap()).iter().sum();
    let more: usize = outside.map(|one| one.join().unwrap()).iter().sum();
    assert!(ticks + more > 0);
    later.stop();
    later.reset(Duration::ZERO);
    r.recv_timeout(PATIENCE).unwrap();
}

/// TI-1: nobody wakes early, and all wake.
fn sleeps() {
    everybody(20, 4, |seed| {
        let mut dice = Dice(seed as u64);
        for _ in 0..rounds(100) {
            let (start, d) = (Instant::now(), Duration::from_micros(dice.below(300)));
            match dice.below(2) {
                0 => sleep(d),
                _ => sleep_until(start + d),
            }
            assert!(start.elapsed() >= d);
        }
    });
}

// TI-11: ten thousand timers of an hour, made and dropped.
#[goroutines::test(workers = 2)]
fn dropped_timers_are_freed() {
    let round = || {
        for _ in 0..10_000 {
            let timer = Timer::new(HOUR);
            select! {
                recv(timer.c()) -> _ => unreachable!(),
                default => {}
            }
            drop(Ticker::new(HOUR));
        }
    };
    round();
    let before = alloc::live();
    round();
    let grown = alloc::live() - before;
    assert!(grown < 16 * 1024, "{grown} bytes");
}

// TI-12: a ticker that nobody waits for wakes nobody.
#[goroutines::test(workers = 2)]
fn nobody_waits_nobody_wakes() {
    let _tickers: Vec<_> = (0..100)
        .map(|_| Ticker::new(Duration::from_nanos(1)))
        .collect();
    let wakes = || {
        goroutines::runtime::metrics()
            .workers
            .iter()
            .map(|w| w.wakes)
            .sum::<u64>()
    };
    let _ = wakes();
    let before = cpu();
    std::thread::sleep(Duration::from_millis(100));
    let used = cpu() - before;
    assert!(used < 50, "{used} ms of processor time");
}

/// Processor time of this process, ms.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<_> = after.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10
}

// TI-13: many share one timer, set it and receive from it.
#[test]
fn many_share_one() {
    inside(|| {
        let timer = Timer::new(HOUR);
        let group = WaitGroup::new();
        let values = Arc::new(AtomicUsize::new(0));
        for seed in 0..20 {
            let (timer, values) = (timer.clone(), values.clone());
            group.go(move || {
                let mut dice = Dice(seed);
                for _ in 0..rounds(200) {
                    timer.reset(Duration::from_micros(dice.below(20)));
                    if timer
                        .c()
                        .recv_timeout(Duration::from_micros(dice.below(40)))
                        .is_ok()
                    {
                        values.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        group.wait();
        assert!(values.load(SeqCst) > 0);
        go!(move || timer.reset(Duration::ZERO));
    });
}

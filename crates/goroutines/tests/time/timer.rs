//! `Timer`: when its value comes, and that stop and reset take it away.

use crate::support::{HOUR, PATIENCE, SHORT, both, inside, until};
use goroutines::channel::{Receiver, TryRecvError, unbounded};
use goroutines::time::{Timer, sleep, sleep_until};
use goroutines::{select, spawn};
use std::time::{Duration, Instant};

fn nothing(c: &Receiver<Instant>) {
    assert_eq!(c.try_recv(), Err(TryRecvError::Empty));
}

// TI-5: one value, not before its time.
#[test]
fn gives_one_value_in_time() {
    both(|| {
        let start = Instant::now();
        let timer = Timer::new(SHORT);
        nothing(timer.c());
        let due = timer.c().recv().unwrap();
        assert!(due >= start + SHORT && Instant::now() >= due);
        nothing(timer.c());
        assert!(timer.c().recv_timeout(SHORT).is_err());
    });
}

// TI-5: zero fires at once, however many.
#[test]
fn zero_is_at_once() {
    both(|| {
        for _ in 0..20_000 {
            let timer = Timer::new(Duration::ZERO);
            timer.c().recv_timeout(PATIENCE).unwrap();
        }
    });
}

// TI-6
#[test]
fn is_unbuffered() {
    inside(|| {
        let timer = Timer::new(Duration::ZERO);
        sleep(SHORT);
        assert_eq!((timer.c().len(), timer.c().capacity()), (0, Some(0)));
        assert!(timer.c().is_empty());
        assert!(timer.c().recv().is_ok());
        assert!(!timer.c().close() && !timer.c().is_closed());
    });
}

// TI-7: the value is when it was due.
#[test]
fn the_value_is_the_moment() {
    inside(|| {
        let (before, timer, after) = (Instant::now(), Timer::new(SHORT), Instant::now());
        sleep(SHORT * 10);
        let due = timer.c().recv().unwrap();
        assert!(before + SHORT <= due && due <= after + SHORT);
    });
}

// TI-8
#[test]
fn stop_says_what_it_prevented() {
    both(|| {
        let timer = Timer::new(HOUR);
        assert!(timer.stop(), "running");
        assert!(!timer.stop(), "stopped");
        let timer = Timer::new(Duration::ZERO);
        sleep(SHORT);
        assert!(timer.stop(), "due, not received");
        nothing(timer.c());
        assert!(timer.c().recv_timeout(SHORT).is_err());
        let timer = Timer::new(Duration::ZERO);
        timer.c().recv().unwrap();
        assert!(!timer.stop(), "received");
    });
}

// TI-9
#[test]
fn reset_takes_away_and_sets_again() {
    both(|| {
        let timer = Timer::new(Duration::ZERO);
        assert!(timer.reset(HOUR), "due, not received");
        nothing(timer.c());
        assert!(timer.reset(SHORT), "running");
        let start = Instant::now();
        timer.c().recv().unwrap();
        assert!(start.elapsed() < PATIENCE);
        assert!(!timer.reset(SHORT), "received");
        assert!(timer.stop());
        assert!(!timer.reset(Duration::ZERO), "stopped");
        assert!(timer.c().recv().is_ok());
    });
}

// TI-9: who waits follows the new time.
#[test]
fn who_waits_follows() {
    both(|| {
        let timer = Timer::new(HOUR);
        let (start, theirs) = (Instant::now(), timer.clone());
        let waiter = spawn(move || theirs.c().recv().unwrap());
        let c = timer.c().clone();
        let plain = Timer::new(HOUR);
        let theirs = plain.clone();
        let thread = std::thread::spawn(move || theirs.c().recv().unwrap());
        sleep(SHORT);
        timer.reset(SHORT * 2); // earlier
        timer.reset(SHORT * 4); // later
        plain.reset(SHORT);
        assert!(waiter.join().unwrap() >= start + SHORT * 5);
        assert!(thread.join().unwrap() >= start + SHORT * 2);
        nothing(&c);
    });
}

// TI-9, in selects of both kinds.
#[test]
fn who_selects_follows() {
    inside(|| {
        let (timer, other) = (Timer::new(HOUR), Timer::new(HOUR));
        let (_s, never) = unbounded::<u8>();
        let (a, b, n) = (timer.clone(), other.clone(), never.clone());
        let first = spawn(move || {
            select! {
                recv(a.c()) -> at => at.map(|_| 'a').unwrap(),
                recv(b.c()) -> at => at.map(|_| 'b').unwrap(),
                recv(n) -> _ => unreachable!(),
            }
        });
        sleep(SHORT);
        other.reset(SHORT);
        assert_eq!(first.join().unwrap(), 'b');
        let (a, b) = (timer.clone(), other.clone());
        let second = spawn(move || {
            let mut sel = goroutines::channel::Select::new();
            let first = sel.recv(a.c());
            sel.recv(b.c());
            sel.ready() == first
        });
        sleep(SHORT);
        assert!(timer.reset(Duration::ZERO));
        assert!(second.join().unwrap());
        assert!(timer.stop(), "nobody has received it");
    });
}

// TI-9: a stopped timer gives nothing to who waits, until it is set again.
#[test]
fn stopped_under_a_waiter() {
    both(|| {
        let timer = Timer::new(SHORT * 2);
        let theirs = timer.clone();
        let waiter = spawn(move || theirs.c().recv().unwrap());
        sleep(SHORT);
        if timer.stop() {
            sleep(SHORT * 2);
            assert!(!waiter.is_finished());
            timer.reset(Duration::ZERO);
        }
        waiter.join().unwrap();
    });
}

// TI-3: for ever is for ever, and is running.
#[test]
fn for_ever() {
    both(|| {
        for long in [
            Duration::MAX,
            Duration::from_nanos(u64::MAX),
            Duration::from_nanos(u64::MAX / 2),
        ] {
            let timer = Timer::new(long);
            assert!(timer.c().recv_timeout(Duration::from_millis(1)).is_err());
            assert!(timer.stop(), "it was running");
            assert!(!timer.reset(long));
            assert!(timer.reset(Duration::ZERO));
            assert!(timer.c().recv().is_ok());
        }
    });
}

// TI-11: what is cloned from a dropped timer goes on.
#[test]
fn a_receiver_outlives_its_timer() {
    both(|| {
        let c = Timer::new(SHORT).c().clone();
        assert!(c.recv().is_ok());
        nothing(&c);
    });
}

// TI-13: one value, many who want it, all of whom share the timer.
#[test]
fn one_of_many_gets_it() {
    inside(|| {
        let timer = Timer::new(SHORT);
        let waiters: Vec<_> = (0..10)
            .map(|i| {
                let timer = timer.clone();
                spawn(move || match i % 2 {
                    0 => timer.c().recv().is_ok(),
                    _ => select! { recv(timer.c()) -> at => at.is_ok() },
                })
            })
            .collect();
        for _ in 0..10 {
            let left = || waiters.iter().filter(|w| !w.is_finished()).count();
            let before = left();
            until("one got it", || left() < before || before == 0);
            sleep(Duration::from_millis(1));
            assert!(left() + 1 >= before, "one value, one receiver");
            timer.reset(Duration::from_millis(1));
        }
        assert!(waiters.into_iter().all(|w| w.join().unwrap()));
    });
}

// TI-14: moving timers to and fro loses none, and each comes when it was last set to.
#[test]
fn moved_to_and_fro() {
    inside(|| {
        let timers: Vec<_> = (0..100).map(|_| Timer::new(HOUR)).collect();
        let waiters: Vec<_> = timers
            .iter()
            .map(|t| {
                let t = t.clone();
                spawn(move || t.c().recv().unwrap())
            })
            .collect();
        // Earlier and later in turn, and at the end at once, soon, or a little later.
        let steps = [60, 90, 50, HOUR.as_millis() as u64, 70, 80, 55, 65];
        // Between which moments it was set, plus the time it was set to.
        let now = Instant::now();
        let mut due = vec![now..=now; timers.len()];
        for step in 0..=steps.len() {
            for (i, (timer, due)) in timers.iter().zip(&mut due).enumerate() {
                let last = [0, 30, 95][i % 3];
                let d = Duration::from_millis(steps.get(step).copied().unwrap_or(last));
                let before = Instant::now();
                if timer.reset(d) {
                    *due = before + d..=Instant::now() + d;
                } else {
                    timer.stop();
                }
            }
            sleep(Duration::from_micros(500));
        }
        for (waiter, due) in waiters.into_iter().zip(due) {
            let came = waiter.join().unwrap();
            assert!(due.contains(&came), "{came:?} and not {due:?}");
        }
    });
}

// TI-14: resets to the past.
#[test]
fn reset_to_now_again_and_again() {
    inside(|| {
        for _ in 0..1_000 {
            let timer = Timer::new(HOUR);
            for _ in 0..10 {
                timer.reset(Duration::ZERO);
            }
            timer.c().recv_timeout(PATIENCE).unwrap();
            nothing(timer.c());
        }
    });
}

// TI-15: several come in the order of their times.
#[test]
fn in_order() {
    inside(|| {
        const SLOTS: [u32; 13] = [5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0];
        let delta = Duration::from_millis(10);
        let (s, r) = unbounded();
        let start = Instant::now();
        for slot in SLOTS {
            let s = s.clone();
            let timer = Timer::new(delta * slot);
            goroutines::go!(move || {
                let due = timer.c().recv().unwrap();
                s.send((slot, due, Instant::now())).unwrap();
            });
        }
        drop(s);
        let mut all: Vec<_> = r.iter().collect();
        assert_eq!(all.len(), SLOTS.len());
        for &(slot, due, now) in &all {
            assert!(due >= start + delta * slot && now >= due);
        }
        all.sort_by_key(|&(_, due, _)| due);
        assert!(all.is_sorted_by_key(|&(slot, ..)| slot));
    });
}

// TI-1, TI-2: those of this room are those of the root.
#[test]
fn sleeps() {
    both(|| {
        let start = Instant::now();
        sleep(SHORT);
        assert!(start.elapsed() >= SHORT);
        sleep_until(start + SHORT * 2);
        assert!(start.elapsed() >= SHORT * 2);
        sleep_until(start);
        sleep(Duration::ZERO);
    });
}

#[test]
fn types() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + std::panic::UnwindSafe + 'static>(_: &T) {}
    let timer = Timer::new(HOUR);
    shared(&timer);
    assert_eq!(format!("{timer:?}"), "Timer { .. }");
    assert_eq!(size_of::<Timer>(), 16);
}

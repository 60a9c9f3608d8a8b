//! `Ticker`: its grid, and that what is missed is dropped.

use crate::support::{HOUR, PATIENCE, SHORT, both, inside};
use goroutines::channel::TryRecvError;
use goroutines::time::{Ticker, sleep, sleep_until};
use goroutines::{select, spawn};
use std::time::{Duration, Instant};

// TI-19
#[test]
fn zero_panics() {
    let text = |f: &dyn Fn()| {
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        payload.downcast_ref::<String>().unwrap().clone()
    };
    let ticker = Ticker::new(HOUR);
    assert!(text(&|| drop(Ticker::new(Duration::ZERO))).contains("must not be zero"));
    assert!(text(&|| ticker.reset(Duration::ZERO)).contains("Ticker::reset"));
    // `tick` gives a channel that never does.
    let never = goroutines::channel::tick(Duration::ZERO);
    assert_eq!(never.try_recv(), Err(TryRecvError::Empty));
}

// TI-20: a slow receiver gets the first one missed, and the rest is where it would have been.
#[test]
fn stays_on_its_grid() {
    both(|| {
        let period = Duration::from_millis(20);
        let ticker = Ticker::new(period);
        let first = ticker.c().recv().unwrap();
        let begin = first - period;
        sleep_until(begin + period * 11 / 2);
        let woke = Instant::now();
        let missed = ticker.c().try_recv().unwrap();
        assert_eq!(missed, begin + period * 2, "the first missed");
        let next = ticker.c().recv().unwrap();
        assert!(next > woke, "one was kept");
        let on_grid = (next - begin).as_nanos() % period.as_nanos();
        assert_eq!(on_grid, 0, "{:?} after it", next - begin);
    });
}

// TI-7: values are the moments at which they were due.
#[test]
fn values_are_the_moments() {
    inside(|| {
        let period = Duration::from_millis(1);
        let ticker = Ticker::new(period);
        let values: Vec<_> = ticker.c().iter().take(10).collect();
        for pair in values.windows(2) {
            let between = (pair[1] - pair[0]).as_nanos();
            assert!(between > 0 && between.is_multiple_of(period.as_nanos()));
        }
    });
}

// TI-6
#[test]
fn is_unbuffered() {
    inside(|| {
        let ticker = Ticker::new(Duration::from_nanos(1));
        sleep(Duration::from_millis(1));
        assert_eq!((ticker.c().len(), ticker.c().capacity()), (0, Some(0)));
        assert!(ticker.c().try_recv().is_ok());
    });
}

// TI-21
#[test]
fn stop_and_reset() {
    both(|| {
        let ticker = Ticker::new(Duration::from_nanos(1));
        sleep(Duration::from_micros(10));
        ticker.stop();
        assert_eq!(ticker.c().try_recv(), Err(TryRecvError::Empty));
        assert!(!ticker.c().is_closed());
        assert!(ticker.c().recv_timeout(SHORT).is_err());
        let start = Instant::now();
        ticker.reset(SHORT);
        assert!(ticker.c().recv().unwrap() >= start + SHORT);
        ticker.reset(Duration::from_nanos(1));
        sleep(Duration::from_micros(10));
        ticker.reset(HOUR);
        assert_eq!(
            ticker.c().try_recv(),
            Err(TryRecvError::Empty),
            "it was due before"
        );
    });
}

// TI-22, by the grid instead of the clock: a loaded machine is late, the grid is not.
#[test]
fn a_new_period() {
    inside(|| {
        let delta = Duration::from_millis(2);
        let ticker = Ticker::new(delta);
        for _ in 0..5 {
            ticker.c().recv().unwrap();
        }
        let before = Instant::now();
        ticker.reset(delta * 2);
        let after = Instant::now();
        let first = ticker.c().recv().unwrap();
        assert!(before + delta * 2 <= first && first <= after + delta * 2);
        for _ in 1..5 {
            let next = ticker.c().recv().unwrap();
            assert_eq!((next - first).as_nanos() % (delta * 2).as_nanos(), 0);
        }
    });
}

// TI-13: ten goroutines, a hundred ticks each, of a ticker that is always due.
#[test]
fn shared_by_many() {
    inside(|| {
        let ticker = Ticker::new(Duration::from_nanos(1));
        let all: Vec<_> = (0..10)
            .map(|i| {
                let ticker = ticker.clone();
                spawn(move || {
                    for _ in 0..100 {
                        if i % 3 == 0 {
                            ticker.reset(Duration::from_nanos(1));
                        }
                        select! {
                            recv(ticker.c()) -> at => _ = at.unwrap(),
                            default(PATIENCE) => panic!("lost"),
                        }
                    }
                })
            })
            .collect();
        for one in all {
            one.join().unwrap();
        }
    });
}

// A period that never ends.
#[test]
fn for_ever() {
    both(|| {
        let ticker = Ticker::new(Duration::MAX);
        assert!(ticker.c().recv_timeout(Duration::from_millis(1)).is_err());
        ticker.reset(Duration::from_micros(1));
        assert!(ticker.c().recv().is_ok());
    });
}

#[test]
fn types() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + std::panic::UnwindSafe + 'static>(_: &T) {}
    let ticker = Ticker::new(HOUR);
    shared(&ticker);
    assert_eq!(format!("{ticker:?}"), "Ticker { .. }");
}

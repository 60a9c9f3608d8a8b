//! TI-23: the walk of Go's `testTimerChan` through all states of a timer or ticker.

use crate::support::{HOUR, PATIENCE, SHORT, both, until};
use goroutines::channel::{Receiver, bounded};
use goroutines::time::{Ticker, Timer, sleep};
use goroutines::{select, spawn};
use std::time::{Duration, Instant};

const ONE: Duration = Duration::from_nanos(1);

/// What the walk needs of both.
trait Setting {
    const TICKS: bool;
    fn c(&self) -> &Receiver<Instant>;
    fn stop(&self) -> bool;
    fn reset(&self, d: Duration) -> bool;
}

impl Setting for Timer {
    const TICKS: bool = false;
    fn c(&self) -> &Receiver<Instant> {
        self.c()
    }
    fn stop(&self) -> bool {
        self.stop()
    }
    fn reset(&self, d: Duration) -> bool {
        self.reset(d)
    }
}

impl Setting for Ticker {
    const TICKS: bool = true;
    fn c(&self) -> &Receiver<Instant> {
        self.c()
    }
    fn stop(&self) -> bool {
        self.stop();
        true
    }
    fn reset(&self, d: Duration) -> bool {
        self.reset(d);
        true
    }
}

fn no_tick(t: &impl Setting) {
    assert!(t.c().try_recv().is_err(), "one too many");
    select! {
        recv(t.c()) -> _ => panic!("one too many"),
        default => {}
    }
}

fn tick(t: &impl Setting) {
    select! {
        recv(t.c()) -> at => _ = at.unwrap(),
        default(PATIENCE) => panic!("one is missing"),
    }
}

fn check<T: Setting>(t: &T) {
    // Nobody has waited for it yet.
    t.stop();
    no_tick(t);
    t.reset(HOUR);
    no_tick(t);
    t.reset(ONE);
    sleep(SHORT);
    assert_eq!((t.c().len(), t.c().capacity()), (0, Some(0)));
    tick(t);

    // By now a ticker is due once more.
    sleep(SHORT);
    t.reset(HOUR);
    no_tick(t);

    // One waits: set far away, then near.
    let c = t.c().clone();
    let waiter = spawn(move || _ = c.recv().unwrap());
    sleep(SHORT);
    t.reset(HOUR * 2);
    sleep(SHORT);
    assert!(!waiter.is_finished());
    t.reset(ONE);
    waiter.join().unwrap();
    if T::TICKS {
        tick(t);
    } else {
        no_tick(t);
    }
    t.stop();
    no_tick(t);

    // Two wait in selects.
    t.reset(HOUR);
    let (got, gets) = bounded(2);
    let (stop, stopped) = bounded::<()>(0);
    let two = [(); 2].map(|()| {
        let (c, got, stopped) = (t.c().clone(), got.clone(), stopped.clone());
        spawn(move || {
            select! {
                recv(c) -> _ => got.send(()).unwrap(),
                recv(stopped) -> _ => {}
            }
        })
    });
    sleep(SHORT);
    assert!(gets.is_empty());
    t.reset(SHORT / 2);
    gets.recv_timeout(PATIENCE).unwrap();
    t.stop();
    sleep(SHORT);
    assert!(T::TICKS || gets.is_empty());
    drop(stop);
    _ = two.map(|one| one.join().unwrap());
    no_tick(t);

    // Two come while it is stopped.
    let (stop, stopped) = bounded::<()>(0);
    let two = [(); 2].map(|()| {
        let (c, stopped) = (t.c().clone(), stopped.clone());
        spawn(move || {
            select! {
                recv(c) -> _ => panic!("it is stopped"),
                recv(stopped) -> _ => {}
            }
        })
    });
    sleep(SHORT);
    drop(stop);
    _ = two.map(|one| one.join().unwrap());

    // What was due before is gone.
    t.reset(ONE);
    sleep(SHORT);
    assert!(t.stop());
    no_tick(t);
    t.reset(HOUR);
    no_tick(t);
    assert!(t.reset(ONE));
    tick(t);
    sleep(SHORT);
    if T::TICKS {
        tick(t);
        sleep(SHORT);
    } else {
        no_tick(t);
    }
    assert_eq!(t.reset(HOUR), T::TICKS);
    no_tick(t);
    until("all is over", || true);
}

// TI-23
#[test]
fn of_a_timer() {
    both(|| check(&Timer::new(HOUR)));
}

// TI-23
#[test]
fn of_a_ticker() {
    both(|| check(&Ticker::new(HOUR)));
}

//! Everything at once, for as many rounds as `GOROUTINES_STRESS` asks for, on 1, 2 and 8 workers, with
//! threads among the goroutines.

use crate::support::{Counted, Dice, Tally, everybody, make, on_workers, rounds};
use goroutines::channel::{Receiver, Select, Sender, after, at, bounded, tick};
use goroutines::{JoinHandle, select, sleep, spawn, yield_now};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

on_workers! {
    closed_meanwhile
    cancelled_meanwhile
    a_timer_is_received_once
    a_tick_is_received_once
}

const CAPACITIES: [Option<usize>; 4] = [Some(0), Some(1), Some(3), None];

/// One channel, and how many values have been sent and received on it.
struct Account {
    s: Sender<Counted>,
    r: Receiver<Counted>,
    tally: Tally,
    sent: AtomicUsize,
    received: AtomicUsize,
}

impl Account {
    fn new(cap: Option<usize>) -> Account {
        let (s, r) = make(cap);
        Account {
            s,
            r,
            tally: Tally::default(),
            sent: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
        }
    }

    /// Sends up to so many values in all ways, until the channel is closed.
    fn sends(&self, n: usize, mut dice: Dice) {
        const SOON: Duration = Duration::from_micros(20);
        let s = &self.s;
        for _ in 0..n {
            let sent = match dice.below(5) {
                0 => s.send(self.tally.one()).is_ok(),
                1 => s.try_send(self.tally.one()).is_ok(),
                2 => s.send_timeout(self.tally.one(), SOON).is_ok(),
                3 => select! {
                    send(s, self.tally.one()) -> sent => sent.is_ok(),
                    default(SOON) => false,
                },
                _ => {
                    let mut choice = Select::new();
                    choice.send(s);
                    let chosen = choice.select_timeout(SOON);
                    chosen.is_ok_and(|chosen| chosen.send(s, self.tally.one()).is_ok())
                }
            };
            if sent {
                self.sent.fetch_add(1, Ordering::SeqCst);
            } else if s.is_closed() {
                return;
            }
            sometimes_yield(&mut dice);
        }
    }

    /// Receives in all ways, until the channel is closed and empty.
    fn receives(&self, mut dice: Dice) {
        const SOON: Duration = Duration::from_micros(20);
        let r = &self.r;
        loop {
            // `None`: nothing yet.
            let value = match dice.below(5) {
                0 => Some(r.recv().ok()),
                1 => match r.try_recv() {
                    Err(e) if e.is_empty() => None,
                    value => Some(value.ok()),
                },
                2 => match r.recv_timeout(SOON) {
                    Err(e) if e.is_timeout() => None,
                    value => Some(value.ok()),
                },
                3 => select! {
                    recv(r) -> value => Some(value.ok()),
                    default(SOON) => None,
                },
                _ => {
                    let mut choice = Select::new();
                    choice.recv(r);
                    let chosen = choice.select_timeout(SOON);
                    chosen.ok().map(|chosen| chosen.recv(r).ok())
                }
            };
            match value {
                Some(Some(_)) => _ = self.received.fetch_add(1, Ordering::SeqCst),
                Some(None) => return,
                None => {}
            }
            sometimes_yield(&mut dice);
        }
    }

    /// Closed by now: what was sent has been received or is still there, and nothing else is left.
    fn balance(self) {
        let rest = self.r.try_iter().count();
        let received = self.received.into_inner();
        assert_eq!(self.sent.into_inner(), received + rest);
        assert_eq!(self.tally.alive(), 0);
    }
}

fn sometimes_yield(dice: &mut Dice) {
    if dice.below(4) == 0 {
        yield_now();
    }
}

/// Lets others run for a while.
fn dawdle(dice: &mut Dice) {
    if dice.below(2) == 0 {
        (0..dice.below(60)).for_each(|_| yield_now());
    } else {
        sleep(Duration::from_micros(dice.below(300)));
    }
}

/// CH-8, CH-17 … CH-19: somebody closes the channel under those who send and receive.
fn closed_meanwhile() {
    for round in 0..rounds(20) {
        for cap in CAPACITIES {
            let account = Account::new(cap);
            everybody(6, 3, |i| {
                let mut dice = Dice((round * 9 + i) as u64);
                // Now a goroutine, now a thread.
                if i == round % 2 * 8 {
                    dawdle(&mut dice);
                    assert!(account.s.close());
                } else if i % 2 == 0 {
                    account.receives(dice);
                } else {
                    account.sends(100, dice);
                }
            });
            account.balance();
        }
    }
}

/// R0.4: those who send and receive are cancelled at any moment. What they did not get done has not
/// happened.
fn cancelled_meanwhile() {
    for round in 0..rounds(20) {
        for cap in CAPACITIES {
            let account = std::sync::Arc::new(Account::new(cap));
            let work = |i: usize| {
                let (account, dice) = (account.clone(), Dice((round * 8 + i) as u64));
                move || match i % 2 {
                    0 => account.receives(dice),
                    _ => account.sends(500, dice),
                }
            };
            let threads = [0, 1].map(|i| thread::spawn(work(i)));
            let victims: Vec<JoinHandle<()>> = (2..8).map(|i| spawn(work(i))).collect();
            dawdle(&mut Dice(round as u64));
            victims.iter().for_each(JoinHandle::cancel);
            for victim in victims {
                if let Err(payload) = victim.join() {
                    assert!(payload.is::<goroutines::Cancelled>());
                }
            }
            account.s.close();
            goroutines::blocking(|| threads.map(|thread| thread.join().unwrap()));
            let account = std::sync::Arc::into_inner(account);
            account.expect("all have ended").balance();
        }
    }
}

/// TI-5: many wait for one timer, in all ways; one of them gets its value.
fn a_timer_is_received_once() {
    for round in 0..rounds(100) {
        let due = Instant::now() + Duration::from_micros(round as u64 % 7 * 20);
        let timer = match round % 2 {
            0 => at(due),
            _ => after(due.saturating_duration_since(Instant::now())),
        };
        let (over, is_over) = bounded::<()>(0);
        let got = AtomicUsize::new(0);
        everybody(4, 2, |i| {
            let mut choice = Select::new();
            let (first, _) = (choice.recv(&timer), choice.recv(&is_over));
            let value = match i % 3 {
                0 => select! {
                    recv(timer) -> value => value.ok(),
                    recv(is_over) -> _ => None,
                },
                1 => {
                    let chosen = choice.select();
                    if chosen.index() == first {
                        chosen.recv(&timer).ok()
                    } else {
                        assert!(chosen.recv(&is_over).is_err());
                        None
                    }
                }
                _ => loop {
                    match timer.recv_timeout(Duration::from_micros(10)) {
                        Ok(value) => break Some(value),
                        Err(_) if is_over.is_closed() => break None,
                        Err(_) => {}
                    }
                },
            };
            if let Some(value) = value {
                assert!(due <= value && value <= Instant::now());
                got.fetch_add(1, Ordering::SeqCst);
                over.close();
            }
        });
        assert_eq!(got.into_inner(), 1);
    }
}

/// TI-20: each tick is received by one of many, and is on the grid.
fn a_tick_is_received_once() {
    let period = Duration::from_micros(50);
    let n = rounds(200);
    let ticks = tick(period);
    let seen = Mutex::new(HashSet::new());
    everybody(4, 2, |i| {
        loop {
            let value = match i % 2 {
                0 => ticks.recv().ok(),
                _ => select! {
                    recv(ticks) -> value => value.ok(),
                    default(Duration::from_micros(30)) => None,
                },
            };
            let mut seen = seen.lock().unwrap();
            if let Some(value) = value {
                assert!(value <= Instant::now());
                assert!(seen.insert(value), "{value:?} came twice");
            }
            if seen.len() >= n {
                return;
            }
        }
    });
    let seen = seen.into_inner().unwrap();
    let first = seen.iter().min().unwrap();
    for value in &seen {
        assert_eq!((*value - *first).as_nanos() % period.as_nanos(), 0);
    }
}

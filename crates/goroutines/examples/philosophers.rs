//! The dining philosophers: five at a round table, with a fork between any two, who each need both
//! forks beside them to eat.
//!
//! Were each to take the left fork first, all could hold one and wait for ever. So each takes the one
//! with the lower number first: whoever holds the highest fork of those taken can always eat.
#![forbid(unsafe_code)]

use goroutines::sync::Mutex;
use goroutines::{scope, sleep};
use std::time::{Duration, Instant};

const NAMES: [&str; 5] = ["Hypatia", "Zeno", "Diotima", "Plato", "Simone"];
const MOMENT: Duration = Duration::from_millis(1);
const DINNER: Duration = Duration::from_millis(500);

/// Thinks and eats in turns until `end`; gives the number of meals.
fn philosopher(left: &Mutex<()>, right: &Mutex<()>, end: Instant) -> u32 {
    let mut meals = 0;
    while Instant::now() < end {
        sleep(MOMENT);
        let _first = left.lock().expect("nobody panics at this table");
        let _second = right.lock().expect("nobody panics at this table");
        sleep(MOMENT);
        meals += 1;
    }
    meals
}

#[goroutines::main]
fn main() {
    let forks = NAMES.map(|_| Mutex::new(()));
    let end = Instant::now() + DINNER;
    scope(|table| {
        let guests: Vec<_> = (0..NAMES.len())
            .map(|seat| {
                let (left, right) = (seat, (seat + 1) % NAMES.len());
                let (low, high) = (&forks[left.min(right)], &forks[left.max(right)]);
                table.spawn(move || philosopher(low, high, end))
            })
            .collect();
        for (name, guest) in NAMES.iter().zip(guests) {
            println!("{name} ate {} times.", guest.join().expect("no panic"));
        }
    });
}

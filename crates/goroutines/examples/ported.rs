//! A program written for `std::thread`, `std::sync` and `crossbeam-channel`, ported: only its `use`
//! lines have changed. (And `main` is a goroutine, for the speed of it; a plain `main` works too.)
#![forbid(unsafe_code)]

// Before:
//   use crossbeam_channel::{bounded, select, tick, unbounded, Receiver, Sender};
//   use std::sync::{Barrier, Condvar, Mutex, Once, RwLock};
//   use std::thread;
use goroutines as thread;
use goroutines::channel::{Receiver, Sender, bounded, select, tick, unbounded};
use goroutines::sync::{Barrier, Condvar, Mutex, Once, RwLock};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const TEXT: &str = "a goroutine is not a thread and a thread is not a goroutine but a program \
                    that starts one may as well start a thousand of them";

/// Counts the words that come in until nobody sends any more.
fn count(words: Receiver<&'static str>, totals: &RwLock<BTreeMap<&'static str, u32>>) {
    for word in words {
        *totals.write().unwrap().entry(word).or_insert(0) += 1;
    }
}

/// A counter to wait on.
#[derive(Default)]
struct Gauge {
    value: Mutex<u32>,
    changed: Condvar,
}

impl Gauge {
    fn add(&self) {
        *self.value.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn wait_for(&self, n: u32) {
        let value = self.value.lock().unwrap();
        let value = self.changed.wait_while(value, |v| *v < n).unwrap();
        assert!(*value >= n);
    }
}

#[goroutines::main]
fn main() {
    static GREET: Once = Once::new();
    let totals = RwLock::new(BTreeMap::new());
    let (send, receive) = bounded(4);
    let (done, finished): (Sender<usize>, _) = unbounded();
    let start = Barrier::new(4);
    let gauge = Arc::new(Gauge::default());

    thread::scope(|scope| {
        for worker in 0..3 {
            let (words, done, gauge) = (receive.clone(), done.clone(), Arc::clone(&gauge));
            let (start, totals) = (&start, &totals);
            scope.spawn(move || {
                GREET.call_once(|| println!("The first of three is here."));
                start.wait();
                gauge.add();
                count(words, totals);
                done.send(worker).unwrap();
            });
        }
        start.wait();
        gauge.wait_for(3);
        for word in TEXT.split_whitespace().cycle().take(3_000) {
            send.send(word).unwrap();
        }
        drop(send);
        drop(done);

        let clock = tick(Duration::from_millis(50));
        let mut ended = 0;
        while ended < 3 {
            select! {
                recv(finished) -> worker => {
                    ended += 1;
                    println!("Worker {} is done.", worker.unwrap());
                }
                recv(clock) -> _ => println!("Waiting."),
            }
        }
    });

    let totals = totals.into_inner().unwrap();
    let most = totals.iter().max_by_key(|(_, n)| **n).unwrap();
    println!(
        "{} different words; the most frequent is {:?}, {} times.",
        totals.len(),
        most.0,
        most.1
    );

    let answer = thread::Builder::new()
        .name("answerer".into())
        .spawn(|| thread::current().name().map(str::to_owned))
        .unwrap();
    println!("The last word has {}.", answer.join().unwrap().unwrap());
}

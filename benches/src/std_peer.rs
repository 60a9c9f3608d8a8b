//! Operating system threads with `std` and `crossbeam-channel`: the measure
//! for a lock that nobody else wants and for channels between threads.

use std::hint::black_box;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::child::Answer;
use crate::programs::Size;

pub(crate) fn run(program: &str, size: Size) -> Answer {
    let ns = match program {
        "mutex_free" => mutex_free(size.of(10_000_000)),
        "chan_threads" => chan_threads(size.of(2_000_000)),
        _ => return Err("not a program for threads".into()),
    };
    Ok(vec![("ns", ns)])
}

fn mutex_free(n: usize) -> f64 {
    let mutex = Mutex::new(0_u64);
    let start = Instant::now();
    for _ in 0..n {
        *black_box(&mutex).lock().expect("nobody panics") += 1;
    }
    start.elapsed().as_nanos() as f64 / n as f64
}

fn chan_threads(n: usize) -> f64 {
    let (tx, rx) = crossbeam_channel::bounded(128);
    let start = Instant::now();
    let sender = thread::spawn(move || {
        for i in 0..n {
            tx.send(i).expect("the receiver is there");
        }
    });
    let sum: usize = rx.iter().sum();
    sender.join().expect("the sender ends well");
    assert_eq!(sum, n * (n - 1) / 2);
    start.elapsed().as_nanos() as f64 / n as f64
}

//! Skynet: a tree of goroutines, ten under each, with a million leaves. Each leaf returns its number,
//! all others the sum of what is under them.
#![forbid(unsafe_code)]

use goroutines::{JoinHandle, runtime, spawn};
use std::time::Instant;

const LEAVES: u64 = 1_000_000;

/// The sum of the `leaves` numbers from `first` on.
fn skynet(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let under = leaves / 10;
    let children: [JoinHandle<u64>; 10] = std::array::from_fn(|i| {
        let first = first + i as u64 * under;
        spawn(move || skynet(first, under))
    });
    children
        .map(|child| child.join().expect("no panic"))
        .iter()
        .sum()
}

#[goroutines::main]
fn main() {
    let start = Instant::now();
    let sum = skynet(0, LEAVES);
    let time = start.elapsed();
    assert_eq!(sum, LEAVES * (LEAVES - 1) / 2);
    println!("The sum of the leaves: {sum}");
    println!("Goroutines: {}, main included", runtime::metrics().spawned);
    println!("Workers: {}", runtime::workers());
    println!(
        "Time: {time:.1?}, {} ns a leaf",
        time.as_nanos() as u64 / LEAVES
    );
}

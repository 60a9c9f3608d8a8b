//! The concurrent prime sieve: a chain of goroutines in which each sorts out the multiples of one prime.
//!
//! What comes out at the end of the chain has no divisor among the primes so far, so it is the next one,
//! and gets a goroutine of its own. Channels without room make sender and receiver meet.
#![forbid(unsafe_code)]

use goroutines::channel::{Receiver, Sender, bounded};
use goroutines::{go, num_goroutines};

/// Sends 2, 3, 4, … until nobody wants more.
fn count(numbers: Sender<u64>) {
    for number in 2.. {
        if numbers.send(number).is_err() {
            return;
        }
    }
}

/// Passes on the numbers that `prime` does not divide.
fn sift(prime: u64, numbers: Receiver<u64>, rest: Sender<u64>) {
    for number in numbers {
        if number % prime != 0 && rest.send(number).is_err() {
            return;
        }
    }
}

#[goroutines::main]
fn main() {
    let (first, mut numbers) = bounded(0);
    go!(count(first));
    for i in 1..=1_000 {
        let prime = numbers.recv().expect("there is always another prime");
        if i % 100 == 0 {
            println!(
                "Prime number {i:>5}: {prime:>5}, by {:>4} goroutines",
                num_goroutines()
            );
        }
        let (rest, next) = bounded(0);
        go!(sift(prime, numbers, rest));
        numbers = next;
    }
}

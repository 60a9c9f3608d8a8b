//! The hello program: a goroutine, and a main that waits for it by sleeping.
#![forbid(unsafe_code)]

use goroutines::{go, sleep};
use std::time::Duration;

fn say_hello() {
    println!("Hello from goroutine");
}

#[goroutines::main]
fn main() {
    go!(say_hello());
    println!("Hello from main");
    sleep(Duration::from_secs(1));
}

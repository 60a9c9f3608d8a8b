//! A refused `main` is not reported as missing as well.

#[goroutines_macros::main]
async fn main() {}

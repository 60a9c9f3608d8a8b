//! An echo server: a goroutine per connection, in the code one would write for threads.
//!
//! ```text
//! cargo run --release --example echo [ADDRESS]
//! nc 127.0.0.1 7000
//! ```
//!
//! What one types comes back. Thousands of connections cost a page or two each.
#![forbid(unsafe_code)]

use goroutines::{go, net::TcpListener};
use std::io;

#[goroutines::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7000"))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        go!(move || io::copy(&mut &stream, &mut &stream));
    }
    Ok(())
}

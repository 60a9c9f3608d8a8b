//! `reqwest`, which needs a tokio runtime, from goroutines.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin fetch URL...
//! ```
//!
//! Each URL is fetched by a goroutine of its own, and its status and size are printed. `tokio::run` hands a
//! future to a tokio runtime, which is started when it is first needed, and parks the goroutine until the
//! future has ended. (This is built without TLS, so it is for `http://` only.)
#![forbid(unsafe_code)]

use goroutines::channel::unbounded;
use goroutines::{go, tokio};
use std::time::Duration;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Fetches one URL; its status and the number of bytes.
fn fetch(client: reqwest::Client, url: String) -> reqwest::Result<(u16, usize)> {
    tokio::run(async move {
        let response = client.get(url).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.len()))
    })
}

#[goroutines::main]
fn main() -> reqwest::Result<()> {
    let client = reqwest::Client::builder().timeout(LIMIT).build()?;
    let (send, results) = unbounded();
    for url in std::env::args().skip(1) {
        let (client, send) = (client.clone(), send.clone());
        go!(move || send.send((url.clone(), fetch(client, url))));
    }
    drop(send);
    for (url, result) in results {
        match result {
            Ok((status, bytes)) => println!("{url}: {status}, {bytes} bytes"),
            Err(e) if e.is_timeout() => println!("{url}: timed out"),
            Err(e) if e.is_connect() => println!("{url}: no connection"),
            Err(e) => println!("{url}: {e}"),
        }
    }
    Ok(())
}

//! A load tool: `ureq` 3 in goroutines, with a transport over a goroutine's socket.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin load [URL [REQUESTS [AT-A-TIME [TIMEOUT-MS]]]]
//! ```
//!
//! It sends 200 requests, 50 at a time, to the URL or, without one, to a small server of its own, and prints
//! how many went well, how long they took, and what went wrong with the others.
//!
//! `ureq` is plain blocking code. Its `Connector` and `Transport` are the seam: with these here a request
//! parks its goroutine, and timeouts hold. (`ureq` says that this part of it may change in any release.)
#![forbid(unsafe_code)]

use goroutines::channel::unbounded;
use goroutines::go;
use goroutines::net::{TcpListener, TcpStream, ToSocketAddrs};
use goroutines::sync::ErrGroup;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Agent, Error};

/// Makes connections.
#[derive(Debug)]
struct Net;

/// A connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffers: LazyBuffers,
}

/// When an operation that may take this long has to end.
fn deadline(timeout: &NextTimeout) -> Option<Instant> {
    timeout.not_zero().map(|left| Instant::now() + *left)
}

/// The error of an operation under this timeout.
fn failed(e: io::Error, timeout: &NextTimeout) -> Error {
    match e.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(e),
    }
}

impl Connector for Net {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let mut last = Error::HostNotFound;
        for addr in &details.addrs {
            let connected = match deadline(&details.timeout) {
                Some(deadline) => TcpStream::connect_deadline(addr, deadline),
                None => TcpStream::connect(addr),
            };
            match connected {
                Ok(stream) => {
                    stream.set_nodelay(details.config.no_delay())?;
                    let (input, output) = (
                        details.config.input_buffer_size(),
                        details.config.output_buffer_size(),
                    );
                    return Ok(Some(Connection {
                        stream,
                        buffers: LazyBuffers::new(input, output),
                    }));
                }
                Err(e) => last = failed(e, &details.timeout),
            }
        }
        Err(last)
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_deadline(deadline(&timeout))?;
        self.stream
            .write_all(&self.buffers.output()[..amount])
            .map_err(|e| failed(e, &timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_deadline(deadline(&timeout))?;
        let amount = self
            .stream
            .read(self.buffers.input_append_buf())
            .map_err(|e| failed(e, &timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// Whether a connection that nobody used for a while can be used again: nothing has come, not even the
    /// end.
    fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let quiet = |e: io::Error| e.kind() == io::ErrorKind::WouldBlock;
        self.stream.set_read_deadline(None).is_ok()
            && self.stream.set_nonblocking(true).is_ok()
            && self.stream.peek(&mut byte).is_err_and(quiet)
            && self.stream.set_nonblocking(false).is_ok()
    }
}

/// Looks names up where that blocks no worker.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority))
            .ok_or(Error::HostNotFound)?;
        let mut found = self.empty();
        for addr in host.to_socket_addrs()?.take(16) {
            found.push(addr);
        }
        Ok(found)
    }
}

/// A server that answers every request after a moment; gives its URL.
fn serve() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    go!(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            go!(answer(stream));
        }
    });
    Ok(url)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.is_empty() {
            goroutines::sleep(Duration::from_millis(20));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")?;
        }
    }
    Ok(())
}

/// Sends the requests and prints what came of them.
fn load(url: &str, requests: usize, at_a_time: usize, timeout: Duration) {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_idle_connections(at_a_time)
        .max_idle_connections_per_host(at_a_time)
        .build();
    let agent = Agent::with_parts(config, Net, Names);
    let (send, results) = unbounded();
    let start = Instant::now();
    let group = ErrGroup::new();
    group.set_limit(Some(at_a_time));
    for _ in 0..requests {
        let (agent, url, send) = (agent.clone(), url.to_string(), send.clone());
        group.go(move || {
            let start = Instant::now();
            let body = agent
                .get(&url)
                .call()
                .and_then(|mut response| response.body_mut().read_to_vec());
            let bytes = body.map(|body| body.len()).map_err(|e| e.to_string());
            // Nobody waits for it only if `main` has ended.
            send.send((start.elapsed(), bytes)).map_err(|_| ())
        });
    }
    drop(send);
    let _ = group.wait();

    let (mut times, mut bytes, mut failures) = (Vec::new(), 0, BTreeMap::new());
    for (time, result) in results {
        match result {
            Ok(n) => {
                times.push(time);
                bytes += n;
            }
            Err(e) => *failures.entry(e).or_insert(0) += 1,
        }
    }
    times.sort();
    println!(
        "{requests} requests, {at_a_time} at a time: {} ok, {bytes} bytes, in {:.0?}",
        times.len(),
        start.elapsed(),
    );
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        let median = times[times.len() / 2];
        println!("fastest {first:.1?}, median {median:.1?}, slowest {last:.1?}");
    }
    for (e, n) in failures {
        println!("{n} failed: {e}");
    }
}

#[goroutines::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = match arguments.next() {
        Some(url) => url,
        None => serve()?,
    };
    let mut number = |default| arguments.next().map_or(Ok(default), |n| n.parse());
    let (requests, at_a_time, timeout) = (number(200)?, number(50)?, number(10_000)?);
    let timeout = Duration::from_millis(timeout as u64);
    load(&url, requests, at_a_time, timeout);
    Ok(())
}

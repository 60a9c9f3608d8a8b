//! A TCP proxy: two goroutines per connection, half-closed connections, and an idle timeout.
//!
//! ```text
//! cargo run --release --example proxy LISTEN TARGET [IDLE-SECONDS]
//! cargo run --release --example proxy 127.0.0.1:7001 example.org:80 30
//! ```
//!
//! What comes on a connection to `LISTEN` goes to `TARGET`, and back. A line is printed at the end of each
//! connection. Without arguments it says how to use it.
#![forbid(unsafe_code)]

use goroutines::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How long the target may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Two connections, each of which gets what the other gives.
struct Pair {
    client: TcpStream,
    target: TcpStream,
    idle: Duration,
}

impl Pair {
    /// Carries bytes both ways until both ends have been reached; gives the numbers of bytes.
    fn relay(&self) -> io::Result<(u64, u64)> {
        self.stay()?;
        goroutines::scope(|scope| {
            let up = scope.spawn(|| self.carry(&self.client, &self.target));
            let down = self.carry(&self.target, &self.client);
            let up = up.join().expect("carry does not panic");
            match (up, down) {
                (Ok(up), Ok(down)) => Ok((up, down)),
                // One is what happened, the other that the connections were closed then.
                (Err(e), Err(first)) if goroutines::io::is_closed(&e) => Err(first),
                (Err(e), _) | (_, Err(e)) => Err(e),
            }
        })
    }

    /// Carries one way. The end of what comes is passed on; the other way may go on for long.
    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
        let mut total = 0;
        let mut buf = vec![0; 16 * 1024];
        let mut work = || loop {
            let n = from.read(&mut buf)?;
            if n == 0 {
                return to.shutdown(Shutdown::Write);
            }
            to.write_all(&buf[..n])?;
            total += n as u64;
            self.stay()?;
        };
        let done = work();
        if done.is_err() {
            // Whatever happened, the other way has no sense any more: this ends it, too.
            self.client.close();
            self.target.close();
        }
        done.map(|()| total)
    }

    /// Something has happened: both connections may stay for a while. A deadline and not a timeout, since
    /// one way may be silent for as long as the other is not.
    fn stay(&self) -> io::Result<()> {
        let deadline = Some(Instant::now() + self.idle);
        self.client.set_deadline(deadline)?;
        self.target.set_deadline(deadline)
    }
}

/// One connection, from beginning to end.
fn handle(client: TcpStream, peer: SocketAddr, target: SocketAddr, idle: Duration) {
    let relayed = TcpStream::connect_timeout(&target, CONNECT).and_then(|target| {
        Pair {
            client,
            target,
            idle,
        }
        .relay()
    });
    match relayed {
        Ok((up, down)) => println!("{peer}: {up} bytes up, {down} down"),
        Err(e) if e.kind() == io::ErrorKind::TimedOut => println!("{peer}: timed out"),
        Err(e) => println!("{peer}: {e}"),
    }
}

#[goroutines::main]
fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (listen, target, idle) = match &arguments[..] {
        [listen, target] => (listen, target, Ok(60)),
        [listen, target, idle] => (listen, target, idle.parse()),
        _ => {
            println!("usage: proxy LISTEN TARGET [IDLE-SECONDS]");
            return Ok(());
        }
    };
    let idle = Duration::from_secs(idle.map_err(io::Error::other)?);
    let target = target
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::NotFound)?;
    let listener = TcpListener::bind(listen)?;
    println!("listening on {}", listener.local_addr()?);
    listener.serve(move |client, peer| handle(client, peer, target, idle))
}

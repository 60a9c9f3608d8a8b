//! The closed-loop load: one thread, many connections, on each one request
//! under way.
//!
//! Plain `epoll` and no runtime, so that the load is the same and costs the
//! same whoever is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::event::epoll::EventFlags;

use super::figures::Tally;
use super::poll::{PATIENCE, Poll, Window, measure};

/// What is sent, and what comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exchange<'a> {
    /// The answer is the request.
    Echo(&'a [u8]),
    /// The answer is as long as the first one was, which is looked at.
    Http(&'a [u8]),
}

impl<'a> Exchange<'a> {
    fn request(self) -> &'a [u8] {
        match self {
            Self::Echo(request) | Self::Http(request) => request,
        }
    }
}

/// Opens `n` connections and has each answered once.
///
/// No more than a few wait to be accepted at a time: a listener's queue is
/// short, and who does not fit waits a second.
pub(crate) fn open(
    address: SocketAddr,
    n: usize,
    exchange: Exchange<'_>,
) -> Result<(Vec<TcpStream>, usize), String> {
    let mut streams: Vec<TcpStream> = Vec::with_capacity(n);
    let mut length = 0;
    while streams.len() < n {
        let first = streams.len();
        for _ in 0..(n - first).min(super::ACCEPT_AT_ONCE) {
            let mut stream =
                TcpStream::connect(address).map_err(|error| format!("connect: {error}"))?;
            let sent = stream
                .set_read_timeout(Some(PATIENCE))
                .and_then(|()| stream.write_all(exchange.request()));
            sent.map_err(|error| format!("first request: {error}"))?;
            streams.push(stream);
        }
        for stream in &mut streams[first..] {
            length = first_answer(stream, exchange)?;
        }
    }
    Ok((streams, length))
}

/// Reads and checks an answer of unknown length, which is returned.
fn first_answer(stream: &mut TcpStream, exchange: Exchange<'_>) -> Result<usize, String> {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = match stream.read(&mut part) {
            Ok(0) => return Err("the server closed a connection at once".into()),
            Ok(n) => n,
            Err(error) => return Err(format!("first answer: {error}")),
        };
        answer.extend_from_slice(&part[..n]);
        let wanted = match exchange {
            Exchange::Echo(request) if answer.len() < request.len() => continue,
            Exchange::Echo(request) if answer == request => request.len(),
            Exchange::Echo(_) => return Err("the echo is not what was sent".into()),
            Exchange::Http(_) => match http_length(&answer)? {
                Some(length) => length,
                None => continue,
            },
        };
        match answer.len() {
            length if length == wanted => return Ok(length),
            length if length > wanted => return Err("more came than was asked for".into()),
            _ => {}
        }
    }
}

/// How long the answer that begins so is in all, once its head is there.
fn http_length(answer: &[u8]) -> Result<Option<usize>, String> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&answer[..head]);
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err("the answer is not 200".into());
    }
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse::<usize>().ok())?
    });
    match body {
        Some(body) => Ok(Some(head + 4 + body)),
        None => Err("the answer does not say its length".into()),
    }
}

struct Connection {
    stream: TcpStream,
    /// Bytes of the answer that have come.
    got: usize,
    since: Instant,
}

/// Keeps `n` connections busy for the time of `window`; `server` is the
/// process whose CPU time is of interest.
pub(crate) fn run(
    address: SocketAddr,
    n: usize,
    exchange: Exchange<'_>,
    window: Window,
    server: Option<u32>,
) -> Result<Tally, String> {
    let (streams, length) = open(address, n, exchange)?;
    let request = exchange.request();
    let poll = Poll::new(n)?;
    let mut connections = Vec::with_capacity(n);
    for (index, stream) in streams.into_iter().enumerate() {
        stream
            .set_nonblocking(true)
            .map_err(|error| format!("non-blocking: {error}"))?;
        poll.add(&stream, index, EventFlags::IN)?;
        let since = Instant::now();
        send(&stream, request)?;
        connections.push(Connection {
            stream,
            got: 0,
            since,
        });
    }
    // One byte more than wanted, to notice if more comes.
    let mut buffer = vec![0; length + 1];
    measure(poll, window, server, |_, index, counted| {
        let connection = &mut connections[index];
        let room = length + 1 - connection.got;
        let n = match (&connection.stream).read(&mut buffer[..room]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(format!("read: {error}")),
        };
        if let Exchange::Echo(request) = exchange
            && request.get(connection.got..connection.got + n) != Some(&buffer[..n])
        {
            return Err("the echo is not what was sent".into());
        }
        connection.got += n;
        if connection.got < length {
            return Ok(());
        }
        if connection.got > length {
            return Err("an answer is longer than the first was".into());
        }
        let now = Instant::now();
        if let Some(latencies) = counted {
            latencies.record(now - connection.since);
        }
        connection.got = 0;
        connection.since = now;
        send(&connection.stream, request)
    })
}

/// Sends all of it; a request always fits into an empty socket.
fn send(mut stream: &TcpStream, request: &[u8]) -> Result<(), String> {
    match stream.write(request) {
        Ok(n) if n == request.len() => Ok(()),
        Ok(_) => Err("a request does not fit into its socket".into()),
        Err(error) => Err(format!("write: {error}")),
    }
}

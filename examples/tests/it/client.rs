//! A small HTTP/1.1 client that knows whether a response was cut off.

use crate::support::connect;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A connection to a server.
pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

impl Client {
    pub(crate) fn new(addr: SocketAddr) -> Client {
        Client(BufReader::new(connect(addr).expect("it listens")))
    }

    /// Sends a request and reads the response; see [`Client::response`].
    pub(crate) fn ask(&mut self, request: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        // If it has gone, the response says so.
        let _ = self.send(request, body);
        self.response()
    }

    pub(crate) fn send(&mut self, request: &str, body: &[u8]) -> io::Result<()> {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.0.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())
    }

    /// Status and body; `None` if the connection ended before the first byte of it.
    ///
    /// # Panics
    ///
    /// If it ends later than that, but before the last byte.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Option<(u16, Vec<u8>)> {
        match self.0.fill_buf() {
            Ok([]) => return None,
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return None,
            Err(e) => panic!("no response: {e}"),
            Ok(_) => {}
        }
        let mut line = || {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a whole head");
            assert!(line.ends_with('\n'), "cut off in the head: {line:?}");
            line.trim_end().to_ascii_lowercase()
        };
        let status = line();
        let mut length = 0;
        loop {
            match line() {
                end if end.is_empty() => break,
                header => {
                    if let Some(n) = header.strip_prefix("content-length: ") {
                        length = n.parse().expect("a number");
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a whole body");
        let status = status.split(' ').nth(1).and_then(|n| n.parse().ok());
        Some((status.expect("a status"), body))
    }
}

/// A server of plain threads that does this with each connection; gives its address.
pub(crate) fn serve(handle: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, handle) = (stream.expect("a connection"), handle.clone());
            thread::spawn(move || handle(stream));
        }
    });
    addr
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let gone = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    gone.local_addr().expect("bound")
}

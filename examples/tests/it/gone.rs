//! Clients that go, in every way and at every moment: a server must keep nothing of them.

use crate::client::serve;
use crate::support::{PATIENCE, Server, WORKERS};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Has many clients come and go, and waits until the server has closed the last of their connections.
fn come_and_go(program: &str, arguments: &[&str], first: &[u8]) {
    for workers in WORKERS {
        let server = Server::start(program, workers, arguments);
        let go = |way: usize, mut stream: TcpStream| {
            // Any of this fails if the server has closed the connection before.
            let _ = match way % 5 {
                // Says nothing.
                0 => Ok(()),
                // Has half of something to say.
                1 => stream.write_all(&first[..first.len() / 2]),
                // Leaves with an answer under way, or unread, which resets the connection.
                2 => stream.write_all(first),
                3 => stream
                    .write_all(first)
                    .and_then(|()| stream.read_exact(&mut [0])),
                // Has no more to say, and waits.
                _ => stream
                    .write_all(first)
                    .and_then(|()| stream.shutdown(Shutdown::Write))
                    .and_then(|()| stream.read_exact(&mut [0])),
            };
        };
        thread::scope(|scope| {
            for client in 0..100 {
                let stream = server.connect();
                scope.spawn(move || go(client, stream));
            }
        });
        let start = Instant::now();
        // One is left: it listens.
        while server.sockets() > 1 {
            let open = server.sockets();
            assert!(start.elapsed() < PATIENCE, "{open} sockets are open");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn from_chat() {
    come_and_go(
        env!("CARGO_BIN_EXE_chat"),
        &["127.0.0.1:0"],
        b"ann\nhello\n",
    );
}

#[test]
fn from_echo() {
    come_and_go(env!("CARGO_BIN_EXE_echo"), &["127.0.0.1:0"], b"hello");
}

#[test]
fn from_http() {
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    come_and_go(env!("CARGO_BIN_EXE_http"), &["127.0.0.1:0"], request);
}

#[test]
fn from_https() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/gone.pem");
    let program = env!("CARGO_BIN_EXE_https");
    come_and_go(program, &["127.0.0.1:0", file], b"GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn from_proxy() {
    let target = serve(|mut stream| {
        let mut buf = [0; 100];
        while let Ok(n @ 1..) = stream.read(&mut buf) {
            if stream.write_all(&buf[..n]).is_err() {
                return;
            }
        }
    });
    let arguments = ["127.0.0.1:0", &target.to_string()];
    come_and_go(env!("CARGO_BIN_EXE_proxy"), &arguments, b"hello");
}

#[test]
fn from_web() {
    let request = b"GET /wait/10 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    come_and_go(env!("CARGO_BIN_EXE_web"), &["127.0.0.1:0"], request);
}

#[test]
fn from_websocket() {
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let program = env!("CARGO_BIN_EXE_websocket");
    come_and_go(program, &["127.0.0.1:0"], request);
}

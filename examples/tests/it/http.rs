//! The server on hyper.

use crate::client::Client;
use crate::support::{Server, WORKERS};
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

const HTTP: &str = env!("CARGO_BIN_EXE_http");

#[test]
fn answers_and_keeps_connections() {
    for workers in WORKERS {
        let server = Server::start(HTTP, workers, &["127.0.0.1:0"]);
        thread::scope(|scope| {
            for n in 0..10 {
                let mut client = Client::new(server.addr);
                scope.spawn(move || {
                    for _ in 0..20 {
                        assert_eq!(client.ask("GET /", b""), Some((200, b"hello\n".to_vec())));
                    }
                    // More than the buffers of a socket.
                    let body = vec![n; 1 << 20];
                    assert!(client.ask("POST /echo", &body) == Some((200, body)));
                    assert_eq!(client.ask("GET /nowhere", b""), Some((404, vec![])));
                    assert_eq!(client.ask("PUT /", b""), Some((405, vec![])));
                    assert_eq!(
                        client.ask("GET /wait/1", b""),
                        Some((200, b"done\n".to_vec()))
                    );
                });
            }
        });
    }
}

#[test]
fn a_handler_that_waits_holds_up_no_other_connection() {
    for workers in WORKERS {
        let server = Server::start(HTTP, workers, &["127.0.0.1:0"]);
        let mut waits: Vec<_> = (0..20).map(|_| Client::new(server.addr)).collect();
        let start = Instant::now();
        for client in &mut waits {
            client.send("GET /wait/2000", b"").expect("connected");
        }
        let mut other = Client::new(server.addr);
        assert_eq!(other.ask("GET /", b""), Some((200, b"hello\n".to_vec())));
        for client in &mut waits {
            assert_eq!(client.response(), Some((200, b"done\n".to_vec())));
        }
        // One after the other they would take forty seconds.
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn bodies_that_are_too_long_are_refused() {
    let server = Server::start(HTTP, 2, &["127.0.0.1:0"]);
    let mut client = Client::new(server.addr);
    let body = vec![0; (1 << 20) + 1];
    assert_eq!(client.ask("POST /echo", &body), Some((413, vec![])));
}

#[test]
fn who_is_idle_is_let_go() {
    let server = Server::start(HTTP, 1, &["127.0.0.1:0"]);
    // One that has said nothing, one that has said half of something, one that has had an answer.
    let silent = Client::new(server.addr);
    let mut half = Client::new(server.addr);
    let head = b"GET / HTTP/1.1\r\nHost: ";
    half.0.get_mut().write_all(head).expect("connected");
    let mut answered = Client::new(server.addr);
    assert!(answered.ask("GET /", b"").is_some());
    for mut client in [silent, half, answered] {
        let mut rest = Vec::new();
        client.0.read_to_end(&mut rest).expect("it ends in time");
    }
}

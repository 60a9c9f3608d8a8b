//! The axum server, above all its end.

use crate::client::Client;
use crate::support::{Server, WORKERS, connect};
use std::io::BufReader;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const WEB: &str = env!("CARGO_BIN_EXE_web");

#[test]
fn routes() {
    for workers in WORKERS {
        let server = Server::start(WEB, workers, &["127.0.0.1:0"]);
        thread::scope(|scope| {
            for _ in 0..10 {
                let mut client = Client::new(server.addr);
                scope.spawn(move || {
                    assert_eq!(client.ask("GET /", b""), Some((200, b"hello\n".to_vec())));
                    for _ in 0..10 {
                        let (status, _) = client.ask("POST /count/cats", b"").expect("an answer");
                        assert_eq!(status, 200);
                    }
                    let (status, _) = client.ask("GET /count/cats", b"").expect("an answer");
                    assert_eq!(status, 405);
                    let (status, _) = client.ask("GET /wait/long", b"").expect("an answer");
                    assert_eq!(status, 400);
                });
            }
        });
        let mut client = Client::new(server.addr);
        let count = client.ask("POST /count/cats", b"");
        assert_eq!(count, Some((200, b"101\n".to_vec())));
    }
}

/// Sends a request; when this returns the server has begun to answer it.
fn begin(server: &Server, request: &str) -> Client {
    let mut client = Client::new(server.addr);
    // Both in one piece: with the first, which has been answered, the second has been read.
    let requests = format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{request}");
    client.send(&requests, b"").expect("connected");
    assert_eq!(client.response(), Some((200, b"hello\n".to_vec())));
    // What is between the two answers takes no time, but other programs may want some.
    let mut other = Client::new(server.addr);
    assert!(other.ask("GET /wait/200", b"").is_some());
    client
}

#[test]
fn ends_in_an_orderly_way_under_load() {
    for workers in WORKERS {
        let mut server = Server::start(WEB, workers, &["127.0.0.1:0", "50"]);
        let addr = server.addr;
        // Answers so far, and connections that ended before the answer to a request began.
        let (answers, unanswered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            // Connections that ask one thing after the other, until nobody listens any more.
            for _ in 0..8 {
                scope.spawn(|| {
                    while let Ok(stream) = connect(addr) {
                        let mut client = Client(BufReader::new(stream));
                        // A client that gets half of an answer panics.
                        while let Some((status, body)) = client.ask("GET /wait/2", b"") {
                            assert_eq!((status, &body[..]), (200, &b"waited for 2 ms\n"[..]));
                            answers.fetch_add(1, Ordering::Relaxed);
                        }
                        unanswered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let wait_for = |n| {
                while answers.load(Ordering::Relaxed) < n {
                    thread::sleep(Duration::from_millis(1));
                }
            };
            wait_for(200);
            let mut idle = Client::new(addr);
            assert!(idle.ask("GET /", b"").is_some());
            let mut slow = begin(&server, "GET /wait/1500");

            // Until now nobody has been sent away without an answer.
            assert_eq!(unanswered.load(Ordering::Relaxed), 0);
            server.signal("TERM");
            assert_eq!(server.line(), "ending");
            // Who waits for a request is let go at once, while the slow one has its answer to come.
            assert_eq!(idle.response(), None);
            let (status, body) = slow.response().expect("an answer");
            assert_eq!((status, &body[..]), (200, &b"waited for 1500 ms\n"[..]));
            assert_eq!(slow.response(), None);
        });
        let (rest, status) = server.wait();
        assert!(status.success(), "{status}");
        assert_eq!(rest, "");
    }
}

#[test]
fn who_is_idle_is_let_go() {
    let server = Server::start(WEB, 2, &["127.0.0.1:0"]);
    let mut idle = Client::new(server.addr);
    assert!(idle.ask("GET /", b"").is_some());
    assert_eq!(idle.response(), None);
}

#[test]
fn the_grace_period_has_an_end() {
    for workers in WORKERS {
        let mut server = Server::start(WEB, workers, &["127.0.0.1:0", "1"]);
        let mut slow = begin(&server, "GET /wait/600000");
        server.signal("TERM");
        assert_eq!(server.line(), "ending");
        let (_, status) = server.wait();
        assert_eq!(status.code(), Some(1));
        assert_eq!(slow.response(), None);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(WEB, 2, &["127.0.0.1:0", "600"]);
    let _slow = begin(&server, "GET /wait/600000");
    // Not one that a program in the background ignores from the start.
    server.signal("TERM");
    assert_eq!(server.line(), "ending");
    // The first signal is caught until its handler has run.
    let status = loop {
        server.signal("TERM");
        match server.ended() {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(status.signal(), Some(15));
}

//! The echo server.

use crate::support::{Server, WORKERS};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

const ECHO: &str = env!("CARGO_BIN_EXE_echo");

#[test]
fn gives_back_what_it_gets() {
    for workers in WORKERS {
        let server = Server::start(ECHO, workers, &["127.0.0.1:0"]);
        thread::scope(|scope| {
            for n in 0..20 {
                let mut stream = server.connect();
                scope.spawn(move || {
                    // More than the buffers of both sockets, so reading must go on while writing does.
                    let sent: Vec<u8> = (0..300_000 * (n % 3) + 10).map(|i| i as u8).collect();
                    let mut received = Vec::new();
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            (&stream).write_all(&sent).expect("it reads");
                            stream.shutdown(Shutdown::Write).expect("connected");
                        });
                        (&stream).read_to_end(&mut received).expect("it writes");
                    });
                    assert!(sent == received);
                    assert_eq!(stream.read(&mut [0]).expect("the end stays"), 0);
                });
            }
        });
    }
}

#[test]
fn a_client_that_goes_leaves_the_others_alone() {
    for workers in WORKERS {
        let server = Server::start(ECHO, workers, &["127.0.0.1:0"]);
        let mut stays = server.connect();
        for _ in 0..50 {
            let mut goes = server.connect();
            goes.write_all(b"unread").expect("connected");
            drop(goes);
        }
        let mut buf = [0; 5];
        stays.write_all(b"hello").expect("connected");
        stays.read_exact(&mut buf).expect("it answers");
        assert_eq!(&buf, b"hello");
    }
}

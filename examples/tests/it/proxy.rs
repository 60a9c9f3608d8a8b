//! The proxy.

use crate::support::{PATIENCE, Server, WORKERS};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

const PROXY: &str = env!("CARGO_BIN_EXE_proxy");

/// A proxy to a listener of the test's, and a connection through it.
fn through(workers: usize, idle: &str) -> (Server, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let target = listener.local_addr().expect("bound").to_string();
    let proxy = Server::start(PROXY, workers, &["127.0.0.1:0", &target, idle]);
    let client = proxy.connect();
    let (server, _) = listener.accept().expect("the proxy connects");
    server.set_read_timeout(Some(PATIENCE)).expect("not zero");
    (proxy, client, server)
}

#[test]
fn half_closed_connections_go_on() {
    for workers in WORKERS {
        let (mut proxy, mut client, mut server) = through(workers, "60");
        client.write_all(b"a question").expect("connected");
        client.shutdown(Shutdown::Write).expect("connected");
        let mut text = String::new();
        server.read_to_string(&mut text).expect("the end arrives");
        assert_eq!(text, "a question");
        // The other way is still open, for as long as one likes.
        for part in ["an ", "answer"] {
            server.write_all(part.as_bytes()).expect("still open");
            let mut buf = vec![0; part.len()];
            client.read_exact(&mut buf).expect("it passes");
            assert_eq!(buf, part.as_bytes());
        }
        drop(server);
        assert_eq!(client.read(&mut [0]).expect("the end arrives"), 0);
        assert!(proxy.line().ends_with(": 10 bytes up, 9 down"));
    }
}

#[test]
fn much_goes_both_ways_at_once() {
    for workers in WORKERS {
        const BYTES: u64 = 5_000_000;
        let (mut proxy, client, server) = through(workers, "60");
        thread::scope(|scope| {
            for mut stream in [&client, &server] {
                scope.spawn(move || {
                    let part = [7; 10_000];
                    for _ in 0..BYTES / part.len() as u64 {
                        stream.write_all(&part).expect("it passes");
                    }
                    stream.shutdown(Shutdown::Write).expect("connected");
                });
                scope.spawn(move || {
                    let mut rest = Vec::new();
                    stream.read_to_end(&mut rest).expect("it passes");
                    assert_eq!(rest.len() as u64, BYTES);
                });
            }
        });
        let expected = format!(": {BYTES} bytes up, {BYTES} down");
        assert!(proxy.line().ends_with(&expected));
    }
}

#[test]
fn idle_connections_are_closed() {
    for workers in WORKERS {
        let (mut proxy, mut client, mut server) = through(workers, "1");
        // Nothing happens: both ends see that the proxy has gone.
        assert_eq!(client.read(&mut [0]).expect("closed, not reset"), 0);
        assert_eq!(server.read(&mut [0]).expect("closed, not reset"), 0);
        assert!(proxy.line().ends_with(": timed out"));
    }
}

#[test]
fn a_target_that_is_not_there_costs_one_connection() {
    for workers in WORKERS {
        let gone = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let target = gone.local_addr().expect("bound").to_string();
        drop(gone);
        let mut proxy = Server::start(PROXY, workers, &["127.0.0.1:0", &target]);
        for _ in 0..2 {
            let mut client = proxy.connect();
            assert_eq!(client.read(&mut [0]).expect("closed"), 0);
            assert!(proxy.line().contains("refused"));
        }
    }
}

//! A server that accepts on each worker.

use crate::support::inside;
use goroutines::net::{TcpListener, TcpStream};
use goroutines::{Builder, runtime, scope};
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn hello(addr: std::net::SocketAddr) -> String {
    let mut text = String::new();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[goroutines::test(workers = 2)]
fn all_workers_accept() {
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let seen = threads.clone();
    let server = TcpListener::builder()
        .serve("127.0.0.1:0", move |mut stream, _| {
            seen.lock().unwrap().insert(std::thread::current().id());
            stream.read_exact(&mut [0]).unwrap();
            let _ = stream.write_all(b"hello");
        })
        .unwrap();
    let addr = server.local_addr();
    scope(|s| {
        for _ in 0..200 {
            s.spawn(move || assert_eq!(hello(addr), "hello"));
        }
    });
    // The kernel spreads connections by their ports: two hundred on one side only do not happen.
    // (A third worker helps out while one is held up.)
    assert!(threads.lock().unwrap().len() >= 2);
    assert!(server.close());
    assert!(!server.close());
    server.wait().unwrap();
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn wait_waits_for_handlers() {
    inside(|| {
        let (go_on, may_end) = goroutines::channel::bounded::<()>(0);
        let serve = move |mut stream: TcpStream, _| {
            let _ = stream.write_all(b"h");
            let _ = may_end.recv();
            let _ = stream.write_all(b"i");
        };
        let make = || TcpListener::builder().serve("127.0.0.1:0", serve.clone());
        let (first, second) = (make().unwrap(), make().unwrap());
        let connect = |server: &goroutines::net::Server| {
            let mut stream = TcpStream::connect(server.local_addr()).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream
        };
        let (_one, mut two) = (connect(&first), connect(&second));
        first.close();
        second.close();
        let soon = Instant::now() + Duration::from_millis(5);
        let error = first.wait_deadline(soon).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(go_on);
        second.wait().unwrap();
        let mut rest = String::new();
        two.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "i");
    });
}

#[test]
fn a_panic_costs_one_connection() {
    inside(|| {
        let server = TcpListener::builder()
            .serve("127.0.0.1:0", |mut stream, _| {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                assert_ne!(byte, *b"!", "on purpose");
                stream.write_all(b"fine").unwrap();
            })
            .unwrap();
        let mut bad = TcpStream::connect(server.local_addr()).unwrap();
        bad.write_all(b"!").unwrap();
        assert_eq!(bad.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(hello(server.local_addr()), "fine");
        server.close();
        server
            .wait_deadline(Instant::now() + Duration::from_secs(60))
            .unwrap();
    });
}

#[test]
fn an_address_that_is_taken() {
    inside(|| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = TcpListener::builder()
            .serve(taken.local_addr().unwrap(), |_, _| {})
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

/// `Builder::worker`, from goroutines and from plain threads, for all sorts of numbers.
#[goroutines::test(workers = 2)]
fn a_worker_of_ones_choice() {
    let on = |i| {
        Builder::new()
            .worker(i)
            .spawn(|| std::thread::current().id())
            .unwrap()
    };
    let ids: Vec<_> = (0..4).map(|i| on(i).join().unwrap()).collect();
    assert_eq!(ids[0], ids[2]);
    assert_eq!(ids[1], ids[3]);
    assert_ne!(ids[0], ids[1]);
    let outside = std::thread::spawn(move || on(usize::MAX).join().unwrap());
    // Not on the worker: it may be the one that was chosen.
    let outside = goroutines::blocking(|| outside.join().unwrap());
    assert_eq!(outside, ids[usize::MAX % 2]);
    for round in 0..1_000 {
        assert_eq!(on(round).join().unwrap(), ids[round % 2]);
    }
    assert_eq!(runtime::workers(), 2);
}

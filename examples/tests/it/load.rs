//! The load tool.

use crate::client::{nobody, serve};
use crate::support::{WORKERS, run};
use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const LOAD: &str = env!("CARGO_BIN_EXE_load");

/// What it prints.
fn load(workers: usize, arguments: &[&str]) -> String {
    let output = run(LOAD, workers, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn all_of_200_requests_go_well() {
    for workers in WORKERS {
        let text = load(workers, &[]);
        assert!(
            text.starts_with("200 requests, 50 at a time: 200 ok, 1200 bytes, in "),
            "{text}"
        );
        assert!(!text.contains("failed"), "{text}");
    }
}

#[test]
fn no_more_at_a_time_than_asked_for_and_connections_are_used_again() {
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let addr = serve(|mut stream| {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let lines = BufReader::new(stream.try_clone().expect("connected")).lines();
        for line in lines.map_while(Result::ok) {
            if line.is_empty() {
                MOST.fetch_max(NOW.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
                NOW.fetch_sub(1, Ordering::Relaxed);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.write_all(answer).expect("connected");
            }
        }
    });
    for workers in WORKERS {
        let connections = CONNECTIONS.swap(0, Ordering::Relaxed);
        assert!(
            connections <= 20,
            "{connections} connections for 10 at a time"
        );
        let text = load(workers, &[&format!("http://{addr}/"), "100", "10"]);
        assert!(text.contains(": 100 ok, 200 bytes,"), "{text}");
        let most = MOST.load(Ordering::Relaxed);
        assert!((2..=10).contains(&most), "{most} at a time");
    }
}

#[test]
fn timeouts_hold() {
    for workers in WORKERS {
        // Accepts and says nothing, for as long as the other end is there.
        let addr = serve(|stream| {
            let _ = BufReader::new(stream).lines().count();
        });
        let text = load(workers, &[&format!("http://{addr}/"), "20", "10", "200"]);
        assert!(text.contains(": 0 ok"), "{text}");
        assert!(text.contains("20 failed: timeout: global"), "{text}");
    }
}

#[test]
fn failures_are_counted_by_their_cause() {
    let text = load(2, &[&format!("http://{}/", nobody()), "5"]);
    assert!(text.contains("5 failed: io: Connection refused"), "{text}");

    let addr = serve(|mut stream| {
        let mut lines = BufReader::new(stream.try_clone().expect("connected")).lines();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let part = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all";
        stream.write_all(part).expect("connected");
    });
    let text = load(2, &[&format!("http://{addr}/"), "3"]);
    assert!(
        text.contains(": 0 ok") && text.contains("3 failed:"),
        "{text}"
    );
}

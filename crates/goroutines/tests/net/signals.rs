//! Signals: they interrupt calls, and nobody notices; a peer that has gone is an error and no signal.
#![allow(unsafe_code, reason = "sets handlers, sends signals")]

use crate::child::{alone, on_each};
use crate::tcp::{echo, pair};
use goroutines::net::{TcpListener, TcpStream};
use goroutines::os::unix::net::UnixStream;
use goroutines::spawn;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SIGUSR1: i32 = 10;
const SIGPIPE: i32 = 13;
const SIG_DFL: usize = 0;

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn siginterrupt(number: i32, interrupt: i32) -> i32;
    fn tgkill(process: i32, thread: i32, number: i32) -> i32;
}

extern "C" fn nothing(_: i32) {}

// NE-16, TI-1: also those who sleep, who do so for as long as ever.
#[test]
fn interrupted_everywhere() {
    on_each("signals::interrupted_everywhere", || {
        // SAFETY: the handler does nothing.
        unsafe { signal(SIGUSR1, nothing as extern "C" fn(i32) as usize) };
        // SAFETY: only says that calls are not started again.
        unsafe { siginterrupt(SIGUSR1, 1) };
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let storm = std::thread::spawn(move || {
            let process = std::process::id() as i32;
            let mut sent = 0_u64;
            while !ends.load(Ordering::Relaxed) {
                for task in std::fs::read_dir("/proc/self/task").unwrap() {
                    let Ok(task) = task else { continue };
                    let thread = task.file_name().to_str().unwrap().parse().unwrap();
                    // SAFETY: a thread that has ended meanwhile is not found.
                    if unsafe { tgkill(process, thread, SIGUSR1) } == 0 {
                        sent += 1;
                    }
                }
                std::thread::sleep(Duration::from_micros(300));
            }
            sent
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        let server = spawn(move || accepting.serve(|stream, _| echo(stream)));
        let client = move |round_trips: u32| {
            let mut stream = TcpStream::connect(addr).unwrap();
            for i in 0..round_trips {
                stream.write_all(&i.to_ne_bytes()).unwrap();
                let mut got = [0; 4];
                stream.read_exact(&mut got).unwrap();
                assert_eq!(u32::from_ne_bytes(got), i);
            }
        };
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(move || client(200)))
            .collect();
        let goroutines: Vec<_> = (0..200).map(|_| spawn(move || client(40))).collect();
        let sleeps = || {
            for ms in [1, 20, 3] {
                let (start, time) = (Instant::now(), Duration::from_millis(ms));
                goroutines::sleep(time);
                assert!(start.elapsed() >= time, "{:?}", start.elapsed());
            }
        };
        let sleepers: Vec<_> = (0..20).map(|_| spawn(sleeps)).collect();
        let sleeper = std::thread::spawn(sleeps);
        sleeps();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        sleepers.into_iter().for_each(|g| g.join().unwrap());
        goroutines::blocking(|| {
            threads.into_iter().for_each(|t| t.join().unwrap());
            sleeper.join().unwrap();
        });
        over.store(true, Ordering::Relaxed);
        assert!(goroutines::blocking(|| storm.join().unwrap()) > 50);
        listener.close();
        server.join().unwrap().unwrap();
    });
}

// NE-19
#[test]
fn a_closed_peer_does_not_kill() {
    alone("signals::a_closed_peer_does_not_kill").of(|| {
        // SAFETY: as the process was started, before Rust's runtime changed it.
        unsafe { signal(SIGPIPE, SIG_DFL) };
        fn broken(mut stream: impl Write) {
            for _ in 0..4 {
                for result in [
                    stream.write(b"x"),
                    stream.write_vectored(&[IoSlice::new(b"x"), IoSlice::new(b"y")]),
                ] {
                    // The first may still be sent.
                    if let Err(e) = result {
                        let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                        assert!(kinds.contains(&e.kind()), "{e:?}");
                    }
                }
                goroutines::sleep(Duration::from_millis(1));
            }
            assert_eq!(
                stream.write(b"x").unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
            let parts = [IoSlice::new(b"x")];
            let error = stream.write_vectored(&parts).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        let check = || {
            let (server, client) = pair();
            drop(client);
            broken(server);
            let (server, mut client) = pair();
            client.shutdown(std::net::Shutdown::Both).unwrap();
            assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
            broken(client);
            drop(server);
            let (one, other) = UnixStream::pair().unwrap();
            drop(other);
            broken(one);
        };
        goroutines::run(check);
        check();
    });
}

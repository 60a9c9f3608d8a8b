//! Shortages, leaks, and a program at rest.

use crate::child::{Used, alone, descriptors, resident, switches};
use crate::support::{inside, until};
use crate::tcp::{echo, pair};
use goroutines::io::is_closed;
use goroutines::net::{TcpListener, TcpStream, UdpSocket};
use goroutines::os::unix::net::UnixStream;
use goroutines::{go, spawn};
use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

/// Takes all descriptors that are left.
fn take_all() -> Vec<File> {
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        assert!(taken.len() < 10_000);
        taken.push(file);
    }
    taken
}

/// No descriptors for those who come: the server says so, waits without using the processor, and goes on when
/// there are some.
#[test]
fn no_descriptors_to_accept_with() {
    let test = alone("limits::no_descriptors_to_accept_with").after("ulimit -n 100");
    let said = test.of(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut clients: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
        let clock = Used::new();
        let taken = take_all();
        let accepting = listener.try_clone().unwrap();
        let server = spawn(move || accepting.serve(|stream, _| echo(stream)));
        std::thread::sleep(Duration::from_millis(300));
        let before = clock.ticks();
        std::thread::sleep(Duration::from_secs(1));
        let used = clock.ticks() - before;
        assert!(used <= 5, "{used} ticks of 10 ms in a second");
        // Whoever waits for room can be told to give up.
        let (again, other) = (listener.try_clone().unwrap(), listener.try_clone().unwrap());
        let waits = spawn(move || again.accept().map(|_| ()));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished());
        waits.cancel();
        assert!(waits.join().unwrap_err().is::<goroutines::Cancelled>());
        drop((other, taken));
        for client in &mut clients {
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
        }
        let taken = take_all();
        let accepting = listener.try_clone().unwrap();
        let _late = clients.pop();
        listener.close();
        assert!(is_closed(&accepting.accept().unwrap_err()));
        server.join().unwrap().unwrap();
        drop(taken);
    });
    if let Some(said) = said {
        let note = "cannot accept a connection";
        assert_eq!(said.matches(note).count(), 1, "{said}");
        assert!(said.contains("ulimit -n"), "{said}");
    }
}

/// No descriptors for a poller: whoever has to wait uses that of another worker.
#[test]
fn no_descriptors_for_a_poller() {
    let test = alone("limits::no_descriptors_for_a_poller")
        .workers(8)
        .after("ulimit -n 120");
    test.of(|| {
        // One worker has one.
        let (server, mut client) = goroutines::run(|| {
            let (server, mut client) = pair();
            let mut reads = server.try_clone().unwrap();
            let reader = goroutines::spawn_local(move || reads.read(&mut [0; 1]).unwrap());
            goroutines::sleep(Duration::from_millis(5));
            client.write_all(b"x").unwrap();
            reader.join().unwrap();
            (server, client)
        });
        let pairs: Vec<_> = (0..30).map(|_| UnixStream::pair().unwrap()).collect();
        let taken = take_all();
        goroutines::run(|| {
            goroutines::scope(|s| {
                for (one, other) in &pairs {
                    s.spawn(move || {
                        let (mut one, mut buf) = (one, [0; 1]);
                        // Long enough for others to take the rest.
                        std::thread::sleep(Duration::from_millis(2));
                        for _ in 0..10 {
                            one.read_exact(&mut buf).unwrap();
                        }
                    });
                    s.spawn(move || {
                        let mut other = other;
                        for _ in 0..10 {
                            other.write_all(b"x").unwrap();
                            goroutines::sleep(Duration::from_micros(100));
                        }
                    });
                }
            });
            (&server).write_all(b"y").unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
            // Closing needs none either.
            server.close();
            assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        });
        drop(taken);
        // What could not be put in the place of a closed one then, can be now.
        let (server, _client) = pair();
        server.close();
        let number = std::os::fd::AsRawFd::as_raw_fd(&server);
        let place = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_eq!(place, std::path::Path::new("/"));
    });
}

/// Ten thousand connections, opened, used and dropped: nothing is left of them.
#[test]
fn ten_thousand_connections_leave_nothing() {
    alone("limits::ten_thousand_connections_leave_nothing").of(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        let server = spawn(move || accepting.serve(|stream, _| echo(stream)));
        let some = move |n: usize| {
            goroutines::run(|| {
                goroutines::scope(|s| {
                    for _ in 0..50 {
                        s.spawn(move || {
                            for i in 0..n / 50 {
                                let mut stream = TcpStream::connect(addr).unwrap();
                                stream.write_all(b"used").unwrap();
                                stream.read_exact(&mut [0; 4]).unwrap();
                                match i % 3 {
                                    0 => drop(stream.close()),
                                    // No port is kept for it.
                                    1 => stream.set_linger(Some(Duration::ZERO)).unwrap(),
                                    _ => {}
                                }
                            }
                        });
                    }
                });
            });
        };
        some(2_000);
        let (fds, memory) = (descriptors(), resident());
        some(8_000);
        until("all are closed", || descriptors() <= fds + 2);
        // Stacks of many at once, if the machine is slow, are given back after a while.
        until("no memory is left of them", || {
            resident().saturating_sub(memory) < 8 << 20
        });
        listener.close();
        server.join().unwrap().unwrap();
    });
}

/// How many descriptors the pollers of this process watch, other than their own.
fn watched() -> usize {
    let mut n = 0;
    for fd in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        let info = std::fs::read_to_string(fd.unwrap().path()).unwrap_or_default();
        // That of the end of a wait has all bits set.
        let all = info.lines().filter(|line| line.starts_with("tfd:"));
        n += all
            .filter(|line| !line.contains("ffffffffffffffff"))
            .count();
    }
    n
}

// NE-20: nothing is left to wait for. (There is no count of those who wait, as no report needs one: CAVEATS.md.)
/// What others have open by another descriptor is not watched any more when we have dropped or closed ours.
#[test]
fn pollers_forget() {
    alone("limits::pollers_forget").workers(1).of(|| {
        goroutines::run(|| {
            assert_eq!(watched(), 0);
            let mut kept = Vec::new();
            for i in 0..30 {
                let (server, mut client) = pair();
                let mut reads = server.try_clone().unwrap();
                let reader = spawn(move || reads.read(&mut [0; 8]).map(|_| ()));
                goroutines::yield_now();
                goroutines::yield_now();
                match i % 3 {
                    0 => {
                        client.write_all(b"x").unwrap();
                        reader.join().unwrap().unwrap();
                        let other = server.try_clone().unwrap();
                        // The reader's handle has gone; with two it is a clone.
                        kept.push(std::net::TcpStream::try_from(server).unwrap());
                        drop(other);
                    }
                    1 => {
                        client.write_all(b"x").unwrap();
                        reader.join().unwrap().unwrap();
                        let fd = std::os::fd::AsFd::as_fd(&server);
                        kept.push(fd.try_clone_to_owned().unwrap().into());
                        drop(server);
                    }
                    _ => {
                        let fd = std::os::fd::AsFd::as_fd(&server);
                        kept.push(fd.try_clone_to_owned().unwrap().into());
                        // While it waits, or just before that.
                        server.close();
                        assert!(is_closed(&reader.join().unwrap().unwrap_err()));
                    }
                }
                drop(client);
            }
            assert_eq!(watched(), 0);
            assert_eq!(kept.len(), 30);
        });
    });
}

/// A thousand idle connections: nobody is woken, no processor time is used.
#[test]
fn idle_connections_cost_nothing() {
    alone("limits::idle_connections_cost_nothing").of(|| {
        let n = if descriptors_allowed() < 2_500 {
            200
        } else {
            1_000
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        go!(move || accepting.serve(|stream, _| echo(stream)));
        let mut clients = Vec::new();
        for _ in 0..n {
            let mut client = TcpStream::connect(addr).unwrap();
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
            clients.push(client);
        }
        let waits = UdpSocket::bind("127.0.0.1:0").unwrap();
        std::thread::spawn(move || waits.recv(&mut [0; 1]));
        // Until the monitor sleeps as well.
        std::thread::sleep(Duration::from_secs(3));
        let clock = Used::new();
        let (used, woken) = (clock.ticks(), switches());
        std::thread::sleep(Duration::from_secs(1));
        let (used_after, woken_after) = (clock.ticks(), switches());
        assert!(used_after - used <= 2, "{used} {used_after}");
        assert_eq!(woken, woken_after, "somebody woke");
        // And all of them are still there.
        for client in &mut clients {
            client.write_all(b"y").unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
        }
    });
}

fn descriptors_allowed() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|l| l.starts_with("Max open files"))
        .unwrap();
    line.split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap_or(usize::MAX)
}

/// Wherever it was said that nobody uses it any more, and somebody does: errors are errors.
#[test]
fn the_types_are_what_they_should_be() {
    fn for_threads<T: Send + Sync + Unpin + std::fmt::Debug + std::panic::UnwindSafe>() {}
    for_threads::<TcpStream>();
    for_threads::<TcpListener>();
    for_threads::<UdpSocket>();
    for_threads::<UnixStream>();
    for_threads::<goroutines::os::unix::net::UnixListener>();
    for_threads::<goroutines::os::unix::net::UnixDatagram>();
    // A handle is a pointer.
    assert_eq!(size_of::<TcpStream>(), size_of::<usize>());
    inside(|| {
        let (server, _client) = pair();
        assert!(format!("{server:?}").contains("TcpStream"));
    });
}

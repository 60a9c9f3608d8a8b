//! Sockets that go from goroutine to goroutine, from worker to worker, and to plain threads; goroutines that
//! are cancelled, panic, or hold up their worker.

use crate::child::{alone, on_each};
use crate::close::{LARGE, fill, waits};
use crate::support::{both, inside, rounds, until};
use crate::tcp::{echo, pair};
use goroutines::io::is_closed;
use goroutines::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use goroutines::os::unix::net::UnixStream;
use goroutines::{sleep, spawn};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn one_byte(mut stream: &TcpStream) -> u8 {
    let mut buf = [0; 1];
    stream.read_exact(&mut buf).unwrap();
    buf[0]
}

/// Read by one goroutine after the other, wherever they start, and by threads in between.
#[test]
fn a_socket_is_handed_on() {
    on_each("moves::a_socket_is_handed_on", || {
        let (server, mut client) = pair();
        let writer = spawn(move || {
            for i in 0..rounds(400) {
                client.write_all(&[i as u8]).unwrap();
                if i % 3 == 0 {
                    sleep(Duration::from_micros(30));
                }
            }
        });
        let mut server = Some(server);
        for i in 0..rounds(400) {
            let stream = server.take().unwrap();
            let read = move || {
                let byte = one_byte(&stream);
                (stream, byte)
            };
            let (stream, byte) = if i % 5 == 4 {
                goroutines::blocking(|| std::thread::spawn(read).join().unwrap())
            } else {
                spawn(read).join().unwrap()
            };
            assert_eq!(byte, i as u8);
            server = Some(stream);
        }
        writer.join().unwrap();
    });
}

// NE-1
/// Several goroutines read from clones, and several write: every byte arrives once. Reads that wait on other
/// workers take the descriptor along, back and forth.
#[test]
fn clones_on_many_workers() {
    on_each("moves::clones_on_many_workers", || {
        let (server, client) = pair();
        let got = Arc::new(AtomicUsize::new(0));
        let sum = Arc::new(AtomicUsize::new(0));
        let mut readers = Vec::new();
        for i in 0..8 {
            let (server, got, sum) = (server.try_clone().unwrap(), got.clone(), sum.clone());
            let read = move || {
                let mut buf = [0; 7];
                loop {
                    let n = (&server).read(&mut buf).unwrap();
                    if n == 0 {
                        return;
                    }
                    got.fetch_add(n, Ordering::Relaxed);
                    let bytes = buf[..n].iter().map(|&b| usize::from(b)).sum();
                    sum.fetch_add(bytes, Ordering::Relaxed);
                }
            };
            if i < 6 {
                readers.push(spawn(read));
            } else {
                // Their number is on purpose larger than that of the workers.
                readers.push(spawn(move || {
                    goroutines::blocking(|| std::thread::spawn(read).join().unwrap());
                }));
            }
        }
        drop(server);
        let writers: Vec<_> = (1..=4_u8)
            .map(|tag| {
                let mut client = client.try_clone().unwrap();
                spawn(move || {
                    for i in 0..rounds(300) {
                        client.write_all(&[tag; 5]).unwrap();
                        if i % 10 == 0 {
                            sleep(Duration::from_micros(100));
                        }
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|w| w.join().unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        readers.into_iter().for_each(|r| r.join().unwrap());
        assert_eq!(got.load(Ordering::Relaxed), 4 * 5 * rounds(300));
        assert_eq!(sum.load(Ordering::Relaxed), 10 * 5 * rounds(300));
    });
}

// NE-1: all methods by many at once. What one `write` sends is in one piece; and who reads and who writes do not wait
// for each other.
#[test]
fn all_methods_by_many_at_once() {
    on_each("moves::all_methods_by_many_at_once", || {
        const EACH: usize = 60;
        const PIECE: usize = 50;
        let (server, client) = pair();
        let writes = |tag: u8| {
            let client = client.try_clone().unwrap();
            move || {
                for i in 0..EACH {
                    let mut piece = [tag; PIECE];
                    piece[1] = i as u8;
                    // There is room for all that all of them send.
                    assert_eq!((&client).write(&piece).unwrap(), PIECE);
                    goroutines::yield_now();
                }
            }
        };
        let mut writers: Vec<_> = (0..4).map(|tag| spawn(writes(tag))).collect();
        let thread = std::thread::spawn(writes(4));
        for stream in [server.try_clone().unwrap(), client.try_clone().unwrap()] {
            writers.push(spawn(move || {
                for i in 0..EACH {
                    let other = stream.try_clone().unwrap();
                    let hour = Some(Instant::now() + Duration::from_secs(3_600));
                    stream.set_deadline([hour, None][i % 2]).unwrap();
                    assert_eq!(other.peer_addr().unwrap(), stream.peer_addr().unwrap());
                    stream.set_nodelay(i % 2 == 0).unwrap();
                    assert!(other.take_error().unwrap().is_none());
                    goroutines::yield_now();
                }
                stream.set_deadline(None).unwrap();
            }));
        }
        let mut next = [0; 5];
        for _ in 0..5 * EACH {
            let mut piece = [0; PIECE];
            (&server).read_exact(&mut piece).unwrap();
            let [tag, i, ref rest @ ..] = piece;
            assert!(rest.iter().all(|&b| b == tag), "{piece:?}");
            assert_eq!(usize::from(i), next[usize::from(tag)]);
            next[usize::from(tag)] += 1;
        }
        writers.into_iter().for_each(|w| w.join().unwrap());
        goroutines::blocking(|| thread.join().unwrap());
        // One reads and waits, and others write; one writes and waits, and others read.
        let reads = server.try_clone().unwrap();
        let reader = waits(move || (&reads).read(&mut [0; 8]));
        (&server).write_all(b"there").unwrap();
        (&client).read_exact(&mut [0; 5]).unwrap();
        assert!(!reader.is_finished());
        (&client).write_all(b"back").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 4);
        fill(&server);
        let stream = server.try_clone().unwrap();
        let writer = waits(move || (&stream).write_all(&LARGE));
        (&client).write_all(b"x").unwrap();
        assert_eq!(one_byte(&server), b'x');
        assert!(!writer.is_finished());
        server.close();
        assert!(writer.join().unwrap().is_err());
    });
}

// NE-2
/// Those who wait cost no thread, whatever they wait for.
#[test]
fn only_goroutines_wait() {
    on_each("moves::only_goroutines_wait", || {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (server, full) = (pair(), pair());
        fill(&full.0);
        let started = Arc::new(AtomicUsize::new(0));
        let crowd = |n: usize| {
            (0..n).map(|i| {
                let (listener, socket) =
                    (listener.try_clone().unwrap(), socket.try_clone().unwrap());
                let reads = server.0.try_clone().unwrap();
                let writes = full.0.try_clone().unwrap();
                let started = started.clone();
                spawn(move || {
                    started.fetch_add(1, Ordering::Relaxed);
                    match i % 4 {
                        0 => (&reads).read(&mut [0; 8]).map(|_| ()),
                        1 => (&writes).write_all(&LARGE),
                        2 => listener.accept().map(|_| ()),
                        _ => socket.recv(&mut [0; 8]).map(|_| ()),
                    }
                })
            })
        };
        let mut all: Vec<_> = crowd(40).collect();
        until("some wait", || started.load(Ordering::Relaxed) == 40);
        let before = threads();
        all.extend(crowd(160));
        until("all wait", || started.load(Ordering::Relaxed) == 200);
        sleep(Duration::from_millis(5));
        // A spare worker may have come, if this machine is busy.
        let now = threads();
        assert!(now <= before + 2, "{before} threads, and then {now}");
        assert!(all.iter().all(|h| !h.is_finished()));
        assert!(server.0.close() && full.0.close() && listener.close() && socket.close());
        all.into_iter()
            .for_each(|h| assert!(is_closed(&h.join().unwrap().unwrap_err())));
    });
}

/// A cancelled wait leaves the socket as it was.
#[test]
fn cancelled() {
    both(|| {
        for _ in 0..rounds(20) {
            let (server, mut client) = pair();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut reads = server.try_clone().unwrap();
            let accepts = listener.try_clone().unwrap();
            let reader = waits(move || reads.read(&mut [0; 8]));
            let acceptor = waits(move || accepts.accept());
            fill(&client);
            let mut writes = client.try_clone().unwrap();
            let writer = waits(move || writes.write_all(&LARGE));
            // The reader has been woken by what came to fill it.
            assert_eq!(reader.join().unwrap().unwrap(), 8);
            let first = waits(move || {
                sleep(Duration::MAX);
                Ok(())
            });
            writer.cancel();
            first.cancel();
            acceptor.cancel();
            assert!(first.join().unwrap_err().is::<goroutines::Cancelled>());
            assert!(acceptor.join().unwrap_err().is::<goroutines::Cancelled>());
            assert!(writer.join().unwrap_err().is::<goroutines::Cancelled>());
            let drain = spawn(move || {
                let mut n = 0;
                let mut buf = vec![0; 1 << 16];
                loop {
                    match (&server).read(&mut buf).unwrap() {
                        0 => return n,
                        some => n += some,
                    }
                }
            });
            client.write_all(b"goes on").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert!(drain.join().unwrap() > 7);
            let addr = listener.local_addr().unwrap();
            let connecting = spawn(move || TcpStream::connect(addr).unwrap());
            listener.accept().unwrap();
            connecting.join().unwrap();
        }
    });
}

/// Cancelled just as something comes: either it is read, or it is still there.
#[test]
fn cancelled_as_data_comes() {
    on_each("moves::cancelled_as_data_comes", || {
        let (server, mut client) = pair();
        let server = Arc::new(server);
        for round in 0..rounds(300) {
            let reads = server.clone();
            let taken = Arc::new(AtomicBool::new(false));
            let took = taken.clone();
            let reader = spawn(move || {
                one_byte(&reads);
                took.store(true, Ordering::Relaxed);
            });
            if round % 2 == 0 {
                goroutines::yield_now();
            }
            if round % 5 == 0 {
                sleep(Duration::from_micros(50));
            }
            client.write_all(b"x").unwrap();
            reader.cancel();
            let _ = reader.join();
            if !taken.load(Ordering::Relaxed) {
                // It may have been read by the one who was cancelled afterwards.
                client.write_all(b"y").unwrap();
                let byte = one_byte(&server);
                if byte == b'x' {
                    assert_eq!(one_byte(&server), b'y');
                }
            }
        }
    });
}

/// One that never waits is cancelled before it writes or reads, not when it has.
#[test]
fn cancelled_between_operations() {
    both(|| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut writes = one.try_clone().unwrap();
        let mut reads = other.try_clone().unwrap();
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let count = counts.clone();
        let spinner = spawn(move || {
            loop {
                writes.write_all(b"x").unwrap();
                count[0].fetch_add(1, Ordering::Relaxed);
                reads.read_exact(&mut [0]).unwrap();
                count[1].fetch_add(1, Ordering::Relaxed);
            }
        });
        until("it spins", || counts[1].load(Ordering::Relaxed) > 0);
        spinner.cancel();
        assert!(spinner.join().is_err());
        drop(one);
        let rest = other.read_to_end(&mut Vec::new()).unwrap();
        let [written, read] = counts.each_ref().map(|n| n.load(Ordering::Relaxed));
        assert_eq!(written, read + rest);
    });
}

#[test]
fn a_panic_closes_what_it_held() {
    both(|| {
        let (server, mut client) = pair();
        let holds = spawn(move || {
            one_byte(&server);
            std::panic::resume_unwind(Box::new("quietly"));
        });
        client.write_all(b"x").unwrap();
        assert!(holds.join().is_err());
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    });
}

/// A goroutine that blocks its worker's thread holds up nobody's sockets but its home-mates'.
#[test]
fn a_stuck_worker() {
    let test = alone("moves::a_stuck_worker").workers(2);
    test.of(|| {
        // Every worker has a poller, and some of these sockets.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        spawn(move || accepting.serve(|stream, _| echo(stream)));
        let stuck = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..12)
            .map(|_| {
                let (stuck, over) = (stuck.clone(), over.clone());
                std::thread::spawn(move || {
                    let (server, mut client) = pair();
                    let waiter = std::thread::spawn(move || {
                        let mut server = server;
                        for _ in 0..20 {
                            let byte = one_byte(&server);
                            server.write_all(&[byte]).unwrap();
                        }
                    });
                    while !stuck.load(Ordering::Acquire) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    for i in 0..20 {
                        client.write_all(&[i]).unwrap();
                        assert_eq!(one_byte(&client), i);
                    }
                    waiter.join().unwrap();
                    assert!(
                        !over.load(Ordering::Acquire),
                        "it had to wait for the stuck worker"
                    );
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50));
        let blocks = {
            let (stuck, over) = (stuck.clone(), over.clone());
            spawn(move || {
                stuck.store(true, Ordering::Release);
                // Far longer than any of the others takes.
                let start = Instant::now();
                while start.elapsed() < Duration::from_secs(8) {
                    std::thread::sleep(Duration::from_millis(20));
                    if Arc::strong_count(&stuck) == 1 {
                        break;
                    }
                }
                over.store(true, Ordering::Release);
            })
        };
        drop(stuck);
        threads.into_iter().for_each(|t| t.join().unwrap());
        drop(over);
        blocks.join().unwrap();
        // And the server, wherever it was, goes on.
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"x").unwrap();
        assert_eq!(one_byte(&stream), b'x');
        listener.close();
    });
}

/// A thousand goroutines on as many connections, of which many are at home on each worker.
#[test]
fn many_connections_on_each_number_of_workers() {
    on_each("moves::many_connections_on_each_number_of_workers", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        let server = spawn(move || accepting.serve(|stream, _| echo(stream)));
        goroutines::scope(|s| {
            for i in 0..250_u64 {
                s.spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    for round in 0..rounds(20) as u64 {
                        let sent = (i * 1_000 + round).to_ne_bytes();
                        stream.write_all(&sent).unwrap();
                        let mut got = [0; 8];
                        stream.read_exact(&mut got).unwrap();
                        assert_eq!(got, sent);
                    }
                });
            }
        });
        listener.close();
        server.join().unwrap().unwrap();
    });
}

/// Dropped by who does not read it, after somebody has.
#[test]
fn dropped_elsewhere() {
    inside(|| {
        for _ in 0..rounds(100) {
            let (server, client) = pair();
            let server = spawn(move || {
                let byte = one_byte(&server);
                (server, byte)
            });
            let client = std::thread::spawn(move || {
                (&client).write_all(b"z").unwrap();
                client
            });
            let (server, byte) = server.join().unwrap();
            assert_eq!(byte, b'z');
            drop(server);
            let client = goroutines::blocking(|| client.join().unwrap());
            assert_eq!((&client).read(&mut [0; 1]).unwrap(), 0);
        }
    });
}

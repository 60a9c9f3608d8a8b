//! Deadlines and timeouts: the cases of Go's `net/timeout_test.go`, and of the statements NE-3 to NE-9.

use crate::child::{alone, on_each};
use crate::close::{LARGE, fill, waits};
use crate::support::{HOUR, PATIENCE, SHORT, both, inside, rounds};
use crate::tcp::pair;
use goroutines::net::{TcpListener, TcpStream, UdpSocket};
use goroutines::{go, sleep, spawn};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn past() -> Option<Instant> {
    Some(Instant::now())
}

fn in_(time: Duration) -> Option<Instant> {
    Some(Instant::now() + time)
}

#[track_caller]
fn timed_out<T>(result: io::Result<T>) {
    let error = result.err().expect("the deadline has passed");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
    assert!(!goroutines::io::is_closed(&error));
}

// NE-4, NE-3: one that waits now, and all that come.
#[test]
fn in_the_past_frees_each_kind_of_call() {
    both(|| {
        let (server, _client) = pair();
        fill(&server);
        let (mut reads, mut writes) = (server.try_clone().unwrap(), server.try_clone().unwrap());
        let mut also_reads = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        let other = waits(move || also_reads.read(&mut [0; 8]));
        let writer = waits(move || writes.write_all(&LARGE));
        server.set_read_deadline(past()).unwrap();
        timed_out(reader.join().unwrap());
        timed_out(other.join().unwrap());
        sleep(SHORT);
        assert!(!writer.is_finished());
        server.set_write_deadline(past()).unwrap();
        timed_out(writer.join().unwrap());
        for _ in 0..3 {
            timed_out((&server).read(&mut [0; 8]));
            timed_out((&server).write(&[0; 8]));
        }

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepts = listener.try_clone().unwrap();
        let acceptor = waits(move || accepts.accept());
        listener.set_deadline(past()).unwrap();
        timed_out(acceptor.join().unwrap());

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let receives = socket.try_clone().unwrap();
        let receiver = waits(move || receives.recv_from(&mut [0; 8]));
        socket.set_deadline(past()).unwrap();
        timed_out(receiver.join().unwrap());
    });
}

// NE-5
#[test]
fn comes_before_what_is_ready() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let _client = TcpStream::connect(addr).unwrap();
        listener.set_deadline(past()).unwrap();
        timed_out(listener.accept());
        timed_out(listener.incoming().next().unwrap());
        listener.set_deadline(None).unwrap();
        let (server, _) = listener.accept().unwrap();

        // There is room, and it may not be used.
        server.set_write_deadline(past()).unwrap();
        timed_out((&server).write(b"x"));
        timed_out((&server).write_vectored(&[io::IoSlice::new(b"x")]));

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        socket.send_to(b"kept", addr).unwrap();
        socket.set_deadline(past()).unwrap();
        let mut buf = [0; 8];
        timed_out(socket.recv(&mut buf));
        timed_out(socket.recv_from(&mut buf));
        timed_out(socket.peek(&mut buf));
        timed_out(socket.send_to(b"x", addr));
        // Who never waits has the same deadline.
        socket.set_nonblocking(true).unwrap();
        timed_out(socket.recv(&mut buf));
        socket.set_nonblocking(false).unwrap();
        socket.set_read_deadline(in_(HOUR)).unwrap();
        assert_eq!(socket.recv(&mut buf).unwrap(), 4);
        timed_out(socket.send_to(b"x", addr));
    });
}

// NE-6
#[test]
fn passed_and_taken_back() {
    both(|| {
        let watched = Duration::from_millis(100);
        let (server, _client) = pair();
        fill(&server);
        server.set_deadline(past()).unwrap();
        timed_out((&server).read(&mut [0; 8]));
        server.set_deadline(None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_deadline(past()).unwrap();
        listener.set_deadline(None).unwrap();
        let (mut reads, mut writes) = (server.try_clone().unwrap(), server.try_clone().unwrap());
        let accepts = listener.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        let writer = waits(move || writes.write_all(&LARGE));
        let acceptor = waits(move || accepts.accept());
        sleep(watched);
        assert!(!reader.is_finished() && !writer.is_finished() && !acceptor.is_finished());
        server.close();
        listener.close();
        assert!(reader.join().unwrap().is_err());
        assert!(writer.join().unwrap().is_err());
        assert!(acceptor.join().unwrap().is_err());
    });
}

/// A wait follows its deadline wherever that is put.
#[test]
fn moved_while_somebody_waits() {
    both(|| {
        let (server, mut client) = pair();
        server.set_read_deadline(in_(HOUR)).unwrap();
        let mut reads = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        server.set_read_deadline(in_(2 * HOUR)).unwrap();
        server.set_read_deadline(None).unwrap();
        server
            .set_read_deadline(in_(Duration::from_millis(20)))
            .unwrap();
        timed_out(reader.join().unwrap());
        server.set_read_deadline(None).unwrap();
        let mut reads = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        server.set_read_deadline(in_(HOUR)).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
    });
}

// NE-7: not early, and not much too late.
fn various(times: &[Duration]) {
    let (server, client) = pair();
    go!(move || {
        let mut server = server;
        let chunk = vec![1; 1 << 14];
        while server.write(&chunk).is_ok() {
            goroutines::yield_now();
        }
    });
    let mut buf = vec![0; 1 << 16];
    for &time in times {
        let start = Instant::now();
        client.set_read_deadline(Some(start + time)).unwrap();
        let error = loop {
            match (&client).read(&mut buf) {
                Ok(n) => assert!(n > 0),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let took = start.elapsed();
        assert!(took >= time, "{time:?}: {took:?}");
        let most = time + time / 10 + Duration::from_secs(3);
        assert!(took < most, "{time:?}: {took:?}");
    }
    client.close();
}

const TIMES: [Duration; 19] = [
    Duration::from_nanos(1),
    Duration::from_nanos(2),
    Duration::from_nanos(5),
    Duration::from_nanos(50),
    Duration::from_nanos(100),
    Duration::from_nanos(200),
    Duration::from_nanos(500),
    Duration::from_nanos(750),
    Duration::from_micros(1),
    Duration::from_micros(5),
    Duration::from_micros(25),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

#[test]
fn various_deadlines() {
    for workers in [1, 4] {
        let test = alone("deadlines::various_deadlines").workers(workers);
        if test.of(|| goroutines::run(|| various(&TIMES))).is_none() {
            return;
        }
    }
}

/// The same for timeouts, where nothing comes; on a thread as well.
#[test]
fn various_timeouts() {
    both(|| {
        let (server, _client) = pair();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for time in TIMES.into_iter().filter(|t| t.as_millis() < 500) {
            server.set_read_timeout(Some(time)).unwrap();
            socket.set_read_timeout(Some(time)).unwrap();
            assert_eq!(server.read_timeout().unwrap(), Some(time));
            assert_eq!(server.write_timeout().unwrap(), None);
            let start = Instant::now();
            timed_out((&server).read(&mut [0; 8]));
            timed_out(socket.recv(&mut [0; 8]));
            let took = start.elapsed();
            assert!(
                took >= 2 * time && took < 2 * time + Duration::from_secs(3),
                "{took:?}"
            );
        }
        for bad in [
            server.set_read_timeout(Some(Duration::ZERO)),
            server.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        server.set_read_timeout(Some(Duration::MAX)).unwrap();
        server.set_read_timeout(None).unwrap();
        assert_eq!(server.read_timeout().unwrap(), None);
    });
}

// NE-8: what was sent before the deadline came is known.
#[test]
fn a_timed_out_write_is_counted() {
    both(|| {
        let (server, mut client) = pair();
        server
            .set_write_deadline(in_(Duration::from_millis(30)))
            .unwrap();
        let mut sent = 0;
        let error = loop {
            match (&server).write(&[7; 100_000]) {
                Ok(n) => sent += n,
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(sent > 0);
        drop(server);
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), sent);
    });
}

// NE-9: TestReadWriteDeadlineRace
#[test]
fn changed_while_others_read_and_write() {
    on_each("deadlines::changed_while_others_read_and_write", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let expected = |e: &io::Error| assert_eq!(e.kind(), ErrorKind::TimedOut, "{e:?}");
        let mut all = Vec::new();
        for side in 0..2 {
            let (client, over) = (client.try_clone().unwrap(), over.clone());
            all.push(spawn(move || {
                let mut buf = [0; 1];
                while !over.load(Ordering::Relaxed) {
                    let done = match side {
                        0 => (&client).read(&mut buf),
                        _ => (&client).write(&buf),
                    };
                    if let Err(e) = done {
                        expected(&e);
                        goroutines::yield_now();
                    }
                }
            }));
            let server = server.try_clone().unwrap();
            spawn(move || crate::tcp::echo(server));
        }
        for i in 0..rounds(1_000) {
            client.set_deadline(in_(Duration::from_micros(2))).unwrap();
            if i % 16 == 0 {
                sleep(Duration::from_micros(20));
            }
        }
        over.store(true, Ordering::Relaxed);
        client.set_deadline(past()).unwrap();
        all.into_iter().for_each(|g| g.join().unwrap());
        // And it is none the worse for it.
        client.set_deadline(None).unwrap();
        (&client).write_all(b"x").unwrap();
        assert!((&client).read(&mut [0; 8]).unwrap() > 0);
        client.close();
        server.close();
    });
}

// NE-9: TestConcurrentSetDeadline, 8 x 10 x 100
#[test]
fn set_by_many_at_once() {
    on_each("deadlines::set_by_many_at_once", || {
        let pairs: Vec<_> = (0..10).map(|_| pair()).collect();
        goroutines::scope(|s| {
            let setters = [(); 8].map(|()| {
                s.spawn(|| {
                    for (server, _client) in &pairs {
                        for i in 0..100_u64 {
                            let time = HOUR + Duration::from_secs(i);
                            server.set_read_deadline(in_(time)).unwrap();
                            server.set_write_deadline(in_(time)).unwrap();
                        }
                    }
                })
            });
            for (server, _client) in &pairs {
                s.spawn(move || {
                    let mut server: &TcpStream = server;
                    assert!(server.read(&mut [0; 8]).is_err());
                });
            }
            setters.into_iter().for_each(|s| s.join().unwrap());
            for (server, _client) in &pairs {
                server.close();
            }
        });
    });
}

// NE-9: TestReadWriteProlongedTimeout: put off again and again, by who reads and who writes.
#[test]
fn prolonged() {
    on_each("deadlines::prolonged", || {
        let (server, client) = pair();
        let server2 = server.try_clone().unwrap();
        let reader = spawn(move || {
            let mut n = 0;
            loop {
                server.set_read_deadline(in_(PATIENCE)).unwrap();
                match (&server).read(&mut [0; 1]) {
                    Ok(0) => return n,
                    Ok(_) => n += 1,
                    Err(e) => panic!("{e:?}"),
                }
            }
        });
        let writer = spawn(move || {
            for _ in 0..rounds(200) {
                server2.set_write_deadline(in_(PATIENCE)).unwrap();
                (&server2).write_all(b"x").unwrap();
            }
        });
        for _ in 0..rounds(200) {
            client.set_deadline(in_(PATIENCE)).unwrap();
            (&client).write_all(b"x").unwrap();
            (&client).read_exact(&mut [0; 1]).unwrap();
        }
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(reader.join().unwrap(), rounds(200));
        writer.join().unwrap();
    });
}

// NE-17
#[test]
fn of_connecting() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        TcpStream::connect_timeout(&addr, Duration::MAX).unwrap();
        TcpStream::connect_timeout(&addr, HOUR).unwrap();
        TcpStream::connect_deadline(&addr, Instant::now() + HOUR).unwrap();
        timed_out(TcpStream::connect_deadline(&addr, Instant::now()));
        timed_out(TcpStream::connect_timeout(&addr, Duration::from_nanos(1)));
        let zero = TcpStream::connect_timeout(&addr, Duration::ZERO);
        assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        drop(listener);
        let nobody = TcpStream::connect(addr).unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::ConnectionRefused);
    });
}

/// So many that wait to be accepted that the next one has to wait for that.
fn full(listener: &TcpListener) -> Vec<TcpStream> {
    let addr = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    loop {
        assert!(waiting.len() < 100, "the queue does not get full");
        match TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
            Ok(stream) => waiting.push(stream),
            Err(e) => {
                timed_out::<()>(Err(e));
                return waiting;
            }
        }
    }
}

// NE-17
/// A connection in progress: it waits, is given up by a deadline or a cancel, or comes about.
#[test]
fn a_full_backlog() {
    inside(|| {
        let listener = TcpListener::builder()
            .backlog(1)
            .bind("127.0.0.1:0")
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let waiting = full(&listener);
        let cancelled = spawn(move || TcpStream::connect(addr));
        let connecting = spawn(move || TcpStream::connect(addr));
        sleep(Duration::from_millis(20));
        assert!(!cancelled.is_finished() && !connecting.is_finished());
        cancelled.cancel();
        assert!(cancelled.join().unwrap_err().is::<goroutines::Cancelled>());
        let accepts = listener.try_clone().unwrap();
        let acceptor = spawn(move || {
            accepts.serve(|mut stream, _| {
                let _ = stream.write_all(b"at last");
            })
        });
        // The kernel asks again after a second, then after two, …
        let mut text = String::new();
        connecting
            .join()
            .unwrap()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "at last");
        drop(waiting);
        listener.close();
        acceptor.join().unwrap().unwrap();
    });
}

/// A client that drips, and one that says nothing.
#[test]
fn slow_and_idle_clients() {
    both(|| {
        // Each read meets its timeout; together they must not take for ever.
        let (server, mut client) = pair();
        let drips = spawn(move || {
            while client.write_all(b"x").is_ok() {
                sleep(Duration::from_millis(2));
            }
        });
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        server
            .set_read_deadline(in_(Duration::from_millis(60)))
            .unwrap();
        let start = Instant::now();
        let mut header = [0; 1 << 16];
        timed_out((&server).read_exact(&mut header));
        assert!(start.elapsed() >= Duration::from_millis(60));
        drop(server);
        drips.join().unwrap();
        let (server, _client) = pair();
        server
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        timed_out((&server).read_exact(&mut header));
    });
}

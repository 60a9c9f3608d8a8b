//! What the other end may do: reset, shut down, send urgent data, read slowly.

use crate::close::waits;
use crate::support::{SHORT, both, inside, rounds};
use crate::tcp::pair;
use goroutines::net::{Shutdown, TcpStream};
use goroutines::{sleep, spawn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::Duration;

/// Has what was not sent yet discarded, and the other end told.
fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

// NE-16
#[test]
fn a_reset_is_an_error() {
    both(|| {
        let (mut server, client) = pair();
        let mut reads = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        reset(client);
        let error = reader.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // Then it is closed: nothing waits for ever, and nothing kills the process (NE-19).
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        let error = server.write(&[0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(server.peer_addr().is_err());
    });
}

#[test]
fn a_reset_frees_a_writer() {
    both(|| {
        let (mut server, client) = pair();
        let writer = waits(move || server.write_all(&vec![0; 64 << 20]));
        reset(client);
        let error = writer.join().unwrap().unwrap_err();
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    });
}

// NE-16
/// One that was given up while it waited to be accepted.
#[test]
fn reset_before_it_was_accepted() {
    both(|| {
        let listener = goroutines::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        reset(TcpStream::connect(addr).unwrap());
        let _client = TcpStream::connect(addr).unwrap();
        // Linux gives it, with the error still to come.
        let (mut first, _) = listener.accept().unwrap();
        assert_eq!(
            first.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        listener.accept().unwrap();
    });
}

// NE-14
#[test]
fn half_closed() {
    both(|| {
        let (mut server, mut client) = pair();
        client.write_all(b"the last").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "the last");
        for _ in 0..10 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
        assert!(client.write(b"x").is_err());
        // The other direction works as before, also if somebody has to wait.
        let mut buf = [0; 8];
        let mut reads = client.try_clone().unwrap();
        let reader = waits(move || {
            reads.read_exact(&mut buf)?;
            Ok(buf)
        });
        server.write_all(b"answered").unwrap();
        assert_eq!(&reader.join().unwrap().unwrap(), b"answered");
        // Who waits is freed by a handle of its own.
        let mut reads = client.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn shutdown_frees_a_writer() {
    both(|| {
        let (server, _client) = pair();
        let mut writes = server.try_clone().unwrap();
        let writer = waits(move || writes.write_all(&vec![0; 64 << 20]));
        server.shutdown(Shutdown::Write).unwrap();
        let error = writer.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// The end comes with the data, before it, or after it: it is seen.
#[test]
fn the_end_is_never_missed() {
    both(|| {
        for round in 0..rounds(200) {
            let (mut server, mut client) = pair();
            let reader = spawn(move || {
                let mut buf = [0; 1 << 10];
                let mut n = 0;
                loop {
                    match server.read(&mut buf).unwrap() {
                        0 => return n,
                        some => n += some,
                    }
                }
            });
            for _ in 0..round % 4 {
                client.write_all(&[1; 100]).unwrap();
            }
            if round % 2 == 0 {
                goroutines::yield_now();
            }
            drop(client);
            assert_eq!(reader.join().unwrap(), round % 4 * 100);
        }
    });
}

/// A read stops at urgent data, whatever is behind it: that must not be taken for the end of what there
/// is.
#[test]
fn urgent_data_holds_up_nothing() {
    both(|| {
        for _ in 0..rounds(20) {
            let (mut server, mut client) = pair();
            // Somebody has waited already: from now on only changes are told.
            let mut reads = server.try_clone().unwrap();
            let reader = waits(move || reads.read(&mut [0; 8]));
            client.write_all(b"first").unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), 5);
            let flags = rustix::net::SendFlags::OOB;
            client.write_all(b"before").unwrap();
            rustix::net::send(&client, b"!", flags).unwrap();
            client.write_all(b"after").unwrap();
            // Until all has come, and its events too.
            sleep(SHORT);
            let mut got = Vec::new();
            let mut buf = [0; 100];
            server
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            while got.len() < 11 {
                let n = server.read(&mut buf).unwrap();
                assert!(n > 0);
                got.extend_from_slice(&buf[..n]);
            }
            assert_eq!(got, b"beforeafter");
        }
    });
}

// NE-15
#[test]
fn a_write_is_as_large_as_there_is_room() {
    both(|| {
        let (server, mut client) = pair();
        let mut writes = &server;
        let first = writes.write(&vec![1; 64 << 20]).unwrap();
        assert!(first > 0 && first < 64 << 20);
        let mut more = server.try_clone().unwrap();
        let writer = waits(move || more.write_all(&vec![1; 4 << 20]));
        let mut n = 0;
        let mut buf = vec![0; 10_000];
        while n < first + (4 << 20) {
            n += client.read(&mut buf).unwrap();
            if n % 7 == 0 {
                sleep(Duration::from_micros(50));
            }
        }
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn several_buffers_at_once() {
    both(|| {
        let (mut server, mut client) = pair();
        let parts = [b"one".as_slice(), b"", b"two", b"three"].map(IoSlice::new);
        assert_eq!(server.write_vectored(&parts).unwrap(), 11);
        let (mut a, mut b) = ([0; 4], [0; 20]);
        let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(client.read_vectored(&mut bufs).unwrap(), 11);
        assert_eq!((&a, &b[..7]), (b"onet", b"wothree".as_slice()));
        let many = vec![IoSlice::new(b"x"); 5_000];
        let n = server.write_vectored(&many).unwrap();
        assert!(n > 0 && n <= 5_000);
        assert_eq!(server.write_vectored(&[]).unwrap(), 0);
        client.read_exact(&mut vec![0; n]).unwrap();
        let reader = waits(move || client.read_vectored(&mut [IoSliceMut::new(&mut [0; 4])]));
        server.write_all(b"ab").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 2);
    });
}

#[test]
fn options() {
    both(|| {
        let (server, client) = pair();
        server.set_nodelay(true).unwrap();
        assert!(server.nodelay().unwrap() && !client.nodelay().unwrap());
        server.set_ttl(42).unwrap();
        assert_eq!(server.ttl().unwrap(), 42);
        assert_eq!(server.linger().unwrap(), None);
        server.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(server.linger().unwrap(), Some(Duration::from_secs(3)));
        assert!(server.take_error().unwrap().is_none());
        server.set_nonblocking(true).unwrap();
        let would = (&server).read(&mut [0; 8]).unwrap_err();
        assert_eq!(would.kind(), ErrorKind::WouldBlock);
        assert!(format!("{server:?}").starts_with("TcpStream"));
    });
}

/// Zero bytes are had at once, and are no event.
// NE-13
#[test]
fn nothing_wanted_nothing_waits() {
    both(|| {
        let (mut server, mut client) = pair();
        assert_eq!(server.read(&mut []).unwrap(), 0);
        assert_eq!(server.peek(&mut []).unwrap(), 0);
        assert_eq!(server.write(&[]).unwrap(), 0);
        let mut reads = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        assert_eq!(server.read(&mut []).unwrap(), 0);
        client.write_all(b"").unwrap();
        sleep(SHORT);
        assert!(!reader.is_finished());
        client.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
    });
}

/// Whoever copies from one to the other gets everything, whatever sizes it comes in.
#[test]
fn a_relay() {
    inside(|| {
        let ((mut a, mut b), (mut c, mut d)) = (pair(), pair());
        let relay = spawn(move || -> io::Result<u64> {
            let n = io::copy(&mut b, &mut c)?;
            c.shutdown(Shutdown::Write)?;
            Ok(n)
        });
        let size = rounds(3_000_000);
        let writer = spawn(move || {
            let data: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
            for chunk in data.chunks(12_345) {
                a.write_all(chunk).unwrap();
            }
        });
        let mut got = Vec::new();
        d.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), size);
        assert!(got.iter().enumerate().all(|(i, &b)| b == (i * 7) as u8));
        writer.join().unwrap();
        assert_eq!(relay.join().unwrap().unwrap(), size as u64);
    });
}

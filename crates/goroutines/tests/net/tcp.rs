//! TCP: connections, listeners, and calls that others end.

use crate::support::{both, inside, rounds};
use goroutines::io::is_closed;
use goroutines::net::{Shutdown, TcpListener, TcpStream};
use goroutines::{go, scope, spawn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::{Duration, Instant};

/// Both ends of a new connection.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = TcpStream::connect(addr).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (server, client)
}

pub(crate) fn echo(mut stream: TcpStream) {
    let mut buf = [0; 512];
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        if stream.write_all(&buf[..n]).is_err() {
            return;
        }
    }
}

#[test]
fn echoes() {
    both(|| {
        let (server, mut client) = pair();
        let server = spawn(move || echo(server));
        for round in 0..rounds(200) {
            let sent = round.to_ne_bytes();
            client.write_all(&sent).unwrap();
            let mut got = [0; 8];
            client.read_exact(&mut got).unwrap();
            assert_eq!(got, sent);
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        server.join().unwrap();
    });
}

#[test]
fn many_connections() {
    inside(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = listener.try_clone().unwrap();
        let server = spawn(move || {
            loop {
                match accepting.accept() {
                    Ok((stream, _)) => go!(echo(stream)),
                    Err(e) => return assert!(is_closed(&e), "{e}"),
                }
            }
        });
        scope(|s| {
            for i in 0..200_u64 {
                s.spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    for round in 0..20 {
                        let sent = (i * 1_000 + round).to_ne_bytes();
                        stream.write_all(&sent).unwrap();
                        let mut got = [0; 8];
                        stream.read_exact(&mut got).unwrap();
                        assert_eq!(got, sent);
                    }
                });
            }
        });
        assert!(listener.close());
        server.join().unwrap();
    });
}

// NE-10
#[test]
fn close_frees_everybody() {
    both(|| {
        let (server, mut client) = pair();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mut stream = server.try_clone().unwrap();
                spawn(move || stream.read(&mut [0; 8]).unwrap_err())
            })
            .collect();
        goroutines::sleep(Duration::from_millis(5));
        assert!(server.close());
        assert!(!server.close());
        for reader in readers {
            assert!(is_closed(&reader.join().unwrap()));
        }
        // The connection is closed at once, although `server` is still there.
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    });
}

// NE-12
#[test]
fn everything_fails_after_close() {
    inside(|| {
        let (server, _client) = pair();
        server.close();
        let mut handle = &server;
        let closed = |result: io::Result<usize>| assert!(is_closed(&result.unwrap_err()));
        closed(handle.read(&mut [0; 8]));
        closed(handle.read(&mut []));
        closed(handle.write(&[0; 8]));
        closed(handle.write(&[]));
        closed(handle.peek(&mut [0; 8]));
        closed(server.set_deadline(None).map(|()| 0));
        closed(server.set_read_timeout(None).map(|()| 0));
        closed(server.try_clone().map(|_| 0));
        closed(server.peer_addr().map(|_| 0));
        closed(server.shutdown(Shutdown::Both).map(|()| 0));
    });
}

// NE-4
#[test]
fn a_deadline_in_the_past_frees_a_reader() {
    both(|| {
        let (server, _client) = pair();
        let mut handle = server.try_clone().unwrap();
        let reader = spawn(move || handle.read(&mut [0; 8]).unwrap_err().kind());
        goroutines::sleep(Duration::from_millis(5));
        server.set_read_deadline(Some(Instant::now())).unwrap();
        assert_eq!(reader.join().unwrap(), ErrorKind::TimedOut);
    });
}

// NE-5, NE-13
#[test]
fn an_expired_deadline_comes_before_data() {
    both(|| {
        let (server, mut client) = pair();
        client.write_all(b"here").unwrap();
        let mut handle = &server;
        let mut buf = [0; 8];
        assert_eq!(handle.peek(&mut buf).unwrap(), 4);
        server.set_deadline(Some(Instant::now())).unwrap();
        assert_eq!(
            handle.read(&mut buf).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(handle.write(&buf).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(handle.read(&mut []).unwrap(), 0);
        server.set_deadline(None).unwrap();
        assert_eq!(handle.read(&mut buf).unwrap(), 4);
    });
}

#[test]
fn one_gibibyte_in_small() {
    both(|| {
        let (mut server, mut client) = pair();
        let size = rounds(8) << 20;
        let writer = spawn(move || {
            let chunk: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
            for _ in 0..size / chunk.len() {
                server.write_all(&chunk).unwrap();
            }
        });
        let mut buf = vec![0; 70_000];
        let mut at = 0_usize;
        loop {
            let n = client.read(&mut buf).unwrap();
            if n == 0 {
                break;
            }
            assert!(
                buf[..n]
                    .iter()
                    .enumerate()
                    .all(|(i, &b)| b == (at + i) as u8)
            );
            at += n;
        }
        assert_eq!(at, size);
        writer.join().unwrap();
    });
}

/// More pieces than one call takes: that a call moved fewer bytes than they hold does not mean that the
/// next one would block. NE-15
#[test]
fn more_pieces_than_a_call_takes() {
    both(|| {
        let (server, client) = pair();
        many_pieces(&client, &server);
    });
}

/// Sends through `writer` what `reader` then receives, in far more pieces than the system takes at once,
/// several times: the first wait for a descriptor registers it, and finds it ready.
pub(crate) fn many_pieces<W, R>(writer: &W, reader: &R)
where
    for<'a> &'a W: Write,
    for<'a> &'a R: Read,
{
    const PIECES: usize = 3_000;
    for _ in 0..3 {
        let byte = [7];
        let mut slices = vec![IoSlice::new(&byte); PIECES];
        let mut left = &mut slices[..];
        while !left.is_empty() {
            let mut writer = writer;
            let n = writer.write_vectored(left).unwrap();
            assert!(n > 0);
            IoSlice::advance_slices(&mut left, n);
        }
        let mut got = [0; PIECES];
        let mut at = 0;
        while at < PIECES {
            let mut reader = reader;
            let mut bufs: Vec<_> = got[at..].chunks_mut(1).map(IoSliceMut::new).collect();
            let n = reader.read_vectored(&mut bufs).unwrap();
            assert!(n > 0);
            at += n;
        }
        assert_eq!(got, [7; PIECES]);
    }
}

#[test]
fn lingering_counts_whole_seconds() {
    both(|| {
        let (server, _client) = pair();
        let seconds = |time: Duration| {
            server.set_linger(Some(time)).unwrap();
            server.linger().unwrap().unwrap().as_secs()
        };
        assert_eq!(seconds(Duration::ZERO), 0);
        // Not none, which would throw away what has not been sent.
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert!(seconds(Duration::MAX) > 1_000_000);
        server.set_linger(None).unwrap();
        assert_eq!(server.linger().unwrap(), None);
    });
}

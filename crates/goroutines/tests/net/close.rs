//! `close()` frees everybody, and no descriptor comes to mean something else under a call.

use crate::child::on_each;
use crate::support::{both, inside, rounds, until};
use crate::tcp::pair;
use goroutines::io::is_closed;
use goroutines::net::{TcpListener, TcpStream, UdpSocket};
use goroutines::{JoinHandle, sleep, spawn};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// What waits, and does not end by itself.
pub(crate) fn waits<T: Send + 'static>(
    f: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> JoinHandle<io::Result<T>> {
    let handle = spawn(f);
    sleep(Duration::from_millis(5));
    assert!(!handle.is_finished());
    handle
}

#[track_caller]
pub(crate) fn freed<T>(handle: JoinHandle<io::Result<T>>) {
    let result = handle.join().unwrap();
    let error = result.err().expect("it was closed");
    assert!(is_closed(&error), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

/// More than there is ever room for: what has been filled may have some room again a moment later.
pub(crate) static LARGE: [u8; 16 << 20] = [0; 16 << 20];

/// Writes until there is no more room, at either end.
pub(crate) fn fill(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let mut in_vain = 0;
    while in_vain < 3 {
        match stream.write(&[7; 1 << 16]) {
            Ok(n) => in_vain = usize::from(n == 0),
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
                in_vain += 1;
                // What is on its way makes room when it has arrived.
                sleep(Duration::from_millis(2));
            }
        }
    }
    stream.set_nonblocking(false).unwrap();
}

// NE-10
#[test]
fn frees_each_kind_of_call() {
    both(|| {
        let (server, _client) = pair();
        fill(&server);
        let (mut reads, mut writes) = (server.try_clone().unwrap(), server.try_clone().unwrap());
        let peeks = server.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        let peeker = waits(move || peeks.peek(&mut [0; 8]));
        let writer = waits(move || writes.write_all(&LARGE));
        assert!(server.close());
        freed(reader);
        freed(peeker);
        freed(writer);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepting = listener.try_clone().unwrap();
        let acceptor = waits(move || accepting.accept());
        assert!(listener.close());
        freed(acceptor);
        assert!(is_closed(&listener.local_addr().unwrap_err()));

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let receiving = socket.try_clone().unwrap();
        let receiver = waits(move || receiving.recv_from(&mut [0; 8]));
        assert!(socket.close());
        freed(receiver);
        assert!(is_closed(&socket.send_to(&[1], "127.0.0.1:9").unwrap_err()));
    });
}

/// A plain thread that waits is freed by a goroutine, and the other way round.
#[test]
fn from_the_other_kind() {
    inside(|| {
        let (mut server, _client) = pair();
        let closes = server.try_clone().unwrap();
        let thread = std::thread::spawn(move || server.read(&mut [0; 8]).unwrap_err());
        sleep(Duration::from_millis(5));
        closes.close();
        assert!(is_closed(&thread.join().unwrap()));
        let (mut server, _client) = pair();
        let closes = server.try_clone().unwrap();
        let goroutine = waits(move || server.read(&mut [0; 8]));
        std::thread::spawn(move || closes.close()).join().unwrap();
        freed(goroutine);
    });
}

// NE-11
#[test]
fn the_number_is_not_used_again_while_there_is_a_handle() {
    both(|| {
        let (mut server, client) = pair();
        let number = server.as_raw_fd();
        let closes = server.try_clone().unwrap();
        closes.close();
        drop(closes);
        let others: Vec<_> = (0..50).map(|_| pair()).collect();
        for (one, other) in &others {
            assert_ne!(one.as_raw_fd(), number);
            assert_ne!(other.as_raw_fd(), number);
        }
        assert!(is_closed(&server.read(&mut [0; 8]).unwrap_err()));
        assert_eq!((&client).read(&mut [0; 8]).unwrap(), 0);
    });
}

/// Connections come and go while others read, write and close: nobody gets the bytes of another.
#[test]
fn nobody_gets_the_bytes_of_another() {
    on_each("close::nobody_gets_the_bytes_of_another", || {
        let goroutines: Vec<_> = (1..=16_u8)
            .map(|tag| {
                spawn(move || {
                    for round in 0..rounds(40) {
                        let (server, mut client) = pair();
                        let reads = server.try_clone().unwrap();
                        let reader = spawn(move || read_tags(&reads, tag));
                        for _ in 0..round % 8 {
                            client.write_all(&[tag; 100]).unwrap();
                        }
                        if round % 3 == 0 {
                            goroutines::yield_now();
                        }
                        server.close();
                        // It has failed or is going to; what it was sent is from here.
                        let _ = client.write(&[tag; 100]);
                        reader.join().unwrap();
                    }
                })
            })
            .collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
    });
}

fn read_tags(mut stream: &TcpStream, tag: u8) {
    let mut buf = [0; 64];
    loop {
        match stream.read(&mut buf) {
            Ok(n) => assert!(
                n > 0 && buf[..n].iter().all(|&b| b == tag),
                "{:?}",
                &buf[..n]
            ),
            Err(e) => return assert!(is_closed(&e), "{e:?}"),
        }
    }
}

/// Whoever closes, of many: one is told that it did.
#[test]
fn one_of_many_closes() {
    inside(|| {
        for _ in 0..rounds(50) {
            let (server, _client) = pair();
            let handles: Vec<_> = (0..4).map(|_| server.try_clone().unwrap()).collect();
            let closers: Vec<_> = handles
                .into_iter()
                .map(|server| spawn(move || server.close()))
                .collect();
            let closed = closers.into_iter().filter_map(|c| c.join().ok());
            assert_eq!(closed.filter(|&it| it).count(), 1);
        }
    });
}

/// Closing ends `serve`, and leaves the handlers alone.
#[test]
fn ends_serve() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = listener.try_clone().unwrap();
        let server = spawn(move || {
            serving.serve(|mut stream, peer| {
                assert_eq!(stream.peer_addr().unwrap(), peer);
                let mut buf = [0; 1];
                while let Ok(1) = stream.read(&mut buf) {
                    if buf[0] == b'!' {
                        // Quietly: the message of a panic would only irritate who reads the log.
                        std::panic::resume_unwind(Box::new("the handler panics"));
                    }
                    stream.write_all(&buf).unwrap();
                }
            })
        });
        let ask = |stream: &mut TcpStream, what: u8| {
            stream.write_all(&[what]).unwrap();
            let mut buf = [0; 1];
            stream.read(&mut buf).map(|n| (n, buf[0]))
        };
        let mut streams: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for stream in &mut streams {
            assert_eq!(ask(stream, b'a').unwrap(), (1, b'a'));
        }
        // A panic ends one connection.
        assert!(matches!(ask(&mut streams[7], b'!'), Ok((0, _)) | Err(_)));
        assert_eq!(ask(&mut streams[8], b'b').unwrap(), (1, b'b'));
        assert!(listener.close());
        server.join().unwrap().unwrap();
        assert_eq!(ask(&mut streams[9], b'c').unwrap(), (1, b'c'));
        until("nobody listens", || TcpStream::connect(addr).is_err());
    });
}

/// What becomes std's type is nobody else's any more, or a clone.
#[test]
fn conversions() {
    both(|| {
        let (server, mut client) = pair();
        let number = server.as_raw_fd();
        let mut server = std::net::TcpStream::try_from(server).unwrap();
        assert_eq!(server.as_raw_fd(), number);
        client.write_all(b"abc").unwrap();
        let mut buf = [0; 8];
        assert_eq!(server.read(&mut buf).unwrap(), 3);
        let server = TcpStream::try_from(server).unwrap();
        let keeps = server.try_clone().unwrap();
        let std_clone = std::net::TcpStream::try_from(server).unwrap();
        assert_ne!(std_clone.as_raw_fd(), number);
        // The other handle still waits as it should.
        let mut reads = keeps.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        client.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        keeps.close();
        assert!(is_closed(
            &std::net::TcpStream::try_from(keeps).unwrap_err()
        ));
        // The connection lives on in std's clone.
        client.write_all(b"y").unwrap();
        std_clone.set_nonblocking(false).unwrap();
        assert_eq!((&std_clone).read(&mut buf).unwrap(), 1);
        let fd = std::os::fd::OwnedFd::try_from(TcpStream::try_from(std_clone).unwrap()).unwrap();
        drop(TcpStream::try_from(fd).unwrap());
        assert_eq!(client.read(&mut buf).unwrap(), 0);
    });
}

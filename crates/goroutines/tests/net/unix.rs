//! Unix domain sockets.

use crate::child::on_each;
use crate::close::{freed, waits};
use crate::support::{PATIENCE, SHORT, both, inside, rounds};
use goroutines::net::Shutdown;
use goroutines::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use goroutines::{scope, sleep, spawn};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static MADE: AtomicUsize = AtomicUsize::new(0);

/// A path where there is nothing, and nothing is left.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn name() -> String {
    let n = MADE.fetch_add(1, Ordering::Relaxed);
    format!("goroutines-{}-{n}", std::process::id())
}

fn place() -> Place {
    Place(std::env::temp_dir().join(name()))
}

#[test]
fn there_and_back() {
    both(|| {
        let place = place();
        let listener = UnixListener::bind(&place.0).unwrap();
        assert_eq!(
            listener.local_addr().unwrap().as_pathname(),
            Some(&*place.0)
        );
        let serving = listener.try_clone().unwrap();
        let server = spawn(move || {
            serving.serve(|mut stream, peer| {
                assert!(peer.is_unnamed(), "{peer:?}");
                let mut buf = [0; 100];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    stream.write_all(&buf[..n]).unwrap();
                }
            })
        });
        scope(|s| {
            for i in 0..50_u32 {
                let path = &place.0;
                s.spawn(move || {
                    let mut stream = UnixStream::connect(path).unwrap();
                    assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&**path));
                    for round in 0..rounds(20) as u32 {
                        let sent = (i * 1_000 + round).to_ne_bytes();
                        stream.write_all(&sent).unwrap();
                        let mut got = [0; 4];
                        stream.read_exact(&mut got).unwrap();
                        assert_eq!(got, sent);
                    }
                });
            }
        });
        listener.close();
        server.join().unwrap().unwrap();
        assert_eq!(
            UnixStream::connect(&place.0).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn addresses() {
    both(|| {
        let addr = SocketAddr::from_abstract_name(name()).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        assert_eq!(
            UnixListener::bind_addr(&addr).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        let local = listener.local_addr().unwrap();
        assert_eq!(local.as_abstract_name(), addr.as_abstract_name());
        let client = UnixStream::connect_addr(&addr).unwrap();
        for stream in (&listener).into_iter().take(1) {
            stream.unwrap();
        }
        drop(client);
        // Whoever connects has an address if it was bound before; std has no call for that.
        for peer in [
            SocketAddr::from_abstract_name(name()).unwrap(),
            SocketAddr::from_pathname(place().0.clone()).unwrap(),
        ] {
            let to = socket2::SockAddr::unix(match peer.as_pathname() {
                Some(path) => path.as_os_str().to_owned(),
                None => {
                    let name = peer.as_abstract_name().unwrap();
                    std::os::unix::ffi::OsStringExt::from_vec([&[0], name].concat())
                }
            })
            .unwrap();
            let socket =
                socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
            socket.bind(&to).unwrap();
            let there = SocketAddr::from_abstract_name(addr.as_abstract_name().unwrap()).unwrap();
            let mut path = vec![0];
            path.extend_from_slice(there.as_abstract_name().unwrap());
            let path: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(path);
            socket
                .connect(&socket2::SockAddr::unix(path).unwrap())
                .unwrap();
            let (stream, seen) = listener.accept().unwrap();
            assert_eq!(seen.as_pathname(), peer.as_pathname());
            assert_eq!(seen.as_abstract_name(), peer.as_abstract_name());
            drop(stream);
            if let Some(path) = peer.as_pathname() {
                std::fs::remove_file(path).unwrap();
            }
        }
        assert_eq!(
            UnixStream::connect("/does/not/exist").unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(
            UnixStream::connect("a\0b").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let long = "x".repeat(200);
        assert_eq!(
            UnixStream::connect(&long).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            UnixListener::bind(long).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(one.local_addr().unwrap().is_unnamed() && one.peer_addr().unwrap().is_unnamed());
    });
}

// NE-10
#[test]
fn close_frees_each_kind_of_call() {
    both(|| {
        let (one, _other) = UnixStream::pair().unwrap();
        fill(&one);
        let (mut reads, mut writes) = (one.try_clone().unwrap(), one.try_clone().unwrap());
        let reader = waits(move || reads.read(&mut [0; 8]));
        let writer = waits(move || writes.write_all(&[0; 8]));
        one.close();
        freed(reader);
        freed(writer);
        let addr = SocketAddr::from_abstract_name(name()).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let accepts = listener.try_clone().unwrap();
        let acceptor = waits(move || accepts.accept());
        listener.close();
        freed(acceptor);
        let (one, other) = UnixDatagram::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        while one.send(&[0; 1_000]).is_ok() {}
        one.set_nonblocking(false).unwrap();
        let (receives, sends) = (one.try_clone().unwrap(), one.try_clone().unwrap());
        let receiver = waits(move || receives.recv_from(&mut [0; 8]));
        let sender = waits(move || sends.send(&[0; 1_000]));
        one.close();
        freed(receiver);
        freed(sender);
        drop(other);
    });
}

fn fill(mut stream: &UnixStream) {
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[0; 10_000]).is_ok() {}
    stream.set_nonblocking(false).unwrap();
}

#[test]
fn deadlines() {
    both(|| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut reads = one.try_clone().unwrap();
        let reader = waits(move || reads.read(&mut [0; 8]));
        one.set_read_deadline(Some(Instant::now())).unwrap();
        assert_eq!(
            reader.join().unwrap().unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        other.write_all(b"kept").unwrap();
        assert_eq!(
            (&one).read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        one.set_deadline(None).unwrap();
        assert_eq!((&one).read(&mut [0; 8]).unwrap(), 4);
        one.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(
            (&one).read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        fill(&one);
        one.set_write_timeout(Some(SHORT)).unwrap();
        assert_eq!(
            (&one).write(&[0; 8]).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
    });
}

/// The system does not tell a writer that waits for room when its own end is shut down.
#[test]
fn shutdown_frees_a_writer_and_a_reader() {
    both(|| {
        let (one, mut other) = UnixStream::pair().unwrap();
        fill(&one);
        let (mut writes, mut reads) = (one.try_clone().unwrap(), one.try_clone().unwrap());
        let writer = waits(move || writes.write_all(&[0; 8]));
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            writer.join().unwrap().unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        let reader = waits(move || reads.read(&mut [0; 8]));
        one.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        let mut all = Vec::new();
        assert!(other.read_to_end(&mut all).unwrap() > 0);
        assert!(other.write(b"x").is_err());
    });
}

/// A read stops after bytes that came with descriptors, whatever is behind them.
#[test]
fn descriptors_hold_up_nothing() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    both(|| {
        for _ in 0..rounds(10) {
            let (mut one, mut other) = UnixStream::pair().unwrap();
            one.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // Somebody has waited already: from now on only changes are told.
            let mut reads = one.try_clone().unwrap();
            let reader = waits(move || reads.read(&mut [0; 8]));
            other.write_all(b"first").unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), 5);
            let file = std::fs::File::open("/dev/null").unwrap();
            let fds = [std::os::fd::AsFd::as_fd(&file)];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut with = SendAncillaryBuffer::new(&mut space);
            assert!(with.push(SendAncillaryMessage::ScmRights(&fds)));
            sendmsg(
                &other,
                &[IoSlice::new(b"with")],
                &mut with,
                SendFlags::empty(),
            )
            .unwrap();
            other.write_all(b"behind").unwrap();
            // Until the events have come as well.
            sleep(SHORT);
            let mut got = Vec::new();
            let mut buf = [0; 100];
            while got.len() < 10 {
                let n = if got.is_empty() {
                    one.read(&mut buf).unwrap()
                } else {
                    one.read_vectored(&mut [IoSliceMut::new(&mut buf)]).unwrap()
                };
                got.extend_from_slice(&buf[..n]);
            }
            assert_eq!(got, b"withbehind");
            // So does urgent data, where the kernel has it.
            if rustix::net::send(&other, b"!", SendFlags::OOB).is_ok() {
                other.write_all(b"after").unwrap();
                sleep(SHORT);
                let mut got = [0; 5];
                one.read_exact(&mut got).unwrap();
                assert_eq!(&got, b"after");
            }
        }
    });
}

/// More want to connect than may wait: they wait, too.
#[test]
fn a_full_backlog() {
    both(|| {
        let addr = SocketAddr::from_abstract_name(name()).unwrap();
        let to = {
            let mut path = vec![0];
            path.extend_from_slice(addr.as_abstract_name().unwrap());
            let path: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(path);
            socket2::SockAddr::unix(path).unwrap()
        };
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&to).unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::try_from(std::os::fd::OwnedFd::from(socket)).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match UnixStream::connect_timeout(&addr, Duration::from_millis(20)) {
                Ok(stream) => waiting.push(stream),
                Err(e) => break e,
            }
            assert!(waiting.len() < 10, "the queue does not get full");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let past = UnixStream::connect_deadline(&addr, Instant::now());
        assert_eq!(past.unwrap_err().kind(), ErrorKind::TimedOut);
        let connecting: Vec<_> = (0..20)
            .map(|_| {
                let addr = addr.clone();
                spawn(move || UnixStream::connect_addr(&addr))
            })
            .collect();
        let cancelled = {
            let addr = addr.clone();
            waits(move || UnixStream::connect_addr(&addr))
        };
        cancelled.cancel();
        assert!(cancelled.join().unwrap_err().is::<goroutines::Cancelled>());
        let n = waiting.len() + connecting.len();
        let acceptor = spawn(move || {
            for stream in listener.incoming().take(n) {
                stream.unwrap().write_all(b"x").unwrap();
            }
        });
        for stream in connecting {
            stream
                .join()
                .unwrap()
                .unwrap()
                .read_exact(&mut [0; 1])
                .unwrap();
        }
        acceptor.join().unwrap();
    });
}

#[test]
fn datagrams() {
    both(|| {
        let (here, there) = (place(), place());
        let one = UnixDatagram::bind(&here.0).unwrap();
        let other = UnixDatagram::bind_addr(&SocketAddr::from_pathname(&there.0).unwrap()).unwrap();
        let mut buf = [0; 8];
        one.send_to(b"abc", &there.0).unwrap();
        one.send_to_addr(b"", &SocketAddr::from_pathname(&there.0).unwrap())
            .unwrap();
        let (n, from) = other.recv_from(&mut buf).unwrap();
        assert_eq!((n, from.as_pathname()), (3, Some(&*here.0)));
        assert_eq!(other.recv(&mut buf).unwrap(), 0);
        other.connect(&here.0).unwrap();
        assert_eq!(other.peer_addr().unwrap().as_pathname(), Some(&*here.0));
        let receiver = waits(move || one.recv(&mut [0; 8]));
        other.send(b"longer than that").unwrap();
        assert_eq!(receiver.join().unwrap().unwrap(), 8);
        let unbound = UnixDatagram::unbound().unwrap();
        assert!(unbound.local_addr().unwrap().is_unnamed());
        // It is connected to somebody else.
        let addr = SocketAddr::from_pathname(&there.0).unwrap();
        assert!(unbound.connect_addr(&addr).is_err());
        assert!(unbound.send(b"x").is_err());
        assert!(unbound.take_error().unwrap().is_none());
        other.shutdown(Shutdown::Both).unwrap();
        assert_eq!(other.recv(&mut buf).unwrap(), 0);
        assert!(
            UnixDatagram::unbound()
                .unwrap()
                .send_to(b"x", "/does/not/exist")
                .is_err()
        );
    });
}

/// A queue that is full: who sends waits, connected or not, and nothing gets lost.
#[test]
fn a_full_queue() {
    on_each("unix::a_full_queue", || {
        let addr = SocketAddr::from_abstract_name(name()).unwrap();
        let receiver = UnixDatagram::bind_addr(&addr).unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        let n = rounds(3_000);
        let senders: Vec<_> = (0..4)
            .map(|i| {
                let addr = addr.clone();
                let send = move || {
                    let socket = UnixDatagram::unbound().unwrap();
                    if i < 2 {
                        socket.connect_addr(&addr).unwrap();
                    }
                    for _ in 0..n {
                        let sent = match i {
                            0 | 1 => socket.send(b"x"),
                            _ => socket.send_to_addr(b"x", &addr),
                        };
                        assert_eq!(sent.unwrap(), 1);
                    }
                };
                spawn(send)
            })
            .collect();
        sleep(Duration::from_millis(20));
        assert!(senders.iter().all(|s| !s.is_finished()));
        for _ in 0..4 * n {
            assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 1);
        }
        senders.into_iter().for_each(|s| s.join().unwrap());
        // Nobody receives: the time for sending is limited.
        let sender = UnixDatagram::unbound().unwrap();
        sender
            .set_write_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let start = Instant::now();
        let error = loop {
            match sender.send_to_addr(b"x", &addr) {
                Ok(n) => assert_eq!(n, 1),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(20));
        sender.set_nonblocking(true).unwrap();
        let error = sender.send_to_addr(b"x", &addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        sender.set_nonblocking(false).unwrap();
        sender.set_write_timeout(None).unwrap();
        let sends = sender.try_clone().unwrap();
        let waiting = waits(move || sends.send_to_addr(b"x", &addr));
        sender.close();
        freed(waiting);
    });
}

#[test]
fn conversions() {
    inside(|| {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut one = std::os::unix::net::UnixStream::try_from(one).unwrap();
        other.write_all(b"x").unwrap();
        assert_eq!(one.read(&mut [0; 8]).unwrap(), 1);
        let one = UnixStream::try_from(one).unwrap();
        drop(std::os::fd::OwnedFd::try_from(one).unwrap());
        assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    });
}

// NE-15
#[test]
fn more_pieces_than_a_call_takes() {
    both(|| {
        let (one, other) = UnixStream::pair().unwrap();
        crate::tcp::many_pieces(&one, &other);
    });
}

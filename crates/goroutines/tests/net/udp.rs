//! Datagrams.

use crate::child::{Used, on_each};
use crate::close::waits;
use crate::support::{PATIENCE, both, inside, rounds};
use goroutines::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use goroutines::{sleep, spawn};
use std::io::ErrorKind;
use std::time::Duration;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn connected() -> (UdpSocket, UdpSocket) {
    let (a, b) = (socket(), socket());
    a.connect(b.local_addr().unwrap()).unwrap();
    b.connect(a.local_addr().unwrap()).unwrap();
    assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
    (a, b)
}

#[test]
fn there_and_back() {
    both(|| {
        let server = socket();
        let addr = server.local_addr().unwrap();
        let echo = spawn(move || {
            let mut buf = [0; 2_000];
            loop {
                let (n, peer) = server.recv_from(&mut buf).unwrap();
                if n == 0 {
                    return;
                }
                assert_eq!(server.send_to(&buf[..n], peer).unwrap(), n);
            }
        });
        let client = socket();
        for i in 0..rounds(100) {
            let sent = vec![i as u8; 1 + i % 1_000];
            client.send_to(&sent, addr).unwrap();
            let mut buf = [0; 2_000];
            let (n, peer) = client.recv_from(&mut buf).unwrap();
            assert_eq!((&buf[..n], peer), (&*sent, addr));
        }
        client.send_to(&[], addr).unwrap();
        echo.join().unwrap();
    });
}

/// Each call takes one datagram, be it short, empty, or longer than the buffer: none of that says anything
/// about the next one.
#[test]
fn one_datagram_at_a_time() {
    both(|| {
        let (a, b) = connected();
        let mut buf = [0; 4];
        for _ in 0..rounds(20) {
            for text in ["1", "", "longer", "last"] {
                assert_eq!(a.send(text.as_bytes()).unwrap(), text.len());
            }
            assert_eq!(b.peek(&mut buf).unwrap(), 1);
            assert_eq!(b.peek_from(&mut buf).unwrap(), (1, a.local_addr().unwrap()));
            assert_eq!(b.recv(&mut buf).unwrap(), 1);
            assert_eq!(b.recv(&mut buf).unwrap(), 0);
            assert_eq!(b.recv(&mut buf).unwrap(), 4);
            assert_eq!(b.recv(&mut []).unwrap(), 0);
        }
        b.set_nonblocking(true).unwrap();
        assert_eq!(b.recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn somebody_waits() {
    both(|| {
        let (a, b) = connected();
        for _ in 0..rounds(10) {
            let receives = b.try_clone().unwrap();
            let receiver = waits(move || receives.recv(&mut [0; 8]));
            a.send(b"abc").unwrap();
            assert_eq!(receiver.join().unwrap().unwrap(), 3);
            let peeks = b.try_clone().unwrap();
            let peeker = waits(move || peeks.peek(&mut [0; 8]));
            a.send(b"").unwrap();
            assert_eq!(peeker.join().unwrap().unwrap(), 0);
            assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        }
    });
}

/// Nobody is there: the system says so with an error that comes once, and is no reason to look again and
/// again.
#[test]
fn nobody_there() {
    crate::child::alone("udp::nobody_there").of(|| {
        goroutines::run(|| {
            let gone = socket();
            let addr = gone.local_addr().unwrap();
            drop(gone);
            let socket = socket();
            socket.connect(addr).unwrap();
            let receives = socket.try_clone().unwrap();
            let receiver = waits(move || receives.recv(&mut [0; 8]));
            socket.send(b"x").unwrap();
            let refused = |e: std::io::Error| assert_eq!(e.kind(), ErrorKind::ConnectionRefused);
            refused(receiver.join().unwrap().unwrap_err());
            // Sending finds out as well.
            socket.send(b"x").unwrap();
            sleep(Duration::from_millis(5));
            let found = socket.take_error().unwrap().is_some();
            assert!(found);
            let clock = Used::new();
            let before = clock.ticks();
            socket
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            let error = socket.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(clock.ticks() - before < 20, "it looked again and again");
            // Now somebody is.
            let there = UdpSocket::bind(addr).unwrap();
            let receives = socket.try_clone().unwrap();
            receives.set_read_timeout(Some(PATIENCE)).unwrap();
            let receiver = waits(move || receives.recv(&mut [0; 8]));
            there
                .send_to(b"hello", socket.local_addr().unwrap())
                .unwrap();
            assert_eq!(receiver.join().unwrap().unwrap(), 5);
        });
    });
}

/// A flood: who sends waits for room, and nobody is left waiting.
#[test]
fn a_flood() {
    on_each("udp::a_flood", || {
        let (a, b) = connected();
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let a = a.try_clone().unwrap();
                spawn(move || {
                    for _ in 0..rounds(500) {
                        assert_eq!(a.send(&[1; 1_000]).unwrap(), 1_000);
                    }
                })
            })
            .collect();
        let receiver = spawn(move || {
            let mut n = 0;
            let mut buf = [0; 2_000];
            loop {
                match b.recv(&mut buf).unwrap() {
                    0 => return n,
                    size => assert_eq!(size, 1_000),
                }
                n += 1;
            }
        });
        senders.into_iter().for_each(|s| s.join().unwrap());
        // Some may have been dropped; this one is sent until it arrives.
        while !receiver.is_finished() {
            // Refused once the receiver has gone.
            let _ = a.send(&[]);
            sleep(Duration::from_millis(1));
        }
        assert!(receiver.join().unwrap() > 0);
    });
}

#[test]
fn many_receive_from_one_socket() {
    inside(|| {
        let (a, b) = connected();
        let receivers: Vec<_> = (0..8)
            .map(|_| {
                let b = b.try_clone().unwrap();
                spawn(move || b.recv(&mut [0; 8]).unwrap())
            })
            .collect();
        for _ in 0..8 {
            a.send(b"x").unwrap();
        }
        let sum: usize = receivers.into_iter().map(|r| r.join().unwrap()).sum();
        assert_eq!(sum, 8);
    });
}

#[test]
fn addresses() {
    both(|| {
        let server = socket();
        let addr = server.local_addr().unwrap();
        let client = socket();
        let none: &[SocketAddr] = &[];
        for error in [
            client.send_to(b"x", none).map(|_| ()).unwrap_err(),
            client.connect(none).unwrap_err(),
            UdpSocket::bind(none).map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let taken = UdpSocket::bind(addr).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let other = UdpSocket::bind(&[addr, ([127, 0, 0, 1], 0).into()][..]).unwrap();
        assert_ne!(other.local_addr().unwrap(), addr);
        client.send_to(b"by name", addr.to_string()).unwrap();
        assert_eq!(server.recv(&mut [0; 8]).unwrap(), 7);
        let too_large = client.send_to(&vec![0; 70_000], addr).unwrap_err();
        assert_eq!(
            too_large.raw_os_error(),
            Some(rustix::io::Errno::MSGSIZE.raw_os_error())
        );
        assert!(client.peer_addr().is_err());
    });
}

#[test]
fn options() {
    both(|| {
        let socket = socket();
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(3).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
        assert!(format!("{socket:?}").starts_with("UdpSocket"));
        let no_group = Ipv4Addr::new(127, 0, 0, 1);
        assert!(
            socket
                .join_multicast_v4(&no_group, &Ipv4Addr::UNSPECIFIED)
                .is_err()
        );
        assert!(
            socket
                .leave_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &no_group)
                .is_err()
        );
        // Where there is IPv6.
        if let Ok(socket) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) {
            socket.set_multicast_loop_v6(false).unwrap();
            assert!(!socket.multicast_loop_v6().unwrap());
            assert!(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err());
            assert!(
                socket
                    .leave_multicast_v6(&"ff02::fb".parse().unwrap(), 0)
                    .is_err()
            );
        }
    });
}

/// On the loopback interface, where that has multicast.
#[test]
fn a_group() {
    both(|| {
        let group = Ipv4Addr::new(224, 0, 0, 251);
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        if let Err(e) = socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST) {
            eprintln!("skipped: {e}");
            return;
        }
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        if sender.send_to(b"all", (group, port)).is_ok() {
            match socket.recv(&mut [0; 8]) {
                Ok(n) => assert_eq!(n, 3),
                Err(e) => assert_eq!(e.kind(), ErrorKind::TimedOut),
            }
        }
        socket
            .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
    });
}

#[test]
fn conversions() {
    both(|| {
        let (a, b) = connected();
        let b = std::net::UdpSocket::try_from(b).unwrap();
        a.send(b"x").unwrap();
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 1);
        let b = UdpSocket::try_from(b).unwrap();
        let receives = b.try_clone().unwrap();
        let receiver = waits(move || receives.recv(&mut [0; 8]));
        a.send(b"yz").unwrap();
        assert_eq!(receiver.join().unwrap().unwrap(), 2);
        let fd = std::os::fd::OwnedFd::try_from(b).unwrap();
        UdpSocket::try_from(fd).unwrap();
    });
}

//! HTTPS. The client is made with the same crates.

use crate::support::{PATIENCE, Server, WORKERS};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

const HTTPS: &str = env!("CARGO_BIN_EXE_https");

/// A server, and a client's settings with which its certificate is trusted.
fn start(workers: usize, test: &str) -> (Server, Arc<ClientConfig>) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{workers}.pem"));
    let file = file.to_str().expect("text");
    let server = Server::start(HTTPS, workers, &["127.0.0.1:0", file]);
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file).expect("a certificate"))
        .expect("one that can be trusted");
    (server, client(roots))
}

fn client(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are some")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn localhost(config: &Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(config.clone(), name).expect("good settings")
}

/// Reads a response; gives its body.
fn response(stream: &mut impl BufRead) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a line in time");
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", n)) => length = n.parse().expect("a number"),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("all of it");
    String::from_utf8(body).expect("text")
}

#[test]
fn answers_over_tls_and_keeps_connections() {
    for workers in WORKERS {
        let (server, config) = start(workers, "answers");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (server, config) = (&server, &config);
                scope.spawn(move || {
                    let tls = StreamOwned::new(localhost(config), server.connect());
                    let mut stream = BufReader::new(tls);
                    for m in 0..5 {
                        let last = if m == 4 { "Connection: close\r\n" } else { "" };
                        let request =
                            format!("GET /{n}/{m} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
                        let tls = stream.get_mut();
                        tls.write_all(request.as_bytes()).expect("connected");
                        assert_eq!(response(&mut stream), format!("GET /{n}/{m} HTTP/1.1\n"));
                    }
                    // The end is announced: an attacker cannot have cut it off.
                    assert_eq!(stream.read(&mut [0]).expect("a clean end"), 0);
                });
            }
        });
    }
}

/// The same client code in goroutines, over our sockets.
#[test]
fn the_client_may_be_a_goroutine() {
    let (server, config) = start(2, "goroutine");
    let addr = server.addr;
    goroutines::run(move || {
        let clients: Vec<_> = (0..8)
            .map(|n| {
                let config = config.clone();
                goroutines::spawn(move || {
                    let tcp = goroutines::net::TcpStream::connect(addr).expect("it listens");
                    tcp.set_deadline(Some(Instant::now() + PATIENCE))
                        .expect("open");
                    let mut tls = StreamOwned::new(localhost(&config), tcp);
                    let request = format!("GET /{n} HTTP/1.1\r\nConnection: close\r\n\r\n");
                    tls.write_all(request.as_bytes()).expect("connected");
                    assert_eq!(
                        response(&mut BufReader::new(tls)),
                        format!("GET /{n} HTTP/1.1\n")
                    );
                })
            })
            .collect();
        for client in clients {
            client.join().expect("it went well");
        }
    });
}

#[test]
fn who_does_not_trust_it_is_told_and_others_go_on() {
    let (mut server, config) = start(1, "trust");
    let stranger = client(RootCertStore::empty());
    let mut tls = StreamOwned::new(localhost(&stranger), server.connect());
    let error = tls
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .expect_err("untrusted");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let _ = tls.flush();
    drop(tls);
    assert!(server.line().contains("UnknownCA"));

    let mut tls = StreamOwned::new(localhost(&config), server.connect());
    tls.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .expect("connected");
    assert_eq!(response(&mut BufReader::new(tls)), "GET / HTTP/1.1\n");
}

#[test]
fn no_request_without_an_end() {
    let (mut server, config) = start(1, "endless");
    let mut tls = StreamOwned::new(localhost(&config), server.connect());
    // As long as the head may be, and no empty line in it.
    let head = "x".repeat(1023) + "\n";
    for _ in 0..16 {
        if tls.write_all(head.as_bytes()).is_err() {
            break;
        }
    }
    assert!(server.line().contains("end of file"));
}

//! HTTPS with `rustls`: blocking TLS over a goroutine's socket, no `async`, keep-alive, and a deadline for
//! each request.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin https [ADDRESS] [CERTIFICATE-FILE]
//! curl --cacert certificate.pem https://localhost:7443/hello
//! ```
//!
//! It makes a certificate for `localhost` and writes it to the file; every request is answered with its own
//! first line. `rustls` wants nothing but `Read` and `Write`, so its `StreamOwned` is all there is to it.
#![forbid(unsafe_code)]

use goroutines::net::{TcpListener, TcpStream};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a handshake or a request may take, and how long a connection may be idle.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes.
const HEAD: u64 = 16 * 1024;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A new certificate for `localhost`, as PEM too, and what a server needs to use it.
fn certificate() -> Result<(String, ServerConfig), Box<dyn Error + Send + Sync>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((made.cert.pem(), config))
}

/// The head of a request, line by line; `None` at the end of the stream.
fn request(stream: &mut BufReader<Tls>) -> io::Result<Option<Vec<String>>> {
    let mut head = Vec::new();
    let mut stream = stream.take(HEAD);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return match head.is_empty() {
                true => Ok(None),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        match line.trim_end() {
            "" => return Ok(Some(head)),
            line => head.push(line.to_string()),
        }
    }
}

/// Answers requests until the client has no more of them.
fn handle(tcp: TcpStream, config: Arc<ServerConfig>) -> Result<(), Box<dyn Error + Send + Sync>> {
    tcp.set_nodelay(true)?;
    tcp.set_deadline(Some(Instant::now() + LIMIT))?;
    // The handshake happens when something is first read.
    let tls = StreamOwned::new(ServerConnection::new(config)?, tcp);
    let mut stream = BufReader::new(tls);
    while let Some(head) = request(&mut stream)? {
        let first = head.first().map_or("", String::as_str);
        let last = head
            .iter()
            .any(|line| line.eq_ignore_ascii_case("connection: close"));
        let tls = stream.get_mut();
        write!(
            tls,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{first}\n",
            first.len() + 1,
        )?;
        tls.flush()?;
        if last {
            break;
        }
        tls.sock.set_deadline(Some(Instant::now() + LIMIT))?;
    }
    let tls = stream.get_mut();
    tls.conn.send_close_notify();
    tls.flush()?;
    Ok(())
}

#[goroutines::main]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7443".to_string());
    let file = arguments.next().unwrap_or("certificate.pem".to_string());
    let (pem, config) = certificate()?;
    fs::write(&file, pem)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    listener.serve(move |stream, peer| {
        if let Err(e) = handle(stream, config.clone()) {
            println!("{peer}: {e}");
        }
    })?;
    Ok(())
}

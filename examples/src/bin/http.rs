//! An HTTP/1.1 server on `hyper` 1: a goroutine per connection, and handlers in plain blocking code.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin http [ADDRESS]
//! curl http://127.0.0.1:7005/
//! curl http://127.0.0.1:7005/wait/250
//! curl -d 'some text' http://127.0.0.1:7005/echo
//! ```
//!
//! `hyper` reads and writes HTTP, `block_on` runs its future in the connection's goroutine. A handler that
//! waits, in whatever way goroutines wait, keeps nobody waiting but the client who asked. Connections are
//! kept alive; who sends no request for five seconds, or not all of its head, is let go.
#![forbid(unsafe_code)]

use goroutines::block_on;
use goroutines::future::Timer;
use goroutines::net::{TcpListener, TcpStream};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::time::Duration;

/// How long a client may take to send the head of its next request.
const HEAD: Duration = Duration::from_secs(5);
/// The longest body, in bytes.
const BODY: usize = 1 << 20;

/// Answers one request.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_string();
    let (status, body) = match (request.method(), &path[..]) {
        (&Method::GET, "/") => (StatusCode::OK, Bytes::from("hello\n")),
        (&Method::POST, "/echo") => match Limited::new(request, BODY).collect().await {
            Ok(body) => (StatusCode::OK, body.to_bytes()),
            Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
        },
        (&Method::GET, path) => match path.strip_prefix("/wait/").map(str::parse) {
            Some(Ok(millis)) => {
                // This blocks: the goroutine, and with it this connection; no other.
                goroutines::sleep(Duration::from_millis(millis));
                (StatusCode::OK, Bytes::from("done\n"))
            }
            _ => (StatusCode::NOT_FOUND, Bytes::new()),
        },
        _ => (StatusCode::METHOD_NOT_ALLOWED, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// Serves one connection until the client has gone, or is idle for too long.
fn serve(stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let connection = http1::Builder::new()
        .timer(Timer)
        .header_read_timeout(HEAD)
        .serve_connection(stream, service_fn(answer));
    Ok(block_on(connection)?)
}

#[goroutines::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7005"))?;
    println!("listening on {}", listener.local_addr()?);
    listener.serve(|stream, peer| {
        if let Err(e) = serve(stream) {
            println!("{peer}: {e}");
        }
    })
}

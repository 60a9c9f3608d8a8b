//! An `axum` router, served by goroutines; ends in an orderly way when it is asked to.
//!
//! ```text
//! cargo run --release -p goroutines-examples --bin web [ADDRESS [GRACE-SECONDS]]
//! curl http://127.0.0.1:7006/
//! curl -X POST http://127.0.0.1:7006/count/cats
//! kill -TERM $(pidof web)
//! ```
//!
//! On SIGTERM or Ctrl-C it accepts no more connections, closes those that wait for a request, answers the
//! requests that have come, and ends when the last answer has been sent; with an error if that takes longer
//! than the grace period, which is ten seconds. A second signal ends it at once.
//!
//! No part of tokio runs here: `axum` is a function from requests to responses, `hyper` speaks HTTP, and each
//! connection is a goroutine, so handlers may wait as goroutines do.
#![forbid(unsafe_code)]

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use goroutines::block_on;
use goroutines::channel::{RecvTimeoutError, bounded};
use goroutines::context::Context;
use goroutines::future::Timer;
use goroutines::net::{TcpListener, TcpStream};
use goroutines::signal::{self, Signal};
use goroutines::sync::{Mutex, WaitGroup};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::collections::HashMap;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service;

/// How long a client may take to send the head of its next request, and a kept connection may be idle.
const HEAD: Duration = Duration::from_secs(5);

/// What the handlers share.
type Counts = Arc<Mutex<HashMap<String, u64>>>;

fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello\n"))
        .route("/count/{name}", post(count))
        .route("/wait/{millis}", get(wait))
        .with_state(Counts::default())
}

async fn count(State(counts): State<Counts>, Path(name): Path<String>) -> String {
    let mut counts = counts.lock().expect("nobody panics with it");
    let n = counts.entry(name).or_insert(0);
    *n += 1;
    format!("{n}\n")
}

/// This blocks: the goroutine, and with it this connection; no other.
async fn wait(Path(millis): Path<u64>) -> String {
    goroutines::sleep(Duration::from_millis(millis));
    format!("waited for {millis} ms\n")
}

/// Serves one connection until the client has gone or is idle for too long, or, once `ctx` is done, until the
/// request at hand has been answered.
fn serve(
    stream: TcpStream,
    router: Router,
    ctx: &Context,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        router.clone().call(request.map(Body::new))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(Timer)
            .header_read_timeout(HEAD)
            .serve_connection(stream, service)
    );
    let mut done = pin!(ctx.done().recv_async());
    let mut ending = false;
    Ok(block_on(poll_fn(|cx| {
        if !ending && done.as_mut().poll(cx).is_ready() {
            ending = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    }))?)
}

#[goroutines::main]
fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7006".to_string());
    let grace = arguments.next().map_or(Ok(10), |seconds| seconds.parse());
    let grace = Duration::from_secs(grace.map_err(io::Error::other)?);

    let background = Context::background();
    let (ctx, stop) = signal::notify_context(&background, &[Signal::INTERRUPT, Signal::TERMINATE])?;
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    // Nobody new from then on; and a second signal is not caught.
    let accepting = listener.try_clone()?;
    let _ = ctx.after_func(move || {
        accepting.close();
        stop.stop();
    });

    let router = router();
    let connections = WaitGroup::new();
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if goroutines::io::is_closed(&e) => break,
            Err(e) => return Err(e),
        };
        let (router, ctx) = (router.clone(), ctx.clone());
        connections.go(move || {
            if let Err(e) = serve(stream, router, &ctx) {
                println!("{peer}: {e}");
            }
        });
    }

    println!("ending");
    let (send, ended) = bounded::<()>(0);
    goroutines::go!(move || {
        // Not in `main`: if a handler has panicked, this does too.
        connections.wait();
        drop(send);
    });
    match ended.recv_timeout(grace) {
        Err(RecvTimeoutError::Timeout) => Err(io::Error::other("the grace period is over")),
        _ => Ok(()),
    }
}

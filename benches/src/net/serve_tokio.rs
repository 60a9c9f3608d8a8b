//! The servers and the stream in tokio. All of it runs in spawned tasks, on
//! the workers.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::time::Instant;

use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::stream::{self, PIECE};
use super::{BUFFER, HELLO, MESSAGE, serve};
use crate::child::Answer;
use crate::programs::Size;

/// A multi-thread runtime of so many workers, or with none the current-thread
/// runtime.
fn runtime(workers: usize) -> Result<Runtime, String> {
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder
        .enable_io()
        .build()
        .map_err(|error| error.to_string())
}

/// Runs a future as a task: `block_on` alone would leave it off the workers.
fn on<T: Send + 'static>(runtime: &Runtime, future: impl Future<Output = T> + Send + 'static) -> T {
    let joined = runtime.block_on(runtime.spawn(future));
    joined.expect("the task ends well")
}

pub(crate) fn serve(program: &str, port: u16, workers: usize) -> Result<Infallible, String> {
    let runtime = runtime(workers)?;
    let ended = match program {
        "echo" | "idle_conns" => on(&runtime, each(port, echo)),
        "accept" => on(&runtime, each(port, once)),
        "http" | "http_wrk" => on(&runtime, each(port, http)),
        _ => return Err("no such program".into()),
    };
    ended.map_err(serve::failed)
}

/// Accepts, and gives each connection a task of its own.
async fn each<F>(port: u16, handle: impl Fn(TcpStream) -> F) -> io::Result<Infallible>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((serve::HOST, port)).await?;
    serve::ready(listener.local_addr());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(handle(stream));
    }
}

/// Until the other side closes; a reset is an end too.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn once(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; MESSAGE];
    stream.read_exact(&mut buffer).await?;
    stream.write_all(&buffer).await
}

async fn http(stream: TcpStream) -> io::Result<()> {
    let answer = service_fn(async |_| {
        let mut response = Response::new(HELLO.to_owned());
        let plain = HeaderValue::from_static("text/plain");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await
        .map_err(io::Error::other)
}

/// One task writes, another reads.
pub(crate) fn stream(workers: usize, size: Size) -> Answer {
    let runtime = runtime(workers)?;
    let received = on(&runtime, async move {
        let listener = TcpListener::bind((serve::HOST, 0)).await?;
        let address = listener.local_addr()?;
        let start = Instant::now();
        let writer = tokio::spawn(async move {
            let mut to = TcpStream::connect(address).await?;
            let piece = vec![b'x'; PIECE];
            for _ in 0..stream::pieces(size) {
                to.write_all(&piece).await?;
            }
            io::Result::Ok(())
        });
        let (mut from, _) = listener.accept().await?;
        let received = count(&mut from).await?;
        writer.await.expect("the writer ends well")?;
        io::Result::Ok((received, start.elapsed()))
    });
    let (received, time) = received.map_err(stream::failed)?;
    stream::answer(size, received, time)
}

async fn count(from: &mut TcpStream) -> io::Result<usize> {
    let mut buffer = vec![0; PIECE];
    let mut received = 0;
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(received),
            n => received += n,
        }
    }
}

//! The servers and the stream in goroutines.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Instant;

use goroutines::future::spawn as spawn_task;
use goroutines::net::{TcpListener, TcpStream};
use goroutines::{go, spawn};
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::handle::{count, echo, once};
use super::stream::{self, PIECE};
use super::{HELLO, serve};
use crate::child::Answer;
use crate::programs::Size;

fn configure(workers: usize) {
    goroutines::runtime::builder()
        .workers(workers)
        .configure()
        .expect("the runtime has not been started");
}

pub(crate) fn serve(program: &str, port: u16, workers: usize) -> Result<Infallible, String> {
    let handle = match program {
        "echo" | "idle_conns" => echo,
        "accept" => once,
        "http" | "http_wrk" => http,
        _ => return Err("no such program".into()),
    };
    configure(workers);
    let ended = goroutines::run(move || -> io::Result<Infallible> {
        let listener = TcpListener::bind((serve::HOST, port))?;
        serve::ready(listener.local_addr());
        loop {
            let (stream, _) = listener.accept()?;
            go!(move || handle(stream));
        }
    });
    ended.map_err(serve::failed)
}

fn http(stream: TcpStream) -> io::Result<()> {
    let answer = service_fn(async |_| {
        let mut response = Response::new(HELLO.to_owned());
        let plain = HeaderValue::from_static("text/plain");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        Ok::<_, Infallible>(response)
    });
    // Deep calls into hyper on a stack that many take turns on, instead of one for each connection: the
    // caches like that better.
    drop(spawn_task(
        http1::Builder::new().serve_connection(stream, answer),
    ));
    Ok(())
}

/// One goroutine writes, another reads.
pub(crate) fn stream(workers: usize, size: Size) -> Answer {
    configure(workers);
    let received = goroutines::run(move || {
        let listener = TcpListener::bind((serve::HOST, 0))?;
        let address = listener.local_addr()?;
        let start = Instant::now();
        let writer = spawn(move || {
            let mut to = TcpStream::connect(address)?;
            let piece = vec![b'x'; PIECE];
            (0..stream::pieces(size)).try_for_each(|_| to.write_all(&piece))
        });
        let (from, _) = listener.accept()?;
        let received = count(from)?;
        writer.join().expect("the writer ends well")?;
        io::Result::Ok((received, start.elapsed()))
    });
    let (received, time) = received.map_err(stream::failed)?;
    stream::answer(size, received, time)
}

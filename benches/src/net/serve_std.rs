//! The servers and the stream with operating system threads.

use std::convert::Infallible;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use super::handle::{count, echo, once};
use super::serve;
use super::stream::{self, PIECE};
use crate::child::Answer;
use crate::programs::Size;

pub(crate) fn serve(program: &str, port: u16) -> Result<Infallible, String> {
    let handle = match program {
        "echo" | "idle_conns" => echo,
        "accept" => once,
        _ => return Err("not a program for threads".into()),
    };
    let listener = TcpListener::bind((serve::HOST, port)).map_err(serve::failed)?;
    serve::ready(listener.local_addr());
    loop {
        let (stream, _) = listener.accept().map_err(serve::failed)?;
        thread::spawn(move || handle(stream));
    }
}

/// One thread writes, another reads.
pub(crate) fn stream(size: Size) -> Answer {
    let received = (|| {
        let listener = TcpListener::bind((serve::HOST, 0))?;
        let address = listener.local_addr()?;
        let start = Instant::now();
        let writer = thread::spawn(move || {
            let mut to = TcpStream::connect(address)?;
            let piece = vec![b'x'; PIECE];
            (0..stream::pieces(size)).try_for_each(|_| to.write_all(&piece))
        });
        let (from, _) = listener.accept()?;
        let received = count(from)?;
        writer.join().expect("the writer ends well")?;
        Ok((received, start.elapsed()))
    })();
    let (received, time) = received.map_err(stream::failed)?;
    stream::answer(size, received, time)
}

//! The servers and the stream in `may`, behind the cargo feature of that name.

use std::convert::Infallible;

use crate::child::Answer;
use crate::programs::Size;

#[cfg(not(feature = "may"))]
const WITHOUT: &str = "built without the feature `may`";

#[cfg(not(feature = "may"))]
pub(crate) fn serve(_program: &str, _port: u16, _workers: usize) -> Result<Infallible, String> {
    Err(WITHOUT.into())
}

#[cfg(not(feature = "may"))]
pub(crate) fn stream(_workers: usize, _size: Size) -> Answer {
    Err(WITHOUT.into())
}

#[cfg(feature = "may")]
pub(crate) use with_may::{serve, stream};

#[cfg(feature = "may")]
mod with_may {
    use std::io::{self, Write};
    use std::time::Instant;

    use may::go;
    use may::net::{TcpListener, TcpStream};

    use super::{Answer, Infallible, Size};
    use crate::net::handle::{count, echo, once};
    use crate::net::serve;
    use crate::net::stream::{self, PIECE};

    /// Where the workers run is for the caller to say: left alone, `may` pins
    /// them to processors of its choice.
    fn configure(workers: usize) {
        may::config().set_workers(workers).set_worker_pin(false);
    }

    pub(crate) fn serve(program: &str, port: u16, workers: usize) -> Result<Infallible, String> {
        configure(workers);
        let handle = match program {
            "echo" | "idle_conns" => echo,
            "accept" => once,
            _ => return Err("there is no HTTP server".into()),
        };
        let ended = go!(move || -> io::Result<Infallible> {
            let listener = TcpListener::bind((serve::HOST, port))?;
            serve::ready(listener.local_addr());
            loop {
                let (stream, _) = listener.accept()?;
                go!(move || handle(stream));
            }
        });
        ended
            .join()
            .expect("the coroutine ends well")
            .map_err(serve::failed)
    }

    /// One coroutine writes, another reads.
    pub(crate) fn stream(workers: usize, size: Size) -> Answer {
        configure(workers);
        let received = go!(move || {
            let listener = TcpListener::bind((serve::HOST, 0))?;
            let address = listener.local_addr()?;
            let start = Instant::now();
            let writer = go!(move || {
                let mut to = TcpStream::connect(address)?;
                let piece = vec![b'x'; PIECE];
                (0..stream::pieces(size)).try_for_each(|_| to.write_all(&piece))
            });
            let (from, _) = listener.accept()?;
            let received = count(from)?;
            writer.join().expect("the writer ends well")?;
            io::Result::Ok((received, start.elapsed()))
        });
        let received = received.join().expect("the reader ends well");
        let (received, time) = received.map_err(stream::failed)?;
        stream::answer(size, received, time)
    }
}

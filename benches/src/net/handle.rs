//! What the servers that block do with a connection, whoever blocks.

use std::io::{self, Read, Write};

use super::stream::PIECE;
use super::{BUFFER, MESSAGE};

/// Until the other side closes; a reset is an end too.
pub(crate) fn echo(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// One exchange.
pub(crate) fn once(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = [0; MESSAGE];
    stream.read_exact(&mut buffer)?;
    stream.write_all(&buffer)
}

/// Reads to the end; how many bytes that were.
pub(crate) fn count(mut from: impl Read) -> io::Result<usize> {
    let mut buffer = vec![0; PIECE];
    let mut received = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(received),
            n => received += n,
        }
    }
}

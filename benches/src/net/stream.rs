//! What the peers' `stream` programs share: size, pieces, the figures.

use std::time::Duration;

use crate::child::Answer;
use crate::mem;
use crate::programs::Size;

/// Bytes written, and read, in one go.
pub(crate) const PIECE: usize = 64 * 1024;

/// How many pieces are sent: 1 GiB in all.
pub(crate) fn pieces(size: Size) -> usize {
    size.of(1 << 30) / PIECE
}

/// The figures, when all has come. The process has done nothing else, so that
/// its CPU time is that of the stream.
pub(crate) fn answer(size: Size, received: usize, time: Duration) -> Answer {
    let wanted = pieces(size) * PIECE;
    if received != wanted {
        return Err(format!("{received} bytes came instead of {wanted}"));
    }
    let cpu = mem::cpu_time(std::process::id()).ok_or("the CPU clock cannot be read")?;
    Ok(vec![
        ("mb_s", received as f64 / 1e6 / time.as_secs_f64()),
        ("cpu_ms", cpu.as_secs_f64() * 1e3),
    ])
}

/// The same from inside, where failures are of the system.
pub(crate) fn failed(error: std::io::Error) -> String {
    format!("stream: {error}")
}

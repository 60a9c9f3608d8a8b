//! What the peers' `stream` programs share: size, pieces, the figure.

use std::time::Duration;

use crate::child::Answer;
use crate::programs::Size;

/// Bytes written, and read, in one go.
pub(crate) const PIECE: usize = 64 * 1024;

/// How many pieces are sent: 1 GiB in all.
pub(crate) fn pieces(size: Size) -> usize {
    size.of(1 << 30) / PIECE
}

/// The figure, when all has come.
pub(crate) fn answer(size: Size, received: usize, time: Duration) -> Answer {
    let wanted = pieces(size) * PIECE;
    if received != wanted {
        return Err(format!("{received} bytes came instead of {wanted}"));
    }
    Ok(vec![("mb_s", received as f64 / 1e6 / time.as_secs_f64())])
}

/// The same from inside, where failures are of the system.
pub(crate) fn failed(error: std::io::Error) -> String {
    format!("stream: {error}")
}

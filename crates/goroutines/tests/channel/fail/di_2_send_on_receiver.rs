//! A receiver does not send.

use goroutines::channel::bounded;

fn main() {
    let (_s, r) = bounded::<u8>(1);
    let _ = r.send(1);
    let _ = r.try_send(1);
}

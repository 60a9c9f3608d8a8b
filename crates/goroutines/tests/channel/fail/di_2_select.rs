//! The ends of a channel keep their direction in a select.

use goroutines::channel::bounded;
use goroutines::select;

fn main() {
    let (s, r) = bounded::<u8>(1);
    select! {
        recv(s) -> _ => (),
        default => (),
    }
    select! {
        send(r, 1) -> _ => (),
        default => (),
    }
}

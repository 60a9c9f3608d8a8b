//! A sender does not receive.

use goroutines::channel::bounded;

fn main() {
    let (s, _r) = bounded::<u8>(1);
    let _ = s.recv();
    let Ok(_value) = s.try_recv() else { return };
    for _ in s {}
}

//! An end of a channel moves between threads only if its values do: no data race is a program (MM-1).

use goroutines::channel::bounded;
use std::rc::Rc;

fn sender() {
    let (s, _r) = bounded::<Rc<u8>>(1);
    goroutines::go!(move || s.send(Rc::new(1)));
}

fn receiver() {
    let (_s, r) = bounded::<Rc<u8>>(1);
    std::thread::spawn(move || drop(r.recv()));
}

fn main() {
    sender();
    receiver();
}

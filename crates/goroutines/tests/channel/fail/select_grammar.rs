//! What is no select arm gets a clear error.

use goroutines::channel::bounded;
use goroutines::select;

fn main() {
    let (s, r) = bounded::<u8>(1);
    select! { recv(r) => () }
    select! { send(s) -> _ => () }
    select! { send(s, 1, 2) -> _ => () }
    select! { recv(r) -> _ => (), default -> _ => () }
    select! { default => (), recv(r) -> _ => (), default => () }
    select! { receive(r) -> _ => () }
    select! { recv(r) -> _ => f() recv(r) -> _ => () }
    select! { recv(r) -> _ => (); }
    select! { recv -> _ => () }
    select! { recv(r) -> _ => }
}

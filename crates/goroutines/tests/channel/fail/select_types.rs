//! The arms of a select have one type.

use goroutines::channel::{bounded, RecvError};
use goroutines::select;

fn main() {
    let (s, r) = bounded::<u8>(1);
    select! { send(s, "text") -> _ => () }
    let _: u32 = select! { recv(r) -> m => m };
    let _: Result<u8, RecvError> = select! { recv(r) -> m => m };
}

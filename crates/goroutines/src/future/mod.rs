//! Async code: futures in goroutines, goroutines as futures, and tasks without a stack.
//!
//! - [`block_on`] runs a future in a goroutine, or on a plain thread, and waits for it.
//! - A [`JoinHandle`](crate::JoinHandle) is a future.
//! - The ends of a channel have [`send_async`](crate::channel::Sender::send_async),
//!   [`recv_async`](crate::channel::Receiver::recv_async) and
//!   [`stream`](crate::channel::Receiver::stream).
//! - [`spawn`](spawn()) runs a future as a task on the workers that run goroutines.
//! - [`sleep`](sleep()) and [`sleep_until`] are futures on the timers of the runtime.
//!
//! ```
//! # goroutines::run(|| {
//! use goroutines::{block_on, channel::bounded, future};
//! use std::time::Duration;
//!
//! let (s, r) = bounded(1);
//! let task = future::spawn(async move {
//!     future::sleep(Duration::from_millis(1)).await;
//!     s.send_async("from a task").await
//! });
//! assert_eq!(r.recv(), Ok("from a task")); // a goroutine waits for a task
//! assert!(block_on(task).unwrap().is_ok());
//! # });
//! ```
//!
//! # Libraries made for async
//!
//! Our streams are streams for async code too, each with the cargo feature of that name: for `hyper`
//! (with `Executor` and `Timer`; `axum` stands on it), for `tokio`'s `AsyncRead` and `AsyncWrite`, which
//! need no runtime of tokio, and for those of `futures-io`.
//!
//! # Blocking in async code
//!
//! What waits in a future's `poll`, such as [`channel::Receiver::recv`](crate::channel::Receiver::recv),
//! parks the goroutine that polls. In a task that is one of its own: other tasks go on. In a future given
//! to [`block_on`] everything that is polled there waits. On another runtime's thread, it blocks that
//! thread.

mod block_on;
#[cfg(feature = "hyper")]
mod hyper;
mod sleep;
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
mod streams;
mod task;

#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(feature = "hyper")]
pub use self::hyper::{Executor, Timer};
pub use block_on::block_on;
pub use sleep::{Sleep, sleep, sleep_until};
pub use task::{Task, spawn};

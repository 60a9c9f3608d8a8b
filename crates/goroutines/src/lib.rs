//! Goroutines, as Go has them, for Rust: plain blocking-looking code, hundreds of thousands of
//! concurrent goroutines, no `async`.
//!
//! ```
//! use goroutines::{go, sync::WaitGroup};
//!
//! #[goroutines::main]
//! fn main() {
//!     let wg = WaitGroup::new();
//!     for i in 0..3 {
//!         wg.go(move || println!("goroutine {i}"));
//!     }
//!     go!(println!("nobody waits for this one"));
//!     wg.wait();
//! }
//! ```
//!
//! # What a goroutine is
//!
//! A function that runs by itself, started with [`go!`], [`spawn`] or a [`scope`]. A scheduler in user
//! space maps goroutines onto as many OS threads (*workers*) as there are processors. A goroutine that
//! waits leaves its worker to others; what looks like a blocking call blocks only the goroutine. Each
//! has a stack of its own, of which memory is used only for what it has touched.
//!
//! # Names
//!
//! Everything is called what `std::thread` calls it: [`spawn`], [`JoinHandle`], [`Builder`],
//! [`scope`], [`park`], [`sleep`], [`yield_now`], [`panicking`], [`available_parallelism`]. A program
//! written with those ports by changing the path. Every call that waits works on a plain OS thread too,
//! where it blocks the thread.
//!
//! # What is promised
//!
//! - A goroutine starts after the call that makes it, and that call never waits for it (Go: the `go`
//!   statement). Nothing is promised about the order in which goroutines run.
//! - **A goroutine that has started stays on its thread.** So what is not `Send` may live on its
//!   stack, and what it borrowed from a `thread_local!` stays valid, as long as no *initialiser* of a
//!   `thread_local!` waits: std does not expect that (`CAVEATS.md`). One that has not started may
//!   start anywhere.
//! - Scheduling is cooperative. A goroutine that computes for long without waiting keeps those at
//!   home on the same worker from running; [`yield_now`] lets them. Goroutines that have not started
//!   are run by other workers meanwhile, and a monitor reports who holds up others.
//! - A panic ends its goroutine, as `std::thread` has it; see [`runtime::Builder::panic_policy`].
//! - When `main` returns the process ends, whatever other goroutines do.
//!
//! Limits are in `CAVEATS.md`: thread-locals across waits, foreign code that blocks, `std` locks held
//! across waits.

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking;
pub mod channel;
pub mod context;
pub mod fs;
pub mod future;
pub mod io;
pub mod net;
pub mod os;
#[doc(hidden)]
pub mod private;
pub mod process;
pub mod runtime;
pub mod signal;
pub mod sync;
mod task;
pub mod time;

#[doc(hidden)]
pub use private as __private;

pub use blocking::blocking;
pub use future::block_on;
#[cfg(feature = "tokio")]
pub use future::tokio;
pub use goroutines_macros::{main, test};
pub use runtime::{available_parallelism, run};
pub use task::builder::{Builder, SpawnError, spawn, spawn_local};
pub use task::goroutine::{Goroutine, GoroutineId, current, num_goroutines};
pub use task::handle::{Cancelled, Exited, JoinHandle, Result};
pub use task::local::LocalKey;
pub use task::scope::{Scope, ScopedJoinHandle, scope};
pub use task::wait::{
    exit, panicking, park, park_timeout, shielded, sleep, sleep_until, yield_now,
};

/// Starts a goroutine and goes on, as Go's `go` statement.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::go;
///
/// fn greet(name: &str, times: u32) { /* … */ }
///
/// go!(greet("you", 2 + 3));            // a call: arguments are evaluated now, by the caller
/// let text = String::from("x");
/// go!(text.len());                     // a method call: so is the receiver
/// go!(|| println!("a closure"));       // a closure, moved in
/// go!({ println!("a block"); });       // a block, with everything it names moved in
///
/// let shared = std::sync::Arc::new(5);
/// go!({
///     let shared = shared.clone();     // a block that makes a closure: evaluated now,
///     move || println!("{shared}")     // and the closure runs in the goroutine
/// });
/// # });
/// ```
///
/// The function and its arguments are evaluated before the new goroutine exists, and so is the receiver
/// of a method: `go!(a.b().c())` calls `b` now, and waits if that does. The result is dropped. To have all
/// of an expression evaluated by the goroutine, give it a closure or a block:
/// `go!(move || sender.send(1).unwrap())`. `go!(sender.send(1).unwrap())` is refused.
///
/// Nothing waits for it: use a [`sync::WaitGroup`], [`spawn`] or a [`scope`] for that.
///
/// # Panics
///
/// If the goroutine cannot be made; the message names the limit that was reached. [`Builder::spawn`]
/// gives an error instead.
#[macro_export]
macro_rules! go {
    ($($what:tt)*) => {
        $crate::__private::__go!($crate; $($what)*)
    };
}

/// Waits for one of several channel operations, as Go's `select` statement.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::channel::{after, bounded, select};
/// use std::time::Duration;
/// let (s, r) = bounded::<i32>(1);
/// select! {
///     recv(r) -> msg => println!("{msg:?}"),
///     send(s, 7) -> sent => assert!(sent.is_ok()),
///     recv(after(Duration::from_secs(1))) -> _ => println!("too late"),
/// }
/// select! {
///     recv(r) -> msg => assert_eq!(msg, Ok(7)),
///     default => println!("nothing there"),
/// }
/// # });
/// ```
///
/// Arms and their grammar are those of `crossbeam-channel`: `recv(receiver) -> message`,
/// `send(sender, value) -> result`, `default`, `default(timeout)`. Of the operations that are ready, all
/// judged at one instant, one is chosen, each with equal chances. Channels are evaluated once, in order;
/// the value of a send only if that arm is chosen. Without arms it waits for ever.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::__select!($crate; false; $($arms)*)
    };
}

/// As [`select!`], but chooses the first of the operations that are ready.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::channel::{select_biased, unbounded};
/// let (a, b) = (unbounded(), unbounded());
/// a.0.send(1).unwrap();
/// b.0.send(2).unwrap();
/// let first = select_biased! {
///     recv(a.1) -> n => n,
///     recv(b.1) -> n => n,
/// };
/// assert_eq!(first, Ok(1));
/// # });
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($arms:tt)*) => {
        $crate::__private::__select!($crate; true; $($arms)*)
    };
}

/// Declares values of which each goroutine has its own, as `thread_local!` does for threads.
///
/// ```
/// use std::cell::Cell;
/// goroutines::goroutine_local! {
///     static DEPTH: Cell<u32> = Cell::new(1);
/// }
/// # goroutines::run(|| {
/// DEPTH.set(5);
/// let other = goroutines::spawn(|| DEPTH.get()).join().unwrap();
/// assert_eq!((DEPTH.get(), other), (5, 1));
/// # });
/// ```
///
/// A value is made at its first use and dropped when its goroutine ends. On a plain thread it
/// belongs to the thread. See [`LocalKey`].
#[macro_export]
macro_rules! goroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident : $ty:ty = const { $init:expr } $(; $($rest:tt)*)?) => {
        $crate::goroutine_local!($(#[$attr])* $vis static $name: $ty = $init $(; $($rest)*)?);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $ty:ty = const $init:block $(; $($rest:tt)*)?) => {
        $crate::goroutine_local!($(#[$attr])* $vis static $name: $ty = $init $(; $($rest)*)?);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $ty:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attr])*
        $vis static $name: $crate::LocalKey<$ty> = $crate::LocalKey::new(|| $init);
        $($crate::goroutine_local!($($rest)*);)?
    };
}

/// The programs on the front page are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontPage;

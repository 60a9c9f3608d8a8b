//! The procedural macros of the `goroutines` crate: `go!`, `#[goroutines::main]`, `#[goroutines::test]`.
//!
//! Not for direct use: `goroutines` re-exports all of it. The macros hold no policy; they only turn
//! what the user wrote into one call of `goroutines::__private`.
//!
//! # What the facade provides
//!
//! ```ignore
//! // The wrapper tells the procedural macro the path of the crate, whatever its name is in the
//! // user's Cargo.toml. `#[track_caller]` functions called by the expansion report the user's line.
//! #[macro_export]
//! macro_rules! go {
//!     ($($work:tt)*) => { $crate::__private::__go!($crate; $($work)*) };
//! }
//! pub use goroutines_macros::{main, test};
//!
//! #[doc(hidden)]
//! pub mod __private {
//!     use std::process::ExitCode;
//!
//!     pub use goroutines_macros::__go;
//!
//!     pub struct Config {
//!         pub workers: Option<usize>,
//!         pub stack_size: Option<usize>,
//!     }
//!
//!     #[track_caller]
//!     pub fn go<F: FnOnce() + Send + 'static>(f: F);
//!     pub fn main(config: Config, body: fn() -> ExitCode) -> ExitCode;
//!     /// Resumes the panic of `body`, so that `#[should_panic]` sees it.
//!     pub fn test(config: Config, name: &'static str, body: fn() -> ExitCode) -> ExitCode;
//! }
//! ```
//!
//! | file | what for |
//! |---|---|
//! | `go.rs` | the forms of `go!` |
//! | `select.rs` | the arms of `select!` |
//! | `args.rs` | what stands in the parentheses of the two attributes |
//! | `function.rs` | the function under an attribute, and what becomes of it |

#![forbid(unsafe_code)]

mod args;
mod function;
mod go;
mod select;
#[cfg(test)]
mod tests;

use function::Role;
use proc_macro::TokenStream;

/// Starts a goroutine, as the `go` statement of Go does; users write `go!(…)`.
///
/// The input is the path of the `goroutines` crate, a semicolon, and what the user gave to `go!`:
/// `__go!($crate; f(x))`. The expansion is a block of type `()` that never waits for the new
/// goroutine. What the goroutine returns is dropped.
///
/// # The forms
///
/// | form | the caller does now | the goroutine does |
/// |---|---|---|
/// | `go!(f(a, b))`, `go!((self.f)(a))` | evaluates `f`, `a`, `b`, in this order | calls |
/// | `go!(x.method(a, b))` | evaluates `x`, `a`, `b`, in this order | borrows `x` if the method wants it, calls |
/// | `go!((move \|a\| …)(x))` | builds the closure, evaluates `x` | calls the closure |
/// | `go!(move \|\| …)`, `go!(f)` | evaluates to a callable | calls it |
/// | `go!({ … })`, `go!(loop { … })`, also `if`, `match`, `while`, `for`, `unsafe` | moves in the variables that are named | runs the block |
/// | `go!(println!("{x}"))`, any other macro | moves in the variables that are named | runs the macro |
///
/// One trailing comma is accepted, and parentheses around a form change nothing.
///
/// # Evaluation
///
/// In the call forms nothing but the call itself happens in the goroutine: an assignment after `go!`
/// is not seen by it, and `?`, `return` and `.await` in an argument belong to the caller. Temporaries
/// of an argument end before the next argument is evaluated. In the block form, `return` ends the
/// goroutine.
///
/// Everything that goes in must be `Send + 'static`; the compiler points at the argument that is not.
/// A receiver that is a `static` is not moved but used where it is.
///
/// A closure among the arguments gets its parameter types from the function that is called if it is
/// a `move` closure and the last argument; elsewhere, write the types: `|line: &str| …`.
///
/// # Examples
///
/// ```ignore
/// use goroutines::go;
///
/// go!(serve(listener, 8));          // as `go serve(listener, 8)` in Go
/// go!(counter.add(1));              // `counter` moves in
/// go!((|n: u32| total(n))(next())); // as `go func(n uint32) { … }(next())` in Go
/// go!(move || tx.send(1).unwrap());
/// go!({
///     for line in lines {
///         println!("{line}");
///     }
/// });
/// go!(println!("started"));
/// ```
///
/// # Errors
///
/// An empty `go!()`, several expressions, a closure with parameters, and `async` blocks and closures
/// are compile errors that say what to write instead.
#[doc(hidden)]
#[proc_macro]
pub fn __go(input: TokenStream) -> TokenStream {
    go::expand(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Waits for one of several channel operations; users write `select!` or `select_biased!`.
///
/// The input is the path of the `goroutines` crate, a semicolon, whether arms that come first are
/// preferred, a semicolon, and the arms: `__select!($crate; false; recv(r) -> m => f(m))`.
///
/// # The arms
///
/// | arm | is chosen | then |
/// |---|---|---|
/// | `recv(channel) -> pattern => expression` | if there is a value, or the channel is closed | the pattern is bound to a `Result` |
/// | `send(channel, value) -> pattern => expression` | if there is room or a receiver, or the channel is closed | `value` is evaluated and sent, the pattern is bound to a `Result` |
/// | `default => expression` | if no other one is ready now | |
/// | `default(timeout) => expression` | if no other one is ready in time | |
///
/// Channels are evaluated once, in the order of the source; then the timeout.
#[doc(hidden)]
#[proc_macro]
pub fn __select(input: TokenStream) -> TokenStream {
    select::expand(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes `main` a goroutine: starts the runtime and runs the function on it.
///
/// The function may return whatever `main` may return (any [`Termination`](std::process::Termination)),
/// and the process ends with that status as soon as it returns; goroutines that are still there are
/// simply gone. It is plain blocking code: not `async`, without parameters and generics.
///
/// # Arguments
///
/// * `workers = <expression>`: how many worker threads, a `usize` of at least 1. Default: as many as
///   the machine runs in parallel.
/// * `stack_size = <expression>`: bytes of stack that a goroutine may use, a `usize`.
/// * `crate = <path>`: where the `goroutines` crate is, if not at `::goroutines`.
///
/// # Examples
///
/// ```ignore
/// #[goroutines::main]
/// fn main() {
///     goroutines::spawn(|| println!("hello")).join().unwrap();
/// }
/// ```
///
/// ```ignore
/// #[goroutines::main(workers = 2, stack_size = 1 << 20)]
/// fn main() -> std::io::Result<()> {
///     let listener = goroutines::net::TcpListener::bind("127.0.0.1:0")?;
///     println!("{}", listener.local_addr()?);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(Role::Main, args.into(), item.into()).into()
}

/// Makes a test a goroutine: a `#[test]` whose body runs on the runtime.
///
/// The test fails if the body panics or returns a failure, such as an `Err`. Other attributes are
/// kept: `#[ignore]` and `#[should_panic]` work as they do with `#[test]`, which this attribute adds
/// by itself. The body is plain blocking code: not `async`, without parameters and generics.
///
/// # Arguments
///
/// Those of [`macro@main`]: `workers`, `stack_size` and `crate`.
///
/// # Examples
///
/// ```ignore
/// #[goroutines::test]
/// fn a_message_arrives() -> Result<(), Box<dyn std::error::Error>> {
///     let (tx, rx) = goroutines::channel::bounded(0);
///     goroutines::go!(move || tx.send(7).unwrap());
///     assert_eq!(rx.recv()?, 7);
///     Ok(())
/// }
///
/// #[goroutines::test(workers = 1)]
/// #[should_panic(expected = "closed")]
/// fn closing_twice_panics() {
///     # unimplemented!()
/// }
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(Role::Test, args.into(), item.into()).into()
}

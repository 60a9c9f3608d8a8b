//! Async code on goroutines and goroutines in async code.
//!
//! | module | what |
//! |---|---|
//! | `waiting` | `block_on`: polls, wakes, cancels |
//! | `join` | join handles as futures |
//! | `ends` | the async ends of channels, one step at a time |
//! | `accounts` | the same ends and the blocking ones, many at once: every value is accounted for |
//! | `tasks` | tasks on the workers |
//! | `sleeping` | `sleep` as a future |
//! | `streams` | our streams by the traits of async code, with these features |
//! | `wakers` | wakers that wait, or ask those who call them |
//! | `hyper`, `tokio` | what others ask of a runtime, with these features |

mod accounts;
mod ends;
#[cfg(feature = "hyper")]
mod hyper;
mod join;
mod sleeping;
#[cfg(any(feature = "futures-io", feature = "hyper", feature = "tokio"))]
mod streams;
mod support;
mod tasks;
#[cfg(feature = "tokio")]
mod tokio;
mod waiting;
mod wakers;

//! Waiting for one of several channel operations.
//!
//! Not for: the channels. `run` chooses, `arm` is what the macros expand to, and `dynamic` is
//! [`Select`], for a list of operations that is made at run time.

#[doc(hidden)]
pub mod arm;
mod dynamic;
pub(crate) mod run;

pub use dynamic::{Select, SelectedOperation};

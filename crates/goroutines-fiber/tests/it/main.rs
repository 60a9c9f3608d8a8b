//! What this crate promises to the runtime, a module per room. Not for what can only be seen
//! from inside: that is in `src/<room>/tests.rs`.

mod crash;
mod fiber;
mod limits;
mod panics;
mod stacks;
mod support;

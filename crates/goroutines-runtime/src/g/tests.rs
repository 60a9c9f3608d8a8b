//! Models of the wait word (`--cfg loom`), and tests of it and of the lists in plain steps.
#![allow(
    unsafe_code,
    reason = "shares a loom cell, which checks each access; links of a test's own"
)]

mod bells;
#[cfg(not(loom))]
mod lists;
#[cfg(loom)]
mod waits;
#[cfg(not(loom))]
mod words;

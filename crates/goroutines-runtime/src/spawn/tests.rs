//! Models of the word between a goroutine that ends and the handle that joins it (`--cfg loom`), and
//! the same protocol in plain steps.
#![allow(unsafe_code, reason = "shares a loom cell, which checks each access")]

#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod steps;

//! Models of what the workers share, and tests of the settings.
//!
//! Not for: running goroutines; the facade's tests do that. The models (`loom_*`) try every order of
//! the threads' steps and every value that the memory model lets a load see; they are built only with
//! `RUSTFLAGS="--cfg loom" cargo test --release -p goroutines-runtime --lib loom_`.

#[cfg(not(loom))]
mod config;
#[cfg(loom)]
mod deque;
#[cfg(loom)]
mod hand_off;
#[cfg(loom)]
mod inbox;
#[cfg(loom)]
mod item;
#[cfg(not(loom))]
mod queues;
#[cfg(loom)]
mod sleep;

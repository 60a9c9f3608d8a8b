//! Waiting for each other: what `std::sync` and Go's `sync` have.

mod waitgroup;

pub use waitgroup::WaitGroup;

//! The only sources of nondeterminism: what time it is, and which of several equals is chosen.
//!
//! Not for: deciding anything with them.

pub mod choice;
pub mod clock;

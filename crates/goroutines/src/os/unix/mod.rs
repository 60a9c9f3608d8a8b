//! What Unix has: see [`net`].

pub mod net;

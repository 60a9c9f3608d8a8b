//! What only some operating systems have, with the names of [`std::os`].

#[cfg(unix)]
pub mod unix;

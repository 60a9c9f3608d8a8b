//! Contexts.

mod after;
mod basics;
mod causes;
mod deadlines;
mod races;
mod trees;

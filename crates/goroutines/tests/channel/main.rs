//! Channels and selects, by the numbers of SEMANTICS.

mod smoke;

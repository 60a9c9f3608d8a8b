//! Models and tests.

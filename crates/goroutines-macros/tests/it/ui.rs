//! What the compiler says to a user who made a mistake: the programs and answers in `tests/ui`.
//!
//! Only messages of our own are compared; those of the compiler change from version to version.
//! After a change of the messages: `TRYBUILD=overwrite cargo test -p goroutines-macros ui`.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

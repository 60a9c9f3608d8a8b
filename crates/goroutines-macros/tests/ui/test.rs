//! What `#[goroutines::test]` refuses.

#[goroutines_macros::test]
async fn asynchronous() {}

#[goroutines_macros::test]
fn parameters(n: u32) {}

#[goroutines_macros::test]
fn generics<T>() {}

#[goroutines_macros::test]
#[test]
fn twice_a_test() {}

#[goroutines_macros::test]
#[should_panic]
fn a_panic_with_a_result() -> Result<(), String> {
    panic!()
}

#[goroutines_macros::test(threads = 1)]
fn unknown_argument() {}

fn main() {}

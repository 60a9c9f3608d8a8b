//! `#[goroutines::main]` and `#[goroutines::test]`.

use std::error::Error;
use std::process::{ExitCode, Termination};

use crate::mock;

const SIZE: usize = 1 << 16;

fn thread_name() -> String {
    std::thread::current().name().unwrap().to_owned()
}

fn success(code: ExitCode) -> bool {
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

mod plain {
    /// Documented, and visible to others.
    #[goroutines_macros::main(crate = crate::mock)]
    pub(crate) fn main() {
        assert_eq!(super::thread_name(), "main None None");
    }
}

mod configured {
    use super::SIZE;

    #[goroutines_macros::main(workers = 1 + 1, stack_size = SIZE, crate = crate::mock,)]
    pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(super::thread_name(), "main Some(2) Some(65536)");
        Err("this is expected in the output of the tests")?
    }
}

mod opaque {
    #[goroutines_macros::main(crate = super::mock)]
    pub(crate) fn main() -> impl std::process::Termination {
        std::process::ExitCode::from(3)
    }
}

mod never {
    #[goroutines_macros::main(crate = super::mock)]
    pub(crate) fn main() -> ! {
        std::panic::panic_any(7)
    }
}

#[test]
fn main_reports_what_the_body_returns() {
    assert!(success(plain::main()));
    assert!(!success(configured::main()));
    assert_eq!(
        format!("{:?}", opaque::main()),
        format!("{:?}", ExitCode::from(3))
    );
    let panic = std::panic::catch_unwind(never::main).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&7));
}

#[goroutines_macros::test(crate = mock)]
fn a_test_runs_under_its_name() {
    assert_eq!(
        thread_name(),
        "it::function::a_test_runs_under_its_name None None"
    );
}

#[goroutines_macros::test(workers = 3, stack_size = SIZE * 2, crate = mock)]
fn r#final() {
    assert_eq!(thread_name(), "it::function::final Some(3) Some(131072)");
}

#[goroutines_macros::test(crate = mock)]
fn a_test_may_return_a_result() -> Result<(), Box<dyn Error>> {
    assert_eq!("5".parse::<i32>()?, 5);
    Ok(())
}

#[goroutines_macros::test(crate = mock)]
fn a_test_may_return_anything_that_main_may() -> impl Termination {
    ExitCode::SUCCESS
}

#[goroutines_macros::test(crate = mock)]
#[should_panic(expected = "of this kind")]
fn a_test_may_have_to_panic() {
    panic!("a panic of this kind");
}

#[should_panic]
#[goroutines_macros::test(crate = mock)]
fn the_order_of_attributes_does_not_matter() -> () {
    panic!("expected");
}

#[goroutines_macros::test(crate = mock)]
#[ignore = "fails; the next test calls it"]
fn fails() -> Result<(), Box<dyn Error>> {
    Err("this is expected in the output of the tests".into())
}

#[test]
fn an_error_fails_the_test() {
    assert!(!success(fails()));
}

#[goroutines_macros::test(crate = mock)]
fn go_works_in_a_test() {
    let log = crate::Log::default();
    let l = log.clone();
    go!(move || crate::write(&l, "ran"));
    mock::run();
    assert_eq!(*log.lock().unwrap(), ["ran"]);
}

//! Where a `#[track_caller]` function believes to have been called: in the user's line.

use std::panic::Location;

use crate::mock;

fn f(_: u32) -> u32 {
    0
}

struct Value;

impl Value {
    fn method(&self) {}
}

#[track_caller]
fn check(line: u32, column: u32) {
    let locations = mock::run();
    let [location] = locations[..] else {
        panic!("one goroutine, not {}", locations.len());
    };
    assert!(location.file().ends_with("location.rs"));
    assert_eq!((location.line(), location.column()), (line, column));
}

#[test]
#[rustfmt::skip]
fn every_form_reports_the_line_of_go() {
    go!(f(1));
    check(line!() - 1, 5);
    go!(self::f(
        f(2)
    ));
    check(line!() - 3, 5);
    go!(
        Value.method()
    );
    check(line!() - 3, 5);
    go!(|| ());
    check(line!() - 1, 5);
    go!({
        f(3)
    });
    check(line!() - 3, 5);
    if f(4) == 0 { go!(println!()) }
    check(line!() - 1, 20);
    go!(callable);
    check(line!() - 1, 5);
}

fn callable() {}

#[test]
fn a_macro_around_go_reports_its_own_line() {
    macro_rules! start {
        () => {
            go!(f(1))
        };
    }
    start!();
    check(line!() - 1, 5);
}

#[test]
fn what_is_called_knows_the_line_too() {
    #[track_caller]
    fn whence(log: crate::Log, _: u32) {
        crate::write(&log, Location::caller().line());
    }
    let log = crate::Log::default();
    go!(whence(log.clone(), 1));
    let line = line!() - 1;
    mock::run();
    assert_eq!(*log.lock().unwrap(), [line.to_string()]);
}

//! `go!(f(a, b))` and `go!(x.method(a, b))`: what is evaluated when, and by whom (GO-1).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::{Log, check, mock, write};

fn say(log: Log, text: impl std::fmt::Display) {
    write(&log, text);
}

/// Evaluates to `value`, and leaves a trace of when.
fn now<T: std::fmt::Display>(log: &Log, value: T) -> T {
    write(log, &value);
    value
}

#[test]
fn arguments_are_evaluated_now_and_in_order() {
    fn sum(log: Log, a: i32, b: i32) -> i32 {
        write(&log, a + b);
        a + b
    }
    check(
        |log| {
            let x = 2;
            go!(sum(log.clone(), now(log, 1), now(log, x + 1) * 2));
        },
        &["1", "3"],
        &["7"],
    );
}

#[test]
fn later_assignments_are_not_seen() {
    check(
        |log| {
            let mut x = 1;
            go!(say(log.clone(), x));
            x += 1;
            assert_eq!(x, 2);
        },
        &[],
        &["1"],
    );
}

#[test]
fn the_function_is_evaluated_first() {
    fn pick(log: &Log) -> fn(Log, &'static str) {
        write(log, "pick");
        |log, text| write(&log, text)
    }
    check(
        |log| go!(pick(log)(log.clone(), now(log, "argument"))),
        &["pick", "argument"],
        &["argument"],
    );

    // An argument cannot exchange the function any more.
    check(
        |log| {
            let mut f: fn(Log, u32) = |log, n| write(&log, format!("first {n}"));
            go!(f(log.clone(), {
                f = |log, n| write(&log, format!("second {n}"));
                1
            }));
            f(log.clone(), 2);
        },
        &["second 2"],
        &["first 1"],
    );
}

#[test]
fn a_function_in_a_field_is_called() {
    struct Server {
        handler: fn(Log, u8),
    }
    impl Server {
        fn start(&self, log: &Log) {
            go!((self.handler)(log.clone(), 5));
        }
    }
    let server = Server {
        handler: |log, n| write(&log, n),
    };
    check(|log| server.start(log), &[], &["5"]);
}

#[test]
fn paths_to_functions_may_be_of_any_kind() {
    mod inner {
        pub(super) fn generic<T: std::fmt::Display>(log: crate::Log, value: T) {
            crate::write(&log, value);
        }
    }
    struct Type;
    impl Type {
        fn associated(log: Log) -> Self {
            write(&log, "associated");
            Self
        }
        fn start(log: Log) {
            go!(Self::associated(log));
        }
    }
    trait Trait {
        fn provided(log: Log);
    }
    impl Trait for Type {
        fn provided(log: Log) {
            write(&log, "provided");
        }
    }
    fn generic<T: Default + std::fmt::Display>(log: Log) {
        write(&log, T::default());
    }
    check(
        |log| {
            go!(inner::generic::<u64>(log.clone(), 1));
            go!(inner::generic(log.clone(), "two"));
            go!(generic::<u8>(log.clone()));
            go!(Type::start(log.clone()));
            go!(<Type as Trait>::provided(log.clone()));
            go!(self::say(log.clone(), 'x'));
        },
        &[],
        &["1", "two", "0", "associated", "provided", "x"],
    );
}

#[test]
fn a_closure_is_called_with_arguments() {
    check(
        |log| {
            let n = 3;
            go!((|log: Log, text: &str| write(&log, text))(log.clone(), "a"));
            go!((move |log| write(&log, n))(log.clone()));

            let mut count = 0;
            let mut again = move |log: Log| {
                count += 1;
                write(&log, count);
            };
            go!(again(log.clone()));

            let boxed: Box<dyn FnOnce(Log) + Send> = Box::new(|log| write(&log, "boxed"));
            go!(boxed(log.clone()));
        },
        &[],
        &["a", "3", "1", "boxed"],
    );
}

#[test]
fn a_trailing_move_closure_knows_its_parameters() {
    fn each(lines: Vec<&'static str>, log: Log, mut f: impl FnMut(&Log, &str)) {
        lines.into_iter().for_each(|line| f(&log, line));
    }
    check(
        |log| {
            let mut n = 0;
            go!(each(vec!["a", "b"], log.clone(), move |log, line| {
                n += line.len();
                write(log, format!("{line}{n}"));
            }));
            assert_eq!(n, 0);
            // Even if the closure calls the function.
            go!(each(vec!["c"], log.clone(), move |log, line| {
                each(vec![], log.clone(), |_, _| ());
                write(log, line.len());
            }));
        },
        &[],
        &["a1", "b2", "1"],
    );
}

#[test]
fn a_move_closure_captures_before_later_arguments() {
    fn both(log: Log, f: impl Fn() -> i32, n: i32) {
        write(&log, format!("{} {n}", f()));
    }
    check(
        |log| {
            let mut x = 1;
            go!(both(log.clone(), move || x, {
                x += 1;
                x
            }));
        },
        &[],
        &["1 2"],
    );
}

#[test]
fn literals_and_unit_are_arguments() {
    fn literals(log: Log, a: i64, b: f32, c: &str, d: &'static [u8], e: (), f: Option<bool>) {
        write(&log, format!("{a} {b} {c} {d:?} {e:?} {f:?}"));
    }
    fn unit() {}
    check(
        |log| go!(literals(log.clone(), -1, 0.5, "c", &[1, 2], unit(), None),),
        &[],
        &["-1 0.5 c [1, 2] () None"],
    );
}

#[test]
fn results_are_dropped() {
    #[must_use]
    fn important() -> String {
        String::new()
    }
    fn never() -> ! {
        std::panic::panic_any("never")
    }
    go!(important());
    mock::run();
    go!(never());
    let panic = std::panic::catch_unwind(mock::run).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"never"));
}

#[test]
fn arguments_belong_to_the_caller() {
    fn start(log: &Log, text: &str) -> Result<(), std::num::ParseIntError> {
        go!(say(log.clone(), text.parse::<i32>()?));
        go!(say(
            log.clone(),
            if text == "0" {
                return Ok(());
            } else {
                "not zero"
            },
        ));
        write(log, "end");
        Ok(())
    }
    check(|log| assert!(start(log, "x").is_err()), &[], &[]);
    check(|log| start(log, "0").unwrap(), &[], &["0"]);
    check(|log| start(log, "1").unwrap(), &["end"], &["1", "not zero"]);
}

#[test]
fn temporaries_of_an_argument_end_with_it() {
    fn add(log: Log, a: i32, b: i32) {
        write(&log, a + b);
    }
    let cell = Mutex::new(4);
    check(
        // With both guards alive, this would not come to an end.
        |log| {
            go!(add(
                log.clone(),
                *cell.lock().unwrap(),
                *cell.lock().unwrap()
            ))
        },
        &[],
        &["8"],
    );
}

struct Counter {
    log: Log,
    count: usize,
}

impl Counter {
    fn new(log: &Log) -> Self {
        write(log, "new");
        Self {
            log: log.clone(),
            count: 0,
        }
    }
    fn get(&self, by: usize) {
        write(&self.log, self.count + by);
    }
    fn add(&mut self, by: usize) -> usize {
        self.count += by;
        self.get(0);
        self.count
    }
    fn take<T: From<u8> + std::fmt::Display>(self, text: &str) {
        write(&self.log, format!("{text}{}", T::from(9)));
    }
    fn shared(self: Arc<Self>) {
        self.get(100);
    }
}

#[test]
fn methods_borrow_or_take_the_receiver_there() {
    check(
        |log| {
            go!(Counter::new(log).get(now(log, 3)));
            go!(Counter::new(log).add(now(log, 4)));
            let counter = Counter::new(log);
            go!(counter.take::<u32>("t"));
            let shared = Arc::new(Counter::new(log));
            go!(shared.clone().shared());
            go!(shared.get(7));
            go!((Counter::new(log)).add(1));
        },
        &["new", "3", "new", "4", "new", "new", "new"],
        &["3", "4", "t9", "100", "7", "1"],
    );
}

#[test]
fn a_static_receiver_is_used_where_it_is() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    go!(COUNT.fetch_add(2, Ordering::Relaxed));
    go!((&COUNT).fetch_add(3, Ordering::Relaxed));
    mock::run();
    assert_eq!(COUNT.load(Ordering::Relaxed), 5);
}

#[test]
fn attributes_go_to_the_call() {
    #[deprecated]
    fn old(log: Log) {
        write(&log, "old");
    }
    check(
        |log| {
            go!(
                #[allow(deprecated)]
                self::tests_old(log.clone())
            );
            #[allow(deprecated)]
            old(log.clone());
        },
        &["old"],
        &["old too"],
    );
}

#[deprecated]
fn tests_old(log: Log) {
    write(&log, "old too");
}

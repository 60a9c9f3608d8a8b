//! The other forms of `go!`: closures, blocks, macros, callables; and `go!` inside macros.

use crate::{Log, check, write};

#[test]
fn closures_run() {
    check(
        |log| {
            let l = log.clone();
            go!(move || write(&l, "move"));
            let l = log.clone();
            go!(move || {
                let l = l;
                write(&l, "block");
            },);
            go!(|| ());
            go!(|| -> () {});
            go!((|| {}));
            let l = log.clone();
            go!(
                #[allow(unused_braces)]
                move || write(&l, { "attribute" })
            );
        },
        &[],
        &["move", "block", "attribute"],
    );
}

#[test]
fn a_block_that_makes_a_closure_is_evaluated_now() {
    check(
        |log| {
            let mut text = String::from("now");
            go!({
                let log = log.clone();
                write(&log, &text);
                let text = text.clone();
                move || write(&log, text + " taken along")
            });
            text.clear();
        },
        &["now"],
        &["now taken along"],
    );
}

#[test]
fn blocks_run() {
    check(
        |log| {
            let l = log.clone();
            go!({ write(&l, "short") });
            let l = log.clone();
            go!({
                write(&l, "long");
                if l.lock().unwrap().len() > 1 {
                    return;
                }
                write(&l, "not reached");
            });
            let l = log.clone();
            go!({
                write(&l, "value");
                5
            });
            let l = log.clone();
            go!('label: {
                if l.lock().is_ok() {
                    break 'label;
                }
                write(&l, "not reached");
            });
            go!({});
        },
        &[],
        &["short", "long", "value"],
    );
}

#[test]
fn control_flow_runs() {
    check(
        |log| {
            let (l, mut n) = (log.clone(), 0);
            go!(loop {
                n += 1;
                if n == 2 {
                    write(&l, "loop");
                    break n;
                }
            });
            let l = log.clone();
            go!(for i in 0..2 {
                write(&l, i);
            });
            let (l, mut n) = (log.clone(), 3);
            go!(while n > 0 {
                write(&l, format!("while {n}"));
                n -= 2;
            });
            let (l, yes) = (log.clone(), true);
            go!(if yes {
                write(&l, "if");
            } else {
                write(&l, "else");
            });
            let (l, some) = (log.clone(), Some(1));
            go!(if let Some(n) = some {
                write(&l, n);
            });
            let l = log.clone();
            go!(match some {
                Some(_) => write(&l, "match"),
                None => unreachable!(),
            });
            let l = log.clone();
            #[allow(unused_unsafe)]
            {
                // SAFETY: there is nothing unsafe in it.
                go!(unsafe { write(&l, "unsafe") });
            }
        },
        &[],
        &[
            "loop", "0", "1", "while 3", "while 1", "if", "1", "match", "unsafe",
        ],
    );
}

#[test]
fn macros_run() {
    struct Sink(Log);
    impl std::fmt::Write for Sink {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            write(&self.0, text);
            Ok(())
        }
    }
    let text = String::from("captured");
    check(
        |log| {
            use std::fmt::Write;
            let (l, text2) = (log.clone(), text.clone());
            go!(println!("{text}"));
            go!(write!(Sink(l), "{text2}"));
            go!(assert_eq!(1 + 1, 2, "{}", "message"));
        },
        &[],
        &["captured"],
    );
}

#[test]
fn callables_run() {
    fn function() {}
    fn make(log: &Log, text: &'static str) -> impl FnOnce() + Send + 'static {
        write(log, "make");
        let log = log.clone();
        move || write(&log, text)
    }
    check(
        |log| {
            go!(function);
            go!(self::others_function);
            let f = make(log, "local");
            go!(f);
            go!(make(log, "called")());
            let array = [make(log, "element")];
            go!(array.into_iter().next().unwrap()());
        },
        &["make", "make", "make"],
        &["local", "called", "element"],
    );
}

fn others_function() {}

#[test]
fn it_is_an_expression_of_type_unit() {
    fn f() -> u8 {
        1
    }
    let () = go!(f());
    let () = go!({ 1 });
    match 1 {
        1 => go!(f()),
        _ => go!(|| ()),
    }
    go! { f() }
    go![f()];
    crate::mock::run();
}

#[test]
fn the_names_of_the_expansion_are_its_own() {
    check(
        |log| {
            let (callee, arg0, arg1, receiver) = (1, 2, 3, log.clone());
            let f = |log: Log, a: i32, b: i32, c: i32| write(&log, format!("{a}{b}{c}"));
            go!(f(receiver.clone(), arg1, callee, arg0));
            go!(receiver
                .lock()
                .unwrap_or_else(|_| unreachable!("{arg0}"))
                .clone()
                .push(String::new()));
        },
        &[],
        &["312"],
    );
}

#[test]
fn goroutines_nest() {
    check(
        |log| {
            let l = log.clone();
            go!({
                let l2 = l.clone();
                go!({ write(&l2, "inner") });
                write(&l, "outer");
            });
        },
        &[],
        &["outer", "inner"],
    );
}

macro_rules! with_expr {
    ($work:expr) => {
        go!($work)
    };
}

macro_rules! with_parts {
    ($f:expr, $log:ident, $($arg:expr),*) => {
        go!($f($log.clone(), $($arg),*))
    };
}

macro_rules! with_receiver {
    ($receiver:expr, $body:block) => {
        go!($receiver.get());
        go!($body);
    };
}

#[test]
fn fragments_of_macros_keep_their_form() {
    struct Value(Log);
    impl Value {
        fn get(&self) {
            write(&self.0, "get");
        }
    }
    fn f(log: Log, n: i32) {
        write(&log, n);
    }
    check(
        |log| {
            let mut n = 1;
            with_expr!(f(log.clone(), n));
            n += 1;
            with_expr!(f(log.clone(), n * 2 + 1));
            with_parts!(f, log, n + 1);
            with_expr!(|| ());
            let (l, l2) = (log.clone(), log.clone());
            with_expr!(move || write(&l, "closure"));
            with_receiver!(Value(log.clone()), {
                write(&l2, "block");
            });
        },
        &[],
        &["1", "5", "3", "closure", "get", "block"],
    );
}

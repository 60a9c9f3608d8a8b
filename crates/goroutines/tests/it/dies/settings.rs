//! Settings that cannot be used: whoever starts the runtime is told which one and what it may be.
//!
//! Not for: which values those are (the runtime's `sched` tests have the table).

use super::{again, text_of};
use goroutines::runtime::{self, StartError};
use goroutines::{Builder, SpawnError, go};
use std::panic::catch_unwind;
use std::process::ExitCode;

const BAD: &[(&str, &str)] = &[
    ("GOROUTINES_MAXPROCS", "0"),
    ("GOROUTINES_MAXPROCS", "99999"),
    ("GOROUTINES_MAXPROCS", "all"),
    ("GOROUTINES_STACK", "12Q"),
    ("GOROUTINES_STACK", "900G"),
    ("GOROUTINES_STACK", "-1"),
    ("GOROUTINES_MAIN_STACK", "huge"),
    ("GOROUTINES_MAIN_STACK", "99999999999999999999999"),
    ("GOROUTINES_PANIC", "abort"),
    ("GOROUTINES_STALL_MS", "soon"),
    ("GOROUTINES_SPIN_US", "-5"),
    ("GOROUTINES_BLOCKING", "0"),
    ("GOROUTINES_SCAVENGE_MS", "1s"),
    ("GOROUTINES_SEED", "0x1"),
];

#[test]
fn end_main_with_status_2() {
    fn scenario() -> ExitCode {
        fn never() -> ExitCode {
            println!("main ran");
            ExitCode::SUCCESS
        }
        let config = goroutines::private::Config {
            workers: None,
            stack_size: None,
        };
        goroutines::private::main(config, never)
    }
    for &(name, value) in BAD {
        let test = again("dies::settings::end_main_with_status_2").var(name, value);
        let end = test.run(scenario);
        end.code(2)
            .says(&["goroutines: ", name])
            .prints_no("main ran");
        end.keeps_quiet_about(&["panicked at"]);
    }
}

#[test]
fn end_main_with_settings_of_its_own_too() {
    fn scenario() -> ExitCode {
        super::main_of(2, || println!("main ran"))
    }
    for &(name, value) in BAD {
        let test = again("dies::settings::end_main_with_settings_of_its_own_too");
        let end = test.var(name, value).run(scenario);
        end.code(2)
            .says(&["goroutines: ", name])
            .prints_no("main ran");
    }
}

#[test]
fn main_with_unusable_arguments() {
    fn never() -> ExitCode {
        println!("main ran");
        ExitCode::SUCCESS
    }
    fn config(workers: Option<usize>, stack_size: Option<usize>) -> goroutines::private::Config {
        goroutines::private::Config {
            workers,
            stack_size,
        }
    }
    let test = again("dies::settings::main_with_unusable_arguments").var("CASE", "workers");
    let end = test.run(|| {
        let workers = std::env::var("CASE").unwrap() == "workers";
        let config = if workers {
            config(Some(0), None)
        } else {
            config(None, Some(usize::MAX))
        };
        goroutines::private::main(config, never)
    });
    end.code(2)
        .says(&["goroutines: ", "0 workers", "1024"])
        .prints_no("main ran");
    let test = again("dies::settings::main_with_unusable_arguments").var("CASE", "stack");
    test.end()
        .code(2)
        .says(&["goroutines: ", "the most is"])
        .prints_no("main ran");
}

#[test]
fn panic_in_run_and_fail_in_the_rest() {
    fn scenario() {
        let name = std::env::var("CASE").unwrap();
        let check = |what: &str, text: String| {
            assert!(text.contains(&name), "{what}: {text}");
            println!("{what} told");
        };
        let caught = catch_unwind(|| goroutines::run(|| println!("ran")));
        check("run", text_of(&*caught.unwrap_err()));
        let caught = catch_unwind(|| go!(println!("ran")));
        check("go", text_of(&*caught.unwrap_err()));
        let caught = catch_unwind(|| drop(goroutines::spawn(|| println!("ran"))));
        check("spawn", text_of(&*caught.unwrap_err()));
        let error = Builder::new().spawn(|| println!("ran")).unwrap_err();
        assert!(
            matches!(error, SpawnError::Start(StartError::Config(_))),
            "{error:?}"
        );
        check("Builder::spawn", error.to_string());
        check("start", runtime::builder().start().unwrap_err().to_string());
        check(
            "builder run",
            runtime::builder().run(|| ()).unwrap_err().to_string(),
        );
        // Setting the same thing by hand does not make the variable good.
        check(
            "workers",
            runtime::builder()
                .workers(2)
                .configure()
                .unwrap_err()
                .to_string(),
        );
    }
    for &(name, value) in BAD {
        let test = again("dies::settings::panic_in_run_and_fail_in_the_rest");
        let end = test.var(name, value).var("CASE", name).of(scenario);
        end.code(0)
            .prints("workers told")
            .prints_no("\nran")
            .says(&[name]);
    }
}

#[test]
fn empty_values_are_none() {
    for name in [
        "GOROUTINES_MAXPROCS",
        "GOROUTINES_STACK",
        "GOROUTINES_PANIC",
    ] {
        let test = again("dies::settings::empty_values_are_none").var(name, "");
        test.of(|| goroutines::run(|| println!("ran")))
            .code(0)
            .prints("ran");
    }
}

#[test]
fn of_a_builder_that_cannot_be_used() {
    let test = again("dies::settings::of_a_builder_that_cannot_be_used");
    let end = test.of(|| {
        for n in [0, 1025, usize::MAX] {
            let error = runtime::builder().workers(n).configure().unwrap_err();
            assert!(error.to_string().contains(&n.to_string()), "{error}");
        }
        for n in [65 << 30, usize::MAX / 2, usize::MAX] {
            assert!(runtime::builder().stack_size(n).configure().is_err());
            assert!(runtime::builder().main_stack_size(n).configure().is_err());
        }
        assert!(runtime::builder().blocking_threads(0).configure().is_err());
        // Nothing of it sticks, and after the start nothing can be changed.
        runtime::builder().workers(1).stack_size(0).start().unwrap();
        assert_eq!(runtime::workers(), 1);
        assert!(matches!(
            runtime::builder().workers(3).start(),
            Err(StartError::AlreadyStarted)
        ));
        assert_eq!(runtime::workers(), 1);
        println!("done");
    });
    end.code(0).prints("done");
}

#[test]
fn stack_sizes_of_one_goroutine() {
    let end = again("dies::settings::stack_sizes_of_one_goroutine").of(|| {
        goroutines::run(|| {
            for bytes in [
                0,
                1,
                4095,
                4096,
                49_152,
                49_153,
                1 << 20,
                (1 << 20) + 1,
                4 << 30,
            ] {
                let handle = Builder::new()
                    .stack_size(bytes)
                    .spawn(move || bytes)
                    .unwrap();
                assert_eq!(handle.join().unwrap(), bytes);
            }
            for bytes in [64 << 30, usize::MAX / 2, usize::MAX - 1, usize::MAX] {
                let error = Builder::new().stack_size(bytes).spawn(|| ()).unwrap_err();
                assert!(matches!(error, SpawnError::Stack(_)), "{bytes}: {error:?}");
                let text = error.to_string();
                assert!(
                    text.contains(&bytes.to_string()) && text.contains("the most is"),
                    "{text}"
                );
                let error = Builder::new()
                    .stack_size(bytes)
                    .spawn_local(|| ())
                    .unwrap_err();
                assert!(matches!(error, SpawnError::Stack(_)), "{bytes}: {error:?}");
            }
            assert_eq!(goroutines::num_goroutines(), 1);
        });
        println!("done");
    });
    end.code(0).prints("done");
}

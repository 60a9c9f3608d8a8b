//! `Builder` and the settings of the runtime: names, sizes, and errors that say what to do.

use crate::support::{alone, both, inside};
use goroutines::{Builder, SpawnError, runtime};

/// A goroutine with a stack of this size has room for `half` of what was asked; or the error's text.
fn check(bytes: usize) -> Result<(), String> {
    fn fill(bytes: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 1024]);
        let deeper = if bytes > 2048 { fill(bytes - 2048) } else { 0 };
        usize::from(frame[bytes % 1024]) + deeper
    }
    let handle = Builder::new()
        .stack_size(bytes)
        .spawn(move || fill(bytes / 2));
    match handle {
        Ok(handle) => {
            assert!(handle.join().unwrap() > 0);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn names() {
    both(|| {
        for name in ["", "x", "fetcher", "ein Läufer", &"long".repeat(1_000)] {
            let handle = Builder::new()
                .name(name.into())
                .spawn(|| goroutines::current().name().map(String::from))
                .unwrap();
            assert_eq!(handle.goroutine().name(), Some(name));
            assert!(format!("{:?}", handle.goroutine()).contains(&format!("{name:?}")));
            let goroutine = handle.goroutine().clone();
            assert_eq!(handle.join().unwrap().as_deref(), Some(name));
            assert_eq!(goroutine.name(), Some(name), "also after its end");
        }
        let error = Builder::new().name("a\0b".into()).spawn(|| ()).unwrap_err();
        assert!(matches!(error, SpawnError::BadName));
        assert!(error.to_string().contains("NUL"), "{error}");
    });
}

#[test]
fn stacks_of_all_sizes() {
    both(|| {
        for bytes in [
            0,
            1,
            4096,
            48 << 10,
            240 << 10,
            1 << 20,
            8 << 20,
            9 << 20,
            100 << 20,
        ] {
            check(bytes).unwrap();
        }
    });
}

#[test]
fn absurd_stacks_are_errors_that_say_what_to_do() {
    both(|| {
        for bytes in [
            usize::MAX,
            usize::MAX - 4096,
            usize::MAX / 2,
            1 << 60,
            1 << 50,
        ] {
            let text = check(bytes).unwrap_err();
            assert!(text.contains("smaller"), "{bytes}: {text}");
            assert!(text.contains("bytes"), "{bytes}: {text}");
        }
        // What could not be started has been dropped, and nothing is counted.
        let tally = crate::support::Tally::default();
        let one = tally.one();
        assert!(
            Builder::new()
                .stack_size(usize::MAX)
                .spawn(move || drop(one))
                .is_err()
        );
        assert_eq!(tally.dropped(), 1);
    });
}

#[test]
fn spawn_local_with_settings() {
    inside(|| {
        let shared = std::rc::Rc::new(5);
        let handle = Builder::new()
            .name("local".into())
            .stack_size(1 << 20)
            .spawn_local(move || (*shared, goroutines::current().name().map(String::from)))
            .unwrap();
        assert_eq!(handle.join().unwrap(), (5, Some("local".into())));
        assert!(Builder::new().name("\0".into()).spawn_local(|| ()).is_err());
    });
}

// TI-12 of the issue: errors of `runtime::builder`, in a process where nothing has started.
#[test]
fn runtime_settings() {
    if !alone("builder::runtime_settings", &[]) {
        return;
    }
    let error = |b: runtime::Builder| b.start().unwrap_err().to_string();
    let text = error(runtime::builder().workers(0));
    assert!(
        text.contains("0 workers") && text.contains("1 to 1024"),
        "{text}"
    );
    let text = error(runtime::builder().workers(5_000));
    assert!(
        text.contains("5000 workers") && text.contains("1024"),
        "{text}"
    );
    let text = error(runtime::builder().stack_size(usize::MAX));
    assert!(text.contains("smaller"), "{text}");
    let text = error(runtime::builder().main_stack_size(usize::MAX));
    assert!(text.contains("smaller"), "{text}");
    let text = error(runtime::builder().blocking_threads(0));
    assert!(text.contains("1 at least"), "{text}");
    // The first mistake is the one reported; good settings after it do not hide it.
    let text = error(runtime::builder().workers(0).workers(2).stack_size(1 << 20));
    assert!(text.contains("0 workers"), "{text}");
    let mut ran = false;
    assert!(runtime::builder().workers(0).run(|| ran = true).is_err());
    assert!(!ran);
    // None of these has started anything.
    assert_eq!(goroutines::num_goroutines(), 0);
    runtime::builder()
        .workers(3)
        .stack_size(128 << 10)
        .seed(1)
        .configure()
        .unwrap();
    assert_eq!(runtime::workers(), 3);
    // Configured twice: the last one counts.
    runtime::builder().workers(2).start().unwrap();
    assert_eq!(runtime::workers(), 2);
    assert_eq!(runtime::metrics().workers.len(), 2);
    let text = error(runtime::builder().workers(2));
    assert!(text.contains("already"), "{text}");
    assert!(text.contains("before"), "{text}");
    assert!(runtime::builder().run(|| ()).is_err());
    assert_eq!(goroutines::run(|| 5), 5);
}

fn bad_variable(name: &str, variable: &str, value: &str) {
    if !alone(name, &[(variable, value)]) {
        return;
    }
    let text = runtime::builder().start().unwrap_err().to_string();
    assert!(text.contains(variable) && text.contains(value), "{text}");
    let payload = std::panic::catch_unwind(|| goroutines::run(|| ())).unwrap_err();
    assert!(crate::support::text(&*payload).contains(variable));
    let error = Builder::new().spawn(|| ()).unwrap_err().to_string();
    assert!(error.contains(variable), "{error}");
}

#[test]
fn a_bad_number_of_workers_in_the_environment() {
    bad_variable(
        "builder::a_bad_number_of_workers_in_the_environment",
        "GOROUTINES_MAXPROCS",
        "0",
    );
}

#[test]
fn a_bad_stack_in_the_environment() {
    bad_variable(
        "builder::a_bad_stack_in_the_environment",
        "GOROUTINES_STACK",
        "12Q",
    );
}

#[test]
fn a_bad_policy_in_the_environment() {
    bad_variable(
        "builder::a_bad_policy_in_the_environment",
        "GOROUTINES_PANIC",
        "maybe",
    );
}

#[test]
fn good_settings_in_the_environment() {
    let vars = [("GOROUTINES_MAXPROCS", "3"), ("GOROUTINES_STACK", "1M")];
    if !alone("builder::good_settings_in_the_environment", &vars) {
        return;
    }
    assert_eq!(runtime::workers(), 3);
    goroutines::run(|| {
        goroutines::spawn(|| std::hint::black_box([0_u8; 600_000])[5])
            .join()
            .unwrap()
    });
    assert_eq!(runtime::metrics().workers.len(), 3);
}

//! Each rule is fed a small tree that breaks it, and one that does not.

use super::*;
use crate::places::{
    MACHINE_PATHS, MAX_LINES, NOTE_LINES, REGISTRY_HOSTS, REQUIRED, UNFINISHED_WORDS,
};

/// Checks a tree that is in order but for `files`, and compares the complaints with `expected`: each must contain
/// its text, in order, and there must be no others.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let report = report(files);
    let fits = report.errors.len() == expected.len()
        && report
            .errors
            .iter()
            .zip(expected)
            .all(|(e, x)| e.contains(x));
    assert!(fits, "expected {expected:#?}, got {:#?}", report.errors);
}

fn report(files: &[(&str, &str)]) -> Report {
    let given = files.iter().map(|(path, text)| File {
        path: path.to_string(),
        text: text.to_string(),
    });
    let mut tree: Vec<File> = given.collect();
    for path in REQUIRED {
        if !tree.iter().any(|f| f.path == *path) {
            tree.push(File {
                path: path.to_string(),
                text: "text\n".to_string(),
            });
        }
    }
    super::check(&tree)
}

/// A file of the runtime crate.
#[track_caller]
fn runtime(path: &str, code: &str, expected: &[&str]) {
    check(
        &[(
            &format!("crates/goroutines-runtime/src/{path}"),
            &format!("//! Doc.\n{code}\n"),
        )],
        expected,
    );
}

/// A file of the facade crate.
#[track_caller]
fn facade(path: &str, code: &str, expected: &[&str]) {
    check(
        &[(
            &format!("crates/goroutines/src/{path}"),
            &format!("//! Doc.\n{code}\n"),
        )],
        expected,
    );
}

/// The real thing.
#[test]
fn this_repository_is_tidy() {
    let report = run(&tree::root(), false).expect("the repository can be read");
    assert!(report.errors.is_empty(), "\n{}\n", report.errors.join("\n"));
}

#[test]
fn an_empty_tree_is_tidy_but_for_the_required_files() {
    check(&[], &[]);
    assert_eq!(super::check(&[]).errors.len(), REQUIRED.len());
}

#[test]
fn imports_run_downwards() {
    runtime("sched/worker.rs", "use crate::timer::Wheel;", &[]);
    runtime(
        "timer/mod.rs",
        "use crate::sched::Worker;",
        &["timer/mod.rs:2: `timer` (layer 3) imports `sched` (layer 4)"],
    );
    runtime(
        "g.rs",
        "fn f() { crate::park::ready() }",
        &["`g` (layer 2) imports `park` (layer 5)"],
    );
    runtime(
        "g/state.rs",
        "use crate::{sys, sched::{self, Worker}};",
        &["imports `sched`"],
    );
    runtime(
        "g/state.rs",
        "use super::super::sched::Worker;",
        &["imports `sched`"],
    );
    runtime(
        "g/state.rs",
        "macro_rules! m { () => { $crate::spawn::go() } }",
        &["imports `spawn`"],
    );
    runtime(
        "g/state.rs",
        "pub(in crate::g) fn f() {} use super::record;",
        &[],
    );
    runtime(
        "g/state.rs",
        "pub use crate::*;",
        &["names the whole crate root"],
    );
    facade(
        "sync/mutex.rs",
        "use crate::net::TcpStream;",
        &["`sync` (layer 6) imports `net` (layer 7)"],
    );
}

#[test]
fn edges_inside_a_layer_are_listed() {
    facade("context/mod.rs", "use crate::time::Timer;", &[]);
    facade(
        "time/mod.rs",
        "use crate::context::Context;",
        &["both on layer 6: not an edge in ALLOWED"],
    );
    runtime("timer.rs", "use crate::poll::Slot;", &["both on layer 3"]);
}

#[test]
fn unknown_rooms_are_refused() {
    runtime(
        "cellar/mod.rs",
        "",
        &["unknown room `cellar`: add it to LAYERS"],
    );
    runtime(
        "sched/mod.rs",
        "use crate::cellar::Wine;",
        &["`crate::cellar` is no known room"],
    );
    runtime("sched/mod.rs", "fn f() { crate::fatal!(\"x\") }", &[]);
    facade(
        "task/mod.rs",
        "use crate::JoinHandle;",
        &["`crate::JoinHandle` is no known room"],
    );
}

#[test]
fn comments_strings_tests_and_the_root_are_exempt() {
    runtime(
        "g.rs",
        "/// See [`crate::sched::Worker`].\nconst A: &str = \"crate::sched::Worker\"; // crate::sched::x",
        &[],
    );
    runtime(
        "g.rs",
        "#[cfg(test)]\nmod tests { use crate::sched::Worker; use std::sync::Arc; }",
        &[],
    );
    runtime(
        "lib.rs",
        "#![deny(unsafe_code)]\npub use crate::sched::Worker; pub mod g; mod sched;",
        &[],
    );
    let tests = (
        "crates/goroutines-runtime/src/g/tests.rs",
        "//! Tests.\nuse crate::sched::Worker; use libc::c_int;\n",
    );
    check(
        &[
            (
                "crates/goroutines-runtime/src/g/mod.rs",
                "//! G.\n#[cfg(test)]\nmod tests;\n",
            ),
            tests,
        ],
        &[],
    );
    check(
        &[
            (
                "crates/goroutines-runtime/src/g.rs",
                "//! G.\n#[cfg(all(test, loom))] mod tests;\n",
            ),
            tests,
        ],
        &[],
    );
    let declared_for_all = (
        "crates/goroutines-runtime/src/g/mod.rs",
        "//! G.\nmod tests;\n",
    );
    check(
        &[declared_for_all, tests],
        &["imports `sched`", "`libc` is reserved"],
    );
}

#[test]
fn the_facade_sees_the_runtime_through_its_windows() {
    facade(
        "sync/mutex.rs",
        "use goroutines_runtime::{park::park, util::List};",
        &[],
    );
    facade(
        "channel/chan.rs",
        "use goroutines_runtime::observe::live;",
        &["`goroutines_runtime::observe::live` is not what"],
    );
    facade("task/mod.rs", "use goroutines_runtime::spawn::spawn;", &[]);
    facade(
        "net/tcp.rs",
        "use goroutines_runtime::park::Registration;",
        &[],
    );
    facade(
        "net/tcp.rs",
        "use goroutines_runtime::poll::Poller;",
        &["`goroutines_runtime::poll::Poller` is not what"],
    );
    facade(
        "task/mod.rs",
        "fn f() { goroutines_runtime::fatal!(\"x\"); }",
        &[],
    );
}

#[test]
fn libc_is_for_sys_and_stack() {
    runtime("sys/futex.rs", "use libc::c_int;", &[]);
    runtime("poll/mod.rs", "use libc::c_int;", &["`libc` is reserved"]);
    runtime(
        "poll/mod.rs",
        "use rustix::event::epoll;",
        &["`rustix` is reserved"],
    );
    facade(
        "net/mod.rs",
        "fn f() { libc::getpid(); }",
        &["`libc` is reserved"],
    );
    check(
        &[(
            "crates/goroutines-fiber/src/stack/slab.rs",
            "//! A.\nuse libc::mmap;\n",
        )],
        &[],
    );
    check(
        &[(
            "crates/goroutines-fiber/src/guard.rs",
            "//! A.\nuse libc::mmap;\n",
        )],
        &[],
    );
    check(
        &[(
            "crates/goroutines-fiber/src/context.rs",
            "//! A.\nuse libc;\n",
        )],
        &["`libc` is reserved"],
    );
}

#[test]
fn thread_locals_are_for_current() {
    runtime("current.rs", "thread_local! { static A: u8 = 1; }", &[]);
    runtime(
        "sched/mod.rs",
        "std::thread_local! { static A: u8 = 1; }",
        &["`thread_local!` is reserved"],
    );
    facade(
        "task/mod.rs",
        "thread_local! { static A: u8 = 1; }",
        &["`thread_local!` is reserved"],
    );
}

#[test]
fn std_sync_and_loom_are_for_shim() {
    runtime(
        "shim/mod.rs",
        "pub use std::sync::Arc; #[cfg(loom)] pub use loom::sync::Mutex;",
        &[],
    );
    runtime(
        "g.rs",
        "use std::{cell::Cell, sync::{Arc, atomic::AtomicU8}};",
        &["`std::sync` is reserved"],
    );
    runtime(
        "g.rs",
        "type A = core::sync::atomic::AtomicU8;",
        &["`core::sync` is reserved"],
    );
    runtime(
        "g.rs",
        "#[cfg(loom)] fn f() { loom::thread::yield_now() }",
        &["`loom` is reserved"],
    );
    runtime("g.rs", "#[cfg(loom)] fn f() {}", &[]);
    facade("sync/mutex.rs", "use std::sync::PoisonError;", &[]);
}

#[test]
fn clocks_and_chance_are_for_seam() {
    runtime(
        "seam/clock.rs",
        "fn f() { std::time::Instant::now(); }",
        &[],
    );
    runtime(
        "sys/clock.rs",
        "fn f() { rustix::time::clock_gettime(); }",
        &[],
    );
    runtime(
        "timer.rs",
        "use std::time::Instant; fn f() { Instant::now(); }",
        &["timer.rs:2: `Instant::now` is reserved"],
    );
    runtime(
        "timer.rs",
        "fn f() { std::time::SystemTime::now(); }",
        &["`SystemTime::now` is reserved"],
    );
    runtime(
        "timer.rs",
        "fn f(t: Instant) { t.elapsed(); }",
        &["`.elapsed(` is reserved"],
    );
    facade(
        "time/mod.rs",
        "use std::collections::hash_map::RandomState;",
        &["`RandomState` is reserved"],
    );
}

#[test]
fn unsafe_is_mapped() {
    runtime(
        "sys/futex.rs",
        "#![allow(unsafe_code, reason = \"calls\")]",
        &[],
    );
    runtime(
        "timer/wheel.rs",
        "#![allow(unsafe_code)]",
        &["unsafe code outside the map"],
    );
    runtime(
        "timer/wheel.rs",
        "#[expect(unsafe_code)] fn f() {}",
        &["unsafe code outside the map"],
    );
    runtime("park/waitq.rs", "#![allow(unsafe_code)]", &[]);
    runtime(
        "park/waiting.rs",
        "#![allow(unsafe_code)]",
        &["unsafe code outside the map"],
    );
    facade(
        "net/mod.rs",
        "#![allow(unsafe_code)]",
        &["unsafe code outside the map"],
    );
    let stale = report(&[(
        "crates/goroutines-runtime/src/park/waitq.rs",
        "//! A list.\n",
    )]);
    assert!(
        stale
            .notes
            .iter()
            .any(|n| n.contains("park/waitq: nothing here allows")),
        "{:?}",
        stale.notes
    );
}

#[test]
fn unsafe_is_denied_or_forbidden_at_the_roots() {
    runtime("lib.rs", "", &["no `#![deny(unsafe_code)]`"]);
    facade(
        "lib.rs",
        "#[deny(unsafe_code)] mod a;",
        &["no `#![deny(unsafe_code)]`"],
    );
    facade("lib.rs", "#![forbid(unsafe_code)]", &[]);
    let forbids = "no `#![forbid(unsafe_code)]`";
    check(
        &[(
            "crates/goroutines-macros/src/lib.rs",
            "//! M.\n#![deny(unsafe_code)]\n",
        )],
        &[forbids],
    );
    check(
        &[("xtask/src/main.rs", "//! X.\n// #![forbid(unsafe_code)]\n")],
        &[forbids],
    );
    check(
        &[("crates/goroutines/examples/tour.rs", "//! T.\n")],
        &[forbids],
    );
    check(
        &[("crates/goroutines/examples/tour/main.rs", "//! T.\n")],
        &[forbids],
    );
    check(
        &[("crates/goroutines/examples/tour/part.rs", "//! T.\n")],
        &[],
    );
    check(&[("examples/src/bin/web.rs", "//! T.\n")], &[forbids]);
    check(
        &[(
            "crates/goroutines/examples/tour.rs",
            "//! T.\n#![forbid(unsafe_code)]\n",
        )],
        &[],
    );
}

#[test]
fn files_say_what_they_are_for() {
    for path in [
        "benches/src/main.rs",
        "crates/x/build.rs",
        "crates/x/tests/it/main.rs",
        "xtask/src/a.rs",
    ] {
        check(
            &[(path, "fn main() {}\n")],
            &["the first line is not `//! …`"],
        );
    }
    check(
        &[("benches/src/main.rs", "//!\nfn main() {}\n")],
        &["the first line"],
    );
    check(&[("benches/src/main.rs", "")], &["the first line"]);
}

#[test]
fn files_stay_small() {
    let file = |lines: usize| format!("//! Long.\n{}", "f();\n// why\n\n".repeat(lines));
    check(&[("benches/src/a.rs", &file(MAX_LINES))], &[]);
    check(
        &[("benches/src/a.rs", &file(MAX_LINES + 1))],
        &["601 lines of code"],
    );
    let tests = format!(
        "//! Long.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "f();\n".repeat(MAX_LINES + 1)
    );
    check(&[("benches/src/a.rs", &tests)], &[]);
    assert!(
        report(&[("benches/src/a.rs", &file(NOTE_LINES))])
            .notes
            .is_empty()
    );
    assert_eq!(
        report(&[("benches/src/a.rs", &file(NOTE_LINES + 1))])
            .notes
            .len(),
        1
    );
}

#[test]
fn nothing_is_left_unfinished() {
    for word in UNFINISHED_WORDS {
        check(
            &[("benches/src/a.rs", &format!("//! A.\n// {word}: more\n"))],
            &["marks unfinished work"],
        );
        check(
            &[(
                "benches/src/a.rs",
                &format!("//! A.\n// {word}S {}\n", word.to_lowercase()),
            )],
            &[],
        );
    }
    for code in ["todo!()", "unimplemented!()", "std::dbg!(1)"] {
        check(
            &[(
                "benches/src/a.rs",
                &format!("//! A.\nfn f() {{ {code} }}\n"),
            )],
            &["marks unfinished work"],
        );
    }
    check(
        &[(
            "benches/src/a.rs",
            "//! A. Never `dbg!`.\nconst A: &str = \"todo!()\";\n",
        )],
        &[],
    );
}

#[test]
fn no_file_speaks_of_one_machine() {
    for path in MACHINE_PATHS {
        check(
            &[("notes.md", &format!("one\nin `{path}me/x`\n"))],
            &["notes.md:2: names `/"],
        );
        check(
            &[(
                "notes.md",
                &format!("https://example.org{path}x and target{path}y\n"),
            )],
            &[],
        );
    }
    for host in REGISTRY_HOSTS {
        check(
            &[(
                "a/b.toml",
                &format!("index = \"https://mirror.{host}/x\"\n"),
            )],
            &["names the package registry"],
        );
    }
    check(
        &[(
            "Cargo.lock",
            &format!("source = \"{}\"\n", crate::places::CARGO_INDEX),
        )],
        &[],
    );
}

#[test]
fn the_usual_files_exist() {
    for path in REQUIRED {
        check(&[(path, " \n")], &[&format!("{path}: missing or empty")]);
    }
}

#[test]
fn architecture_prints_the_table() {
    let table = layers::table();
    check(
        &[("ARCHITECTURE.md", &format!("# Map\n\n{table}\n\nMore.\n"))],
        &[],
    );
    check(
        &[("ARCHITECTURE.md", "# Map\n")],
        &["ARCHITECTURE.md: no `<!-- layers:begin -->`"],
    );
    check(
        &[("ARCHITECTURE.md", &table.replace("| 1 |", "| 2 |"))],
        &["differs from xtask/src/layers.rs"],
    );
}

#[test]
fn bless_writes_the_table_and_nothing_else() {
    let root = std::env::temp_dir().join(format!("xtask-bless-{}", std::process::id()));
    std::fs::create_dir_all(&root).expect("a folder");
    let path = root.join("ARCHITECTURE.md");
    for (before, after) in [
        ("# Map\n", format!("# Map\n\n{}\n", layers::table())),
        (
            "a <!-- layers:begin --> old <!-- layers:end --> b\n",
            format!("a {} b\n", layers::table()),
        ),
    ] {
        std::fs::write(&path, before).expect("written");
        let report = run(&root, true).expect("read");
        assert!(
            !report.errors.iter().any(|e| e.contains("ARCHITECTURE")),
            "{:?}",
            report.errors
        );
        assert_eq!(std::fs::read_to_string(&path).expect("read"), after);
    }
    std::fs::remove_dir_all(&root).expect("removed");
}

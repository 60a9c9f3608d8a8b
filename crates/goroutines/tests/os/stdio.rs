//! Standard streams, in processes of their own.

use crate::support::inside;
use crate::{is_scene, scene};
use goroutines::io;
use goroutines::process::{Command, Stdio};
use goroutines::{go, spawn};
use std::io::{BufRead, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static TICKS: AtomicUsize = AtomicUsize::new(0);

/// Copies lines, while another goroutine shows that it is not held up.
fn echo() {
    go!(|| loop {
        goroutines::sleep(Duration::from_millis(1));
        TICKS.fetch_add(1, SeqCst);
    });
    let mut line = String::new();
    assert_eq!(io::stdin().read_line(&mut line).unwrap(), 6);
    let before = TICKS.load(SeqCst);
    writeln!(io::stdout(), "echo {}", line.trim()).unwrap();
    for line in io::stdin().lines() {
        writeln!(io::stdout().lock(), "echo {}", line.unwrap()).unwrap();
    }
    assert!(TICKS.load(SeqCst) > before);
    // It has ended for good.
    assert_eq!(io::stdin().read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(io::stdin().lock().fill_buf().unwrap(), b"");
    writeln!(io::stderr(), "end").unwrap();
    io::stdout().flush().unwrap();
}

#[test]
fn lines_come_and_go() {
    if is_scene("stdio::lines_come_and_go") {
        match std::env::var_os("ON_A_THREAD") {
            None => inside(echo),
            Some(_) => {
                crate::support::start();
                echo();
            }
        }
        std::process::exit(0);
    }
    for on_a_thread in [false, true] {
        inside(|| {
            let mut command = Command::from(scene("stdio::lines_come_and_go"));
            if on_a_thread {
                command.env("ON_A_THREAD", "1");
            }
            let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(b"first\n").unwrap();
            let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
            // What the harness prints comes before.
            assert!(lines.any(|line| line.unwrap().ends_with("echo first")));
            goroutines::sleep(Duration::from_millis(20));
            input.write_all(b"second\nthi").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), "echo second");
            input.write_all(b"rd\nfourth").unwrap();
            drop(input);
            assert_eq!(lines.next().unwrap().unwrap(), "echo third");
            assert_eq!(lines.next().unwrap().unwrap(), "echo fourth");
            let mut text = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "end\n");
            assert!(child.wait().unwrap().success());
        });
    }
}

/// A file, or nothing, cannot be watched, and need not be.
#[test]
fn input_that_is_a_file() {
    if is_scene("stdio::input_that_is_a_file") {
        inside(|| {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).unwrap();
            print!("[{}]", text.len());
        });
        std::process::exit(0);
    }
    inside(|| {
        for (input, length) in [("/dev/null", 0), ("/proc/self/exe", 4)] {
            let mut command = Command::from(scene("stdio::input_that_is_a_file"));
            if length == 0 {
                command.stdin(goroutines::fs::File::open(input).unwrap());
            } else {
                let path =
                    std::env::temp_dir().join(format!("goroutines-in-{}", std::process::id()));
                goroutines::fs::write(&path, "four").unwrap();
                command.stdin(goroutines::fs::File::open(&path).unwrap());
                goroutines::fs::remove_file(&path).unwrap();
            }
            let out = command.output().unwrap();
            assert!(out.status.success(), "{out:?}");
            let text = String::from_utf8(out.stdout).unwrap();
            assert!(text.ends_with(&format!("[{length}]")), "{text}");
        }
    });
}

/// Others see the same files: they must block as before.
#[test]
fn descriptors_are_left_as_they_are() {
    if is_scene("stdio::descriptors_are_left_as_they_are") {
        inside(|| {
            let reader = spawn(|| io::stdin().read(&mut [0; 8]));
            goroutines::sleep(Duration::from_millis(5));
            // One that waits for input can be cancelled.
            reader.cancel();
            assert!(reader.join().unwrap_err().is::<goroutines::Cancelled>());
            io::stdout().write_all(b"x").unwrap();
            for fd in ["0", "1"] {
                let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
                let flags = info
                    .lines()
                    .find_map(|line| line.strip_prefix("flags:"))
                    .unwrap();
                let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
                let nonblock = rustix::fs::OFlags::NONBLOCK.bits();
                assert_eq!(flags & nonblock, 0, "{info}");
            }
        });
        std::process::exit(0);
    }
    inside(|| {
        let mut command = Command::from(scene("stdio::descriptors_are_left_as_they_are"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let out = child.wait_with_output().unwrap();
        drop(input);
        assert!(out.status.success(), "{out:?}");
    });
}

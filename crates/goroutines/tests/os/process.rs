//! Children.

use crate::descriptors;
use crate::support::{HOUR, PATIENCE, both, inside, rounds, until};
use goroutines::process::{Child, Command, Stdio};
use goroutines::signal::Signal;
use goroutines::sync::WaitGroup;
use goroutines::{go, scope, spawn};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn how_it_ended() {
    both(|| {
        assert!(Command::new("true").status().unwrap().success());
        assert_eq!(sh("exit 7").status().unwrap().code(), Some(7));
        let killed = sh("kill -9 $$").status().unwrap();
        assert_eq!(killed.signal(), Some(9));
        let error = Command::new("/there/is/no/such/program")
            .spawn()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn arguments_environment_and_directory() {
    both(|| {
        let mut command = sh("echo $0 $1 $A $PWD; echo error >&2; cat");
        command.args(["name", "one"]).env("A", "a").current_dir("/");
        let out = command.output().unwrap();
        assert_eq!(out.stdout, b"name one a /\n");
        assert_eq!(out.stderr, b"error\n");
        // Its streams were not changed for good.
        let second = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(
            (&second.stdout[..], &second.stderr[..]),
            (&b""[..], &b"error\n"[..])
        );
        let mut command = sh("echo $0 $HOME $A");
        command
            .arg0("x")
            .env_clear()
            .envs([("A", "1"), ("B", "2")])
            .env_remove("B");
        assert_eq!(command.get_args().count(), 2);
        assert_eq!(command.get_envs().count(), 1);
        assert_eq!(command.output().unwrap().stdout, b"x 1\n");
    });
}

#[test]
fn more_than_a_pipe_holds_on_both_outputs() {
    both(|| {
        let script = "i=0; while [ $i -lt 3000 ]; do \
                      echo 0123456789012345678901234567890123456789012345678901234567890123; \
                      echo 0123456789012345678901234567890123456789012345678901234567890123 >&2; \
                      i=$((i+1)); done";
        let out = sh(script).output().unwrap();
        assert!(out.status.success());
        assert_eq!(
            (out.stdout.len(), out.stderr.len()),
            (3_000 * 65, 3_000 * 65)
        );
    });
}

#[test]
fn one_that_does_not_want_to_end() {
    both(|| {
        let mut command = sh("trap '' TERM; echo ready; while :; do sleep 0.05; done");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        child.send_signal(Signal::TERMINATE).unwrap();
        assert_eq!(child.wait_timeout(Duration::from_millis(50)).unwrap(), None);
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        assert_eq!(child.wait_deadline(Instant::now()).unwrap(), None);
        child.kill().unwrap();
        let status = child.wait_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(status.signal(), Some(9));
        // It stays so.
        assert_eq!(child.wait().unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
        assert_eq!(child.wait_timeout(HOUR).unwrap(), Some(status));
        let error = child.send_signal(Signal::TERMINATE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn one_that_has_ended_is_not_late() {
    both(|| {
        for deadline in [false, true] {
            let mut child = sh("exit 7").stdout(Stdio::piped()).spawn().unwrap();
            // Ends with the child.
            let mut output = child.stdout.take().unwrap();
            assert_eq!(output.read(&mut [0; 1]).unwrap(), 0);
            let mut status = None;
            until("its end", || {
                status = match deadline {
                    true => child.wait_deadline(Instant::now()).unwrap(),
                    false => child.wait_timeout(Duration::ZERO).unwrap(),
                };
                status.is_some()
            });
            assert_eq!(status.unwrap().code(), Some(7));
        }
    });
}

fn a_hundred_cats() {
    scope(|s| {
        for n in 0..100_u32 {
            s.spawn(move || {
                let mut command = Command::new("cat");
                let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = streams.spawn().unwrap();
                let (mut input, mut output) =
                    (child.stdin.take().unwrap(), child.stdout.take().unwrap());
                for round in 0..20_u32 {
                    let sent = (n * 1_000 + round).to_ne_bytes();
                    input.write_all(&sent).unwrap();
                    let mut got = [0; 4];
                    output.read_exact(&mut got).unwrap();
                    assert_eq!(got, sent);
                }
                drop(input);
                assert_eq!(output.read(&mut [0; 1]).unwrap(), 0);
                assert!(child.wait().unwrap().success());
            });
        }
    });
}

/// The end of a child, and the end of the time to wait for it, at once. All descriptors come back.
fn the_end_races_with_the_timeout() {
    // The runtime's own are there after this.
    Command::new("true").status().unwrap();
    let mut child = Command::new("sleep").arg("0.01").spawn().unwrap();
    child.wait_timeout(HOUR).unwrap();
    let before = descriptors();
    let group = WaitGroup::new();
    for worker in 0..10_u64 {
        group.go(move || {
            for round in 0..rounds(100) as u64 {
                let mut child = Command::new("true").spawn().unwrap();
                let time = Duration::from_micros((worker * 131 + round * 17) % 1_500);
                let status = match child.wait_timeout(time).unwrap() {
                    Some(status) => status,
                    None => child.wait().unwrap(),
                };
                assert!(status.success());
            }
        });
    }
    group.wait();
    // Threads of the pool may have some open for a moment.
    crate::support::until("descriptors as before", || descriptors() <= before + 16);
}

crate::support::on_workers!(a_hundred_cats the_end_races_with_the_timeout);

#[test]
fn a_cancelled_waiter_leaves_the_child() {
    inside(|| {
        let mut command = Command::new("cat");
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let id = child.id();
        let (give, take) = goroutines::channel::bounded::<Child>(1);
        struct Back(Option<Child>, goroutines::channel::Sender<Child>);
        impl Drop for Back {
            fn drop(&mut self) {
                self.1.send(self.0.take().unwrap()).unwrap();
            }
        }
        // Of the pipe, and of the child.
        let mut back = Back(Some(child), give);
        let input = back.0.as_mut().unwrap().stdin.take();
        let waiter = spawn(move || {
            let child = back.0.as_mut().unwrap();
            child.wait()
        });
        goroutines::sleep(Duration::from_millis(5));
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<goroutines::Cancelled>());
        let mut child = take.recv().unwrap();
        assert_eq!(child.id(), id);
        let mut output = child.stdout.take().unwrap();
        let reader = spawn(move || output.read(&mut [0; 1]));
        goroutines::sleep(Duration::from_millis(5));
        reader.cancel();
        assert!(reader.join().unwrap_err().is::<goroutines::Cancelled>());
        drop(input);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn cancelling_output_ends_its_reader() {
    inside(|| {
        let waiter = spawn(|| sh("echo $$ >&2; exec sleep 0.3").output());
        goroutines::sleep(Duration::from_millis(10));
        let start = Instant::now();
        waiter.cancel();
        let _ = waiter.join();
        assert!(start.elapsed() < PATIENCE);
    });
}

#[test]
fn children_begin_with_default_signals() {
    both(|| {
        let out = Command::new("cat")
            .arg("/proc/self/status")
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let set = |name: &str| crate::signals(name, &text);
        // What was ignored when this program was started is handed on.
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        assert_eq!(set("SigBlk:"), 0);
        assert_eq!(
            set("SigIgn:"),
            crate::signals("SigIgn:", &own) & !crate::PIPE
        );
        assert_eq!(set("SigCgt:"), 0);
    });
}

#[test]
fn a_program_in_place_of_this_one() {
    if crate::is_scene("process::a_program_in_place_of_this_one") {
        inside(|| {
            let error = Command::new("echo").arg("in its place").exec();
            panic!("{error}");
        });
    }
    let out = crate::scene("process::a_program_in_place_of_this_one")
        .output()
        .unwrap();
    assert!(out.status.success());
    assert!(
        String::from_utf8(out.stdout)
            .unwrap()
            .ends_with("in its place\n")
    );
}

#[test]
fn waiting_holds_no_thread() {
    inside(|| {
        let mut children: Vec<_> = (0..50)
            .map(|_| Command::new("sleep").arg("3600").spawn().unwrap())
            .collect();
        let ids: Vec<_> = children.iter().map(Child::id).collect();
        let group = WaitGroup::new();
        for mut child in children.drain(..) {
            group.go(move || assert_eq!(child.wait().unwrap().signal(), Some(15)));
        }
        goroutines::sleep(Duration::from_millis(20));
        // The pool's threads keep for a while; none of them waits for a child.
        let done = goroutines::channel::bounded::<()>(0);
        go!(move || {
            for id in ids {
                let raw = i32::try_from(id).unwrap();
                let pid = rustix::process::Pid::from_raw(raw).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            }
            drop(done.0);
        });
        done.1.recv().unwrap_err();
        group.wait();
    });
}

//! Forking: the child has one thread, the one that forked, and no workers. What runs in it is an
//! ordinary thread that happens to be on a goroutine's stack (SEMANTICS RH-9).
#![cfg(unix)]
#![allow(unsafe_code, reason = "forks")]

use super::{again, main_of};
use goroutines::os::unix::net::UnixStream;
use goroutines::{Builder, go, park, park_timeout, sleep, spawn, yield_now};
use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

unsafe extern "C" {
    safe fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    safe fn _exit(status: i32) -> !;
}

/// How a forked child ended: its exit status, or minus the signal.
fn reap(pid: i32) -> i32 {
    assert!(pid > 0, "{}", std::io::Error::last_os_error());
    let mut status = 0;
    let start = Instant::now();
    loop {
        // SAFETY: `status` is room for the answer. 1: WNOHANG.
        let done = unsafe { waitpid(pid, &raw mut status, 1) };
        if done == pid {
            let signal = status & 0x7f;
            return if signal == 0 {
                (status >> 8) & 0xff
            } else {
                -signal
            };
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the forked child hangs"
        );
        sleep(Duration::from_millis(2));
    }
}

static FORKED: AtomicBool = AtomicBool::new(false);
static BESIDE: AtomicU32 = AtomicU32::new(0);

/// Runs others, ready and sleeping, that must not run in the child.
fn company() {
    for _ in 0..20 {
        go!(|| {
            loop {
                if FORKED.load(Ordering::SeqCst) {
                    // A child of the fork: nobody but who forked may run.
                    _exit(66);
                }
                BESIDE.fetch_add(1, Ordering::SeqCst);
                yield_now();
                sleep(Duration::from_millis(1));
            }
        });
    }
    yield_now();
}

/// Forks in a goroutine; checks that the child ends with this status and the parent goes on.
fn fork_and(in_child: fn(), status: i32) {
    company();
    let forker = spawn(move || {
        match fork() {
            0 => {
                FORKED.store(true, Ordering::SeqCst);
                in_child();
                // Back to the end of the goroutine.
                -1
            }
            pid => reap(pid),
        }
    });
    assert_eq!(forker.join().unwrap(), status);
    let before = BESIDE.load(Ordering::SeqCst);
    while BESIDE.load(Ordering::SeqCst) < before + 20 {
        sleep(Duration::from_millis(1));
    }
    println!("the parent goes on");
}

macro_rules! forks {
    ($($(#[$doc:meta])* $name:ident: $status:expr, $in_child:expr;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            for workers in ["1", "2"] {
                let test = again(concat!("dies::fork::", stringify!($name))).var("WORKERS", workers);
                let end = test.run(|| {
                    let workers = std::env::var("WORKERS").unwrap().parse().unwrap();
                    main_of(workers, || fork_and($in_child, $status))
                });
                end.code(0).prints("the parent goes on");
                assert_eq!(end.out.matches("the parent goes on").count(), 1, "{end:#?}");
            }
        }
    )*};
}

forks! {
    child_leaves: 7, || _exit(7);
    child_works_without_waiting: 8, || {
        let sum: u64 = (0..1_000).map(|i| [i; 10].iter().sum::<u64>()).sum();
        assert_eq!(goroutines::current().name(), None);
        _exit(if sum == 4_995_000 { 8 } else { 9 });
    };
    child_cannot_spawn: 10, || {
        let by_builder = Builder::new().spawn(|| _exit(67));
        let text = by_builder.map(drop).unwrap_err().to_string();
        let told = text.contains("forked") && text.contains("exec");
        let quietly = std::panic::catch_unwind(|| go!(_exit(68)));
        let run = goroutines::runtime::builder().start();
        _exit(if told && quietly.is_err() && run.is_err() { 10 } else { 11 });
    };
    /// What waits blocks the child's thread; time goes on.
    child_waits_as_a_thread: 12, || {
        let start = Instant::now();
        sleep(Duration::from_millis(20));
        park_timeout(Duration::from_millis(20));
        yield_now();
        goroutines::current().unpark();
        park();
        _exit(if start.elapsed() >= Duration::from_millis(40) { 12 } else { 13 });
    };
    /// As it is documented: who joins does not wait for ever.
    child_cannot_start_a_task: 21, || {
        let task = goroutines::future::spawn(async { 1 });
        _exit(if task.join().is_err() { 21 } else { 22 });
    };
    child_blocks_in_place: 14, || {
        let text = String::from("borrowed");
        let n = goroutines::blocking(|| text.len());
        _exit(if n == 8 { 14 } else { 15 });
    };
    /// The goroutine that forked comes to its end in the child: so does the child.
    child_returns_from_the_goroutine: 0, || ();
    child_panics: 0, || panic!("in the child");
    child_exits: 16, || std::process::exit(16);
}

/// A plain thread forks while the runtime runs.
#[test]
fn child_of_a_plain_thread() {
    let end = again("dies::fork::child_of_a_plain_thread").of(|| {
        goroutines::runtime::builder().workers(2).start().unwrap();
        spawn(company).join().unwrap();
        match fork() {
            0 => {
                FORKED.store(true, Ordering::SeqCst);
                let refused = Builder::new().spawn(|| _exit(67)).is_err();
                sleep(Duration::from_millis(10));
                _exit(if refused { 17 } else { 18 });
            }
            pid => assert_eq!(reap(pid), 17),
        }
        println!("the parent goes on");
    });
    end.code(0).prints("the parent goes on");
}

/// Before the first goroutine there is nothing that could be missing in the child.
#[test]
fn before_the_first_goroutine() {
    let end = again("dies::fork::before_the_first_goroutine").of(|| {
        match fork() {
            0 => {
                let n = goroutines::run(|| spawn(|| 19).join().unwrap());
                _exit(n);
            }
            pid => assert_eq!(reap(pid), 19),
        }
        assert_eq!(goroutines::run(|| spawn(|| 1).join().unwrap()), 1);
        println!("both ran");
    });
    end.code(0).prints("both ran");
}

/// The usual way to start another program, from a goroutine.
#[test]
fn and_exec() {
    let end = again("dies::fork::and_exec").run(|| {
        main_of(2, || {
            company();
            for _ in 0..20 {
                let output = std::process::Command::new("sh")
                    .args(["-c", "echo from sh"])
                    .output();
                assert_eq!(output.unwrap().stdout, b"from sh\n");
                yield_now();
            }
            println!("all ran");
        })
    });
    end.code(0).prints("all ran");
}

/// The child closes its copies of sockets that the parent watches: the parent's goroutines hear of what
/// comes all the same. The child has the parent's pollers, which it must leave alone.
#[test]
fn child_closes_what_the_parent_waits_for() {
    static ENDS: OnceLock<[UnixStream; 4]> = OnceLock::new();
    for workers in ["1", "2"] {
        let test = again("dies::fork::child_closes_what_the_parent_waits_for");
        let end = test.var("WORKERS", workers).run(|| {
            let workers = std::env::var("WORKERS").unwrap().parse().unwrap();
            main_of(workers, || {
                let (a, b) = UnixStream::pair().unwrap();
                let (c, d) = UnixStream::pair().unwrap();
                let [_, near, _, lent] = ENDS.get_or_init(|| [a, b, c, d]);
                let readers = [near, lent].map(|end| {
                    spawn(move || {
                        let mut end = end;
                        let mut buf = [0; 4];
                        end.read_exact(&mut buf).unwrap();
                        buf
                    })
                });
                // They are watched by now.
                sleep(Duration::from_millis(20));
                let forker = spawn(|| match fork() {
                    0 => {
                        let [_, near, _, lent] = ENDS.get().unwrap();
                        near.close();
                        let clone = lent.try_clone().unwrap();
                        let taken = std::os::unix::net::UnixStream::try_from(clone);
                        drop(taken.unwrap());
                        lent.close();
                        _exit(20)
                    }
                    pid => reap(pid),
                });
                assert_eq!(forker.join().unwrap(), 20);
                let [a, _, c, _] = ENDS.get().unwrap();
                for mut end in [a, c] {
                    end.write_all(b"here").unwrap();
                }
                for reader in readers {
                    assert_eq!(reader.join().unwrap(), *b"here");
                }
                println!("the parent goes on");
            })
        });
        end.code(0).prints("the parent goes on");
    }
}

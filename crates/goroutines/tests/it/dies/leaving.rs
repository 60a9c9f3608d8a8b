//! How a program ends: by `main` returning, by `exit`, by `std::process::exit`, by a panic under the
//! policy that ends the process (SEMANTICS GO-7 to GO-10).

use super::{Again, End, Says, again, main_of};
use goroutines::sync::WaitGroup;
use goroutines::{go, park, sleep, spawn, yield_now};
use std::process::ExitCode;
use std::time::Duration;

/// Starts a goroutine that never lets go of its worker once it runs, and waits until it does.
fn start_spinner() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static SPINS: AtomicBool = AtomicBool::new(false);
    SPINS.store(false, Ordering::SeqCst);
    go!(|| {
        let _gone = Says("spinner");
        SPINS.store(true, Ordering::SeqCst);
        loop {
            std::hint::spin_loop();
        }
    });
    while !SPINS.load(Ordering::SeqCst) {
        // Without yielding: here it would never give the processor back.
        std::thread::sleep(Duration::from_millis(1));
    }
    // What is placed on its worker before the monitor knows that it is stuck is another test's matter
    // (`stalls::strand_nobody_who_was_placed`).
    std::thread::sleep(Duration::from_millis(100));
}

fn crowd() {
    const N: usize = 100_000;
    start_spinner();
    let parked = WaitGroup::new();
    parked.add(N as isize);
    for _ in 0..N {
        let parked = parked.clone();
        go!(move || {
            let _gone = Says("one of many");
            parked.done();
            park();
        });
    }
    parked.wait();
    assert!(goroutines::num_goroutines() > N);
    println!("main returns");
}

#[track_caller]
fn check_crowd(end: &End) {
    end.code(0).prints("main returns").prints_no("dropped: ");
    end.keeps_quiet_about(&["panicked", "fatal"]);
}

#[test]
fn main_returns_while_many_wait_and_one_spins() {
    let test = again("dies::leaving::main_returns_while_many_wait_and_one_spins");
    let end = test.run(|| main_of(2, crowd));
    check_crowd(&end);
    // Making the crowd takes a debug build a while; leaving it does not.
    end.within(Duration::from_secs(20));
}

#[test]
fn main_returns_at_once() {
    let test = again("dies::leaving::main_returns_at_once");
    let end = test.run(|| {
        main_of(2, || {
            start_spinner();
            for _ in 0..1_000 {
                go!(|| {
                    let _gone = Says("sleeper");
                    sleep(Duration::from_secs(1_000));
                });
            }
            yield_now();
            sleep(Duration::from_millis(5));
            println!("main returns");
        })
    });
    check_crowd(&end);
    end.within(Duration::from_secs(2));
}

#[test]
fn main_returns_before_anything_has_started() {
    let test = again("dies::leaving::main_returns_before_anything_has_started");
    let end = test.run(|| {
        main_of(1, || {
            let owned = Says("captured");
            go!(move || drop(owned));
        })
    });
    end.code(0).prints_no("dropped: ");
}

#[test]
fn main_returns_a_status() {
    let end = again("dies::leaving::main_returns_a_status").run(|| {
        fn three() -> ExitCode {
            go!(park());
            ExitCode::from(3)
        }
        goroutines::private::main(
            goroutines::private::Config {
                workers: None,
                stack_size: None,
            },
            three,
        )
    });
    end.code(3);
}

#[test]
fn main_panics() {
    let end = again("dies::leaving::main_panics").run(|| {
        main_of(2, || {
            let _local = Says("main's local");
            go!(park());
            panic!("main fails");
        })
    });
    end.code(101)
        .says(&["goroutine 1 ", "panicked", "main fails"])
        .prints("dropped: main's local");
}

fn exit_process(workers: usize) -> ExitCode {
    main_of(workers, || {
        let _local = Says("main's local");
        for _ in 0..100 {
            go!(|| {
                let _gone = Says("parked");
                park();
            });
        }
        spawn(|| {
            let _mine = Says("the one that exits");
            if goroutines::runtime::workers() > 1 {
                sleep(Duration::from_millis(5));
            }
            std::process::exit(7);
        })
        .join()
        .unwrap();
    })
}

#[test]
fn process_exit_from_a_goroutine() {
    let test = again("dies::leaving::process_exit_from_a_goroutine");
    test.run(|| exit_process(2))
        .code(7)
        .prints_no("dropped: ")
        .within(Duration::from_secs(5));
}

#[test]
fn process_exit_from_a_goroutine_on_the_only_worker() {
    let test = again("dies::leaving::process_exit_from_a_goroutine_on_the_only_worker");
    test.run(|| exit_process(1))
        .code(7)
        .prints_no("dropped: ")
        .within(Duration::from_secs(5));
}

#[test]
fn process_exit_from_main_while_others_run() {
    let test = again("dies::leaving::process_exit_from_main_while_others_run");
    let end = test.run(|| {
        main_of(3, || {
            let busy = || {
                let _gone = Says("busy");
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_secs(60) {
                    spawn(|| vec![1_u8; 10_000]).join().unwrap();
                    sleep(Duration::from_micros(10));
                }
            };
            start_spinner();
            go!(busy());
            go!(busy());
            yield_now();
            std::process::exit(8);
        })
    });
    end.code(8)
        .prints_no("dropped: ")
        .within(Duration::from_secs(5));
}

#[test]
fn process_exit_from_a_plain_thread() {
    let test = again("dies::leaving::process_exit_from_a_plain_thread");
    let end = test.run(|| {
        main_of(2, || {
            let _local = Says("main's local");
            std::thread::spawn(|| std::process::exit(9));
            park();
        })
    });
    end.code(9)
        .prints_no("dropped: ")
        .within(Duration::from_secs(5));
}

const LAST: &str = "fatal error: no goroutines (main called exit) - deadlock!";

fn exit_main() -> ExitCode {
    main_of(2, || {
        let _local = Says("main's local");
        go!(|| {
            for i in 0..3 {
                sleep(Duration::from_millis(5));
                println!("other {i}");
            }
            spawn(|| println!("its child")).join().unwrap();
        });
        go!(|| {
            sleep(Duration::from_millis(2));
        });
        goroutines::exit();
    })
}

#[test]
fn main_exits_and_others_go_on() {
    let end = again("dies::leaving::main_exits_and_others_go_on").run(exit_main);
    end.code(2)
        .prints("dropped: main's local")
        .prints("other 2")
        .prints("its child")
        .says(&[LAST]);
    end.keeps_quiet_about(&["panicked"])
        .within(Duration::from_secs(5));
}

#[test]
fn main_exits_alone() {
    let test = again("dies::leaving::main_exits_alone");
    let end = test.run(|| main_of(1, || goroutines::exit()));
    end.code(2).says(&[LAST]).keeps_quiet_about(&["panicked"]);
}

#[test]
fn main_exits_on_the_only_worker() {
    let test = again("dies::leaving::main_exits_on_the_only_worker");
    let end = test.run(|| {
        main_of(1, || {
            go!(|| {
                yield_now();
                println!("other");
            });
            goroutines::exit();
        })
    });
    end.code(2).prints("other").says(&[LAST]);
}

#[test]
fn main_exits_and_another_ends_the_process() {
    let test = again("dies::leaving::main_exits_and_another_ends_the_process");
    let end = test.run(|| {
        main_of(2, || {
            go!(|| {
                sleep(Duration::from_millis(5));
                std::process::exit(6);
            });
            goroutines::exit();
        })
    });
    end.code(6).keeps_quiet_about(&[LAST]);
}

fn crash_policy(name: &'static str) -> Again {
    again(name).var("GOROUTINES_PANIC", "exit")
}

#[test]
fn a_panic_ends_the_process_if_so_set() {
    let test = crash_policy("dies::leaving::a_panic_ends_the_process_if_so_set");
    let end = test.run(|| {
        main_of(2, || {
            let _local = Says("main's local");
            go!(|| {
                let _mine = Says("the one that panics");
                panic!("not caught");
            });
            park();
        })
    });
    end.code(2).says(&["goroutine ", "panicked", "not caught"]);
    end.prints("dropped: the one that panics")
        .prints_no("dropped: main's local");
}

#[test]
fn a_panic_that_is_caught_ends_nothing() {
    let test = crash_policy("dies::leaving::a_panic_that_is_caught_ends_nothing");
    let end = test.run(|| {
        main_of(2, || {
            let caught = spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err());
            assert!(caught.join().unwrap());
            assert!(
                spawn(|| goroutines::exit()).join().is_err(),
                "an exit is no panic"
            );
            println!("went on");
        })
    });
    end.code(0).prints("went on").says(&["caught"]);
    // Main does not wait for a panic that is over.
    end.within(Duration::from_millis(900));
}

/// Panics with a destructor that lets main go on, and returns to the scheduler some times.
fn panic_race() {
    struct Slow(WaitGroup);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.done();
            for _ in 0..10 {
                yield_now();
                sleep(Duration::from_millis(1));
            }
            println!("dropped: slowly");
        }
    }
    let wg = WaitGroup::new();
    wg.add(1);
    let slow = Slow(wg.clone());
    go!(move || {
        let _slow = slow;
        panic!("while main returns");
    });
    wg.wait();
}

#[track_caller]
fn check_race(end: &End) {
    end.code(2)
        .says(&["while main returns"])
        .prints("dropped: slowly");
    end.within(Duration::from_secs(5));
}

#[test]
fn main_returns_while_a_panic_unwinds() {
    let test = crash_policy("dies::leaving::main_returns_while_a_panic_unwinds");
    check_race(&test.run(|| main_of(2, panic_race)));
}

#[test]
fn main_returns_while_a_panic_unwinds_on_its_own_worker() {
    let test = crash_policy("dies::leaving::main_returns_while_a_panic_unwinds_on_its_own_worker");
    check_race(&test.run(|| main_of(1, panic_race)));
}

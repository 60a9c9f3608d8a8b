//! Running out: of address space, of mappings. Whoever wants one goroutine more is told the limit, and
//! those that run go on.
#![allow(unsafe_code, reason = "sets a resource limit")]

use super::{Again, again, main_of, skip, text_of};
use goroutines::{Builder, go, park, sleep, yield_now};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(target_os = "linux")]
mod address_space {
    #[repr(C)]
    struct Limit {
        now: u64,
        most: u64,
    }

    unsafe extern "C" {
        fn setrlimit(resource: i32, limit: *const Limit) -> i32;
    }

    /// Lets this process map so many bytes more than it has mapped.
    pub(super) fn leave(more: u64) {
        const RLIMIT_AS: i32 = 9;
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
        let limit = Limit {
            now: pages * 4096 + more,
            most: u64::MAX,
        };
        // SAFETY: reads the limit.
        assert_eq!(unsafe { setrlimit(RLIMIT_AS, &raw const limit) }, 0);
    }
}

#[cfg(not(target_os = "linux"))]
mod address_space {
    pub(super) fn leave(_: u64) {}
}

fn supported() -> bool {
    if !cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        skip("limits are set as Linux has them");
    }
    cfg!(all(target_os = "linux", target_pointer_width = "64"))
}

static LEAVE: AtomicBool = AtomicBool::new(false);
static RAN: AtomicUsize = AtomicUsize::new(0);
static TICKS: AtomicUsize = AtomicUsize::new(0);

fn start_clock() {
    go!(|| {
        while !LEAVE.load(Ordering::SeqCst) {
            TICKS.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(1));
        }
    });
    // It is to have its stack before there are none.
    while TICKS.load(Ordering::SeqCst) == 0 {
        yield_now();
    }
}

fn wait_in_vain() {
    while !LEAVE.load(Ordering::SeqCst) {
        park();
    }
    RAN.fetch_add(1, Ordering::SeqCst);
}

/// Starts goroutines that stay until there is no stack for one more; then everything must go on, and
/// all of them must come to their end. `limit` is in the error.
fn exhaust(most: usize, limit: &str) {
    start_clock();
    let mut handles = Vec::new();
    let error = loop {
        assert!(handles.len() < most, "no limit was reached");
        match Builder::new().spawn(wait_in_vain) {
            Ok(handle) => handles.push(handle),
            Err(error) => break error,
        }
        yield_now();
    };
    println!("{} were made", handles.len());
    let text = error.to_string();
    assert!(text.contains(limit), "{text}");
    assert!(text.starts_with("cannot spawn a goroutine: "), "{text}");
    // The other ways of spawning say the same.
    let caught = std::panic::catch_unwind(|| go!(wait_in_vain()));
    assert!(text_of(&*caught.unwrap_err()).contains(limit));
    let caught = std::panic::catch_unwind(|| drop(goroutines::spawn(wait_in_vain)));
    assert!(text_of(&*caught.unwrap_err()).contains(limit));
    assert!(
        Builder::new()
            .name("x".into())
            .spawn_local(wait_in_vain)
            .is_err()
    );
    // Those that run are not harmed: time goes on, stacks can be used.
    let before = TICKS.load(Ordering::SeqCst);
    while TICKS.load(Ordering::SeqCst) < before + 20 {
        sleep(Duration::from_millis(1));
    }
    println!("the rest goes on");
    LEAVE.store(true, Ordering::SeqCst);
    handles.iter().for_each(|h| h.goroutine().unpark());
    let n = handles.len();
    for handle in handles {
        handle.join().unwrap();
    }
    assert_eq!(RAN.load(Ordering::SeqCst), n);
    // And there is room again.
    let after: Vec<_> = (0..100).map(|i| goroutines::spawn(move || i)).collect();
    assert_eq!(
        after.into_iter().map(|h| h.join().unwrap()).sum::<i32>(),
        4950
    );
    println!("all have ended");
}

#[track_caller]
fn check(test: Again, limit: &str, scenario: fn() -> ExitCode) {
    if supported() {
        let end = test.run(scenario);
        end.code(0)
            .prints("the rest goes on")
            .prints("all have ended");
        end.says(&["goroutine ", "waits for a stack", limit]);
        // Once for each time that stacks run out, not for each goroutine.
        let notes = end.err.matches("waits for a stack").count();
        assert!(notes <= 5, "{notes} notes: {end:#?}");
    }
}

const SPACE: &str = "RLIMIT_AS";
const MAPPINGS: &str = "vm.max_map_count";

#[test]
fn of_address_space() {
    check(again("dies::limits::of_address_space"), SPACE, || {
        main_of(2, || {
            yield_now();
            address_space::leave(200 << 20);
            exhaust(100_000, SPACE);
        })
    });
}

#[test]
fn of_address_space_by_the_shell() {
    let test = again("dies::limits::of_address_space_by_the_shell").after("ulimit -v 1500000");
    check(test, SPACE, || main_of(2, || exhaust(100_000, SPACE)));
}

/// With many settings of `vm.max_map_count` this would take too long.
fn few_mappings() -> bool {
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let few = most
        .ok()
        .and_then(|s| s.trim().parse().ok())
        .is_some_and(|n: u64| n < 200_000);
    if !few {
        skip("vm.max_map_count is too large to be reached, or unknown");
    }
    few
}

#[test]
fn of_mappings() {
    let test = again("dies::limits::of_mappings").var("GOROUTINES_GUARD", "mprotect");
    if few_mappings() {
        check(test, MAPPINGS, || main_of(2, || exhaust(150_000, MAPPINGS)));
    }
}

/// A stack with a mapping of its own is asked for at once.
#[test]
fn for_one_large_stack() {
    if !supported() {
        return;
    }
    let end = again("dies::limits::for_one_large_stack").run(|| {
        main_of(2, || {
            start_clock();
            yield_now();
            address_space::leave(100 << 20);
            let large = || Builder::new().stack_size(1 << 30);
            let text = large().spawn(|| ()).unwrap_err().to_string();
            assert!(text.contains(SPACE) && text.contains("ulimit -v"), "{text}");
            assert!(large().spawn_local(|| ()).is_err());
            // A smaller one is no problem.
            let small = Builder::new().stack_size(20 << 20).spawn(|| 5);
            assert_eq!(small.unwrap().join().unwrap(), 5);
            assert_eq!(goroutines::spawn(|| 6).join().unwrap(), 6);
            println!("all have ended");
        })
    });
    end.code(0)
        .prints("all have ended")
        .keeps_quiet_about(&["panicked", "waits for a stack"]);
}

/// There is not even room for main's stack.
#[test]
fn for_main() {
    if !supported() {
        return;
    }
    let test = again("dies::limits::for_main").var("GOROUTINES_MAIN_STACK", "2G");
    let end = test
        .after("ulimit -v 1000000")
        .run(|| main_of(1, || println!("main ran")));
    end.code(2)
        .says(&["goroutines: ", SPACE])
        .prints_no("main ran");
}

/// A goroutine that waits for a stack when main returns keeps nothing from ending.
#[test]
fn while_main_returns() {
    if !supported() {
        return;
    }
    let end = again("dies::limits::while_main_returns").run(|| {
        main_of(2, || {
            yield_now();
            address_space::leave(100 << 20);
            let mut made = 0;
            while Builder::new().spawn(park).is_ok() {
                made += 1;
                assert!(made < 100_000);
                yield_now();
            }
            println!("main returns");
        })
    });
    end.code(0)
        .prints("main returns")
        .within(Duration::from_secs(20));
}

/// One that was to start on its own worker still does when it had to wait for a stack: its closure
/// may not be sent.
#[test]
fn for_local_ones() {
    if !supported() {
        return;
    }
    let end = again("dies::limits::for_local_ones").run(|| {
        main_of(2, || {
            yield_now();
            address_space::leave(200 << 20);
            let here = std::thread::current().id();
            // None of these can start before this goroutine waits.
            let local: Vec<_> = (0..1_000)
                .map(|_| {
                    goroutines::spawn_local(move || {
                        let moved = std::thread::current().id() != here;
                        wait_in_vain();
                        moved
                    })
                })
                .collect();
            // The other worker starts these at once, until there are no stacks.
            let anywhere: Vec<_> = (0..1_000)
                .map_while(|_| Builder::new().spawn(wait_in_vain).ok())
                .collect();
            // Until all have started for which there is room.
            sleep(Duration::from_millis(100));
            assert!(Builder::new().spawn(|| ()).is_err(), "all found room");
            LEAVE.store(true, Ordering::SeqCst);
            anywhere.iter().for_each(|h| h.goroutine().unpark());
            local.iter().for_each(|h| h.goroutine().unpark());
            let moved: Vec<bool> = local.into_iter().map(|h| h.join().unwrap()).collect();
            assert_eq!(moved.iter().filter(|&&m| m).count(), 0);
            anywhere.into_iter().for_each(|h| h.join().unwrap());
            println!("all have ended");
        })
    });
    end.code(0).prints("all have ended");
}

//! `JoinHandle`: results of all sizes, each dropped once; detaching; the order of things.

use crate::support::{Counted, Tally, both, inside, rounds, until};
use goroutines::{Cancelled, JoinHandle, sleep, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How a handle ends, and whether the goroutine has ended by then.
#[derive(Clone, Copy, Debug)]
enum End {
    Joined,
    JoinedLate,
    DetachedBefore,
    DetachedAfter,
    DroppedAtOnce,
}

const ENDS: [End; 5] = [
    End::Joined,
    End::JoinedLate,
    End::DetachedBefore,
    End::DetachedAfter,
    End::DroppedAtOnce,
];

/// Sends `make()` through a goroutine, as capture and as result, in every way; `right` looks at it.
fn check<T: Send + 'static>(
    make: impl Fn(Counted) -> T + Copy + Send + Sync + 'static,
    right: impl Fn(&T) + Copy + Send + Sync + 'static,
) {
    both(|| {
        for end in ENDS {
            let tally = Tally::default();
            let gate = Arc::new(AtomicBool::new(matches!(end, End::DroppedAtOnce)));
            let theirs = gate.clone();
            let captured = make(tally.one());
            let one = tally.one();
            let handle = spawn(move || {
                until("the gate", || theirs.load(Ordering::Acquire));
                right(&captured);
                drop(captured);
                make(one)
            });
            match end {
                End::Joined => {
                    gate.store(true, Ordering::Release);
                    let result = handle.join().unwrap();
                    right(&result);
                    assert_eq!(tally.dropped(), 1, "{end:?}: the capture, not the result");
                    drop(result);
                    assert_eq!(tally.dropped(), 2);
                }
                End::JoinedLate => {
                    assert!(!handle.is_finished());
                    gate.store(true, Ordering::Release);
                    until("it ended", || handle.is_finished());
                    right(&handle.join().unwrap());
                }
                End::DetachedBefore => {
                    drop(handle);
                    assert_eq!(tally.dropped(), 0);
                    gate.store(true, Ordering::Release);
                }
                End::DetachedAfter => {
                    gate.store(true, Ordering::Release);
                    until("it ended", || handle.is_finished());
                    assert_eq!(tally.dropped(), 1);
                    drop(handle);
                    assert_eq!(tally.dropped(), 2);
                }
                End::DroppedAtOnce => drop(handle),
            }
            tally.until_balanced();
            assert_eq!(tally.made(), 2);
        }
    });
}

fn aligned<T>(value: &T) {
    assert_eq!(std::ptr::from_ref(value).addr() % align_of::<T>(), 0);
}

#[test]
fn results_of_no_size() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    inside(|| {
        drop(spawn(|| Nothing).join().unwrap());
        assert_eq!(DROPS.load(Ordering::Relaxed), 1);
        let nothing = Nothing;
        drop(spawn(move || drop(nothing)));
        drop(spawn(|| Nothing));
        until("both dropped", || DROPS.load(Ordering::Relaxed) == 3);
    });
}

#[test]
fn results_of_every_size() {
    check(|c| (c, 1u8), |v| assert_eq!(v.1, 1));
    check(|c| (c, [2u8; 7]), |v| assert_eq!(v.1, [2; 7]));
    check(|c| (c, 3u64), |v| assert_eq!(v.1, 3));
    check(|c| (c, [4u8; 33]), |v| assert_eq!(v.1, [4; 33]));
    check(|c| (c, [5u64; 8]), |v| assert_eq!(v.1, [5; 8]));
    check(|c| (c, [6u8; 4096]), |v| assert_eq!(v.1, [6; 4096]));
    check(
        |c| (c, Box::new([7u8; 100_000])),
        |v| assert_eq!(*v.1, [7; 100_000]),
    );
    check(
        |c| Box::new(c) as Box<dyn std::any::Any + Send>,
        |v| assert!(v.is::<Counted>()),
    );
}

#[test]
fn results_of_every_alignment() {
    #[repr(align(16))]
    struct A16(Counted, u8);
    #[repr(align(64))]
    struct A64(Counted, u8);
    #[repr(align(4096))]
    struct A4096(Counted, u8);
    check(
        |c| A16(c, 1),
        |v| {
            aligned(v);
            assert_eq!((v.1, format!("{:?}", v.0).is_empty()), (1, false));
        },
    );
    check(
        |c| A64(c, 2),
        |v| {
            aligned(v);
            assert_eq!((v.1, format!("{:?}", v.0).is_empty()), (2, false));
        },
    );
    check(
        |c| A4096(c, 3),
        |v| {
            aligned(v);
            assert_eq!((v.1, format!("{:?}", v.0).is_empty()), (3, false));
        },
    );
    // Without anything that is dropped, and of no size at all.
    #[repr(align(4096))]
    #[derive(Clone, Copy)]
    struct Empty;
    both(|| {
        let capture = Empty;
        aligned(
            &spawn(move || {
                aligned(&capture);
                capture
            })
            .join()
            .unwrap(),
        );
    });
}

// The sizes around what fits into the record, as captures without a result.
#[test]
fn captures_of_every_size() {
    fn one<const N: usize>() {
        let (tally, bytes) = (Tally::default(), [N as u8; N]);
        let one = tally.one();
        let sum: usize = spawn(move || {
            let _one = one;
            yield_now();
            bytes.iter().map(|&b| usize::from(b)).sum()
        })
        .join()
        .unwrap();
        assert_eq!(sum, (N % 256) * N);
        tally.until_balanced();
    }
    both(|| {
        one::<0>();
        one::<1>();
        one::<7>();
        one::<8>();
        one::<15>();
        one::<16>();
        one::<23>();
        one::<24>();
        one::<31>();
        one::<32>();
        one::<39>();
        one::<40>();
        one::<41>();
        one::<48>();
        one::<56>();
        one::<57>();
        one::<64>();
        one::<255>();
        one::<4096>();
        one::<16_000>();
    });
}

#[test]
fn is_finished_turns_true_once_and_only_after_the_end() {
    both(|| {
        for _ in 0..rounds(200) {
            let ended = Arc::new(AtomicBool::new(false));
            let theirs = ended.clone();
            let handle = spawn(move || {
                yield_now();
                theirs.store(true, Ordering::Relaxed);
            });
            while !handle.is_finished() {
                yield_now();
            }
            assert!(ended.load(Ordering::Relaxed), "is_finished synchronises");
            assert!(handle.is_finished());
            handle.join().unwrap();
        }
    });
}

// Any goroutine or thread may join; the right to it can be handed on.
#[test]
fn a_handle_may_be_joined_elsewhere() {
    both(|| {
        let inner = spawn(|| {
            yield_now();
            String::from("inner")
        });
        let outer = spawn(move || inner.join().unwrap() + " outer");
        let thread = std::thread::spawn(move || outer.join().unwrap() + " thread");
        let text = goroutines::blocking(|| thread.join().unwrap());
        assert_eq!(text, "inner outer thread");
    });
}

#[test]
fn a_handle_may_be_dropped_elsewhere() {
    both(|| {
        for round in 0..rounds(200) {
            let tally = Tally::default();
            let one = tally.one();
            let handle: JoinHandle<Counted> = spawn(move || one);
            if round % 2 == 0 {
                yield_now();
            }
            let dropper = spawn(move || drop(handle));
            dropper.join().unwrap();
            tally.until_balanced();
        }
    });
}

#[test]
fn the_handle_names_its_goroutine() {
    both(|| {
        let handle = spawn(goroutines::current);
        let (told, same) = (handle.goroutine().clone(), handle.thread().clone());
        assert_eq!(told, same);
        assert!(format!("{handle:?}").contains(&told.id().to_string()));
        assert_eq!(handle.join().unwrap(), told);
    });
}

// A result whose drop panics: in the goroutine if nobody wants it, else where the handle is dropped.
#[test]
fn a_result_whose_drop_panics() {
    struct Loud(Arc<AtomicUsize>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("expected: a result's drop panics");
        }
    }
    both(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let (gate, result) = (Arc::new(AtomicBool::new(false)), Loud(drops.clone()));
        let theirs = gate.clone();
        drop(spawn(move || {
            until("the gate", || theirs.load(Ordering::Acquire));
            result
        }));
        gate.store(true, Ordering::Release);
        until("dropped by the goroutine", || {
            drops.load(Ordering::Relaxed) == 1
        });

        let result = Loud(drops.clone());
        let handle = spawn(move || result);
        until("it ended", || handle.is_finished());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(handle)));
        assert!(caught.is_err());
        assert_eq!(drops.load(Ordering::Relaxed), 2);
        assert_eq!(spawn(|| 5).join().unwrap(), 5);
    });
}

const LONG: Duration = Duration::from_secs(60);

/// A goroutine that ends when the flag is set.
fn waits_for(flag: &Arc<AtomicBool>) -> JoinHandle<u32> {
    let flag = flag.clone();
    spawn(move || {
        until("it may end", || flag.load(Ordering::Acquire));
        7
    })
}

/// A handle that is given back is as good as new.
#[test]
fn with_a_limit() {
    both(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let handle = waits_for(&flag);
        let (start, limit) = (Instant::now(), Duration::from_millis(5));
        let handle = handle.join_timeout(limit).unwrap_err();
        let handle = handle.join_deadline(start + 2 * limit).unwrap_err();
        assert!(start.elapsed() >= 2 * limit);
        let handle = handle.join_timeout(Duration::ZERO).unwrap_err();
        let handle = handle.join_deadline(start).unwrap_err();
        flag.store(true, Ordering::Release);
        assert_eq!(handle.join_timeout(LONG).unwrap().unwrap(), 7);
        // For ever.
        let handle = waits_for(&flag);
        assert_eq!(handle.join_timeout(Duration::MAX).unwrap().unwrap(), 7);
    });
}

/// What has ended is never late.
#[test]
fn with_a_limit_that_has_passed() {
    both(|| {
        let ended = || {
            let handle = spawn(|| 7);
            until("it ended", || handle.is_finished());
            handle
        };
        assert_eq!(ended().join_timeout(Duration::ZERO).unwrap().unwrap(), 7);
        assert_eq!(ended().join_deadline(Instant::now()).unwrap().unwrap(), 7);
        let panics = spawn(|| -> u32 { panic!("expected: joined with a limit") });
        assert!(panics.join_timeout(LONG).unwrap().is_err());
    });
}

/// What has been given back can be dropped, joined, cancelled or awaited.
#[test]
fn after_a_limit() {
    both(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let back = || {
            let handle = waits_for(&flag);
            handle.join_timeout(Duration::from_micros(100)).unwrap_err()
        };
        drop(back());
        let (joined, awaited, cancelled) = (back(), back(), back());
        cancelled.cancel();
        let end = cancelled.join_timeout(LONG).unwrap();
        assert!(end.unwrap_err().is::<Cancelled>());
        flag.store(true, Ordering::Release);
        assert_eq!(joined.join().unwrap(), 7);
        assert_eq!(goroutines::block_on(awaited).unwrap(), 7);
    });
}

#[test]
fn a_joiner_with_a_limit_is_cancelled() {
    inside(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let handle = waits_for(&flag);
        let joiner = spawn(move || handle.join_timeout(LONG).is_ok());
        sleep(Duration::from_millis(1));
        joiner.cancel();
        assert!(joiner.join().unwrap_err().is::<Cancelled>());
        flag.store(true, Ordering::Release);
    });
}

/// The end and the limit at the same time: the result comes once, in one way or the other.
#[test]
fn the_end_races_with_the_limit() {
    both(|| {
        let tally = Tally::default();
        for round in 0..rounds(300) as u64 {
            let one = tally.one();
            let lasts = Duration::from_micros(round * 37 % 200);
            let mut handle = spawn(move || {
                sleep(lasts);
                one
            });
            let limit = Duration::from_micros(round * 91 % 200);
            loop {
                match handle.join_timeout(limit) {
                    Ok(result) => break drop(result.unwrap()),
                    Err(back) => handle = back,
                }
                if round % 7 == 0 {
                    break;
                }
            }
        }
        tally.until_balanced();
    });
}

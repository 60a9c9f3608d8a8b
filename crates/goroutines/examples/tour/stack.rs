//! The program of part 3 that shows a stack grow and shrink.

use crate::child::count;
use crate::machine::{self, Memory};
use goroutines::runtime::{self, StartError};
use goroutines::{Builder, sync::WaitGroup};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How deep the goroutine recurses, in bytes of stack.
const DEPTH: usize = 64 << 20;

/// How much larger its stack is.
const MORE: usize = 16 << 20;

/// An address at the beginning of its stack.
static TOP: AtomicUsize = AtomicUsize::new(0);

/// A point at which the goroutine parks so that main can look at its stack.
struct Stop {
    reached: WaitGroup,
    go_on: WaitGroup,
}

impl Stop {
    fn new() -> Stop {
        let stop = Stop {
            reached: WaitGroup::new(),
            go_on: WaitGroup::new(),
        };
        stop.reached.add(1);
        stop.go_on.add(1);
        stop
    }

    /// In the goroutine: parks until main has looked.
    fn here(&self) {
        self.reached.done();
        self.go_on.wait();
    }
}

/// The stack of one goroutine: at its start, deep in a recursion, back from it, given back.
pub(crate) fn grow_and_shrink() -> Result<(), StartError> {
    runtime::builder().run(|| {
        let stops = Arc::new([Stop::new(), Stop::new(), Stop::new()]);
        let [started, deep, back] = &*stops;
        let diver = {
            let stops = stops.clone();
            move || {
                let [started, deep, back] = &*stops;
                let mark = 0_u8;
                let top = address_of(&mark);
                TOP.store(top, Ordering::Relaxed);
                started.here();
                dive(top, deep);
                back.here();
            }
        };
        let goroutine = Builder::new()
            .stack_size(DEPTH + MORE)
            .spawn(diver)
            .expect("address space");
        let resident = || machine::resident_below(TOP.load(Ordering::Relaxed), DEPTH + MORE);

        started.reached.wait();
        count("start_bytes", resident());
        started.go_on.done();

        deep.reached.wait();
        count("grown_bytes", resident());
        deep.go_on.done();

        back.reached.wait();
        count("returned_bytes", resident());
        runtime::scavenge();
        count("after_shrink_bytes", resident());
        back.go_on.done();
        goroutine.join().expect("no panic");
    })
}

/// Recurses until `DEPTH` bytes below `top`, touching every page on the way, and stops there.
#[inline(never)]
fn dive(top: usize, bottom: &Stop) {
    let mut block = [0_u8; 2048];
    black_box(&mut block);
    if top - address_of(&block[0]) < DEPTH {
        dive(top, bottom);
    } else {
        bottom.here();
    }
    black_box(&mut block);
}

fn address_of(byte: &u8) -> usize {
    std::ptr::from_ref(black_box(byte)).addr()
}

/// The stacks of `n` goroutines that have used 32 KiB each and ended: idle, then given back.
pub(crate) fn idle_stacks(n: u64) -> Result<(), StartError> {
    runtime::builder().run(|| {
        let resident = || Memory::now().map(|memory| memory.resident);
        let (gate, arrived, all) = (WaitGroup::new(), WaitGroup::new(), WaitGroup::new());
        gate.add(1);
        arrived.add(n as isize);
        let before = resident();
        for _ in 0..n {
            let (gate, arrived) = (gate.clone(), arrived.clone());
            all.go(move || {
                black_box([0_u8; 32 << 10]);
                arrived.done();
                gate.wait();
            });
        }
        arrived.wait();
        gate.done();
        all.wait();
        let idle = resident();
        runtime::scavenge();
        let added = |now: Option<u64>| now.zip(before).map(|(a, b)| a.saturating_sub(b));
        count("idle_bytes", added(idle));
        count("idle_after_scavenge_bytes", added(resident()));
    })
}

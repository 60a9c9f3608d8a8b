//! The figures that `src/stack/README.md` quotes: `cargo bench -p goroutines-fiber`. Takes some
//! seconds. Not a regression test: nothing is asserted.

use std::hint::black_box;
use std::ptr::{self, NonNull};
use std::time::Instant;

use goroutines_fiber::{
    Fiber, Resumed, Scavenger, StackCache, StackSize, scavenge_idle, stats, suspend,
};

unsafe fn nothing(arg: *mut ()) {
    black_box(arg);
}

/// Suspends for ever. Its argument is its own fiber.
unsafe fn parks(fiber: *mut ()) {
    let fiber = NonNull::new(fiber).expect("its own fiber");
    loop {
        // SAFETY: this runs on that fiber.
        unsafe { suspend(fiber) };
    }
}

/// Suspends once.
unsafe fn parks_once(fiber: *mut ()) {
    // SAFETY: this runs on that fiber.
    unsafe { suspend(NonNull::new(fiber).expect("its own fiber")) };
}

/// The best of some runs of `run`, in nanoseconds for each of `count`.
fn best(name: &str, count: usize, mut run: impl FnMut()) {
    let times = (0..7).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    let time = times.min().expect("seven");
    println!(
        "{name:<56} {:>10.1} ns",
        time.as_nanos() as f64 / count as f64
    );
}

fn fiber(cache: &mut StackCache, entry: unsafe fn(*mut ())) -> Fiber {
    let stack = cache.take(StackSize::DEFAULT).expect("a stack");
    let arg = ptr::with_exposed_provenance_mut(stack.base());
    // SAFETY: the entries of this file do not unwind, and need no more than their own fiber.
    unsafe { Fiber::new(stack, entry, arg) }
}

fn resume(fiber: &Fiber) -> Resumed {
    // SAFETY: one thread, and no fiber is resumed after it has finished.
    unsafe { fiber.resume() }
}

fn finish(fiber: Fiber, cache: &mut StackCache) {
    // SAFETY: the caller saw it finish.
    cache.put(unsafe { fiber.into_stack() });
}

fn main() {
    const N: usize = 1_000_000;
    let mut cache = StackCache::new();

    let one = fiber(&mut cache, parks);
    best("resume + suspend, one fiber", N, || {
        for _ in 0..N {
            assert_eq!(resume(&one), Resumed::Suspended);
        }
    });
    best("new + run + finish + take + put, warm", N, || {
        for _ in 0..N {
            let fiber = fiber(&mut cache, nothing);
            assert_eq!(resume(&fiber), Resumed::Finished);
            finish(fiber, &mut cache);
        }
    });
    for count in [100, 1000, 10_000] {
        let fibers: Vec<_> = (0..count).map(|_| fiber(&mut cache, parks)).collect();
        best(
            &format!("resume + suspend, round {count} fibers"),
            N / count * count,
            || {
                for _ in 0..N / count {
                    for fiber in &fibers {
                        assert_eq!(resume(fiber), Resumed::Suspended);
                    }
                }
            },
        );
    }

    const COLD: usize = 50_000;
    let start = Instant::now();
    let mut stacks = Vec::with_capacity(COLD);
    for _ in 0..COLD {
        stacks.push(cache.take(StackSize::DEFAULT).expect("a stack"));
    }
    let per = |start: Instant| start.elapsed().as_nanos() as f64 / COLD as f64;
    println!("{:<56} {:>10.1} ns", "take, fresh (guard)", per(start));
    let start = Instant::now();
    for stack in &stacks {
        let byte = ptr::with_exposed_provenance_mut::<u8>(stack.base());
        // SAFETY: the stack is ours.
        unsafe { byte.write_volatile(0) };
    }
    println!("{:<56} {:>10.1} ns", "first touch", per(start));
    let start = Instant::now();
    stacks.drain(..).for_each(|stack| cache.put(stack));
    println!("{:<56} {:>10.1} ns", "put", per(start));
    // So that the next ones are fresh again.
    for _ in 0..stats().idle {
        stacks.push(cache.take(StackSize::DEFAULT).expect("a stack"));
    }

    let start = Instant::now();
    let mut fibers = Vec::with_capacity(COLD);
    for _ in 0..COLD {
        let fiber = fiber(&mut cache, parks_once);
        let _ = resume(&fiber);
        fibers.push(fiber);
    }
    println!(
        "{:<56} {:>10.1} ns",
        "take + new + resume + suspend, cold",
        per(start)
    );

    let start = Instant::now();
    let mut scavenger = Scavenger::new();
    for fiber in &fibers {
        // SAFETY: suspended, and not resumed before the flush.
        unsafe { scavenger.push(fiber.stack(), fiber.stack_pointer()) };
    }
    scavenger.flush();
    println!(
        "{:<56} {:>10.1} ns",
        "scavenge below a parked fiber, nothing there",
        per(start)
    );

    for fiber in fibers {
        let _ = resume(&fiber);
        finish(fiber, &mut cache);
    }
    cache.drain();
    let start = Instant::now();
    scavenge_idle();
    println!(
        "{:<56} {:>10.1} ns",
        "scavenge an idle stack with one page",
        per(start)
    );
    let start = Instant::now();
    for _ in 0..COLD {
        let fiber = fiber(&mut cache, parks);
        let _ = resume(&fiber);
    }
    println!(
        "{:<56} {:>10.1} ns",
        "take + new + resume + suspend, scavenged",
        per(start)
    );
    println!("{:?}", stats());
}

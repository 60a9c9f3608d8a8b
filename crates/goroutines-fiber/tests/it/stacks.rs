//! Taking stacks, putting them back, giving their memory back.

use std::collections::HashSet;

use goroutines_fiber::{
    Class, Scavenger, Stack, StackCache, StackErrorKind, StackSize, class_for, put_shared,
    scavenge_idle, stats, take_shared,
};

use crate::support::{Run, check_success, descend, is_child, mappings, resident, touch};

#[test]
fn sizes_are_rounded_up() {
    let check = |bytes, class, usable| {
        let size = class_for(bytes).unwrap();
        assert_eq!((size.class(), size.bytes()), (class, usable), "{bytes}");
    };
    check(0, Class::KIB_64, 48 << 10);
    check(1, Class::KIB_64, 48 << 10);
    check(48 << 10, Class::KIB_64, 48 << 10);
    check((48 << 10) + 1, Class::KIB_256, 240 << 10);
    check(240 << 10, Class::KIB_256, 240 << 10);
    check(256 << 10, Class::MIB_1, 1008 << 10);
    check(1 << 20, Class::MIB_8, (8 << 20) - (16 << 10));
    check(8 << 20, Class::LARGE, (9 << 20) - (16 << 10));
    check(4 << 30, Class::LARGE, (4097 << 20) - (16 << 10));
    assert_eq!(StackSize::default(), class_for(200 << 10).unwrap());
    assert_eq!(class_for(StackSize::MAX.bytes()).unwrap(), StackSize::MAX);
}

#[test]
fn absurd_sizes_are_an_error() {
    for bytes in [
        usize::MAX,
        usize::MAX - 4096,
        isize::MAX as usize,
        1 << 47,
        65 << 30,
    ] {
        let error = class_for(bytes).unwrap_err();
        assert_eq!(error.kind(), StackErrorKind::TooLarge);
        assert!(error.to_string().contains(&bytes.to_string()), "{error}");
    }
}

#[test]
fn types_are_small_and_send() {
    fn send<T: Send>() {}
    fn send_sync<T: Send + Sync>() {}
    send::<Stack>();
    send::<StackCache>();
    send::<goroutines_fiber::Fiber>();
    send_sync::<goroutines_fiber::StackError>();
    assert_eq!(size_of::<Option<Stack>>(), 8);
    assert_eq!(size_of::<StackSize>(), 4);
}

#[test]
fn all_of_a_stack_can_be_used() {
    for bytes in [0, 200 << 10, 900 << 10, 3 << 20, 9 << 20] {
        let stack = take_shared(StackSize::new(bytes).unwrap()).unwrap();
        assert!(stack.size() >= bytes);
        assert_eq!(stack.base() % 16, 0);
        assert!(stack.base() - stack.limit() + 4096 > stack.size());
        touch(stack.limit());
        touch(stack.base() - 1);
        touch(stack.base() + 47);
        put_shared(stack);
    }
}

#[test]
fn the_last_one_put_is_the_first_one_taken() {
    let mut cache = StackCache::new();
    let one = cache.take(StackSize::DEFAULT).unwrap();
    let two = cache.take(StackSize::DEFAULT).unwrap();
    let (first, second) = (one.base(), two.base());
    cache.put(one);
    cache.put(two);
    let stack = cache.take(StackSize::DEFAULT).unwrap();
    assert_eq!(stack.base(), second);
    let other = cache.take(StackSize::DEFAULT).unwrap();
    assert_eq!(other.base(), first);
    cache.put(stack);
    cache.put(other);
}

#[test]
fn no_stack_is_given_twice() {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                scope.spawn(move || {
                    let mut cache = StackCache::new();
                    let mut held: Vec<Stack> = Vec::new();
                    let mut random = seed + 1_u64;
                    for _ in 0..20_000 {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        if random % 5 < 2 && held.len() < 600 || held.is_empty() {
                            let bytes = [0, 100 << 10][(random >> 20) as usize % 2];
                            let stack = cache.take(StackSize::new(bytes).unwrap()).unwrap();
                            let word =
                                std::ptr::with_exposed_provenance_mut::<u64>(stack.base() - 8);
                            // SAFETY: the stack is ours.
                            unsafe { word.write_volatile(seed) };
                            held.push(stack);
                        } else {
                            let stack = held.swap_remove((random >> 24) as usize % held.len());
                            let word = std::ptr::with_exposed_provenance::<u64>(stack.base() - 8);
                            // SAFETY: the stack is ours.
                            assert_eq!(unsafe { word.read_volatile() }, seed);
                            match random >> 40 & 7 {
                                0 => put_shared(stack),
                                _ => cache.put(stack),
                            }
                        }
                        if random >> 50 == 0 {
                            cache.drain();
                        }
                    }
                    let bases: HashSet<_> = held.iter().map(|stack| stack.base()).collect();
                    assert_eq!(bases.len(), held.len());
                    held.into_iter().for_each(|stack| cache.put(stack));
                })
            })
            .collect();
        for _ in 0..50 {
            scavenge_idle();
            std::thread::yield_now();
        }
        drop(threads);
    });
}

#[test]
fn stacks_are_counted() {
    if !is_child("stacks::stacks_are_counted", check_success) {
        return;
    }
    assert_eq!(stats().in_use + stats().idle + stats().slabs, 0);
    let mut cache = StackCache::new();
    let stacks: Vec<_> = (0..1000)
        .map(|_| cache.take(StackSize::DEFAULT).unwrap())
        .collect();
    let large = cache.take(StackSize::new(9 << 20).unwrap()).unwrap();
    cache.drain();
    let now = stats();
    assert_eq!((now.in_use, now.large), (1001, 1));
    assert!(
        now.idle <= 64 && now.slabs >= 1 && now.reserved_bytes >= 1000 << 18,
        "{now:?}"
    );
    stacks.into_iter().for_each(|stack| cache.put(stack));
    cache.put(large);
    drop(cache);
    let then = stats();
    assert_eq!((then.in_use, then.idle), (0, now.in_use + now.idle));
    assert_eq!(then.slabs, now.slabs);
    assert!(scavenge_idle() > 0);
    assert_eq!(stats().cold, then.idle - 1);
    assert_eq!(scavenge_idle(), 0);
}

#[test]
fn a_hundred_thousand_live_stacks_add_few_mappings() {
    let name = "stacks::a_hundred_thousand_live_stacks_add_few_mappings";
    if !is_child(name, check_success) {
        return;
    }
    let before = mappings();
    let mut cache = StackCache::new();
    let mut stacks = Vec::new();
    for _ in 0..100_000 {
        let stack = cache.take(StackSize::DEFAULT).unwrap();
        touch(stack.base() - 8);
        stacks.push(stack);
    }
    let added = mappings() - before;
    println!(
        "{added} mappings, {:?}, {} KiB resident",
        stats(),
        resident() >> 10
    );
    if stats().guard_mappings == 0 {
        assert!(added < 64, "{added}");
    }
    stacks.into_iter().for_each(|stack| cache.put(stack));
}

#[test]
fn scavenging_idle_stacks_lowers_resident_memory() {
    if !is_child(
        "stacks::scavenging_idle_stacks_lowers_resident_memory",
        check_success,
    ) {
        return;
    }
    let stacks: Vec<_> = (0..200)
        .map(|_| take_shared(StackSize::DEFAULT).unwrap())
        .collect();
    for stack in &stacks {
        (stack.limit()..stack.base()).step_by(4096).for_each(touch);
    }
    stacks.into_iter().for_each(put_shared);
    let before = resident();
    assert!(scavenge_idle() >= 200 * (240 << 10));
    let freed = before.saturating_sub(resident());
    assert!(freed > 190 * (240 << 10), "{freed}");
    let stack = take_shared(StackSize::DEFAULT).unwrap();
    touch(stack.base() - 1);
    put_shared(stack);
}

#[test]
fn scavenging_suspended_fibers_keeps_what_they_need() {
    let mut runs: Vec<_> = (0..150)
        .map(|index| {
            Run::new(200 << 10, move |fiber| {
                let local = std::hint::black_box([index; 1000]);
                descend(100 << 10, &mut || {});
                fiber.leave();
                assert!(
                    std::hint::black_box(local)
                        .iter()
                        .all(|&word| word == index)
                );
                descend(50 << 10, &mut || fiber.leave());
                assert!(
                    std::hint::black_box(local)
                        .iter()
                        .all(|&word| word == index)
                );
            })
        })
        .collect();
    for _ in 0..2 {
        for run in &mut runs {
            assert!(run.resume());
        }
        let mut scavenger = Scavenger::new();
        let mut noted = 0;
        for run in &runs {
            let fiber = run.fiber();
            // SAFETY: the fiber is suspended, and runs again only after the flush.
            noted += unsafe { scavenger.push(fiber.stack(), fiber.stack_pointer()) };
        }
        assert_eq!(scavenger.flush(), noted);
        assert_eq!(scavenger.flush(), 0);
        assert!(noted > 150 * (50 << 10));
    }
    runs.into_iter().for_each(Run::finish);
}

#[test]
fn scavenging_suspended_fibers_lowers_resident_memory() {
    if !is_child(
        "stacks::scavenging_suspended_fibers_lowers_resident_memory",
        check_success,
    ) {
        return;
    }
    let mut runs: Vec<_> = (0..200)
        .map(|_| {
            Run::new(200 << 10, move |fiber| {
                descend(100 << 10, &mut || {});
                fiber.leave();
            })
        })
        .collect();
    for run in &mut runs {
        assert!(run.resume());
    }
    let before = resident();
    let mut scavenger = Scavenger::new();
    for run in &runs {
        let fiber = run.fiber();
        // SAFETY: the fiber is suspended, and runs again only after the flush.
        unsafe { scavenger.push(fiber.stack(), fiber.stack_pointer()) };
    }
    scavenger.flush();
    let freed = before.saturating_sub(resident());
    assert!(freed > 200 * (95 << 10), "{freed}");
    runs.into_iter().for_each(Run::finish);
}

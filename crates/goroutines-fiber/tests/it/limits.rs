//! When the system has no more: the error says what of, and what there was goes on working.

use goroutines_fiber::stack::{GuardMode, guard_mode, set_guard_mode_for_tests};
use goroutines_fiber::{StackErrorKind, StackSize, put_shared, stats, take_shared};

use crate::support::{Run, check_success, is_child, is_child_with, touch};

#[test]
fn the_budget_of_mappings_ends_in_a_clear_error() {
    if !is_child(
        "limits::the_budget_of_mappings_ends_in_a_clear_error",
        check_success,
    ) {
        return;
    }
    set_guard_mode_for_tests(GuardMode::Protect, Some(200));
    let mut stacks = Vec::new();
    let error = loop {
        match take_shared(StackSize::DEFAULT) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
    };
    assert_eq!(stacks.len(), 100);
    let limit = "memory mappings (vm.max_map_count)";
    assert_eq!(error.kind(), StackErrorKind::Exhausted { limit });
    let text = error.to_string();
    assert!(
        text.contains("vm.max_map_count") && text.contains("sysctl"),
        "{text}"
    );
    // Again, and for others too; but what there was goes on working.
    assert!(take_shared(StackSize::DEFAULT).is_err());
    assert!(take_shared(StackSize::MIN).is_err());
    assert!(take_shared(StackSize::new(9 << 20).unwrap()).is_err());
    assert_eq!(stats().guard_mappings, 200);
    put_shared(stacks.pop().unwrap());
    Run::new(StackSize::DEFAULT.bytes(), |fiber| fiber.leave()).finish();
    stacks.iter().for_each(|stack| touch(stack.limit()));
    // With a larger budget the slots that could not be guarded are used.
    set_guard_mode_for_tests(GuardMode::Protect, Some(202));
    let one = take_shared(StackSize::DEFAULT).unwrap();
    let two = take_shared(StackSize::DEFAULT).unwrap();
    assert!(take_shared(StackSize::DEFAULT).is_err());
    drop((one, two));
}

#[test]
fn the_limit_of_the_kernel_on_mappings_is_named() {
    if !is_child(
        "limits::the_limit_of_the_kernel_on_mappings_is_named",
        check_success,
    ) {
        return;
    }
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    if most.trim().parse::<usize>().unwrap() > 200_000 {
        println!("skipped: this system allows {} mappings", most.trim());
        return;
    }
    set_guard_mode_for_tests(GuardMode::Protect, Some(usize::MAX / 2));
    let mut stacks = Vec::with_capacity(1 << 20);
    let error = loop {
        match take_shared(StackSize::MIN) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
    };
    let limit = "memory mappings (vm.max_map_count)";
    assert_eq!(error.kind(), StackErrorKind::Exhausted { limit });
    assert!(stacks.len() > 20_000, "{}", stacks.len());
    stacks.into_iter().for_each(put_shared);
}

#[test]
fn the_environment_chooses_the_guard() {
    let name = "limits::the_environment_chooses_the_guard";
    if is_child_with(name, &[("GOROUTINES_GUARD", "mprotect")], check_success) {
        let before = crate::support::mappings();
        let stacks: Vec<_> = (0..20)
            .map(|_| take_shared(StackSize::DEFAULT).unwrap())
            .collect();
        assert_eq!(guard_mode(), Some(GuardMode::Protect));
        assert!(crate::support::mappings() >= before + 40);
        stacks.into_iter().for_each(put_shared);
    }
}

#[test]
fn a_limit_on_address_space_ends_in_a_clear_error() {
    if !is_child(
        "limits::a_limit_on_address_space_ends_in_a_clear_error",
        check_success,
    ) {
        return;
    }
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let used: u64 = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
    let most = used + (100 << 20);
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: a valid limit.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(set, 0);
    let mut stacks = Vec::new();
    let error = loop {
        match take_shared(StackSize::DEFAULT) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
    };
    // Smaller and smaller slabs: nearly all of the 100 MiB were used.
    assert!(stacks.len() > 300, "{}", stacks.len());
    let limit = "address space (RLIMIT_AS)";
    assert_eq!(error.kind(), StackErrorKind::Exhausted { limit });
    let text = error.to_string();
    assert!(
        text.contains("ulimit -v") && text.contains(&most.to_string()),
        "{text}"
    );
    let large = take_shared(StackSize::new(1 << 30).unwrap()).unwrap_err();
    assert_eq!(large.kind(), StackErrorKind::Exhausted { limit });
    stacks.iter().for_each(|stack| touch(stack.base()));
    put_shared(stacks.pop().unwrap());
    Run::new(StackSize::DEFAULT.bytes(), |fiber| fiber.leave()).finish();
}

//! What can only be seen from inside: how a stack is packed into a word, how slabs are cut, and
//! the table of large stacks.

use super::slab::{self, Fresh};
use super::*;

fn stack(low: usize, size: StackSize) -> Option<Stack> {
    // SAFETY: the tests look at the numbers only, and never touch the memory.
    unsafe { Stack::from_parts(low, size) }
}

#[test]
fn a_stack_is_packed_into_a_word() {
    let sizes = [0, 100 << 10, 500 << 10, 2 << 20, 9 << 20, 10 << 30];
    for size in sizes
        .map(|bytes| StackSize::new(bytes).unwrap())
        .into_iter()
        .chain([StackSize::MAX])
    {
        for low in [0x1000, 0x7fff_1234_5000, 0xffff_ffff_f000] {
            let stack = stack(low, size).unwrap();
            assert_eq!((stack.low(), stack.stack_size()), (low, size));
            assert_eq!(stack.class(), size.class());
            assert_eq!(stack.size(), size.bytes());
        }
    }
    assert!(stack(0x1234, StackSize::MIN).is_none());
    assert!(stack(1 << 48, StackSize::MIN).is_none());
}

#[test]
fn the_top_holds_a_header_and_has_room_for_frames() {
    let sizes = [0, 100 << 10, 500 << 10, 2 << 20, 9 << 20];
    for size in sizes.map(|bytes| StackSize::new(bytes).unwrap()) {
        for index in 0..40 {
            // A slab need not be aligned to its slots.
            let low = 0x7fff_0000_3000 + index * size.reserved();
            let stack = stack(low, size).unwrap();
            let top = low + size.reserved();
            assert_eq!((stack.base() - SWITCH_WORDS) % TOP_LINE, 0);
            assert!(stack.base() + HEADER_ROOM <= top);
            assert!(stack.base() - (top - 4096) >= 2048);
            if size.class() != Class::LARGE {
                let next = self::stack(top, size).unwrap();
                assert_ne!(stack.base() % 4096, next.base() % 4096);
            }
        }
    }
}

#[test]
fn slots_are_cut_in_growing_batches_and_never_twice() {
    let mut fresh = Fresh::new(Class::KIB_64);
    let mut lows = Vec::new();
    let mut batches = Vec::new();
    while lows.len() < 1000 {
        let mut stacks = fresh.cut(64).unwrap();
        assert!(slab::make_ready(&mut stacks).unwrap().is_empty());
        batches.push(stacks.len());
        lows.extend(stacks.iter().map(Stack::low));
    }
    assert_eq!(batches[..7], [1, 2, 4, 8, 16, 32, 32]);
    assert_eq!(fresh.cut(3).unwrap().len(), 3);
    lows.sort_unstable();
    assert!(lows.windows(2).all(|pair| pair[1] - pair[0] >= 64 << 10));
    assert!(fresh.reserved() >= 1000 << 16 && fresh.reserved() <= 256 << 20);
}

#[test]
fn slots_that_could_not_be_guarded_come_again() {
    let mut fresh = Fresh::new(Class::KIB_64);
    let first = fresh.cut(1).unwrap();
    let low = first[0].low();
    fresh.put_unguarded(first.into_iter());
    assert_eq!(fresh.cut(1).unwrap()[0].low(), low);
    assert_ne!(fresh.cut(1).unwrap()[0].low(), low);
}

#[test]
fn the_table_finds_large_stacks_until_they_are_removed() {
    // Addresses that nothing is mapped at.
    const BASE: usize = 0x1000_0000_0000;
    let size = StackSize::new(9 << 20).unwrap();
    let stacks: Vec<_> = (0..300)
        .map(|index| stack(BASE + index * (16 << 20), size).unwrap())
        .collect();
    stacks.iter().for_each(table::add_large);
    for stack in &stacks {
        for inside in [stack.low(), stack.base(), stack.low() + size.reserved() - 1] {
            assert_eq!(table::find(inside), Some((stack.low(), size)));
        }
        assert_eq!(table::find(stack.low() - 1), None);
        assert_eq!(table::find(stack.low() + size.reserved()), None);
    }
    stacks.iter().for_each(table::remove_large);
    let left = |stack: &&Stack| table::find(stack.base()).is_some();
    assert_eq!(stacks.iter().filter(left).count(), 0);
}

#[test]
fn errors_say_what_to_do() {
    use error::limit;
    let check = |limit, words: &str| {
        let error = StackError::exhausted(limit, 1 << 20, Some(12345));
        assert_eq!(error.kind(), StackErrorKind::Exhausted { limit });
        let text = error.to_string();
        assert!(text.starts_with("could not reserve 1024 KiB"), "{text}");
        for part in [limit, "12345", words] {
            assert!(text.contains(part), "{text}");
        }
    };
    check(limit::ADDRESS_SPACE, "ulimit -v");
    check(limit::MAPPINGS, "sysctl -w vm.max_map_count");
    check(limit::COMMIT, "vm.overcommit_memory to 0");
    check(limit::MEMORY, "fewer goroutines");
}

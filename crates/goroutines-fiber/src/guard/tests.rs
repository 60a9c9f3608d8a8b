//! Which faults in a guard are overflows.

use super::signal::is_overflow;
use super::{Located, Region};

#[test]
fn only_code_on_that_stack_overflows_it() {
    let located = Located {
        kind: Region::Guard,
        limit: 0x7000_0000_4000,
        base: 0x7000_0003_f000,
        size: 240 << 10,
    };
    let check = |pointer, expected| assert_eq!(is_overflow(&located, pointer), expected);
    check(None, true);
    check(Some(located.base), true);
    check(Some(located.limit), true);
    // In the guard, or through it with one large frame.
    check(Some(located.limit - 8), true);
    check(Some(located.limit - (100 << 10)), true);
    // From elsewhere.
    check(Some(located.base + 64), false);
    check(Some(located.limit - (2 << 20)), false);
    check(Some(0), false);
    check(Some(usize::MAX), false);
}

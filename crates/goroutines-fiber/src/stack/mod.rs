//! Stacks: reserve address space, guard its low end, recycle it, give its memory back.
//!
//! Not for running anything on a stack (that is [`context`](crate::context)), and not for the
//! policy of *when* memory goes back: callers decide when to [`scavenge_idle`].
//!
//! `README.md` beside this file draws the layout and gives the argument with its measurements.

mod cache;
mod error;
mod guards;
mod large;
mod pool;
mod scavenge;
mod slab;
pub(crate) mod sys;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;

pub use self::cache::StackCache;
pub use self::error::{StackError, StackErrorKind};
#[doc(hidden)]
pub use self::guards::{GuardMode, guard_mode, set_guard_mode_for_tests};
pub use self::pool::{StackStats, put_shared, stats, take_shared};
pub use self::scavenge::{Scavenger, scavenge_idle};

/// Bytes at the low end of each slot that fault when touched. Wider than one page, so that a C
/// function with a frame of some kilobytes and no stack probes hits it too.
pub(crate) const GUARD: usize = 16 * 1024;

/// Unit of the sizes of stacks that have a mapping of their own.
const LARGE_UNIT: usize = 1 << 20;

/// Tops of stacks are shifted against each other by this many bytes (two cache lines, for the
/// pair that the hardware prefetcher fetches together), in this many steps.
const COLOUR_STEP: usize = 128;
const COLOURS: usize = 16;

/// The cache line at the very top: 16 bytes that belong to the switch and the header of
/// [`Fiber`](crate::Fiber).
const TOP_LINE: usize = 64;
const SWITCH_WORDS: usize = 16;

/// Bytes for the header of a fiber, from [`Stack::base`] upwards.
pub(crate) const HEADER_ROOM: usize = TOP_LINE - SWITCH_WORDS;

/// A size class of stacks. Classes are powers of two of *address space*, guard included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class(u8);

impl Class {
    /// Slots of 64 KiB.
    pub const KIB_64: Class = Class(0);
    /// Slots of 256 KiB: the default.
    pub const KIB_256: Class = Class(1);
    /// Slots of 1 MiB.
    pub const MIB_1: Class = Class(2);
    /// Slots of 8 MiB.
    pub const MIB_8: Class = Class(3);
    /// A mapping of its own.
    pub const LARGE: Class = Class(4);

    /// How many classes are made of slots.
    pub(crate) const SLOTTED: usize = 4;

    const SHIFT: [u8; 5] = [16, 18, 20, 23, 20];

    #[inline]
    const fn shift(self) -> u32 {
        Self::SHIFT[self.0 as usize] as u32
    }

    /// The index of a slotted class; 4 for LARGE.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn from_index(index: usize) -> Class {
        assert!(index < Self::SLOTTED);
        Class(index as u8)
    }

    /// Address space of one slot (of one unit, for LARGE).
    #[inline]
    pub(crate) const fn slot(self) -> usize {
        1 << self.shift()
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["64 KiB", "256 KiB", "1 MiB", "8 MiB", "large"][self.index()])
    }
}

/// How large a stack is to be: a class, and for large ones the size too. Made by
/// [`StackSize::new`] from a number of bytes, once, so that taking a stack has nothing to check.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StackSize {
    class: Class,
    /// For LARGE: the size of the mapping in [`LARGE_UNIT`]s.
    units: u16,
}

impl StackSize {
    /// The default: a slot of 256 KiB.
    pub const DEFAULT: StackSize = StackSize {
        class: Class::KIB_256,
        units: 0,
    };
    /// The smallest there is.
    pub const MIN: StackSize = StackSize {
        class: Class::KIB_64,
        units: 0,
    };
    /// The largest there is (just under 64 GiB).
    pub const MAX: StackSize = StackSize {
        class: Class::LARGE,
        units: u16::MAX,
    };

    /// The size for a stack on which at least `bytes` bytes can be used (a few hundred of which
    /// the first frames take). Zero and small sizes are rounded up to the smallest stack.
    pub const fn new(bytes: usize) -> Result<StackSize, StackError> {
        let mut index = 0;
        while index < Class::SLOTTED {
            let class = Class::from_index(index);
            if bytes <= class.slot() - GUARD {
                return Ok(StackSize { class, units: 0 });
            }
            index += 1;
        }
        let most = (u16::MAX as usize) * LARGE_UNIT - GUARD;
        if bytes > most {
            return Err(StackError::too_large(bytes));
        }
        let units = (bytes + GUARD).div_ceil(LARGE_UNIT);
        Ok(StackSize {
            class: Class::LARGE,
            units: units as u16,
        })
    }

    /// The class.
    #[inline]
    #[must_use]
    pub const fn class(self) -> Class {
        self.class
    }

    /// Usable bytes: the address space without the guard.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.reserved() - GUARD
    }

    /// Address space, guard included.
    #[inline]
    pub(crate) const fn reserved(self) -> usize {
        if self.class.0 == Class::LARGE.0 {
            self.units as usize * LARGE_UNIT
        } else {
            self.class.slot()
        }
    }
}

impl Default for StackSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackSize({} KiB)", self.bytes() / 1024)
    }
}

/// The size for a stack with at least `bytes` usable bytes: [`StackSize::new`] by another name.
pub const fn class_for(bytes: usize) -> Result<StackSize, StackError> {
    StackSize::new(bytes)
}

/// An idle stack: the right to use the memory of one slot (or of one large mapping).
///
/// One word: the lowest address (bits 12 to 47), the class (bits 0 to 2), and for large stacks
/// the size in MiB (bits 48 to 63).
///
/// Dropping a `Stack` leaks it: give it back to a [`StackCache`] or with [`put_shared`]. There is
/// no `Drop` because a stack is passed along on paths that count nanoseconds, and because most of
/// its life it is owned by the header that lies on it.
#[must_use = "a stack that is dropped is leaked; give it back to a cache or with put_shared"]
#[repr(transparent)]
pub struct Stack(NonZeroUsize);

/// Where execution starts in the slot at `low`. Neighbours get different shifts, whether or not
/// slabs are aligned to their slots.
#[inline]
pub(crate) const fn base_of(low: usize, size: StackSize) -> usize {
    let colour = (low >> size.class.shift()) % COLOURS;
    low + size.reserved() - TOP_LINE - colour * COLOUR_STEP + SWITCH_WORDS
}

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: usize = ((1 << ADDRESS_BITS) - 1) & !0xfff;

impl Stack {
    /// Names the memory from `low` on. `None` if `low` is an address that does not fit.
    ///
    /// # Safety
    ///
    /// `[low, low + size.reserved())` is mapped readable and writable (but for a guard), belongs
    /// to nobody else, and stays mapped as long as the stack exists.
    pub(crate) unsafe fn from_parts(low: usize, size: StackSize) -> Option<Stack> {
        if low & !ADDRESS_MASK != 0 {
            return None;
        }
        let word = low | size.class.index() | ((size.units as usize) << ADDRESS_BITS);
        NonZeroUsize::new(word).map(Stack)
    }

    /// The lowest address of the slot: that of its guard.
    #[inline]
    pub(crate) const fn low(&self) -> usize {
        self.0.get() & ADDRESS_MASK
    }

    /// The size this stack was asked for as.
    #[inline]
    #[must_use]
    pub const fn stack_size(&self) -> StackSize {
        StackSize {
            class: self.class(),
            units: (self.0.get() >> ADDRESS_BITS) as u16,
        }
    }

    /// The address where execution starts, and from which the stack grows down. Aligned to 16;
    /// the header of the fiber lies at and above it.
    #[inline]
    #[must_use]
    pub const fn base(&self) -> usize {
        base_of(self.low(), self.stack_size())
    }

    /// The lowest usable address; below it lies the guard.
    #[inline]
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.low() + GUARD
    }

    /// Usable bytes, as the user thinks of it: the slot without its guard. (The top some
    /// hundred bytes are taken by the header and by the shift of the tops against each other.)
    #[inline]
    #[must_use]
    pub const fn size(&self) -> usize {
        self.stack_size().bytes()
    }

    /// The class.
    #[inline]
    #[must_use]
    pub const fn class(&self) -> Class {
        Class((self.0.get() & 7) as u8)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({:#x}..{:#x})", self.limit(), self.base())
    }
}

//! The one source of choice: a small random generator per worker.
//!
//! Not for: secrets. The generator is xorshift64* (Marsaglia 2003, Vigna 2016).

use crate::shim::atomic::{AtomicU64, Ordering};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// A generator of choices; each worker has its own.
#[derive(Debug)]
pub struct Choice(Cell<u64>);

impl Choice {
    /// A generator seeded by the process and by `salt`.
    pub fn new(salt: u64) -> Choice {
        let seed = seed() ^ salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Choice(Cell::new(seed | 1))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`, each as likely as the others; 0 if `n` is 0.
    #[inline]
    pub fn below(&self, n: usize) -> usize {
        // Lemire's multiplication: the bias is below 2^-32 for the sizes met here.
        (((self.next() >> 32) * n as u64) >> 32) as usize
    }
}

/// The process's seed: random unless [`fix_seed`] was called before the first use.
fn seed() -> u64 {
    let seed = SEED.load(Ordering::Relaxed);
    if seed != 0 {
        seed
    } else {
        RandomState::new().hash_one(0u8) | 1
    }
}

static SEED: AtomicU64 = AtomicU64::new(0);

/// Makes the choices of generators created later repeat from run to run.
pub fn fix_seed(seed: u64) {
    SEED.store(seed | 1, Ordering::Relaxed);
}

/// A number below `n` for a thread that has no generator of its own; see [`Choice::below`].
pub fn below_anywhere(n: usize) -> usize {
    static STEP: AtomicU64 = AtomicU64::new(0);
    let choice = Choice::new(STEP.fetch_add(1, Ordering::Relaxed));
    choice.next();
    choice.below(n)
}

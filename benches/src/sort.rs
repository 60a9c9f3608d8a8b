//! The merge sort that every Rust peer runs: its data, its leaves and its
//! merges. Only the splitting is each peer's own.
//!
//! The numbers are relaxed atomics in shared vectors: on the machines measured
//! these are ordinary loads and stores, and they let tasks that must be
//! `'static` share one array without copying it and without `unsafe`.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Ranges up to this length are sorted by one goroutine.
pub(crate) const GRAIN: usize = 16_384;

/// Ranges up to this length are sorted by insertion.
const SMALL: usize = 24;

/// The array and the room to merge into.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    data: Arc<Vec<AtomicU64>>,
    spare: Arc<Vec<AtomicU64>>,
}

impl Numbers {
    /// `n` numbers in the same disorder each time.
    pub(crate) fn shuffled(n: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let data = (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                AtomicU64::new(state)
            })
            .collect();
        // Written to, so that no page of it is touched for the first time
        // while the clock runs.
        let spare = (0..n).map(|i| AtomicU64::new(i as u64 | 1)).collect();
        Self {
            data: Arc::new(data),
            spare: Arc::new(spare),
        }
    }

    pub(crate) fn all(&self) -> Range<usize> {
        0..self.data.len()
    }

    pub(crate) fn is_sorted(&self) -> bool {
        self.data
            .windows(2)
            .all(|pair| pair[0].load(Relaxed) <= pair[1].load(Relaxed))
    }

    /// The serial version: the same leaves and the same merges.
    pub(crate) fn sort_serially(&self, range: Range<usize>) {
        if range.len() <= SMALL {
            return self.insert(range);
        }
        let middle = range.start + range.len() / 2;
        self.sort_serially(range.start..middle);
        self.sort_serially(middle..range.end);
        self.merge(range, middle);
    }

    fn insert(&self, range: Range<usize>) {
        let data = &self.data[range];
        for i in 1..data.len() {
            let value = data[i].load(Relaxed);
            let mut j = i;
            while j > 0 && data[j - 1].load(Relaxed) > value {
                data[j].store(data[j - 1].load(Relaxed), Relaxed);
                j -= 1;
            }
            data[j].store(value, Relaxed);
        }
    }

    /// Merges the two sorted halves of `range`, which meet at `middle`.
    pub(crate) fn merge(&self, range: Range<usize>, middle: usize) {
        let left = &self.spare[range.start..middle];
        for (to, from) in left.iter().zip(&self.data[range.start..middle]) {
            to.store(from.load(Relaxed), Relaxed);
        }
        let data = &self.data[range.start..range.end];
        let (mut i, mut j) = (0, middle - range.start);
        for k in 0..data.len() {
            if i == left.len() {
                return;
            }
            let (a, b) = (left[i].load(Relaxed), data.get(j).map(|n| n.load(Relaxed)));
            match b {
                Some(b) if b < a => {
                    data[k].store(b, Relaxed);
                    j += 1;
                }
                _ => {
                    data[k].store(a, Relaxed);
                    i += 1;
                }
            }
        }
    }
}

/// Times the serial and the parallel version in turn and takes the better of
/// three of each.
pub(crate) fn compare(n: usize, mut parallel: impl FnMut(Numbers)) -> Vec<(&'static str, f64)> {
    let (mut best_serial, mut best_parallel) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let numbers = Numbers::shuffled(n);
        let start = Instant::now();
        numbers.sort_serially(numbers.all());
        best_serial = best_serial.min(start.elapsed());
        assert!(numbers.is_sorted(), "the serial sort does not sort");

        let numbers = Numbers::shuffled(n);
        let start = Instant::now();
        parallel(numbers.clone());
        best_parallel = best_parallel.min(start.elapsed());
        assert!(numbers.is_sorted(), "the parallel sort does not sort");
    }
    let (serial, parallel) = (best_serial.as_secs_f64(), best_parallel.as_secs_f64());
    vec![
        ("speedup", serial / parallel),
        ("parallel_ms", parallel * 1e3),
        ("serial_ms", serial * 1e3),
    ]
}

//! What Linux says of this process under `/proc`. Elsewhere every question is answered with `None`.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};

/// A number of a line `Key:   123 kB` (or without unit) of a file; kB are given in bytes.
fn number(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let mut words = line.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    Some(if words.next() == Some("kB") {
        number * 1024
    } else {
        number
    })
}

/// The most memory this process ever had resident.
pub(crate) fn peak() -> Option<u64> {
    number("/proc/self/status", "VmHWM")
}

/// How many OS threads this process has.
pub(crate) fn threads() -> Option<u64> {
    number("/proc/self/status", "Threads")
}

/// How many mappings this process has; Linux allows 65,530 by default.
pub(crate) fn mappings() -> Option<u64> {
    let text = fs::read("/proc/self/maps").ok()?;
    Some(text.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

/// How many of the `size` bytes up to the end of the page of `top` are in memory.
pub(crate) fn resident_below(top: usize, size: usize) -> Option<u64> {
    let page = number("/proc/self/smaps", "KernelPageSize")? as usize;
    // Eight bytes for each page; the highest bit says whether it is in memory.
    let mut entries = vec![0; size / page * 8];
    let first = top / page + 1 - size / page;
    let mut map = File::open("/proc/self/pagemap").ok()?;
    map.seek(SeekFrom::Start(first as u64 * 8)).ok()?;
    map.read_exact(&mut entries).ok()?;
    let last_byte = if cfg!(target_endian = "little") { 7 } else { 0 };
    let present = entries
        .chunks(8)
        .filter(|entry| entry[last_byte] & 0x80 != 0);
    Some((present.count() * page) as u64)
}

/// The memory this process occupies, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Pages of its own that are in memory.
    pub(crate) resident: u64,
    /// The tables by which the processor finds those pages.
    pub(crate) tables: u64,
    /// The stacks inside the kernel, of all threads of the whole system.
    pub(crate) kernel_stacks: u64,
}

impl Memory {
    /// As it is now.
    pub(crate) fn now() -> Option<Memory> {
        Some(Memory {
            // Counts the pages; `VmRSS` adds up counters that lag behind a little.
            resident: number("/proc/self/smaps_rollup", "Rss")
                .or_else(|| number("/proc/self/status", "VmRSS"))?,
            tables: number("/proc/self/status", "VmPTE")?,
            kernel_stacks: number("/proc/meminfo", "KernelStack").unwrap_or(0),
        })
    }

    /// By how much it is more than `before`, divided among `count`.
    pub(crate) fn each_since(self, before: Memory, count: u64) -> Memory {
        let each = |now: u64, before: u64| now.saturating_sub(before) / count.max(1);
        Memory {
            resident: each(self.resident, before.resident),
            tables: each(self.tables, before.tables),
            kernel_stacks: each(self.kernel_stacks, before.kernel_stacks),
        }
    }
}

//! Where records come from and go back to, and the list of all of them.
//!
//! Not for: counting the live ones (each worker counts; `sched` adds up).
//!
//! Records are made in chunks that are never given back. Each worker keeps some free ones
//! ([`Pool`]); it fetches from and returns to the shared list in batches, so a spawn and an exit
//! touch nothing shared when warm.
#![allow(unsafe_code, reason = "allocates chunks of records")]

use super::list::List;
use super::{G, Status};
use crate::shim::Lock;
use crate::shim::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::sys::mem;
use std::cell::Cell;
use std::ptr::NonNull;

const CHUNK: usize = 256;
const BATCH: usize = 128;

/// Room for 67 million records, 8 GiB of them. The table itself is untouched zero pages at first.
const CHUNKS: usize = 1 << 18;

static TABLE: [AtomicPtr<G>; CHUNKS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS];
static COUNT: AtomicUsize = AtomicUsize::new(0);
static DEPOT: Lock<Depot> = Lock::new(Depot {
    full: Vec::new(),
    loose: List::new(),
    fresh: (0, 0),
});
static NEXT_ID: AtomicU64 = AtomicU64::new(2);

static MAIN_TAKEN: AtomicBool = AtomicBool::new(false);

/// The number for a main goroutine: 1 for the first.
pub(crate) fn main_id() -> u64 {
    if MAIN_TAKEN.swap(true, Ordering::Relaxed) {
        ids(1)
    } else {
        1
    }
}

/// A fresh range of `n` numbers.
pub(crate) fn ids(n: u64) -> u64 {
    NEXT_ID.fetch_add(n, Ordering::Relaxed)
}

/// There was no memory for another record.
#[derive(Clone, Copy, Debug)]
pub struct OutOfMemory;

/// The free records of one worker: two magazines, of which whole ones are exchanged with the depot
/// (Bonwick and Adams 2001). So a worker that only frees and one that only takes each go to the depot
/// once in `BATCH` records, and move a list there without walking it.
#[derive(Debug, Default)]
pub struct Pool {
    loaded: List<G>,
    full: List<G>,
    next_id: Cell<u64>,
    last_id: Cell<u64>,
}

impl Pool {
    /// A free record, for the caller alone.
    #[inline]
    pub(crate) fn take(&self) -> Result<&'static G, OutOfMemory> {
        match self.loaded.pop_front() {
            Some(g) => {
                if let Some(next) = self.loaded.front() {
                    next.prefetch_whole();
                }
                Ok(g)
            }
            None => self.refill(),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self) -> Result<&'static G, OutOfMemory> {
        if self.full.is_empty() {
            let mut depot = DEPOT.lock();
            match depot.full.pop() {
                Some(magazine) => self.loaded.append(&magazine),
                None => depot.fill(&self.loaded)?,
            }
        } else {
            self.loaded.append(&self.full);
        }
        self.loaded.pop_front().ok_or(OutOfMemory)
    }

    /// Keeps a record that nobody refers to any more.
    #[inline]
    pub(crate) fn put(&self, g: &'static G) {
        // Newest first: it is still in the cache.
        self.loaded.push_front(g);
        if self.loaded.len() >= BATCH {
            self.spill();
        }
    }

    #[cold]
    #[inline(never)]
    fn spill(&self) {
        if !self.full.is_empty() {
            let magazine = List::new();
            magazine.append(&self.full);
            DEPOT.lock().full.push(magazine);
        }
        self.full.append(&self.loaded);
    }

    /// A number for a new goroutine.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        let id = self.next_id.get();
        if id == self.last_id.get() {
            return self.more_ids();
        }
        self.next_id.set(id + 1);
        id
    }

    #[cold]
    fn more_ids(&self) -> u64 {
        const RANGE: u64 = 1024;
        let first = ids(RANGE);
        self.next_id.set(first + 1);
        self.last_id.set(first + RANGE);
        first
    }
}

/// What workers exchange, and what threads that are not workers use.
struct Depot {
    full: Vec<List<G>>,
    loose: List<G>,
    /// What is left of the last mapping: where, and how many chunks.
    fresh: (usize, usize),
}

impl Depot {
    /// Moves free records to `list`: loose ones, or new ones.
    fn fill(&mut self, list: &List<G>) -> Result<(), OutOfMemory> {
        list.append(&self.loose.split_front(BATCH));
        if list.is_empty() {
            for g in new_chunk(self)? {
                list.push_back(g);
            }
        }
        Ok(())
    }
}

/// A free record without a pool: for threads that are not workers.
pub(crate) fn take_shared() -> Result<&'static G, OutOfMemory> {
    let mut depot = DEPOT.lock();
    if depot.loose.is_empty() {
        match depot.full.pop() {
            Some(magazine) => depot.loose.append(&magazine),
            None => {
                let fresh = List::new();
                depot.fill(&fresh)?;
                depot.loose.append(&fresh);
            }
        }
    }
    depot.loose.pop_front().ok_or(OutOfMemory)
}

/// How many chunks are reserved at once: 4 MiB of address space.
const RESERVE: usize = 128;

/// Makes another chunk.
fn new_chunk(depot: &mut Depot) -> Result<&'static [G], OutOfMemory> {
    let index = COUNT.load(Ordering::Relaxed);
    let entry = TABLE.get(index).ok_or(OutOfMemory)?;
    let size = size_of::<[G; CHUNK]>();
    if depot.fresh.1 == 0 {
        // Smaller if there is no room for as much, down to a single chunk.
        let reserve = |chunks: usize| {
            Some((
                mem::map(chunks * size)?.as_ptr().expose_provenance(),
                chunks,
            ))
        };
        depot.fresh = reserve(RESERVE).or_else(|| reserve(1)).ok_or(OutOfMemory)?;
    }
    let ptr = std::ptr::with_exposed_provenance_mut::<G>(depot.fresh.0);
    depot.fresh = (depot.fresh.0 + size, depot.fresh.1 - 1);
    if let Some(start) = NonNull::new(ptr.cast()) {
        // SAFETY: a part of the mapping that nobody has used yet.
        unsafe { mem::populate(start, size) };
    }
    entry.store(ptr, Ordering::Relaxed);
    // Release: pairs with the Acquire in `records`; who sees the chunk counted sees its entry.
    COUNT.store(index + 1, Ordering::Release);
    // SAFETY: `chunk` is below the count.
    Ok(unsafe { chunk(index) })
}

/// # Safety
///
/// `index` is below the count.
unsafe fn chunk(index: usize) -> &'static [G] {
    let ptr = TABLE[index].load(Ordering::Relaxed);
    // SAFETY: `new_chunk` stored a pointer to `CHUNK` records, aligned and never freed; a record of
    // zeroes is valid: null pointers, zero numbers, `Status::Free`, and uninitialised words.
    unsafe { std::slice::from_raw_parts(ptr, CHUNK) }
}

/// How many records there are, free ones too.
pub fn records() -> usize {
    // Acquire: pairs with the Release in `new_chunk`.
    COUNT.load(Ordering::Acquire) * CHUNK
}

/// The records from number `from` on, to the end of their chunk; empty past the last.
pub fn slice_from(from: usize) -> &'static [G] {
    if from >= records() {
        return &[];
    }
    // SAFETY: `from` is below the number of records.
    let chunk = unsafe { chunk(from / CHUNK) };
    &chunk[from % CHUNK..]
}

/// Calls `f` for every record there is, free ones too.
pub fn for_each(f: impl FnMut(&'static G)) {
    let chunks = (0..records()).step_by(CHUNK);
    chunks.flat_map(slice_from).for_each(f);
}

/// Gives a record back that was not used.
pub(crate) fn put_shared(g: &'static G) {
    DEPOT.lock().loose.push_front(g);
}

/// Frees what the record holds besides its packet and makes it available again: to `pool`, or to
/// all. The caller has the last reference.
#[inline]
pub(crate) fn recycle(g: &'static G, pool: Option<&Pool>) {
    if g.ext().is_some() {
        drop(g.take_ext());
    }
    g.set_status(Status::Free);
    match pool {
        Some(pool) => pool.put(g),
        None => put_shared(g),
    }
}

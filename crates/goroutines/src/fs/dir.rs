//! Directories: reading them, and making them with settings.

use super::{FileType, Metadata};
use crate::io::offload::pool;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};

/// How many entries one hand-over fetches at most.
const BATCH: usize = 256;

pub(super) fn read(path: &Path) -> io::Result<ReadDir> {
    pool(|| {
        let mut dir = ReadDir {
            std: std::fs::read_dir(path)?,
            batch: VecDeque::new(),
            end: false,
        };
        // Most directories need no second hand-over.
        dir.fetch();
        Ok(dir)
    })
}

/// The entries of a directory, as [`std::fs::ReadDir`]; made by [`read_dir`](super::read_dir).
///
/// They are fetched in batches, each with one hand-over to the blocking pool. What is added or removed
/// meanwhile may be seen or not.
pub struct ReadDir {
    std: std::fs::ReadDir,
    batch: VecDeque<io::Result<DirEntry>>,
    end: bool,
}

impl ReadDir {
    fn fetch(&mut self) {
        while self.batch.len() < BATCH && !self.end {
            match self.std.next() {
                None => self.end = true,
                Some(entry) => self.batch.push_back(entry.map(|entry| DirEntry {
                    // Most file systems have told this with the name.
                    kind: entry.file_type().ok(),
                    std: entry,
                })),
            }
        }
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if self.batch.is_empty() && !self.end {
            pool(|| self.fetch());
        }
        self.batch.pop_front()
    }
}

impl std::iter::FusedIterator for ReadDir {}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

/// What is in a directory, as [`std::fs::DirEntry`].
pub struct DirEntry {
    std: std::fs::DirEntry,
    kind: Option<FileType>,
}

impl DirEntry {
    /// The path given to [`read_dir`](super::read_dir), with the name.
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// The name alone.
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }

    /// What it is, not following links. Needs no further call on most file systems.
    ///
    /// # Errors
    ///
    /// If it has gone meanwhile.
    pub fn file_type(&self) -> io::Result<FileType> {
        self.kind.map_or_else(|| pool(|| self.std.file_type()), Ok)
    }

    /// What is known of it, not following links.
    ///
    /// # Errors
    ///
    /// If it has gone meanwhile.
    pub fn metadata(&self) -> io::Result<Metadata> {
        pool(|| self.std.metadata())
    }

    /// The number of its inode.
    pub fn ino(&self) -> u64 {
        self.std.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

/// Makes directories with settings, as [`std::fs::DirBuilder`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::fs::{self, DirBuilder};
///
/// let dir = std::env::temp_dir().join(format!("goroutines-doc-dir-{}", std::process::id()));
/// DirBuilder::new().recursive(true).mode(0o700).create(dir.join("a/b"))?;
/// fs::remove_dir_all(&dir)?;
/// # Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct DirBuilder(std::fs::DirBuilder);

impl Default for DirBuilder {
    fn default() -> DirBuilder {
        DirBuilder::new()
    }
}

impl DirBuilder {
    /// As [`create_dir`](super::create_dir) does it.
    pub fn new() -> DirBuilder {
        DirBuilder(std::fs::DirBuilder::new())
    }

    /// Whether to make the parents that are missing; then it is no error if it is there.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.0.recursive(recursive);
        self
    }

    /// The permissions of what is made, less the process's umask: `0o777` by default.
    pub fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.0.mode(mode);
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// As [`std::fs::DirBuilder::create`].
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        pool(|| self.0.create(path))
    }
}

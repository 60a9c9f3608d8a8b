//! Files and directories, with the names of [`std::fs`].
//!
//! ```
//! # goroutines::run(|| -> std::io::Result<()> {
//! use goroutines::fs::{self, File};
//! use std::io::{BufWriter, Write};
//!
//! let dir = std::env::temp_dir().join(format!("goroutines-doc-fs-{}", std::process::id()));
//! fs::create_dir(&dir)?;
//! let path = dir.join("numbers");
//! let mut out = BufWriter::new(File::create(&path)?);
//! for i in 0..3 {
//!     writeln!(out, "{i}")?;
//! }
//! out.flush()?;
//! assert_eq!(fs::read_to_string(&path)?, "0\n1\n2\n");
//! fs::remove_dir_all(&dir)?;
//! # Ok(()) }).unwrap();
//! ```
//!
//! # What a call costs
//!
//! Files cannot be waited for as sockets can: a read blocks until the disk, or a server far away, has
//! answered. So **each call goes to a thread of the [blocking pool](crate::blocking)**, and its goroutine
//! waits for it: other goroutines run on, whatever the disk does. The hand-over to the thread and back
//! costs some microseconds, much more than a read from the system's cache. Therefore:
//!
//! - Read and write in large pieces: through a [`BufReader`](std::io::BufReader) or a
//!   [`BufWriter`](std::io::BufWriter), or all at once with [`read`] and [`write()`].
//! - [`io::copy`] moves 8 KiB at a time, unless it reads from a `BufReader` with a larger
//!   [capacity](std::io::BufReader::with_capacity).
//! - `read_to_end`, `read_to_string`, `read_exact`, `write_all` and `write!` are one hand-over each,
//!   however much they move.
//! - For many small steps, such as walking a tree of directories, put the loop into one
//!   [`blocking`](crate::blocking) call with the functions of `std`.
//!
//! On a plain thread every call is made there, without hand-over.
//!
//! Not handed over is what needs no disk: seeking from the start or from where it is, `try_clone`, and
//! dropping a file. (Dropping may block on network file systems: see [`File`].)
//!
//! # Cancelling
//!
//! A goroutine that was asked to unwind does so before a call begins. A call that has begun is finished:
//! no thread can be taken out of it, and it borrows the caller's buffer.

mod dir;
mod file;
mod options;

pub use dir::{DirBuilder, DirEntry, ReadDir};
pub use file::File;
pub use options::OpenOptions;
pub use std::fs::{FileTimes, FileType, Metadata, Permissions};

use crate::io::offload::pool;
use std::io;
use std::path::{Path, PathBuf};

/// Functions of one path, which are std's.
macro_rules! of_path {
    ($($(#[$doc:meta])* $name:ident -> $out:ty;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`std::fs::", stringify!($name), "`].")]
            pub fn $name<P: AsRef<Path>>(path: P) -> io::Result<$out> {
                let path = path.as_ref();
                pool(|| std::fs::$name(path))
            }
        )*
    };
}

of_path! {
    /// The bytes of a file, in one call.
    read -> Vec<u8>;
    /// The text of a file, in one call.
    read_to_string -> String;
    /// Removes a file (or a link to something else).
    remove_file -> ();
    /// Makes a directory; its parent has to be there.
    create_dir -> ();
    /// Makes a directory and all of its parents that are missing. No error if it is there.
    create_dir_all -> ();
    /// Removes a directory, which has to be empty.
    remove_dir -> ();
    /// Removes a directory with everything in it, in one call. Links are not followed.
    remove_dir_all -> ();
    /// What is known of a file, or of what a link leads to.
    metadata -> Metadata;
    /// What is known of a file, or of a link itself.
    symlink_metadata -> Metadata;
    /// The path from the root, without links, `.` and `..`.
    canonicalize -> PathBuf;
    /// Where a symbolic link leads.
    read_link -> PathBuf;
    /// Whether there is something at the path, following links. An error if that cannot be known.
    exists -> bool;
}

/// Functions of two paths, which are std's.
macro_rules! of_two_paths {
    ($($(#[$doc:meta])* $name:ident($a:ident, $b:ident) -> $out:ty = $std:path;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($std), "`].")]
            pub fn $name<P: AsRef<Path>, Q: AsRef<Path>>($a: P, $b: Q) -> io::Result<$out> {
                let ($a, $b) = ($a.as_ref(), $b.as_ref());
                pool(|| $std($a, $b))
            }
        )*
    };
}

of_two_paths! {
    /// Copies a file's bytes and permissions, in one call; how many bytes.
    copy(from, to) -> u64 = std::fs::copy;
    /// Renames a file or directory; what has the new name is replaced. On one file system only.
    rename(from, to) -> () = std::fs::rename;
    /// Gives a file a second name, on the same file system.
    hard_link(original, link) -> () = std::fs::hard_link;
    /// Makes a symbolic link that leads to `original`.
    symlink(original, link) -> () = std::os::unix::fs::symlink;
}

/// Writes a whole file, in one call: it is made if it is not there, and its old content is lost.
///
/// # Errors
///
/// As [`std::fs::write()`].
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    pool(|| std::fs::write(path, contents))
}

/// Sets the permissions of a file or directory.
///
/// # Errors
///
/// As [`std::fs::set_permissions`].
pub fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    pool(|| std::fs::set_permissions(path, permissions))
}

/// What is in a directory, without `.` and `..`, in no particular order. The entries are fetched in
/// batches.
///
/// # Errors
///
/// As [`std::fs::read_dir`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// let mut names = Vec::new();
/// for entry in goroutines::fs::read_dir("/proc/self")? {
///     names.push(entry?.file_name());
/// }
/// assert!(names.iter().any(|name| name == "status"));
/// # Ok(()) }).unwrap();
/// ```
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    dir::read(path.as_ref())
}

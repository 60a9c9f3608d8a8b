//! The one error of this room: a stack that could not be had, which limit stands in the way,
//! and what the user can do about it.
//!
//! Not for bugs: a broken invariant is a panic.

use std::fmt;

/// Why there is no stack. Opaque; ask [`StackError::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackError {
    kind: StackErrorKind,
    /// What was tried, in bytes.
    bytes: usize,
    /// The value of the limit, where it is known.
    value: Option<u64>,
}

/// What kind of [`StackError`] this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackErrorKind {
    /// The operating system has no more of something; `limit` names it, for instance
    /// `"address space (RLIMIT_AS)"`.
    Exhausted {
        /// The limit that was reached.
        limit: &'static str,
    },
    /// No stack of this size can ever be had.
    TooLarge,
}

/// The names under which limits are reported.
pub(crate) mod limit {
    pub(crate) const ADDRESS_SPACE: &str = "address space (RLIMIT_AS)";
    pub(crate) const MAPPINGS: &str = "memory mappings (vm.max_map_count)";
    pub(crate) const COMMIT: &str = "committed memory (vm.overcommit_memory=2)";
    pub(crate) const PAGE: &str = "pages small enough for a guard";
    pub(crate) const MEMORY: &str = "memory";
}

impl StackError {
    #[cold]
    pub(crate) const fn too_large(bytes: usize) -> Self {
        Self {
            kind: StackErrorKind::TooLarge,
            bytes,
            value: None,
        }
    }

    #[cold]
    pub(crate) const fn exhausted(limit: &'static str, bytes: usize, value: Option<u64>) -> Self {
        Self {
            kind: StackErrorKind::Exhausted { limit },
            bytes,
            value,
        }
    }

    /// What stood in the way.
    #[must_use]
    pub fn kind(&self) -> StackErrorKind {
        self.kind
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = match self.kind {
            StackErrorKind::TooLarge => {
                return write!(
                    f,
                    "no stack can have {} bytes: the most is {} bytes; ask for a smaller stack size",
                    self.bytes,
                    super::StackSize::MAX.bytes()
                );
            }
            StackErrorKind::Exhausted { limit } => limit,
        };
        write!(
            f,
            "could not reserve {} KiB for stacks: no more {limit}",
            self.bytes.div_ceil(1024)
        )?;
        if let Some(value) = self.value {
            write!(f, ", the limit is {value}")?;
        }
        f.write_str("; ")?;
        f.write_str(match limit {
            limit::ADDRESS_SPACE => {
                "raise it with `ulimit -v` (or in the service manager), or ask for smaller stacks"
            }
            limit::MAPPINGS => {
                "raise it with `sysctl -w vm.max_map_count=...`, or use Linux 6.13 or newer, where \
                 the guard of a stack needs no mapping"
            }
            limit::COMMIT => {
                "stacks are reserved far beyond what they use: set vm.overcommit_memory to 0 or 1, \
                 or ask for smaller stacks"
            }
            _ => "run fewer goroutines at a time, or ask for smaller stacks",
        })
    }
}

impl std::error::Error for StackError {}

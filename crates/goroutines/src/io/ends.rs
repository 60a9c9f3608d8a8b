//! The ends of pipes, those of children included, written once.
//!
//! Each macro is for a type with one field, an `Arc` of the `Source` of one of std's two ends.

use super::source::Source;
use rustix::fs::{Mode, OFlags};
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;

/// Both ends.
macro_rules! end {
    ($type:ident, $std:ty) => {
        $crate::io::macros::deadlines!($type, "pipe");

        impl $type {
            /// Of an end that was set not to block. `in_parts`: see `Source`.
            pub(crate) fn of(end: std::os::fd::OwnedFd, in_parts: bool) -> std::io::Result<$type> {
                let mut source = $crate::io::source::Source::new(<$std>::from(end))?;
                source.set_in_parts(in_parts);
                Ok($type(std::sync::Arc::new(source)))
            }
        }

        impl std::os::fd::AsFd for $type {
            /// The descriptor, which does not block. After `close()` every operation on it fails.
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.lend().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.lend().as_raw_fd()
            }
        }

        /// Takes it over, and sets it not to block: all who have the same end open see that.
        impl TryFrom<std::os::fd::OwnedFd> for $type {
            type Error = std::io::Error;

            fn try_from(end: std::os::fd::OwnedFd) -> std::io::Result<$type> {
                rustix::io::ioctl_fionbio(&end, true)?;
                // It may be a pipe of packets, each of which ends a read, or a terminal, where a line does.
                let made = <$type>::of(end, true)?;
                // Others may have the same open.
                made.0.lend();
                Ok(made)
            }
        }

        /// An end that blocks, for other programs and for `std`. If there are other handles to it, it is
        /// opened once more, so that they are not changed.
        impl TryFrom<$type> for std::os::fd::OwnedFd {
            type Error = std::io::Error;

            fn try_from(end: $type) -> std::io::Result<std::os::fd::OwnedFd> {
                $crate::io::ends::blocking(end.0)
            }
        }

        /// For the streams of a child, which gets an end that blocks. If there are other handles to it, and
        /// it cannot be opened once more, the child's end does not block.
        impl From<$type> for std::process::Stdio {
            fn from(end: $type) -> std::process::Stdio {
                $crate::io::ends::stdio(end.0)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.get().fmt(f)
            }
        }
    };
}

/// The end that reads.
macro_rules! reader {
    ($type:ident, $std:ty) => {
        $crate::io::ends::end!($type, $std);
        $crate::io::macros::reads!($type, $std, $crate::io::ends::read);
    };
}

/// The end that writes.
macro_rules! writer {
    ($type:ident, $std:ty) => {
        $crate::io::ends::end!($type, $std);
        $crate::io::macros::writes!(
            $type,
            $std,
            $crate::io::ends::write,
            $crate::io::ends::write_vectored
        );
    };
}

pub(crate) use {end, reader, writer};

pub(crate) fn read(mut end: impl Read, buf: &mut [u8]) -> io::Result<usize> {
    end.read(buf)
}

pub(crate) fn write(mut end: impl Write, buf: &[u8]) -> io::Result<usize> {
    end.write(buf)
}

pub(crate) fn write_vectored(mut end: impl Write, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    end.write_vectored(bufs)
}

/// An end that blocks.
pub(crate) fn blocking<T>(source: Arc<Source<T>>) -> io::Result<OwnedFd>
where
    T: AsFd + Into<OwnedFd>,
{
    source.open()?;
    match Arc::try_unwrap(source) {
        Ok(source) => {
            let fd = source.into_inner().into();
            rustix::io::ioctl_fionbio(&fd, false)?;
            Ok(fd)
        }
        Err(shared) => again(shared.get().as_fd()),
    }
}

/// Opens the pipe behind a descriptor once more: whether it blocks is a matter of each opening.
fn again(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let direction = rustix::fs::fcntl_getfl(fd)? & OFlags::ACCMODE;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    // Not waiting for somebody at the other end, which is what opening does where the pipe has a name.
    let flags = direction | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let new = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::io::ioctl_fionbio(&new, false)?;
    Ok(new)
}

/// An end for a child. It blocks, if that can be had.
pub(crate) fn stdio<T>(source: Arc<Source<T>>) -> Stdio
where
    T: AsFd + Into<OwnedFd>,
{
    match Arc::try_unwrap(source) {
        Ok(source) => {
            let fd = source.into_inner().into();
            let _ = rustix::io::ioctl_fionbio(&fd, false);
            fd.into()
        }
        Err(shared) => {
            let fd = shared.get().as_fd();
            let new = again(fd).or_else(|_| fd.try_clone_to_owned());
            new.map_or_else(|_| Stdio::null(), Stdio::from)
        }
    }
}

//! What all streams and sockets have in common, written once.
//!
//! Each macro is for a type with one field, an `Arc` of the `Source` of a std type.

/// `Read` for a type whose reference reads.
macro_rules! read_by_value {
    ($type:ty) => {
        impl std::io::Read for $type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }
    };
}

/// `Read` by `$read`, where having got less than was asked for means that there is no more now.
macro_rules! reads {
    ($type:ty, $std:ty, $read:path) => {
        impl std::io::Read for &$type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let wanted = buf.len();
                let op = |io: &$std| $read(io, buf);
                self.0
                    .stream(goroutines_runtime::park::Side::Read, wanted, op)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                let (bufs, wanted) = $crate::io::pieces::to_fill(bufs);
                let op = |mut io: &$std| std::io::Read::read_vectored(&mut io, bufs);
                self.0
                    .stream(goroutines_runtime::park::Side::Read, wanted, op)
            }
        }

        $crate::io::macros::read_by_value!($type);
    };
}

/// `Write` by `$write` and `$write_vectored`, for the type and for a reference to it.
macro_rules! writes {
    ($type:ty, $std:ty, $write:path, $write_vectored:path) => {
        impl std::io::Write for &$type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                let op = |io: &$std| $write(io, buf);
                self.0
                    .stream(goroutines_runtime::park::Side::Write, buf.len(), op)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let (bufs, wanted) = $crate::io::pieces::to_send(bufs);
                let op = |io: &$std| $write_vectored(io, bufs);
                self.0
                    .stream(goroutines_runtime::park::Side::Write, wanted, op)
            }

            /// Does nothing: nothing is kept back.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl std::io::Write for $type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            /// Does nothing: nothing is kept back.
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}

/// Deadlines of reads, and `close`.
macro_rules! deadlines {
    ($type:ty, $what:literal) => {
        impl $type {
            #[doc = concat!("From `deadline` on every operation on this ", $what, " fails with")]
            /// [`TimedOut`](std::io::ErrorKind::TimedOut), those that wait now as well, even if there is
            /// something to be had; `None`: no deadline.
            ///
            /// It stays in force until it is changed, and holds for all clones. Nothing is lost: after the
            /// deadline has been put off, operations go on. A moment in the past frees everybody who
            /// waits now.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn set_deadline(
                &self,
                deadline: Option<std::time::Instant>,
            ) -> std::io::Result<()> {
                self.0
                    .set_deadline(goroutines_runtime::park::Side::Read, deadline)?;
                self.0
                    .set_deadline(goroutines_runtime::park::Side::Write, deadline)
            }

            #[doc = concat!("Closes the ", $what, ": every operation on it and on its clones fails from now on,")]
            /// those that wait now as well, with an error for which
            /// [`io::is_closed`](crate::io::is_closed) is true.
            ///
            /// For the other end and for the system it is closed at once. The number of the descriptor stays
            /// taken until the last handle is dropped, so that it cannot come to mean something else under an
            /// operation that is in progress. `false`: it was closed before.
            pub fn close(&self) -> bool {
                self.0.close()
            }
        }
    };
}

/// Deadlines of one direction, for what is read and written.
macro_rules! deadlines_of_each_side {
    ($type:ty) => {
        impl $type {
            /// As [`set_deadline`](Self::set_deadline), for reading only.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn set_read_deadline(
                &self,
                deadline: Option<std::time::Instant>,
            ) -> std::io::Result<()> {
                self.0
                    .set_deadline(goroutines_runtime::park::Side::Read, deadline)
            }

            /// As [`set_deadline`](Self::set_deadline), for writing only.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn set_write_deadline(
                &self,
                deadline: Option<std::time::Instant>,
            ) -> std::io::Result<()> {
                self.0
                    .set_deadline(goroutines_runtime::park::Side::Write, deadline)
            }

            /// Every read from now on waits for so long at most, as in `std`. Unlike a
            /// [deadline](Self::set_read_deadline) the time begins with each call.
            ///
            /// The error is [`TimedOut`](std::io::ErrorKind::TimedOut), where `std` on Unix gives
            /// `WouldBlock`. It holds for all clones, and not for poll functions.
            ///
            /// # Errors
            ///
            /// If it is zero (use `None` for no timeout), and after `close()`.
            pub fn set_read_timeout(
                &self,
                timeout: Option<std::time::Duration>,
            ) -> std::io::Result<()> {
                self.0
                    .set_timeout(goroutines_runtime::park::Side::Read, timeout)
            }

            /// As [`set_read_timeout`](Self::set_read_timeout), for writing.
            ///
            /// # Errors
            ///
            /// If it is zero (use `None` for no timeout), and after `close()`.
            pub fn set_write_timeout(
                &self,
                timeout: Option<std::time::Duration>,
            ) -> std::io::Result<()> {
                self.0
                    .set_timeout(goroutines_runtime::park::Side::Write, timeout)
            }

            /// What [`set_read_timeout`](Self::set_read_timeout) has set.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                self.0.timeout(goroutines_runtime::park::Side::Read)
            }

            /// What [`set_write_timeout`](Self::set_write_timeout) has set.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                self.0.timeout(goroutines_runtime::park::Side::Write)
            }
        }
    };
}

/// Clones, and conversions from and to descriptors and the type of std.
macro_rules! descriptor {
    ($type:ident, $std:ty) => {
        impl $type {
            /// Of a socket that was set not to block.
            #[allow(dead_code, reason = "not each of them is made from a new socket")]
            pub(crate) fn of(io: $std) -> std::io::Result<$type> {
                Ok($type(std::sync::Arc::new(crate::io::source::Source::new(
                    io,
                )?)))
            }

            /// Another handle to the same. Needs no system call and no descriptor.
            ///
            /// Deadlines, timeouts and `close()` hold for all handles.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn try_clone(&self) -> std::io::Result<$type> {
                self.0.open()?;
                Ok($type(std::sync::Arc::clone(&self.0)))
            }

            /// With `true`, operations that would wait fail with
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) instead.
            ///
            /// Not needed for the sake of other goroutines: waiting holds up nobody.
            ///
            /// # Errors
            ///
            /// After `close()`.
            pub fn set_nonblocking(&self, nonblocking: bool) -> std::io::Result<()> {
                self.0.set_nonblocking(nonblocking)
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

        /// Takes it over, and sets it not to block.
        impl TryFrom<$std> for $type {
            type Error = std::io::Error;

            fn try_from(io: $std) -> std::io::Result<$type> {
                io.set_nonblocking(true)?;
                let made = $type::of(io)?;
                // Others may have the same open.
                made.0.lend();
                Ok(made)
            }
        }

        /// Takes it over, and sets it not to block. What kind it is, is not checked.
        impl TryFrom<std::os::fd::OwnedFd> for $type {
            type Error = std::io::Error;

            fn try_from(fd: std::os::fd::OwnedFd) -> std::io::Result<$type> {
                <$type>::try_from(<$std>::from(fd))
            }
        }

        /// The type of std, which blocks. If there are other handles it gets a new descriptor, and goes on
        /// not to block, for their sake.
        impl TryFrom<$type> for $std {
            type Error = std::io::Error;

            fn try_from(from: $type) -> std::io::Result<$std> {
                from.0.open()?;
                match std::sync::Arc::try_unwrap(from.0) {
                    Ok(source) => {
                        let io = source.into_inner();
                        io.set_nonblocking(false)?;
                        Ok(io)
                    }
                    Err(shared) => {
                        let io = shared.lend().try_clone()?;
                        // If it was closed meanwhile that may be a clone of what took its place.
                        shared.open().map(|_| io)
                    }
                }
            }
        }

        impl TryFrom<$type> for std::os::fd::OwnedFd {
            type Error = std::io::Error;

            fn try_from(from: $type) -> std::io::Result<std::os::fd::OwnedFd> {
                <$std>::try_from(from).map(Into::into)
            }
        }
    };
}

pub(crate) use {deadlines, deadlines_of_each_side, descriptor, read_by_value, reads, writes};

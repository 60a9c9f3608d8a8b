//! Standard input, output and error.
//!
//! The descriptors are left as they are: other processes have the same files open, and would see it if
//! they did not block any more. So each call that may block goes to the blocking pool. Before it reads,
//! a goroutine waits until there is something to read: until then it holds no thread, and can be
//! cancelled.

use super::offload::pool;
use super::source::Source;
use crate::sync::{Mutex, MutexGuard, PoisonError};
use goroutines_runtime::park::Side;
use goroutines_runtime::spawn::in_goroutine;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// Standard input; see [`Stdin`].
pub fn stdin() -> Stdin {
    Stdin(())
}

/// Standard output; see [`Stdout`].
pub fn stdout() -> Stdout {
    Stdout(())
}

/// Standard error; see [`Stderr`].
pub fn stderr() -> Stderr {
    Stderr(())
}

/// Standard input, as [`std::io::Stdin`]. All handles are the same, and read through one buffer.
///
/// A goroutine that waits for input holds up nobody. The buffer is not the one of `std`: a program should
/// read with this or with [`std::io::stdin`], not with both.
///
/// ```no_run
/// # goroutines::run(|| -> std::io::Result<()> {
/// for line in goroutines::io::stdin().lines() {
///     println!("got {}", line?);
/// }
/// # Ok(()) }).unwrap();
/// ```
#[derive(Clone, Copy)]
pub struct Stdin(());

/// Standard input, for one goroutine alone; made by [`Stdin::lock`].
pub struct StdinLock(MutexGuard<'static, Input>);

struct Input(Option<BufReader<Raw>>);

static INPUT: Mutex<Input> = Mutex::new(Input(None));

/// The descriptor, without the buffer.
struct Raw {
    /// To wait for input; `None`: it cannot be watched.
    source: Option<Source<io::Stdin>>,
}

impl Raw {
    fn wait(&mut self) -> io::Result<()> {
        let Some(source) = self.source.as_ref().filter(|_| in_goroutine()) else {
            return Ok(());
        };
        let waited = source.run(Side::Read, |io| match readable(io.as_fd()) {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        });
        if waited.is_err() {
            // Something that cannot be watched: reading says what is wrong with it, if anything is.
            self.source = None;
        }
        Ok(())
    }
}

impl Read for Raw {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        // Somebody else may have been quicker, so this may block after all.
        let got = pool(|| rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut *buf)));
        match got {
            // Closed: nothing will ever come, as in std.
            Err(rustix::io::Errno::BADF) => Ok(0),
            got => Ok(got?),
        }
    }
}

/// Whether reading would find something, or an end, or an error.
fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    rustix::event::poll(&mut fds, Some(&Timespec::default())) != Ok(0)
}

impl Input {
    fn reader(&mut self) -> &mut BufReader<Raw> {
        self.0.get_or_insert_with(|| {
            let source = Source::new(io::stdin()).ok();
            BufReader::new(Raw { source })
        })
    }
}

impl Stdin {
    /// Standard input for this goroutine alone, with [`BufRead`]'s methods. Others wait.
    pub fn lock(&self) -> StdinLock {
        StdinLock(INPUT.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a line, its end included, and appends it.
    ///
    /// # Errors
    ///
    /// That of reading, or if it is not UTF-8.
    pub fn read_line(&self, buf: &mut String) -> io::Result<usize> {
        self.lock().read_line(buf)
    }

    /// The lines that come, without their ends.
    pub fn lines(self) -> io::Lines<StdinLock> {
        self.lock().lines()
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        io::stdin().is_terminal()
    }
}

impl Read for Stdin {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(buf)
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buf)
    }
}

impl Read for &Stdin {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }
}

impl Read for StdinLock {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.reader().read(buf)
    }
}

impl BufRead for StdinLock {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.reader().fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.reader().consume(n);
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Stdin { .. }")
    }
}

impl fmt::Debug for StdinLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("StdinLock { .. }")
    }
}

/// Writing to one of std's two handles, whose buffer this shares with `println!` and others.
macro_rules! output {
    ($name:ident, $lock:ident, $cell:ident, $std:path, $what:literal) => {
        static $cell: Mutex<()> = Mutex::new(());

        impl $name {
            /// It for this goroutine alone: others that write by this module's handles wait. It must not
            /// be locked, or written to by another handle, by who has it locked.
            pub fn lock(&self) -> $lock {
                let _guard = $cell.lock().unwrap_or_else(PoisonError::into_inner);
                $lock { _guard }
            }

            /// Whether it is a terminal.
            pub fn is_terminal(&self) -> bool {
                $std().is_terminal()
            }
        }

        impl Write for $lock {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                pool(|| $std().write(buf))
            }

            fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                pool(|| $std().write_all(buf))
            }

            fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
                self.write_all(super::formatted(args)?.as_bytes())
            }

            fn flush(&mut self) -> io::Result<()> {
                pool(|| $std().flush())
            }
        }

        impl Write for &$name {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.lock().write(buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                self.lock().write_all(buf)
            }

            fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
                // Formatted before it is locked: that may run anything.
                let text = super::formatted(args)?;
                self.lock().write_all(text.as_bytes())
            }

            fn flush(&mut self) -> io::Result<()> {
                self.lock().flush()
            }
        }

        impl Write for $name {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                (&*self).write_all(buf)
            }

            fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
                (&*self).write_fmt(args)
            }

            fn flush(&mut self) -> io::Result<()> {
                (&*self).flush()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(concat!($what, " { .. }"))
            }
        }

        impl fmt::Debug for $lock {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(concat!($what, "Lock { .. }"))
            }
        }
    };
}

/// Standard output, as [`std::io::Stdout`], whose buffer it shares: `println!` may be used as well.
///
/// Each call goes to the blocking pool, so that a reader that is slow, or a terminal that has been stopped,
/// holds up nobody, as `println!` does. That costs a hand-over to another thread each: collect small
/// writes in a [`BufWriter`](std::io::BufWriter).
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use std::io::Write;
/// writeln!(goroutines::io::stdout(), "hello")?;
/// # Ok(()) }).unwrap();
/// ```
#[derive(Clone, Copy)]
pub struct Stdout(());

/// Standard output, for one goroutine alone; made by [`Stdout::lock`].
pub struct StdoutLock {
    _guard: MutexGuard<'static, ()>,
}

/// Standard error, as [`std::io::Stderr`]: without a buffer. See [`Stdout`] for what a call costs.
#[derive(Clone, Copy)]
pub struct Stderr(());

/// Standard error, for one goroutine alone; made by [`Stderr::lock`].
pub struct StderrLock {
    _guard: MutexGuard<'static, ()>,
}

output!(Stdout, StdoutLock, OUTPUT, io::stdout, "Stdout");
output!(Stderr, StderrLock, ERROR, io::stderr, "Stderr");

//! `Child`: a process that was started, and its pipes.

use super::exit::{self, Exit};
use super::{ExitStatus, Output};
use crate::io::ends::{reader, writer};
use crate::io::offload::pool;
use crate::io::source::Source;
use crate::signal::Signal;
use crate::task::builder::spawn;
use crate::task::handle::JoinHandle;
use goroutines_runtime::park::Moment;
use std::fmt;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A process that was started, as [`std::process::Child`]; made by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it neither ends nor waits for it: see [the module](super).
pub struct Child {
    std: std::process::Child,
    /// The child's standard input, if it was [`piped`](super::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it was piped.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it was piped.
    pub stderr: Option<ChildStderr>,
    /// From the first time on that somebody has to wait.
    exit: Option<Exit>,
    /// As soon as it was waited for.
    status: Option<ExitStatus>,
}

/// What is written here, the child reads from its standard input. It sees the end when this is dropped.
pub struct ChildStdin(Arc<Source<std::io::PipeWriter>>);

/// What the child writes to its standard output is read here.
pub struct ChildStdout(Arc<Source<std::io::PipeReader>>);

/// What the child writes to its standard error is read here.
pub struct ChildStderr(Arc<Source<std::io::PipeReader>>);

writer!(ChildStdin, std::io::PipeWriter);
reader!(ChildStdout, std::io::PipeReader);
reader!(ChildStderr, std::io::PipeReader);

macro_rules! from_std {
    ($($type:ident,)*) => {
        $(
            /// Takes it over, and sets it not to block.
            impl TryFrom<std::process::$type> for $type {
                type Error = io::Error;

                fn try_from(pipe: std::process::$type) -> io::Result<$type> {
                    $type::try_from(OwnedFd::from(pipe))
                }
            }
        )*
    };
}

from_std!(ChildStdin, ChildStdout, ChildStderr,);

impl Child {
    /// Takes over a child of std.
    ///
    /// # Errors
    ///
    /// If its pipes cannot be watched, because there are too many descriptors. Then it is killed.
    pub(super) fn of(mut std: std::process::Child) -> io::Result<Child> {
        let (stdin, stdout, stderr) = (std.stdin.take(), std.stdout.take(), std.stderr.take());
        let pipes = || {
            Ok((
                stdin.map(ChildStdin::try_from).transpose()?,
                stdout.map(ChildStdout::try_from).transpose()?,
                stderr.map(ChildStderr::try_from).transpose()?,
            ))
        };
        match pipes() {
            Ok((stdin, stdout, stderr)) => Ok(Child {
                std,
                stdin,
                stdout,
                stderr,
                exit: None,
                status: None,
            }),
            Err(error) => {
                let _ = std.kill();
                let _ = pool(|| std.wait());
                Err(error)
            }
        }
    }

    /// The number of the process in the system.
    pub fn id(&self) -> u32 {
        self.std.id()
    }

    /// Waits for it to end; at once if that is so.
    ///
    /// Its [`stdin`](Child::stdin) is closed before, so that a child that reads until the end comes to one.
    /// Its output is not read: see [`Child::wait_with_output`].
    ///
    /// If the goroutine is cancelled while it waits, the child goes on and can be waited for again.
    ///
    /// # Errors
    ///
    /// If somebody else has waited for it, or the process ignores
    /// [`SIGCHLD`](crate::signal::Signal::CHILD).
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.wait_until(Moment::NEVER)? {
            return Ok(status);
        }
        // The system did not say when it ends.
        let status = pool(|| self.std.wait())?;
        self.ended(Some(status));
        Ok(status)
    }

    /// As [`Child::wait`], for `timeout` at most; `None`: it has not ended by then.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    ///
    /// ```
    /// # goroutines::run(|| -> std::io::Result<()> {
    /// use goroutines::process::Command;
    /// use goroutines::signal::Signal;
    /// use std::time::Duration;
    ///
    /// let mut child = Command::new("sleep").arg("3600").spawn()?;
    /// child.send_signal(Signal::TERMINATE)?; // please end …
    /// if child.wait_timeout(Duration::from_secs(5))?.is_none() {
    ///     child.kill()?; // … or be ended
    ///     child.wait()?;
    /// }
    /// # Ok(()) }).unwrap();
    /// ```
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.wait_until(Moment::after(timeout))
    }

    /// As [`Child::wait`], until `deadline` at most; `None`: it has not ended by then.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    pub fn wait_deadline(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        self.wait_until(Moment::from_instant(deadline))
    }

    fn wait_until(&mut self, limit: Moment) -> io::Result<Option<ExitStatus>> {
        drop(self.stdin.take());
        if let Some(status) = self.try_wait()? {
            return Ok(Some(status));
        }
        let exit = self.exit.get_or_insert_with(|| Exit::of(self.std.id()));
        let status = exit.until(limit, || self.std.try_wait())?;
        self.ended(status);
        Ok(status)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.std.try_wait()?;
        self.ended(status);
        Ok(status)
    }

    fn ended(&mut self, status: Option<ExitStatus>) {
        if status.is_some() {
            self.status = status;
            self.exit = None;
        }
    }

    /// Kills it, unless it was waited for: it cannot do anything about it. Wait for it afterwards.
    ///
    /// # Errors
    ///
    /// If that is not allowed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.std.kill()
    }

    /// Sends it a signal. It may have ended, but must not have been waited for.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it was waited for; or if that is not allowed.
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        if self.status.is_some() {
            // The number may be that of another process by now.
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the child has ended, and was waited for",
            ));
        }
        signal.send_to(exit::pid(self.id())?)
    }

    /// Reads everything it writes to those outputs that are piped, and waits for it to end.
    ///
    /// Both are read at the same time, however much it is. Its `stdin` is closed before.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`], and as reading.
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        match (self.stdout.take(), self.stderr.take()) {
            (Some(mut out), Some(mut err)) => {
                let reader = spawn(move || {
                    let mut stderr = Vec::new();
                    err.read_to_end(&mut stderr).map(|_| stderr)
                });
                let reader = CancelOnDrop(Some(reader));
                out.read_to_end(&mut stdout)?;
                stderr = reader.join()?;
            }
            (Some(mut out), None) => drop(out.read_to_end(&mut stdout)?),
            (None, Some(mut err)) => drop(err.read_to_end(&mut stderr)?),
            (None, None) => {}
        }
        Ok(Output {
            status: self.wait()?,
            stdout,
            stderr,
        })
    }
}

/// A goroutine that is not needed any more if this is dropped.
struct CancelOnDrop<T>(Option<JoinHandle<T>>);

impl<T> CancelOnDrop<T> {
    fn join(mut self) -> T {
        // The reader does not panic, and nobody else can cancel it.
        match self.0.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(payload)) => std::panic::resume_unwind(payload),
            None => unreachable!("it is taken here only"),
        }
    }
}

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.cancel();
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

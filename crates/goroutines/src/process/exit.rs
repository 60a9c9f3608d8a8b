//! `Exit`: waiting for a process to end, without taking its status.
//!
//! Not for: the status, which `Child` asks for when this says that it is there.

use crate::channel::{Receiver, RecvTimeoutError, bounded};
use crate::io::offload::pool;
use crate::io::source::Source;
use crate::task::builder::spawn;
use goroutines_runtime::park::{Moment, Side};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions};
use std::io;
use std::os::fd::OwnedFd;

/// How the end of a process is noticed.
#[derive(Debug)]
pub(super) enum Exit {
    /// By a descriptor.
    Watched(Source<OwnedFd>),
    /// By a goroutine that waits in the blocking pool; the channel is closed then. For systems without
    /// pidfds, or where they are forbidden.
    Helper(Receiver<()>),
}

impl Exit {
    /// Of a child that has not been waited for.
    pub(super) fn of(id: u32) -> Exit {
        let watched = pid(id)
            .and_then(|pid| Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?))
            .and_then(Source::new);
        match watched {
            Ok(source) => Exit::Watched(source),
            Err(_) => Exit::helper(id),
        }
    }

    pub(super) fn helper(id: u32) -> Exit {
        let (ended, exit) = bounded(1);
        let _detached = spawn(move || {
            pool(|| wait(id));
            drop(ended);
        });
        Exit::Helper(exit)
    }

    /// Waits until `status` gives something, and tries that at first and after the end; `None`: `limit`
    /// was before that.
    pub(super) fn until<T>(
        &self,
        limit: Moment,
        mut status: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<Option<T>> {
        match self {
            Exit::Watched(source) => {
                let ended = source.run_until(Side::Read, limit, |_| {
                    status()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
                });
                match ended {
                    Ok(status) => Ok(Some(status)),
                    // In time, perhaps, and noticed too late.
                    Err(e) if e.kind() == io::ErrorKind::TimedOut => status(),
                    Err(e) => Err(e),
                }
            }
            Exit::Helper(exit) => {
                let waited = match limit.to_instant() {
                    Some(limit) => exit.recv_deadline(limit),
                    None => exit.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                // Whichever it was.
                let _ = waited;
                status()
            }
        }
    }
}

/// Blocks until the child ends, and leaves its status.
fn wait(id: u32) {
    let Ok(pid) = pid(id) else { return };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    // Any error means that somebody has taken the status already.
    let _ = rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), options));
}

pub(super) fn pid(id: u32) -> io::Result<Pid> {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

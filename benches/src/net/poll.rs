//! What the two kinds of load share: waiting with `epoll`, and measuring for a
//! time.

use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};

use super::figures::{Histogram, Tally};
use crate::mem;

/// How long a server may say nothing at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long to run before it counts, and how long it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
}

/// An `epoll` whose entries have numbers.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// For so many sockets at a time.
    pub(crate) fn new(sockets: usize) -> Result<Self, String> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|error| format!("epoll_create: {error}"))?;
        let events = Vec::with_capacity(sockets);
        Ok(Self { epoll, events })
    }

    /// Adds a socket, edge-triggered: who is told reads all there is. Closing
    /// the socket takes it out.
    pub(crate) fn add(
        &self,
        socket: impl AsFd,
        number: usize,
        flags: epoll::EventFlags,
    ) -> Result<(), String> {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, socket, data, flags | epoll::EventFlags::ET)
            .map_err(|error| format!("epoll_ctl: {error}"))
    }

    /// Waits until some are ready, and gives their numbers.
    fn wait(&mut self, ready: &mut Vec<usize>) -> Result<(), String> {
        let patience = Timespec {
            tv_sec: PATIENCE.as_secs() as i64,
            tv_nsec: 0,
        };
        let events = spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, events, Some(&patience)) {
            Ok(0) => {
                let secs = PATIENCE.as_secs();
                return Err(format!("the server said nothing for {secs} s"));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("epoll_wait: {error}")),
        }
        ready.extend(self.events.drain(..).map(|event| event.data.u64() as usize));
        Ok(())
    }
}

/// Takes a step for every socket that is ready, as long as `window` says. A
/// step that ends an exchange enters its time into the histogram, which is
/// there once it counts.
pub(crate) fn measure(
    mut poll: Poll,
    window: Window,
    server: Option<u32>,
    mut step: impl FnMut(&Poll, usize, Option<&mut Histogram>) -> Result<(), String>,
) -> Result<Tally, String> {
    let mut ready = Vec::new();
    let start = Instant::now();
    while start.elapsed() < window.warm_up {
        poll.wait(&mut ready)?;
        for number in ready.drain(..) {
            step(&poll, number, None)?;
        }
    }
    let cpu_time = || server.and_then(mem::cpu_time);
    let mut latencies = Histogram::new();
    let before = cpu_time();
    let start = Instant::now();
    while start.elapsed() < window.measure {
        poll.wait(&mut ready)?;
        for number in ready.drain(..) {
            step(&poll, number, Some(&mut latencies))?;
        }
    }
    let elapsed = start.elapsed();
    let after = cpu_time();
    Ok(Tally {
        latencies,
        elapsed,
        server: after.zip(before).map(|(after, before)| after - before),
    })
}

//! What the rooms share.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Instant;

/// As [`until`], without ever leaving the processor to others.
#[track_caller]
pub(crate) fn spin_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        std::hint::spin_loop();
    }
}

/// Runs the test of this name once more, in a process of its own; `true`: this is that process.
///
/// ```ignore
/// if !alone("room::test", &[]) { return; }
/// ```
pub(crate) fn alone(name: &str, vars: &[(&str, &str)]) -> bool {
    const WHICH: &str = "GOROUTINES_IT_ALONE";
    if std::env::var_os(WHICH).is_some_and(|v| v == name) {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(WHICH, name)
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{name} alone: {}\n{out}\n{err}",
        output.status
    );
    assert!(out.contains("1 passed"), "{name} is not a test:\n{out}");
    false
}

/// The text of a panic.
pub(crate) fn text(payload: &(dyn std::any::Any + Send)) -> &str {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "(no text)",
    }
}

/// Bytes of memory that this process has resident.
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Mappings of this process.
pub(crate) fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}

/// A ball that goroutines hand each other by `park` and `unpark`.
pub(crate) struct Ball {
    turn: AtomicUsize,
    players: Box<[std::sync::OnceLock<goroutines::Goroutine>]>,
}

impl Ball {
    pub(crate) fn new(players: usize) -> Arc<Ball> {
        let players = (0..players).map(|_| std::sync::OnceLock::new()).collect();
        Arc::new(Ball {
            turn: AtomicUsize::new(0),
            players,
        })
    }

    /// The caller is player number `me` from now on.
    pub(crate) fn enter(&self, me: usize) {
        self.players[me].set(goroutines::current()).unwrap();
        // Whoever passed the ball and could not see us yet has left it lying: `take` finds it.
        fence(Ordering::SeqCst);
    }

    /// Waits until it is the turn of `me`.
    pub(crate) fn take(&self, me: usize) {
        while self.turn.load(Ordering::SeqCst) % self.players.len() != me {
            goroutines::park();
        }
    }

    /// As [`Ball::take`]; `false`: it is over. Who ends it unparks all players.
    pub(crate) fn take_until(&self, me: usize, over: &AtomicBool) -> bool {
        while !over.load(Ordering::SeqCst) {
            if self.turn.load(Ordering::SeqCst) % self.players.len() == me {
                return true;
            }
            goroutines::park();
        }
        false
    }

    /// It is the next one's turn.
    pub(crate) fn pass(&self) {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst) + 1;
        fence(Ordering::SeqCst);
        if let Some(next) = self.players[turn % self.players.len()].get() {
            next.unpark();
        }
    }
}

#[path = "../shared/support.rs"]
mod shared;
pub(crate) use shared::*;

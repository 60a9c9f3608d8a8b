//! `Signal`: the number of a signal, and what it is called.

use goroutines_runtime::sys::signal as sys;
use rustix::process::{Pid, Signal as Raw};
use std::fmt;
use std::io;

/// A signal of the operating system.
///
/// ```
/// use goroutines::signal::Signal;
///
/// assert_eq!(Signal::INTERRUPT.to_string(), "interrupt");
/// assert_eq!(format!("{:?}", Signal::INTERRUPT), "SIGINT");
/// assert_eq!(Signal::from_raw(Signal::HANGUP.as_raw()), Some(Signal::HANGUP));
/// assert_eq!(Signal::from_raw(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// The constants, with what `std::fmt` shows of them.
macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $raw:ident, $short:literal, $words:literal;)*) => {
        impl Signal {
            $(
                $(#[$doc])*
                pub const $name: Signal = Signal(Raw::$raw.as_raw());
            )*

            fn names(self) -> Option<(&'static str, &'static str)> {
                $(
                    if self == Signal::$name {
                        return Some(($short, $words));
                    }
                )*
                None
            }
        }
    };
}

signals! {
    /// The terminal is gone; by convention also: read the configuration again.
    HANGUP = HUP, "SIGHUP", "hangup";
    /// Ctrl-C at the terminal.
    INTERRUPT = INT, "SIGINT", "interrupt";
    /// Ctrl-\ at the terminal; makes a core dump by default.
    QUIT = QUIT, "SIGQUIT", "quit";
    /// An instruction that does not exist. Cannot be caught here.
    ILLEGAL = ILL, "SIGILL", "illegal instruction";
    /// A breakpoint. Cannot be caught here.
    TRAP = TRAP, "SIGTRAP", "trace/breakpoint trap";
    /// `abort` was called.
    ABORT = ABORT, "SIGABRT", "aborted";
    /// A memory access that failed. Cannot be caught here.
    BUS = BUS, "SIGBUS", "bus error";
    /// A calculation that failed. Cannot be caught here.
    FLOATING_POINT = FPE, "SIGFPE", "floating point exception";
    /// Ends a process at once. Cannot be caught.
    KILL = KILL, "SIGKILL", "killed";
    /// For the program's own use.
    USER1 = USR1, "SIGUSR1", "user defined signal 1";
    /// A memory access that is not allowed. Cannot be caught here.
    SEGMENTATION_FAULT = SEGV, "SIGSEGV", "segmentation fault";
    /// For the program's own use.
    USER2 = USR2, "SIGUSR2", "user defined signal 2";
    /// Nobody reads what was written. Rust programs ignore it from the start and get an error instead.
    PIPE = PIPE, "SIGPIPE", "broken pipe";
    /// A timer of `alarm`.
    ALARM = ALARM, "SIGALRM", "alarm clock";
    /// A polite request to end, as `kill` and service managers send it.
    TERMINATE = TERM, "SIGTERM", "terminated";
    /// A child has ended, stopped or gone on.
    CHILD = CHILD, "SIGCHLD", "child exited";
    /// Goes on after it was stopped.
    CONTINUE = CONT, "SIGCONT", "continued";
    /// Stops a process. Cannot be caught.
    STOP = STOP, "SIGSTOP", "stopped (signal)";
    /// Ctrl-Z at the terminal.
    TERMINAL_STOP = TSTP, "SIGTSTP", "stopped";
    /// A process in the background reads from the terminal.
    TERMINAL_INPUT = TTIN, "SIGTTIN", "stopped (tty input)";
    /// A process in the background writes to the terminal.
    TERMINAL_OUTPUT = TTOU, "SIGTTOU", "stopped (tty output)";
    /// Urgent data. The runtime uses it, so it cannot be caught here.
    URGENT = URG, "SIGURG", "urgent I/O condition";
    /// The limit of processor time has been reached.
    CPU_LIMIT = XCPU, "SIGXCPU", "CPU time limit exceeded";
    /// The limit of a file's size has been reached.
    FILE_SIZE_LIMIT = XFSZ, "SIGXFSZ", "file size limit exceeded";
    /// A timer of `setitimer`.
    VIRTUAL_ALARM = VTALARM, "SIGVTALARM", "virtual timer expired";
    /// A timer of `setitimer`.
    PROFILE = PROF, "SIGPROF", "profiling timer expired";
    /// The terminal has another size.
    WINDOW_CHANGE = WINCH, "SIGWINCH", "window changed";
    /// I/O is possible.
    IO = IO, "SIGIO", "I/O possible";
    /// The power fails.
    POWER = POWER, "SIGPWR", "power failure";
    /// A system call that does not exist.
    SYSTEM_CALL = SYS, "SIGSYS", "bad system call";
}

impl Signal {
    /// The signal with this number, if there can be one: 1 to 64. Those from 34 on are the "real-time"
    /// signals, without names here.
    pub const fn from_raw(number: i32) -> Option<Signal> {
        if number >= 1 && number <= sys::LAST {
            Some(Signal(number))
        } else {
            None
        }
    }

    /// Its number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// Sends it to a process.
    pub(crate) fn send_to(self, process: Pid) -> io::Result<()> {
        let Some(raw) = Raw::from_named_raw(self.0) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "real-time signals cannot be sent",
            ));
        };
        Ok(rustix::process::kill_process(process, raw)?)
    }

    pub(super) fn bit(self) -> u64 {
        sys::bit(self.0)
    }
}

/// Those with a bit in `set`.
pub(super) fn each(set: u64) -> impl Iterator<Item = Signal> {
    let all = (1..=sys::LAST).map(Signal);
    all.filter(move |signal| set & signal.bit() != 0)
}

/// The bits of all that can be caught, the real-time ones included.
pub(super) fn all() -> u64 {
    each(u64::MAX)
        .filter(|s| sys::refused(s.0).is_none())
        .fold(0, |set, s| set | s.bit())
}

/// The bits of `signals`; if there are none: of all that can be caught but the real-time ones.
///
/// Fails if one cannot be caught.
pub(super) fn set(signals: &[Signal]) -> io::Result<u64> {
    if signals.is_empty() {
        return Ok(all() & (u64::MAX >> 32));
    }
    signals
        .iter()
        .try_fold(0, |set, s| match sys::refused(s.0) {
            Some(why) => Err(refuse(*s, why)),
            None => Ok(set | s.bit()),
        })
}

#[cold]
pub(super) fn refuse(signal: Signal, why: &str) -> io::Error {
    let text = format!("{signal:?} cannot be caught or ignored: {why}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// In words, such as `interrupt`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            Some((_, words)) => f.pad(words),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// By its name in C, such as `SIGINT`.
impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            Some((name, _)) => f.pad(name),
            None => write!(f, "SIG{}", self.0),
        }
    }
}

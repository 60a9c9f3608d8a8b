//! What can be set before the runtime starts: by a builder or by environment variables.
//!
//! Not for: what can change later. A bad value is an error that says what would be a good one.

use goroutines_fiber::StackSize;
use std::fmt;
use std::time::Duration;

/// The most workers there can be.
pub const MAX_WORKERS: usize = 1024;

/// What happens when a goroutine panics and nobody catches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicPolicy {
    /// As `std::thread`: the message is printed, the goroutine ends, `join` gives the payload.
    #[default]
    Isolate,
    /// As Go: the message is printed, the goroutine's destructors run, the process ends with status 2.
    Exit,
}

/// The settings of a runtime.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many goroutines run at once: one worker thread each.
    pub workers: usize,
    /// The stack of a goroutine that does not ask for another size.
    pub stack: StackSize,
    /// The stack of the main goroutine.
    pub main_stack: StackSize,
    /// How long a worker looks for work before it sleeps.
    pub spin: Duration,
    /// How long a goroutine may hold up others on its worker before that is reported; `None`: never.
    pub stall: Option<Duration>,
    /// How many threads may run `blocking` closures at once.
    pub blocking: usize,
    /// What happens when a goroutine panics.
    pub panic: PanicPolicy,
    /// How long a goroutine has been parked before its unused stack pages are given back.
    pub scavenge: Option<Duration>,
    /// Makes choices repeat, as far as threads allow; `None`: random.
    pub seed: Option<u64>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> ConfigError {
        ConfigError(text.into())
    }
}

impl Config {
    /// The defaults, overridden by the environment.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_vars(|name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()))
    }

    /// As [`Config::from_env`], with the variables from `var`.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = number(&var, "GOROUTINES_MAXPROCS", 1, MAX_WORKERS as u64)?;
        let panic = match var("GOROUTINES_PANIC").as_deref() {
            None | Some("") | Some("isolate") => PanicPolicy::Isolate,
            Some("exit") => PanicPolicy::Exit,
            Some(other) => {
                return Err(bad("GOROUTINES_PANIC", other, "'isolate' or 'exit'"));
            }
        };
        Ok(Config {
            workers: workers.map_or(cpus.min(MAX_WORKERS), |n| n as usize),
            stack: size(&var, "GOROUTINES_STACK")?.unwrap_or(StackSize::DEFAULT),
            main_stack: match size(&var, "GOROUTINES_MAIN_STACK")? {
                Some(size) => size,
                // As large as the 8 MiB class has room for.
                None => stack_size((8 << 20) - (64 << 10))?,
            },
            spin: Duration::from_micros(
                number(&var, "GOROUTINES_SPIN_US", 0, 1_000_000)?.unwrap_or(50),
            ),
            stall: match number(&var, "GOROUTINES_STALL_MS", 0, 3_600_000)?.unwrap_or(100) {
                0 => None,
                ms => Some(Duration::from_millis(ms)),
            },
            blocking: number(&var, "GOROUTINES_BLOCKING", 1, 65_536)?.unwrap_or(512) as usize,
            panic,
            scavenge: match number(&var, "GOROUTINES_SCAVENGE_MS", 0, 86_400_000)?.unwrap_or(1_000)
            {
                0 => None,
                ms => Some(Duration::from_millis(ms)),
            },
            seed: number(&var, "GOROUTINES_SEED", 0, u64::MAX)?,
        })
    }
}

fn bad(name: &str, value: &str, good: &str) -> ConfigError {
    ConfigError(format!(
        "{name}={value:?} cannot be used: it must be {good}"
    ))
}

fn number(
    var: &impl Fn(&str) -> Option<String>,
    name: &str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, ConfigError> {
    let Some(text) = var(name).filter(|v| !v.trim().is_empty()) else {
        return Ok(None);
    };
    match text.trim().parse::<u64>() {
        Ok(n) if (least..=most).contains(&n) => Ok(Some(n)),
        _ => Err(bad(
            name,
            &text,
            &format!("a whole number from {least} to {most}"),
        )),
    }
}

/// A size in bytes, with an optional K, M or G (powers of 1024).
fn size(
    var: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<StackSize>, ConfigError> {
    let Some(text) = var(name).filter(|v| !v.trim().is_empty()) else {
        return Ok(None);
    };
    let good = "a number of bytes, such as 65536, 256K, 8M or 1G";
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches("ib").trim_end_matches('b');
    let (digits, shift) = match digits.chars().last() {
        Some('k') => (&digits[..digits.len() - 1], 10),
        Some('m') => (&digits[..digits.len() - 1], 20),
        Some('g') => (&digits[..digits.len() - 1], 30),
        _ => (digits, 0),
    };
    let bytes = digits
        .trim()
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift));
    match bytes {
        Some(bytes) => stack_size(bytes)
            .map(Some)
            .map_err(|e| ConfigError(format!("{name}: {e}"))),
        None => Err(bad(name, &text, good)),
    }
}

/// The stack size for so many bytes, or what is wrong with the number.
pub fn stack_size(bytes: usize) -> Result<StackSize, ConfigError> {
    StackSize::new(bytes).map_err(|e| ConfigError(e.to_string()))
}

//! `Command`: which program to start, and how.

use super::{Child, ExitStatus, Output, Stdio};
use crate::io::offload::pool;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{CommandArgs, CommandEnvs};

/// Which program to start, and how, as [`std::process::Command`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::process::Command;
///
/// let out = Command::new("sh")
///     .args(["-c", "echo $GREETING from $PWD"])
///     .env("GREETING", "hello")
///     .current_dir("/")
///     .output()?;
/// assert_eq!(out.stdout, b"hello from /\n");
/// # Ok(()) }).unwrap();
/// ```
///
/// What std offers beyond this, such as the unsafe `pre_exec`, is set on
/// [`as_std_mut`](Command::as_std_mut), or before conversion from std's type.
pub struct Command {
    std: std::process::Command,
    /// Which of the three streams were set: how the others begin depends on the call.
    set: [bool; 3],
}

impl Command {
    /// To start `program`, which is looked for in `PATH` unless it has a slash: without arguments, in this
    /// process's environment and directory.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command::from(std::process::Command::new(program))
    }

    /// One more argument, passed as it is: no shell looks at it.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// More arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets a variable of its environment.
    pub fn env<K, V>(&mut self, key: K, value: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.env(key, value);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(vars);
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Begins with an empty environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// The directory in which it begins.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.std.current_dir(dir);
        self
    }

    /// Its standard input: that of this process by default, and none with [`Command::output`].
    pub fn stdin<T: Into<Stdio>>(&mut self, stdin: T) -> &mut Command {
        self.set[0] = true;
        self.std.stdin(stdin);
        self
    }

    /// Its standard output: that of this process by default, and a pipe with [`Command::output`].
    pub fn stdout<T: Into<Stdio>>(&mut self, stdout: T) -> &mut Command {
        self.set[1] = true;
        self.std.stdout(stdout);
        self
    }

    /// Its standard error: that of this process by default, and a pipe with [`Command::output`].
    pub fn stderr<T: Into<Stdio>>(&mut self, stderr: T) -> &mut Command {
        self.set[2] = true;
        self.std.stderr(stderr);
        self
    }

    /// The user it runs as, as std's [`CommandExt::uid`].
    pub fn uid(&mut self, id: u32) -> &mut Command {
        self.std.uid(id);
        self
    }

    /// The group it runs as, as std's [`CommandExt::gid`].
    pub fn gid(&mut self, id: u32) -> &mut Command {
        self.std.gid(id);
        self
    }

    /// The process group it is put into; 0: a new one. Ctrl-C at the terminal reaches the group in the
    /// foreground only.
    pub fn process_group(&mut self, group: i32) -> &mut Command {
        self.std.process_group(group);
        self
    }

    /// What it is told as its own name, its argument number 0.
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg0(arg);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// As [`std::process::Command::spawn`], such as `NotFound`.
    pub fn spawn(&mut self) -> io::Result<Child> {
        Child::of(pool(|| self.std.spawn())?)
    }

    /// Starts it, reads everything it writes, and waits for it to end. See [`Child::wait_with_output`].
    ///
    /// If the goroutine is cancelled meanwhile, the child goes on without anybody to wait for it.
    ///
    /// # Errors
    ///
    /// As [`Command::spawn`], and as reading.
    pub fn output(&mut self) -> io::Result<Output> {
        let [stdin, stdout, stderr] = self.set;
        if !stdin {
            self.std.stdin(Stdio::null());
        }
        if !stdout {
            self.std.stdout(Stdio::piped());
        }
        if !stderr {
            self.std.stderr(Stdio::piped());
        }
        let child = self.spawn();
        // For the next start.
        if !stdin {
            self.std.stdin(Stdio::inherit());
        }
        if !stdout {
            self.std.stdout(Stdio::inherit());
        }
        if !stderr {
            self.std.stderr(Stdio::inherit());
        }
        child?.wait_with_output()
    }

    /// Starts it, and waits for it to end.
    ///
    /// # Errors
    ///
    /// As [`Command::spawn`].
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Has the program take the place of this process. All goroutines are gone then; it returns only if that
    /// fails.
    pub fn exec(&mut self) -> io::Error {
        self.std.exec()
    }

    /// The program.
    pub fn get_program(&self) -> &OsStr {
        self.std.get_program()
    }

    /// The arguments.
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.std.get_args()
    }

    /// What was changed in its environment.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.std.get_envs()
    }

    /// The directory in which it begins, if one was set.
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.std.get_current_dir()
    }

    /// The command of std behind this one, for settings that are not here.
    ///
    /// Set the streams with this type's methods: [`Command::output`] does not know of others.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }
}

/// How its streams were set is not known: [`Command::output`] sets them anew.
impl From<std::process::Command> for Command {
    fn from(std: std::process::Command) -> Command {
        Command {
            std,
            set: [false; 3],
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

//! Starting a program, finding where it listens, and ending it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// The numbers of workers that everything is tried with.
pub(crate) const WORKERS: [usize; 3] = [1, 2, 8];

/// How long a test waits for what must happen, on a machine with much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that serves; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    out: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(program: &str, workers: usize, arguments: &[&str]) -> Server {
        let mut child = command(program, workers, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it prints a line");
        let addr = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|addr| addr.parse().ok())
            .unwrap_or_else(|| panic!("{line:?} is not where it listens"));
        Server { child, addr, out }
    }

    /// A connection to it, on which a read that takes too long fails the test.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.addr).expect("it listens")
    }

    /// How many sockets it has open.
    pub(crate) fn sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        let open = fs::read_dir(folder).expect("it runs");
        open.flatten()
            // One that is closed meanwhile cannot be looked at.
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter(|what| what.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it prints text");
        line.trim_end().to_string()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is a child")
    }

    /// Waits until it has ended; what it had still to print, and how it ended.
    pub(crate) fn wait(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("it can be waited for");
        (rest, status)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection on which what takes too long fails.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, workers: usize, arguments: &[&str]) -> Output {
    command(program, workers, arguments)
        .output()
        .expect("the program is there")
}

/// Sends a signal to a process.
pub(crate) fn send(signal: &str, process: u32) {
    let kill = format!("kill -{signal} {process}");
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.expect("there is a shell").success());
}

fn command(program: &str, workers: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("GOROUTINES_MAXPROCS", workers.to_string())
        .stdin(Stdio::null());
    command
}

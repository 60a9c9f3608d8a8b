//! Tests in a process of their own: with other numbers of workers, with limits, at rest.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Tells a child which test it is.
const WHICH: &str = "GOROUTINES_NET_ALONE";

/// How long a child may take; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A test of this program, in a process of its own.
pub(crate) struct Alone {
    name: &'static str,
    workers: usize,
    /// A shell command to be executed before, in the same process.
    before: Option<&'static str>,
}

/// The test of this name, with the path from the program's root on.
pub(crate) fn alone(name: &'static str) -> Alone {
    Alone {
        name,
        workers: 2,
        before: None,
    }
}

/// Runs `f` in a goroutine, in processes with 1, 2 and 8 workers.
pub(crate) fn on_each(name: &'static str, f: fn()) {
    for workers in [1, 2, 8] {
        if alone(name)
            .workers(workers)
            .of(|| goroutines::run(f))
            .is_none()
        {
            return;
        }
    }
}

impl Alone {
    pub(crate) fn workers(mut self, workers: usize) -> Alone {
        self.workers = workers;
        self
    }

    /// Has `sh` call this first, `ulimit` for instance.
    pub(crate) fn after(mut self, command: &'static str) -> Alone {
        self.before = Some(command);
        self
    }

    /// In the child: starts the runtime and calls `scenario`; `None`. Otherwise: runs the child, which must
    /// succeed, and gives what it said on standard error.
    pub(crate) fn of(self, scenario: impl FnOnce()) -> Option<String> {
        if std::env::var_os(WHICH).is_some_and(|v| v == self.name) {
            goroutines::runtime::builder().start().unwrap();
            scenario();
            return None;
        }
        let exe = std::env::current_exe().unwrap();
        let mut command = match self.before {
            None => Command::new(exe),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell
                    .arg("-c")
                    .arg(format!("{before} && exec \"$0\" \"$@\""))
                    .arg(exe);
                shell
            }
        };
        let mut child = command
            .args([self.name, "--exact", "--nocapture", "--test-threads=1"])
            .env(WHICH, self.name)
            .env("GOROUTINES_MAXPROCS", self.workers.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let reader = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = pipe.read_to_string(&mut text);
                text
            })
        };
        let out = reader(Box::new(child.stdout.take().unwrap()));
        let err = reader(Box::new(child.stderr.take().unwrap()));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let (out, err) = (out.join().unwrap(), err.join().unwrap());
        let what = format!("{} with {} workers", self.name, self.workers);
        let Some(status) = status else {
            panic!("{what} does not end:\n{out}\n{err}");
        };
        assert!(status.success(), "{what}: {status}\n{out}\n{err}");
        assert!(out.contains("1 passed"), "{what} is not a test:\n{out}");
        Some(err)
    }
}

/// Open descriptors of this process.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Bytes of memory that this process has resident.
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// User and system time of this process, for when there is no descriptor left to look at it.
pub(crate) struct Used(std::fs::File);

impl Used {
    pub(crate) fn new() -> Used {
        Used(std::fs::File::open("/proc/self/stat").unwrap())
    }

    /// So far, in clock ticks of 10 ms.
    pub(crate) fn ticks(&self) -> u64 {
        use std::os::unix::fs::FileExt;
        let mut buf = [0; 1024];
        let n = self.0.read_at(&mut buf, 0).unwrap();
        let stat = std::str::from_utf8(&buf[..n]).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

/// How often threads other than the caller's have gone to sleep so far, and who they are.
pub(crate) fn switches() -> Vec<(String, u64)> {
    let me = std::fs::read_link("/proc/thread-self").unwrap();
    let me = me.file_name().unwrap().to_owned();
    let mut all = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap();
        if task.file_name() == me {
            continue;
        }
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        let line = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        all.push((
            line("Name:"),
            line("voluntary_ctxt_switches:").parse().unwrap(),
        ));
    }
    all.sort();
    all
}

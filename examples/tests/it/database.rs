//! The program that asks PostgreSQL. It runs if there is a server program, which it starts for itself.

use crate::client::nobody;
use crate::support::{WORKERS, run, send};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const DATABASE: &str = env!("CARGO_BIN_EXE_database");

/// The user and group `nobody`: PostgreSQL refuses to be run by root.
const NOBODY: u32 = 65534;

/// A cluster of its own, in a folder of its own; both gone when dropped.
struct Cluster {
    folder: PathBuf,
    server: Option<Child>,
    port: u16,
}

impl Cluster {
    /// Makes and starts one, with the programs in `bin`.
    fn start(bin: &Path) -> Cluster {
        let folder = std::env::temp_dir().join(format!("goroutines-pg-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder can be made");
        let mut cluster = Cluster {
            folder,
            server: None,
            port: 0,
        };
        let root = fs::metadata("/proc/self").expect("it is there").uid() == 0;
        if root {
            chown(&cluster.folder, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let command = |name: &str, folder: &Path| {
            let mut command = Command::new(bin.join(name));
            command
                .arg("-D")
                .arg(folder.join("data"))
                .current_dir(folder)
                .stdin(Stdio::null());
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let output = command("initdb", &cluster.folder)
            .args(["--no-sync", "--auth=trust", "--username=postgres"])
            .output()
            .expect("it is beside the server");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb: {errors}");

        // Somebody else may take the port in between.
        let ready = (0..5).any(|_| {
            cluster.port = nobody().port();
            let port = cluster.port.to_string();
            let mut server = command("postgres", &cluster.folder)
                .args(["-p", &port, "-c", "listen_addresses=127.0.0.1"])
                .args(["-c", "unix_socket_directories=", "-c", "fsync=off"])
                .stderr(Stdio::piped())
                .spawn()
                .expect("it is there");
            let log = BufReader::new(server.stderr.take().expect("piped"));
            let mut lines = log.lines().map_while(Result::ok);
            let ready = lines.any(|line| line.contains("ready to accept connections"));
            if ready {
                cluster.server = Some(server);
                // It must not meet a full or closed pipe.
                std::thread::spawn(move || lines.for_each(drop));
            } else {
                let _ = server.wait();
            }
            ready
        });
        assert!(ready, "postgres does not start");
        cluster
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It ends its own processes and then itself.
            send("INT", server.id());
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the programs of PostgreSQL are.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    std::env::split_paths(&path)
        .chain(versions.flatten().map(|version| version.path().join("bin")))
        .filter_map(|folder| folder.join("postgres").canonicalize().ok())
        .filter_map(|program| Some(program.parent()?.to_path_buf()))
        .find(|folder| folder.join("initdb").exists())
}

#[test]
fn queries_are_answered() {
    let Some(bin) = programs() else {
        // Not `println!`, which the test harness shows only if a test fails.
        let why = "skipped: there is no program `postgres` in PATH or /usr/lib/postgresql";
        let _ = writeln!(io::stderr(), "database::queries_are_answered: {why}");
        return;
    };
    let cluster = Cluster::start(&bin);
    let config = format!("host=127.0.0.1 port={} user=postgres", cluster.port);
    for workers in WORKERS {
        let output = run(DATABASE, workers, &[&config, "200"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(
            text,
            "200 goroutines have their sums\n\
             refused: duplicate key value violates unique constraint \"names_pkey\"\n\
             0 names are left\n"
        );
    }
    let nowhere = format!("host=127.0.0.1 port={} user=postgres", nobody().port());
    let output = run(DATABASE, 1, &[&nowhere]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("ConnectionRefused"));
}

//! One measurement: starts the server, puts load on it, ends it.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::load::{self, Exchange};
use super::poll::Window;
use super::{
    ECHO_CONNECTIONS, HTTP_CONNECTIONS, IDLE_CONNECTIONS, MESSAGE, accept, idle, serve, serve_may,
    serve_ours, serve_std, serve_tokio, system, wrk,
};
use crate::child::Answer;
use crate::programs::{Peer, Program, Size};

/// Runs in the child process that a measurement has to itself. `go` is the
/// binary of the Go programs.
///
/// With one worker the server has one processor and the load another; a
/// program without load has one. With more workers the system decides who runs
/// where.
pub(crate) fn run(
    program: &Program,
    peer: Peer,
    workers: usize,
    size: Size,
    go: Option<&str>,
) -> Answer {
    let cpus = system::allowed_cpus()?;
    let pin = |place: usize| match (workers, cpus.get(place)) {
        (1, Some(&cpu)) => system::pin_to(cpu),
        (1, None) => Err("server and load want a processor each, and there is one".into()),
        _ => Ok(()),
    };
    pin(0)?;
    if program.name == "stream" {
        return stream(peer, workers, size, go);
    }
    // The server's processor is the one this process has at the moment.
    let server = Server::start(program, peer, workers, go)?;
    pin(1)?;
    load(program.name, server.address, size, Some(server.child.id()))
}

fn stream(peer: Peer, workers: usize, size: Size, go: Option<&str>) -> Answer {
    match peer {
        Peer::Ours => serve_ours::stream(workers, size),
        Peer::Tokio => serve_tokio::stream(workers, size),
        Peer::TokioCt => serve_tokio::stream(0, size),
        Peer::May => serve_may::stream(workers, size),
        Peer::Std => serve_std::stream(size),
        Peer::Go => {
            let go = go.ok_or("no Go binary was named")?;
            let mut command = Command::new(go);
            command.arg("stream").arg(workers.to_string());
            if size.quick {
                command.arg("quick");
            }
            // It takes this process's place, and its processor.
            Err(format!("cannot start: {}", command.exec()))
        }
    }
}

/// What the program does to a server at `address`.
fn load(program: &str, address: SocketAddr, size: Size, server: Option<u32>) -> Answer {
    let window = Window {
        warm_up: Duration::from_millis(if size.quick { 200 } else { 1_000 }),
        measure: Duration::from_secs(size.secs),
    };
    let watched = server.ok_or("this program has to know the server's process".to_owned());
    let keep_busy = |n, exchange| {
        system::allow_sockets(n)?;
        Ok(load::run(address, n, exchange, window, server)?.figures())
    };
    match program {
        "echo" => keep_busy(ECHO_CONNECTIONS, Exchange::Echo(&[b'x'; MESSAGE])),
        "http" => keep_busy(HTTP_CONNECTIONS, Exchange::Http(&http_request(address))),
        "http_wrk" => wrk::run(address, window, watched?),
        "accept" => Ok(accept::run(address, window, server)?.figures()),
        "idle_conns" => {
            let pause = window.warm_up * 2;
            idle::run(address, size.of(IDLE_CONNECTIONS), pause, watched?)
        }
        _ => Err("not a program with a load".into()),
    }
}

pub(crate) fn http_request(address: SocketAddr) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

const USAGE: &str = "usage: load <program> <address:port> [seconds]";

/// The command line: load alone, on a server that somebody else started.
pub(crate) fn load_command(words: &[String]) -> Result<(), String> {
    let (program, address, secs) = match words {
        [program, address] => (program, address, 5),
        [program, address, secs] => (program, address, secs.parse().map_err(|_| USAGE)?),
        _ => return Err(USAGE.into()),
    };
    let address = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut all| all.next())
        .ok_or("no such address")?;
    let size = Size { quick: false, secs };
    for (key, figure) in load(program, address, size, None)? {
        println!("{key:<8} {figure:.1}");
    }
    Ok(())
}

/// A server in a process of its own, which ends with this value. If this
/// process is killed, the server sees the end of its standard input.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(
        program: &Program,
        peer: Peer,
        workers: usize,
        go: Option<&str>,
    ) -> Result<Self, String> {
        let mut command = match (peer, go) {
            (Peer::Go, None) => return Err("no Go binary was named".into()),
            (Peer::Go, Some(go)) => Command::new(go),
            _ => Command::new(std::env::current_exe().map_err(|error| error.to_string())?),
        };
        command.args(["serve", program.name]);
        if peer != Peer::Go {
            command.arg(peer.name());
        }
        let child = command
            .arg("0")
            .arg(workers.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server cannot start: {error}"))?;
        let mut server = Self {
            child,
            address: SocketAddr::from((serve::HOST, 0)),
        };
        let stdout = server.child.stdout.take().expect("stdout was asked for");
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        match line.trim().split_once(' ') {
            Some(("port", port)) => {
                let port = port.parse().map_err(|_| "the server names no port")?;
                server.address.set_port(port);
                Ok(server)
            }
            Some(("skipped", reason)) => Err(reason.to_owned()),
            _ => Err("the server did not start".into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

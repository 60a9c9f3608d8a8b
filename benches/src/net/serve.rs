//! The server's process: `serve <program> <peer> <port> [workers]`.
//!
//! It says on its first line which port it listens on (`port 12345`; port 0
//! asks for any), or `skipped` and why, and ends when its standard input does.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use super::{IDLE_CONNECTIONS, serve_may, serve_ours, serve_std, serve_tokio, system};
use crate::programs::Peer;

/// Where servers listen.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

const USAGE: &str = "usage: serve <program> <peer> <port> [workers]";

/// The command line. It does not return while the server runs.
pub(crate) fn command(words: &[String]) -> Result<(), String> {
    let [program, peer, port, rest @ ..] = words else {
        return Err(USAGE.into());
    };
    let port = port.parse().map_err(|_| USAGE)?;
    let workers = match rest {
        [] => system::cpus(),
        [workers] => workers.parse().map_err(|_| USAGE)?,
        _ => return Err(USAGE.into()),
    };
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let ended = Peer::parse(peer).and_then(|peer| serve(program, peer, port, workers));
    let Err(reason) = ended;
    println!("skipped {reason}");
    Ok(())
}

fn serve(program: &str, peer: Peer, port: u16, workers: usize) -> Result<Infallible, String> {
    let sockets = match program {
        "idle_conns" => IDLE_CONNECTIONS,
        _ => 0,
    };
    system::allow_sockets(sockets)?;
    match peer {
        Peer::Ours => serve_ours::serve(program, port, workers),
        Peer::Tokio => serve_tokio::serve(program, port, workers),
        Peer::TokioCt => serve_tokio::serve(program, port, 0),
        Peer::May => serve_may::serve(program, port, workers),
        Peer::Std => serve_std::serve(program, port),
        Peer::Go => Err("the Go servers are in a binary of their own".into()),
    }
}

/// To be called by a server as soon as it listens.
pub(crate) fn ready(address: io::Result<SocketAddr>) {
    match address {
        Ok(address) => println!("port {}", address.port()),
        Err(error) => println!("skipped the port is unknown: {error}"),
    }
}

/// What ended a server.
pub(crate) fn failed(error: io::Error) -> String {
    format!("the server ended: {error}")
}

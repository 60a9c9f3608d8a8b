//! The chat server.

use crate::support::{Server, WORKERS};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const CHAT: &str = env!("CARGO_BIN_EXE_chat");

/// Somebody who is in the hall.
struct Guest(BufReader<TcpStream>);

impl Guest {
    fn new(server: &Server, name: &str) -> Guest {
        let mut guest = Guest(BufReader::new(server.connect()));
        guest.hears("* your name?");
        guest.says(name);
        guest.hears("* welcome to the hall");
        guest
    }

    fn says(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").expect("connected");
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        assert_eq!(self.line(), expected);
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        line.trim_end().to_string()
    }
}

#[test]
fn each_room_hears_its_own_guests() {
    for workers in WORKERS {
        let server = Server::start(CHAT, workers, &["127.0.0.1:0"]);
        let mut ann = Guest::new(&server, "ann");
        let mut bob = Guest::new(&server, "bob");
        ann.hears("* bob is here");
        let mut cid = Guest::new(&server, "cid");
        ann.hears("* cid is here");
        bob.hears("* cid is here");

        bob.says("hello");
        ann.hears("bob: hello");
        cid.hears("bob: hello");

        cid.says("/join attic");
        cid.hears("* welcome to attic");
        ann.hears("* cid has left");
        bob.hears("* cid has left");
        cid.says("nobody hears this");
        // When this has been answered, the line before it has been said.
        cid.says("/join attic");
        cid.hears("* welcome to attic");
        ann.says("/join attic");
        ann.hears("* welcome to attic");
        cid.hears("* ann is here");
        bob.hears("* ann has left");
        ann.says("up here");
        cid.hears("ann: up here");

        drop(cid);
        ann.hears("* cid has left");
        // A room whose last guest has gone can be entered again.
        drop(ann);
        bob.says("/join attic");
        bob.hears("* welcome to attic");
    }
}

#[test]
fn two_of_one_name_are_two() {
    for workers in WORKERS {
        let server = Server::start(CHAT, workers, &["127.0.0.1:0"]);
        let mut one = Guest::new(&server, "ann");
        let mut two = Guest::new(&server, "ann");
        one.hears("* ann is here");
        one.says("I am ann");
        two.hears("ann: I am ann");
        drop(one);
        two.hears("* ann has left");
        let mut bob = Guest::new(&server, "bob");
        two.hears("* bob is here");
        two.says("still here");
        bob.hears("ann: still here");
    }
}

#[test]
fn nobody_waits_for_who_does_not_read() {
    for workers in WORKERS {
        let server = Server::start(CHAT, workers, &["127.0.0.1:0"]);
        let mut reads = Guest::new(&server, "ann");
        let _never_reads = Guest::new(&server, "bob");
        reads.hears("* bob is here");
        let mut talks = Guest::new(&server, "cid");
        reads.hears("* cid is here");
        // More than the sockets of the one who does not read can hold.
        const LINES: usize = 20_000;
        let text = "x".repeat(900);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..LINES {
                    talks.says(&text);
                }
            });
            let expected = format!("cid: {text}");
            let mut heard = 0;
            while heard < LINES {
                let line = reads.line();
                // Nothing is lost, and nothing else is heard, but that the slow one has gone.
                if line == expected {
                    heard += 1;
                } else {
                    assert_eq!(line, "* bob has left");
                }
            }
        });
    }
}

#[test]
fn two_talk_at_once() {
    for workers in WORKERS {
        let server = Server::start(CHAT, workers, &["127.0.0.1:0"]);
        let mut ann = Guest::new(&server, "ann");
        let mut bob = Guest::new(&server, "bob");
        ann.hears("* bob is here");
        const LINES: usize = 2_000;
        std::thread::scope(|scope| {
            for (guest, other) in [(&mut ann, "bob"), (&mut bob, "ann")] {
                let mut out = guest.0.get_ref().try_clone().expect("connected");
                scope.spawn(move || {
                    for n in 0..LINES {
                        writeln!(out, "{n}").expect("connected");
                    }
                });
                scope.spawn(move || {
                    for n in 0..LINES {
                        guest.hears(&format!("{other}: {n}"));
                    }
                });
            }
        });
    }
}

#[test]
fn a_line_that_is_too_long_ends_it() {
    let server = Server::start(CHAT, 1, &["127.0.0.1:0"]);
    let mut ann = Guest::new(&server, "ann");
    let mut bob = Guest::new(&server, "bob");
    ann.hears("* bob is here");
    bob.0.get_mut().write_all(&[b'x'; 1024]).expect("connected");
    ann.hears("* bob has left");
}

//! Pipes between goroutines, threads and children.

use crate::support::{both, inside, rounds};
use goroutines::io::{self, PipeReader, PipeWriter, is_closed};
use goroutines::process::Command;
use goroutines::{go, spawn};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

#[test]
fn bytes_go_through() {
    both(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 / 5) as u8).collect();
        let copy = sent.clone();
        let writing = spawn(move || writer.write_all(&copy).unwrap());
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        assert!(got == sent);
        writing.join().unwrap();
    });
}

#[test]
fn the_end_and_the_broken_pipe() {
    both(|| {
        let (mut reader, writer) = io::pipe().unwrap();
        let second = writer.try_clone().unwrap();
        drop(writer);
        go!(move || drop(second));
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
        let (reader, mut writer) = io::pipe().unwrap();
        go!(move || drop(reader));
        let buf = vec![0; 1 << 20];
        let error = writer.write_all(&buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

// NE-18
fn closing_races_with_reading() {
    for round in 0..rounds(200) {
        let (reader, mut writer) = io::pipe().unwrap();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mut reader = reader.try_clone().unwrap();
                spawn(move || {
                    let mut got = 0;
                    loop {
                        match reader.read(&mut [0; 16]) {
                            Ok(n) => got += n,
                            Err(e) => return (got, e),
                        }
                    }
                })
            })
            .collect();
        if round % 2 == 0 {
            writer.write_all(b"some").unwrap();
            goroutines::yield_now();
        }
        assert!(reader.close());
        for reader in readers {
            let (got, error) = reader.join().unwrap();
            assert!(got <= 4);
            assert!(is_closed(&error), "{error}");
        }
        let error = writer.write_all(b"more").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(!reader.close());
    }
}

// NE-18
fn closing_races_with_writing() {
    for _ in 0..rounds(200) {
        let (mut reader, writer) = io::pipe().unwrap();
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let mut writer = writer.try_clone().unwrap();
                spawn(move || {
                    loop {
                        if let Err(e) = writer.write(&[1; 5_000]) {
                            return e;
                        }
                    }
                })
            })
            .collect();
        let mut buf = [0; 10_000];
        reader.read_exact(&mut buf).unwrap();
        assert!(writer.close());
        for writer in writers {
            let error = writer.join().unwrap();
            assert!(is_closed(&error), "{error}");
        }
        // What was written before is there; then comes the end.
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    }
}

crate::on_workers!(closing_races_with_reading closing_races_with_writing);

#[test]
fn deadlines() {
    both(|| {
        let (mut reader, writer) = io::pipe().unwrap();
        reader
            .set_deadline(Some(Instant::now() + Duration::from_millis(2)))
            .unwrap();
        let error = reader.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        reader.set_deadline(None).unwrap();
        (&writer).write_all(b"x").unwrap();
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn a_cancelled_reader_leaves_the_pipe_as_it_was() {
    inside(|| {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut theirs = reader.try_clone().unwrap();
        let waiting = spawn(move || theirs.read(&mut [0; 8]));
        goroutines::sleep(Duration::from_millis(2));
        waiting.cancel();
        assert!(waiting.join().unwrap_err().is::<goroutines::Cancelled>());
        writer.write_all(b"x").unwrap();
        assert_eq!((&reader).read(&mut [0; 8]).unwrap(), 1);
    });
}

fn blocks(fd: &impl AsFd) -> bool {
    let flags = rustix::fs::fcntl_getfl(fd).unwrap();
    !flags.contains(rustix::fs::OFlags::NONBLOCK)
}

#[test]
fn what_others_get_blocks() {
    both(|| {
        // Alone: it is the same opening.
        let (reader, writer) = io::pipe().unwrap();
        assert!(!blocks(&reader) && !blocks(&writer));
        let fd = OwnedFd::try_from(reader).unwrap();
        assert!(blocks(&fd));
        let back = PipeReader::try_from(fd).unwrap();
        assert!(!blocks(&back));
        // With another handle: ours does not change.
        let theirs = OwnedFd::try_from(writer.try_clone().unwrap()).unwrap();
        assert!(blocks(&theirs) && !blocks(&writer));
        (&writer).write_all(b"a").unwrap();
        std::fs::File::from(theirs).write_all(b"b").unwrap();
        let again = OwnedFd::try_from(back.try_clone().unwrap()).unwrap();
        assert!(blocks(&again) && !blocks(&back));
        drop(writer);
        let mut text = String::new();
        (&back).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab");
    });
}

#[test]
fn both_outputs_of_a_child_into_one_pipe() {
    both(|| {
        let (reader, writer): (PipeReader, PipeWriter) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; echo end"]);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.spawn().unwrap();
        // The command has the ends that were given to it.
        drop(command);
        let lines: Vec<_> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["out", "err", "end"]);
        assert!(child.wait().unwrap().success());
    });
}

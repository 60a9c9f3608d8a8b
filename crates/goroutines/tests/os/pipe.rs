//! Pipes between goroutines, threads and children.

use crate::support::{SHORT, both, inside, rounds};
use goroutines::io::{self, PipeReader, PipeWriter, is_closed};
use goroutines::process::Command;
use goroutines::{go, spawn};
use rustix::pipe::PipeFlags;
use std::io::{BufRead, BufReader, ErrorKind, IoSlice, IoSliceMut, Read, Write};
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

crate::support::on_workers!(
    closing_races_with_reading closing_races_with_writing
    packets_that_came_at_once dropped_while_others_have_it
);

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

/// A pipe of packets gives one for each read, and has an event when one comes, not when one is left.
fn packets_that_came_at_once() {
    let flags = PipeFlags::CLOEXEC | PipeFlags::DIRECT;
    let (reader, writer) = rustix::pipe::pipe_with(flags).unwrap();
    let mut reader = PipeReader::try_from(reader).unwrap();
    let mut writer = PipeWriter::try_from(writer).unwrap();
    let mut buf = [0; 16];
    for round in 0..rounds(20) {
        let waiting = spawn(move || {
            let n = reader.read(&mut buf).unwrap();
            (reader, n)
        });
        if round % 2 == 0 {
            goroutines::sleep(SHORT);
        }
        for packet in [&b"one"[..], b"two", b"three"] {
            writer.write_all(packet).unwrap();
        }
        let (back, n) = waiting.join().unwrap();
        assert_eq!(n, 3);
        reader = back;
        assert_eq!(reader.read(&mut buf).unwrap(), 3);
        assert_eq!(reader.read(&mut buf).unwrap(), 5);
    }
}

/// How many descriptors the pollers of this process watch.
fn watched() -> usize {
    let all = std::fs::read_dir("/proc/self/fdinfo").unwrap();
    let infos = all.map(|fd| std::fs::read_to_string(fd.unwrap().path()).unwrap_or_default());
    // That of the end of a wait has all bits set.
    let own = "ffffffffffffffff";
    let of = |info: &String| {
        let all = info.lines().filter(|line| line.starts_with("tfd:"));
        all.filter(|line| !line.contains(own)).count()
    };
    infos.map(|info| of(&info)).sum()
}

/// Nobody is told of what others do with a pipe that is gone here, though they have the same open.
fn dropped_while_others_have_it() {
    let wait_for = |mut reader: PipeReader, writer: &PipeWriter| {
        let reading = spawn(move || {
            reader.read_exact(&mut [0; 1]).unwrap();
            reader
        });
        goroutines::sleep(SHORT);
        { writer }.write_all(b"x").unwrap();
        reading.join().unwrap()
    };
    let (reader, writer) = io::pipe().unwrap();
    let reader = wait_for(reader, &writer);
    let with_it = watched();
    let theirs = reader.as_fd().try_clone_to_owned().unwrap();
    drop(reader);
    assert_eq!(watched(), with_it - 1);
    // They had it before.
    let kept = theirs.try_clone().unwrap();
    let reader = wait_for(PipeReader::try_from(theirs).unwrap(), &writer);
    assert_eq!(watched(), with_it);
    drop(reader);
    assert_eq!(watched(), with_it - 1);
    drop(kept);
}

// NE-15
#[test]
fn more_pieces_than_a_call_takes() {
    both(|| {
        const PIECES: usize = 3_000;
        let (reader, writer) = io::pipe().unwrap();
        let byte = [7];
        let reading = spawn(move || {
            let mut got = [0; PIECES];
            let mut at = 0;
            while at < PIECES {
                let mut bufs: Vec<_> = got[at..].chunks_mut(1).map(IoSliceMut::new).collect();
                // The first are empty, and so are many.
                bufs.splice(0..0, (0..2_000).map(|_| IoSliceMut::new(&mut [])));
                at += (&reader).read_vectored(&mut bufs).unwrap();
            }
            assert_eq!(got, [7; PIECES]);
        });
        let mut left = PIECES;
        while left > 0 {
            let mut slices = vec![IoSlice::new(&[]); 2_000];
            slices.resize(2_000 + left, IoSlice::new(&byte));
            let n = (&writer).write_vectored(&slices).unwrap();
            assert!(n > 0);
            left -= n;
        }
        reading.join().unwrap();
    });
}

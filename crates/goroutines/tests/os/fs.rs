//! Files and directories.

use crate::support::{both, inside, until};
use goroutines::fs::{self, DirBuilder, File, OpenOptions};
use goroutines::sync::WaitGroup;
use goroutines::{sleep, spawn};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A directory that is removed in the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let n = NUMBER.fetch_add(1, SeqCst);
        let name = format!("goroutines-os-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_written_read_and_changed() {
    both(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        assert_eq!(File::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        let mut file = File::create_new(&path).unwrap();
        let again = File::create_new(&path).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        let whom = "world";
        write!(file, "hello {whom}").unwrap();
        file.write_all(b"!").unwrap();
        file.flush().unwrap();
        file.sync_all().unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.stream_position().unwrap(), 12);
        assert_eq!(file.seek(SeekFrom::End(-6)).unwrap(), 6);
        let mut text = String::new();
        (&file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "world!");
        file.write_all_at(b"J", 0).unwrap();
        let mut five = [0; 5];
        file.read_exact_at(&mut five, 0).unwrap();
        assert_eq!(&five, b"Jello");
        assert_eq!(file.read_at(&mut five, 11).unwrap(), 1);
        assert_eq!(file.write_at(b"?", 11).unwrap(), 1);
        file.set_len(5).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 5);
        let then = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000);
        file.set_modified(then).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), then);
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions.clone()).unwrap();
        fs::set_permissions(&path, permissions).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        // They share the position.
        let mut other = file.try_clone().unwrap();
        file.rewind().unwrap();
        other.read_exact(&mut five[..2]).unwrap();
        assert_eq!(file.stream_position().unwrap(), 2);
        let std = std::fs::File::from(file);
        assert_eq!(File::from(std).metadata().unwrap().len(), 5);
    });
}

#[test]
fn options_are_those_of_std() {
    both(|| {
        let dir = Dir::new();
        let path = dir.path("log");
        for n in 0..3 {
            let mut options = OpenOptions::new();
            let mut log = options.append(true).create(true).open(&path).unwrap();
            writeln!(log, "{n}").unwrap();
        }
        let mut lines = BufReader::new(File::options().read(true).open(&path).unwrap()).lines();
        assert_eq!(lines.nth(2).unwrap().unwrap(), "2");
        let mut options = File::options();
        options.write(true).truncate(true).open(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        let mut read_only = File::open(&path).unwrap();
        assert!(read_only.write(b"x").is_err());
    });
}

#[test]
fn functions_of_paths() {
    both(|| {
        let dir = Dir::new();
        let (a, b, c) = (dir.path("a"), dir.path("b"), dir.path("c"));
        fs::write(&a, "text").unwrap();
        assert_eq!(fs::copy(&a, &b).unwrap(), 4);
        fs::rename(&b, &c).unwrap();
        assert!(!fs::exists(&b).unwrap());
        assert_eq!(fs::read_to_string(&c).unwrap(), "text");
        fs::hard_link(&a, &b).unwrap();
        fs::remove_file(&c).unwrap();
        fs::symlink(&a, &c).unwrap();
        assert_eq!(fs::read_link(&c).unwrap(), a);
        assert!(fs::symlink_metadata(&c).unwrap().is_symlink());
        assert!(fs::metadata(&c).unwrap().is_file());
        assert_eq!(fs::canonicalize(&c).unwrap(), fs::canonicalize(&a).unwrap());
        let deep = dir.path("x/y/z");
        assert!(fs::create_dir(&deep).is_err());
        fs::create_dir_all(&deep).unwrap();
        DirBuilder::new().recursive(true).create(&deep).unwrap();
        assert!(DirBuilder::new().create(&deep).is_err());
        assert!(fs::remove_dir(dir.path("x")).is_err());
        fs::remove_dir(&deep).unwrap();
        fs::remove_dir_all(dir.path("x")).unwrap();
        let mut names: Vec<_> = fs::read_dir(&dir.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["a", "b", "c"]);
        let not_there = fs::read_dir(dir.path("x")).unwrap_err();
        assert_eq!(not_there.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_directory_of_several_batches() {
    both(|| {
        let dir = Dir::new();
        for n in 0..1_000 {
            std::fs::write(dir.path(&n.to_string()), "").unwrap();
        }
        let mut seen = vec![false; 1_000];
        for entry in fs::read_dir(&dir.0).unwrap() {
            let entry = entry.unwrap();
            assert!(entry.file_type().unwrap().is_file());
            assert_eq!(entry.metadata().unwrap().len(), 0);
            assert_eq!(entry.path().parent(), Some(Path::new(&dir.0)));
            let n: usize = entry.file_name().to_str().unwrap().parse().unwrap();
            assert!(!std::mem::replace(&mut seen[n], true));
        }
        assert!(seen.iter().all(|&seen| seen));
    });
}

/// While a file is read, others run on as if nobody did.
fn nobody_is_held_up() {
    const SIZE: u64 = 1 << 28;
    let dir = Dir::new();
    let path = dir.path("huge");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let ticks = Arc::new(AtomicUsize::new(0));
    let sleepers = WaitGroup::new();
    for _ in 0..10_000 {
        let (over, ticks) = (over.clone(), ticks.clone());
        sleepers.go(move || {
            while !over.load(SeqCst) {
                sleep(Duration::from_millis(20));
                ticks.fetch_add(1, SeqCst);
            }
        });
    }
    until("all run", || ticks.load(SeqCst) >= 10_000);

    let (start, before) = (Instant::now(), ticks.load(SeqCst));
    sleep(Duration::from_millis(200));
    let usual = (ticks.load(SeqCst) - before) as f64 / start.elapsed().as_secs_f64();

    let (start, before) = (Instant::now(), ticks.load(SeqCst));
    let (mut file, mut buf, mut total) = (File::open(&path).unwrap(), vec![0; 1 << 24], 0);
    while total < SIZE || start.elapsed() < Duration::from_millis(200) {
        match file.read(&mut buf).unwrap() {
            0 => file.rewind().unwrap(),
            n => total += n as u64,
        }
    }
    let meanwhile = (ticks.load(SeqCst) - before) as f64 / start.elapsed().as_secs_f64();
    over.store(true, SeqCst);
    sleepers.wait();
    // The reader takes a processor of its own, of which there may be two only.
    assert!(
        meanwhile > usual / 20.0,
        "{meanwhile} instead of {usual} a second"
    );
}

crate::support::on_workers!(nobody_is_held_up);

#[test]
fn a_cancel_is_seen_between_calls() {
    inside(|| {
        let dir = Dir::new();
        let path = dir.path("file");
        let reader = spawn(move || {
            loop {
                fs::write(&path, "again").unwrap();
            }
        });
        sleep(Duration::from_millis(5));
        reader.cancel();
        let end: Result<(), _> = reader.join();
        assert!(end.unwrap_err().is::<goroutines::Cancelled>());
    });
}

//! A panic that is the caller's doing names the caller's line.

use crate::support::{alone, inside};
use goroutines::channel::{Select, bounded};
use goroutines::sync::{ErrGroup, LazyLock, Once, Semaphore, WaitGroup};
use goroutines::time::Ticker;
use goroutines::{goroutine_local, spawn};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Duration;

/// Where the last panic was.
static WHERE: Mutex<Option<(String, u32)>> = Mutex::new(None);

/// `f` panics, in this file.
#[track_caller]
fn here(what: &str, f: impl FnOnce()) {
    WHERE.lock().unwrap().take();
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "{what}");
    let (file, line) = WHERE.lock().unwrap().take().unwrap();
    assert!(file.ends_with("blame.rs"), "{what}: {file}:{line}");
}

goroutine_local! {
    static CELL: RefCell<u8> = const { RefCell::new(0) };
}

#[test]
fn it_is_the_caller() {
    if !alone("blame::it_is_the_caller", &[]) {
        return;
    }
    inside(|| {
        std::panic::set_hook(Box::new(|info| {
            let at = info.location().unwrap();
            *WHERE.lock().unwrap() = Some((at.file().to_owned(), at.line()));
        }));
        channels();
        groups();
        cells();
        goroutines();
        let _ = std::panic::take_hook();
    });
}

fn channels() {
    here("bounded", || drop(bounded::<u64>(usize::MAX)));
    here("select", || drop(Select::new().select()));
    here("ready", || _ = Select::new().ready());
    here("remove", || Select::new().remove(0));
    let (s, r) = bounded(1);
    let other = bounded::<u8>(1).1;
    s.send(1_u8).unwrap();
    here("recv", || {
        let mut select = Select::new();
        select.recv(&r);
        let _ = select.select().recv(&other);
    });
}

fn groups() {
    here("Semaphore::new", || drop(Semaphore::new(usize::MAX)));
    here("release", || Semaphore::new(1).release(1));
    here("WaitGroup::add", || WaitGroup::new().add(-1));
    here("WaitGroup::done", || WaitGroup::new().done());
    here("set_limit", || {
        let group = ErrGroup::<()>::new();
        let (_s, r) = bounded::<()>(0);
        group.go(move || r.recv().map_err(drop));
        group.set_limit(Some(1));
    });
    let group = WaitGroup::new();
    group.go(|| panic!("expected"));
    // The first gets the payload as it is.
    assert!(catch_unwind(AssertUnwindSafe(|| group.wait())).is_err());
    here("WaitGroup::wait", || group.wait());
    let group = ErrGroup::<()>::new();
    group.go(|| panic!("expected"));
    assert!(catch_unwind(AssertUnwindSafe(|| group.wait())).is_err());
    here("ErrGroup::wait", || _ = group.wait());
}

fn cells() {
    let once = Once::new();
    here("call_once", || once.call_once(|| panic!("expected")));
    here("Once", || once.call_once(|| ()));
    here("Once::wait", || once.wait());
    let lazy = LazyLock::<u8>::new(|| panic!("expected"));
    here("LazyLock", || _ = *lazy);
    here("LazyLock, again", || _ = *lazy);
    here("force", || _ = LazyLock::force(&lazy));
    CELL.with_borrow_mut(|_| {
        here("with_borrow", || CELL.with_borrow(|_| ()));
        here("with_borrow_mut", || CELL.with_borrow_mut(|_| ()));
    });
}

fn goroutines() {
    here("Ticker::new", || drop(Ticker::new(Duration::ZERO)));
    here("Ticker::reset", || {
        Ticker::new(Duration::MAX).reset(Duration::ZERO);
    });
    here("scope", || {
        goroutines::scope(|s| drop(s.spawn(|| std::panic::resume_unwind(Box::new("expected")))))
    });
    here("poll", || {
        let mut handle = std::pin::pin!(spawn(|| ()));
        let mut look = Context::from_waker(Waker::noop());
        while handle.as_mut().poll(&mut look).is_pending() {
            goroutines::yield_now();
        }
        let _ = handle.as_mut().poll(&mut look);
    });
    let exit = std::thread::spawn(|| here("exit", || goroutines::exit()));
    exit.join().unwrap();
    let local = || drop(goroutines::spawn_local(|| ()));
    let local = std::thread::spawn(move || here("spawn_local", local));
    local.join().unwrap();
}

//! What may be sent and shared, and what the types say of themselves.

use goroutines::{
    Builder, Exited, Goroutine, GoroutineId, JoinHandle, LocalKey, Scope, ScopedJoinHandle,
    SpawnError, runtime, sync::WaitGroup,
};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn debug<T: std::fmt::Debug>() {}
fn error<T: std::error::Error + Send + Sync + 'static>() {}

/// A public type that may be sent and shared.
fn check<T: Send + Sync + std::fmt::Debug>() {
    send::<T>();
    sync::<T>();
    debug::<T>();
}

/// Says whether a type has a trait, by which of two methods wins.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code)]
        trait No {
            const HAS: bool = false;
        }
        impl<T: ?Sized> No for T {}
        struct Wrap<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $bound> Wrap<T> {
            const HAS: bool = true;
        }
        <Wrap<$type>>::HAS
    }};
}

#[test]
fn may_be_sent_and_shared() {
    check::<Goroutine>();
    check::<GoroutineId>();
    check::<JoinHandle<Vec<u8>>>();
    check::<JoinHandle<Cell<u8>>>();
    check::<ScopedJoinHandle<'_, u8>>();
    check::<Scope<'_, '_>>();
    check::<WaitGroup>();
    check::<Builder>();
    check::<Exited>();
    check::<LocalKey<Rc<Cell<u8>>>>();
    check::<runtime::Metrics>();
    check::<runtime::WorkerMetrics>();
    check::<runtime::Builder>();
    check::<runtime::PanicPolicy>();
    error::<SpawnError>();
    error::<runtime::StartError>();
    error::<runtime::ConfigError>();
}

// A result that may not be sent stays where it is.
#[test]
fn may_not_be_sent() {
    assert!(!has!(JoinHandle<Rc<u8>>: Send));
    assert!(!has!(ScopedJoinHandle<'static, Rc<u8>>: Send));
    assert!(has!(JoinHandle<Cell<u8>>: Send));
    assert!(!has!(WaitGroup: Copy), "WG-10");
    assert!(!has!(JoinHandle<u8>: Clone));
}

#[test]
fn sizes() {
    assert_eq!(size_of::<Goroutine>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Goroutine>>(), size_of::<usize>());
    assert_eq!(size_of::<JoinHandle<[u8; 100]>>(), size_of::<usize>());
    assert_eq!(size_of::<GoroutineId>(), 8);
    assert_eq!(size_of::<WaitGroup>(), size_of::<usize>());
}

#[test]
#[allow(
    clippy::mutable_key_type,
    reason = "its hash is its number, which does not change"
)]
fn a_goroutine_is_its_number() {
    use std::collections::{BTreeSet, HashSet};
    crate::support::inside(|| {
        let me = goroutines::current();
        let other = goroutines::spawn(goroutines::current).join().unwrap();
        assert_eq!(me, goroutines::current());
        assert_ne!(me, other);
        let set: HashSet<_> = [me.clone(), me.clone(), other.clone()]
            .into_iter()
            .collect();
        assert_eq!(set.len(), 2);
        let ids: BTreeSet<_> = [me.id(), other.id(), me.id()].into_iter().collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(me.id().to_string(), me.id().as_u64().to_string());
        assert_eq!(
            format!("{:?}", me.id()),
            format!("GoroutineId({})", me.id())
        );
    });
}

// As with std's threads and tokio's timeouts, `?` works where an `io::Error` is wanted.
#[test]
fn errors_are_io_errors() {
    use std::io::{Error, ErrorKind};
    goroutines::run(|| {
        let spawned = || -> std::io::Result<u8> {
            Ok(Builder::new().name("w".into()).spawn(|| 1)?.join().unwrap())
        };
        assert_eq!(spawned().unwrap(), 1);
        let no_name = Builder::new().name("\0".into()).spawn(|| ()).unwrap_err();
        let text = no_name.to_string();
        let error = Error::from(no_name);
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::InvalidInput, text)
        );
        let large = Builder::new()
            .stack_size(usize::MAX)
            .spawn(|| ())
            .unwrap_err();
        assert_eq!(Error::from(large).kind(), ErrorKind::InvalidInput);
        let late = goroutines::time::timeout(Duration::ZERO, || goroutines::sleep(Duration::MAX));
        assert_eq!(Error::from(late.unwrap_err()).kind(), ErrorKind::TimedOut);
        let (ctx, cancel) = goroutines::context::Context::background().with_cancel();
        cancel.cancel();
        assert_eq!(Error::from(ctx.err().unwrap()).kind(), ErrorKind::Other);
        let twice = goroutines::runtime::builder()
            .workers(1)
            .configure()
            .unwrap_err();
        assert_eq!(Error::from(twice).kind(), ErrorKind::Other);
    });
}

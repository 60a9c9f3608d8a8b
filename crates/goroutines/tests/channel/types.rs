//! Errors, bounds, and what must not compile.

use goroutines::channel::*;
use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe};

#[test]
fn texts() {
    let sent = SendError(1);
    assert_eq!(
        (format!("{sent}"), format!("{sent:?}")),
        (
            "sending on a disconnected channel".into(),
            "SendError(..)".into()
        )
    );
    let full = TrySendError::Full(1);
    assert_eq!(
        (format!("{full}"), format!("{full:?}")),
        ("sending on a full channel".into(), "Full(..)".into())
    );
    assert_eq!(
        format!("{:?}", TrySendError::Disconnected(1)),
        "Disconnected(..)"
    );
    let late = SendTimeoutError::Timeout(1);
    assert_eq!(
        (format!("{late}"), format!("{late:?}")),
        (
            "timed out waiting on send operation".into(),
            "SendTimeoutError(..)".into()
        )
    );
    for (error, text) in [
        (
            Box::new(TrySendError::Disconnected(1)) as Box<dyn Error>,
            "sending on a disconnected channel",
        ),
        (
            Box::new(SendTimeoutError::Disconnected(1)),
            "sending on a disconnected channel",
        ),
        (
            Box::new(RecvError),
            "receiving on an empty and disconnected channel",
        ),
        (
            Box::new(TryRecvError::Empty),
            "receiving on an empty channel",
        ),
        (
            Box::new(TryRecvError::Disconnected),
            "receiving on an empty and disconnected channel",
        ),
        (
            Box::new(RecvTimeoutError::Timeout),
            "timed out waiting on receive operation",
        ),
        (
            Box::new(RecvTimeoutError::Disconnected),
            "channel is empty and disconnected",
        ),
        (
            Box::new(TrySelectError),
            "all operations in select would block",
        ),
        (Box::new(SelectTimeoutError), "timed out waiting on select"),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        format!("{:?} {:?}", TryReadyError, ReadyTimeoutError),
        "TryReadyError ReadyTimeoutError"
    );
    let (s, r) = bounded::<u8>(1);
    let shown = format!("{s:?} {r:?} {:?} {:?}", r.iter(), r.try_iter());
    assert_eq!(
        shown,
        "Sender { .. } Receiver { .. } Iter { .. } TryIter { .. }"
    );
    assert_eq!(
        format!("{:?} {:?}", r.into_iter(), Select::new()),
        "IntoIter { .. } Select { .. }"
    );
}

#[test]
fn conversions_and_predicates() {
    assert_eq!(
        TrySendError::from(SendError(3)),
        TrySendError::Disconnected(3)
    );
    assert_eq!(
        SendTimeoutError::from(SendError(3)),
        SendTimeoutError::Disconnected(3)
    );
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(
        RecvTimeoutError::from(RecvError),
        RecvTimeoutError::Disconnected
    );
    assert!(TrySendError::Full(1).is_full() && !TrySendError::Full(1).is_disconnected());
    assert!(TrySendError::Disconnected(1).is_disconnected());
    assert!(SendTimeoutError::Timeout(1).is_timeout());
    assert!(SendTimeoutError::Disconnected(1).is_disconnected());
    assert!(TryRecvError::Empty.is_empty() && TryRecvError::Disconnected.is_disconnected());
    assert!(RecvTimeoutError::Timeout.is_timeout());
    assert!(RecvTimeoutError::Disconnected.is_disconnected());
    for value in [
        SendError(4).into_inner(),
        TrySendError::Full(4).into_inner(),
        TrySendError::Disconnected(4).into_inner(),
        SendTimeoutError::Timeout(4).into_inner(),
        SendTimeoutError::Disconnected(4).into_inner(),
    ] {
        assert_eq!(value, 4);
    }
}

#[test]
fn bounds() {
    fn sends<T: Send + Sync>() {}
    fn unwinds<T: UnwindSafe + RefUnwindSafe>() {}
    fn fused<T: std::iter::FusedIterator>(_: &T) {}
    type NotSync = std::cell::Cell<u8>;
    sends::<Sender<NotSync>>();
    sends::<Receiver<NotSync>>();
    sends::<Select<'static>>();
    unwinds::<Sender<&'static NotSync>>();
    unwinds::<Receiver<&'static mut NotSync>>();
    let (_s, r) = bounded::<u8>(1);
    fused(&r.iter());
    fused(&r.into_iter());
    assert_eq!(size_of::<Sender<[u8; 100]>>(), size_of::<usize>());
    assert_eq!(size_of::<Receiver<[u8; 100]>>(), 2 * size_of::<usize>());
    const NEVER: Receiver<String> = never();
    assert!(NEVER.try_recv().is_err());
}

/// DI-1, DI-3.
#[goroutines::test]
fn directions() {
    fn only_sends(s: impl Into<Sender<u8>>) {
        let s = s.into();
        s.send(1).unwrap();
        assert_eq!((s.len(), s.capacity()), (1, Some(1)));
        s.close();
    }
    let (s, r) = bounded(1);
    only_sends(s);
    assert_eq!((r.len(), r.capacity()), (1, Some(1)));
    assert_eq!(r.recv(), Ok(1));
}

/// DI-2, and the messages of `select!`.
#[test]
fn must_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/channel/fail/*.rs");
}

//! CX-15, CX-16: the table of Go's `TestCause`.

use crate::support::both;
use goroutines::context::{Context, ContextError};
use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Parent,
    Child,
    TooSlow,
    Early,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Why {}

/// The error and the cause that are expected.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Live,
    /// No cause but the error.
    Plain(ContextError),
    With(ContextError, Why),
}

use ContextError::{Canceled, DeadlineExceeded};
use End::{Live, Plain, With};

#[track_caller]
fn check(ctx: &Context, end: End) {
    let cause = ctx.cause();
    let found = match (ctx.err(), &cause) {
        (None, None) => Live,
        (Some(err), Some(cause)) => match (cause.downcast_ref::<Why>(), cause.downcast_ref()) {
            (Some(&why), _) => With(err, why),
            (_, Some(&same)) if err == same => Plain(err),
            _ => panic!("{err} because of {cause}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(found, end, "{ctx:?}");
}

const FOREVER: Duration = Duration::from_secs(1_000_000);
const NOW: Duration = Duration::ZERO;

fn bg() -> Context {
    Context::background()
}

// CX-15
#[test]
fn of_cancels() {
    both(|| {
        check(&bg(), Live);
        check(&Context::todo(), Live);
        let (ctx, cancel) = bg().with_cancel();
        check(&ctx, Live);
        cancel.cancel();
        check(&ctx, Plain(Canceled));
        let (ctx, cancel) = bg().with_cancel_cause();
        cancel.cancel(Why::Parent);
        check(&ctx, With(Canceled, Why::Parent));
        let (ctx, cancel) = bg().with_cancel_cause();
        cancel.without_cause().cancel();
        check(&ctx, Plain(Canceled));
        cancel.cancel(Why::Parent);
        check(&ctx, Plain(Canceled));
    });
}

// CX-15: the first one counts, in both directions.
#[test]
fn of_parent_and_child() {
    both(|| {
        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel_child) = parent.with_cancel_cause();
        cancel_parent.cancel(Why::Parent);
        cancel_child.cancel(Why::Child);
        check(&ctx, With(Canceled, Why::Parent));

        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel_child) = parent.with_cancel_cause();
        cancel_child.cancel(Why::Child);
        cancel_parent.cancel(Why::Parent);
        check(&ctx, With(Canceled, Why::Child));
        check(&parent, With(Canceled, Why::Parent));

        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel_child) = parent.with_cancel();
        cancel_parent.cancel(Why::Parent);
        cancel_child.cancel();
        check(&ctx, With(Canceled, Why::Parent));

        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel_child) = parent.with_cancel();
        cancel_child.cancel();
        cancel_parent.cancel(Why::Parent);
        check(&ctx, Plain(Canceled));

        let (parent, cancel_parent) = bg().with_cancel();
        let (ctx, cancel_child) = parent.with_cancel_cause();
        cancel_parent.cancel();
        cancel_child.cancel(Why::Child);
        check(&ctx, Plain(Canceled));

        let (parent, cancel_parent) = bg().with_cancel();
        let (ctx, cancel_child) = parent.with_cancel_cause();
        cancel_child.cancel(Why::Child);
        cancel_parent.cancel();
        check(&ctx, With(Canceled, Why::Child));
    });
}

// CX-15, CX-16, CX-19
#[test]
fn of_timeouts() {
    both(|| {
        let (ctx, cancel) = bg().with_timeout(NOW);
        cancel.cancel();
        check(&ctx, Plain(DeadlineExceeded));

        let (ctx, cancel) = bg().with_timeout(FOREVER);
        cancel.cancel();
        check(&ctx, Plain(Canceled));

        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel) = parent.with_timeout(FOREVER);
        cancel_parent.cancel(Why::Parent);
        cancel.cancel();
        check(&ctx, With(Canceled, Why::Parent));

        let (parent, cancel_parent) = bg().with_cancel_cause();
        let (ctx, cancel) = parent.with_timeout(FOREVER);
        cancel.cancel();
        cancel_parent.cancel(Why::Parent);
        check(&ctx, Plain(Canceled));

        let (ctx, cancel) = bg().with_timeout_cause(NOW, Why::TooSlow);
        cancel.cancel();
        check(&ctx, With(DeadlineExceeded, Why::TooSlow));

        let (ctx, cancel) = bg().with_timeout_cause(FOREVER, Why::TooSlow);
        cancel.cancel();
        check(&ctx, Plain(Canceled));

        let (parent, cancel) = bg().with_cancel_cause();
        let (ctx, _cancel) = parent.with_timeout_cause(NOW, Why::TooSlow);
        cancel.cancel(Why::Early);
        check(&ctx, With(DeadlineExceeded, Why::TooSlow));

        let (parent, cancel) = bg().with_cancel_cause();
        let (ctx, _cancel) = parent.with_timeout_cause(FOREVER, Why::TooSlow);
        cancel.cancel(Why::Early);
        check(&ctx, With(Canceled, Why::Early));

        let (parent, cancel) = bg().with_timeout_cause(NOW, Why::TooSlow);
        let (ctx, cancel_child) = parent.with_cancel_cause();
        cancel_child.cancel(Why::Child);
        cancel.cancel();
        check(&ctx, With(DeadlineExceeded, Why::TooSlow));

        // One that comes by itself.
        let (ctx, _cancel) = bg().with_timeout_cause(Duration::from_millis(2), Why::TooSlow);
        assert!(ctx.done().recv().is_err());
        check(&ctx, With(DeadlineExceeded, Why::TooSlow));
    });
}

// CX-15, CX-25
#[test]
fn of_those_without_cancel() {
    both(|| {
        check(&bg().without_cancel(), Live);
        let (parent, cancel) = bg().with_cancel_cause();
        let ctx = parent.without_cancel();
        cancel.cancel(Why::Early);
        check(&ctx, Live);
        let (parent, cancel) = bg().with_timeout_cause(NOW, Why::TooSlow);
        let ctx = parent.without_cancel();
        cancel.cancel();
        check(&ctx, Live);
    });
}

//! What the tests of channels and of futures share: values that are counted, and tests on several numbers of
//! workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what it gave out and what was dropped of that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<(AtomicUsize, AtomicUsize)>);

impl Tally {
    pub(crate) fn one(&self) -> Counted {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub(crate) fn alive(&self) -> usize {
        self.0.0.load(Ordering::SeqCst) - self.0.1.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
pub(crate) struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.0.0.1.fetch_add(1, Ordering::SeqCst);
        assert!(before < self.0.0.0.load(Ordering::SeqCst), "dropped twice");
    }
}

/// Runs the named functions as tests on 1, 2 and 8 workers.
macro_rules! on_workers {
    ($($name:ident)*) => {
        mod one_worker {
            $(#[goroutines::test(workers = 1)] fn $name() { super::$name() })*
        }
        mod two_workers {
            $(#[goroutines::test(workers = 2)] fn $name() { super::$name() })*
        }
        mod eight_workers {
            $(#[goroutines::test(workers = 8)] fn $name() { super::$name() })*
        }
    };
}
pub(crate) use on_workers;

//! `block_on`: a goroutine, or a thread, that waits for a future.

use goroutines_runtime::park::{Bell, Reason};
use goroutines_runtime::shim::Arc;
use goroutines_runtime::spawn::vouch;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future and waits for its result; the goroutine only, not its thread.
///
/// The future is polled here, on the stack of the caller, so it need not be `Send` or `'static`. Between
/// polls the goroutine is parked until the future's waker is called, by whomever. A plain thread blocks.
/// It may be called inside a future that another `block_on` polls: nothing of the outer one runs
/// meanwhile.
///
/// If the goroutine is [cancelled](crate::JoinHandle::cancel) while it waits, it unwinds, which drops the
/// future as it is. A panic of the future goes on in the caller.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::{block_on, channel::bounded, go};
///
/// let (s, r) = bounded(0);
/// go!(move || s.send(20).unwrap());
/// let sum = block_on(async {
///     let first = r.recv_async().await.unwrap();
///     first + goroutines::spawn(|| 22).await.unwrap()
/// });
/// assert_eq!(sum, 42);
/// # });
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let bell = Arc::new(Bell::new());
    let waker = Waker::from(bell.clone());
    vouch(&waker);
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        bell.wait(Reason::Future);
    }
}

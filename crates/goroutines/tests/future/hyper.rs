//! What hyper asks of a runtime.

use goroutines::block_on;
use goroutines::channel::bounded;
use goroutines::future::{Executor, Timer};
use hyper::rt::{Executor as _, Timer as _};
use std::time::{Duration, Instant};

#[goroutines::test]
fn executor() {
    let (s, r) = bounded(0);
    for i in 0..10 {
        let s = s.clone();
        Executor.execute(async move { s.send_async(i).await.unwrap() });
    }
    drop(s);
    assert_eq!(r.iter().sum::<i32>(), 45);
}

#[goroutines::test]
fn timer() {
    let start = Instant::now();
    block_on(Timer.sleep(Duration::from_millis(2)));
    let mut sleep = Timer.sleep_until(start + Duration::from_secs(3_600));
    Timer.reset(&mut sleep, start + Duration::from_millis(4));
    block_on(sleep);
    assert!(start.elapsed() >= Duration::from_millis(4));
}

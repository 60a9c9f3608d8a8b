use goroutines::channel::{bounded, unbounded, after, tick, never, Select};
use goroutines::{go, select};
use std::time::Duration;

#[goroutines::test(workers = 2)]
fn basics() {
    let (s, r) = bounded(0);
    go!(move || { for i in 0..1000 { s.send(i).unwrap(); } });
    assert_eq!(r.iter().sum::<i32>(), 499500);
    let (s, r) = unbounded();
    go!(move || { for i in 0..1000 { s.send(i).unwrap(); } });
    assert_eq!(r.into_iter().sum::<i32>(), 499500);
    for cap in [1, 2, 7, 128] {
        let (s, r) = bounded(cap);
        for k in 0..4 { let s = s.clone(); go!(move || { for i in 0..1000 { s.send(i + k).unwrap(); } }); }
        drop(s);
        assert_eq!(r.iter().count(), 4000);
    }
}

#[goroutines::test(workers = 2)]
fn selects() {
    let (s1, r1) = bounded(0);
    let (s2, r2) = bounded::<String>(1);
    go!(move || { for i in 0..1000 { s1.send(i).unwrap(); } });
    go!(move || { for i in 0..1000 { s2.send(format!("{i}")).unwrap(); } });
    let (mut a, mut b) = (0, 0);
    let (mut r1, mut r2) = (Some(r1), Some(r2));
    while r1.is_some() || r2.is_some() {
        select! {
            recv(r1) -> m => match m { Ok(_) => a += 1, Err(_) => r1 = None },
            recv(r2) -> m => if m.is_ok() { b += 1 } else { r2 = None },
        }
    }
    assert_eq!((a, b), (1000, 1000));
    let timeout = after(Duration::from_millis(5));
    let t = tick(Duration::from_millis(1));
    let mut n = 0;
    loop {
        select! {
            recv(t) -> _ => n += 1,
            recv(timeout) -> _ => break,
            recv(never::<()>()) -> _ => unreachable!(),
        }
    }
    assert!(n >= 2);
    // Both ends selects.
    let (s, r) = bounded(0);
    go!(move || for i in 0..1000 { select! { send(s, i) -> res => res.unwrap() } });
    let mut sum = 0;
    loop {
        let m = select! { recv(r) -> m => m, default(Duration::from_secs(5)) => panic!() };
        match m { Ok(i) => sum += i, Err(_) => break }
    }
    assert_eq!(sum, 499500);
    // Dynamic on both.
    let (s, r) = bounded(0);
    go!(move || for i in 0..1000 { let mut sel = Select::new(); sel.send(&s); let op = sel.select(); op.send(&s, i).unwrap(); });
    let mut sum = 0;
    let (_s2, r2) = bounded::<()>(0);
    for _ in 0..1000 { let mut sel = Select::new(); let a = sel.recv(&r); sel.recv(&r2); let op = sel.select(); assert_eq!(op.index(), a); sum += op.recv(&r).unwrap(); }
    assert_eq!(sum, 499500);
}

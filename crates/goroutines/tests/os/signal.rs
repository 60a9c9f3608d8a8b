//! Signals. Each test is a process of its own.

use crate::support::{HOUR, PATIENCE, SHORT, until};
use crate::{is_scene, scene};
use goroutines::channel::{Receiver, RecvFuture, Sender, bounded, unbounded};
use goroutines::context::{Context, ContextError, Key};
use goroutines::process::Command;
use goroutines::signal::{self, Received, Signal, notify, stop};
use goroutines::{num_goroutines, scope, sleep, spawn};
use rustix::process::{Pid, Signal as Raw, getpid, kill_process};
use std::future::Future;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context as Look, Wake, Waker};
use std::time::Duration;

fn send(signal: Signal) {
    let raw = Raw::from_named_raw(signal.as_raw()).unwrap();
    kill_process(getpid(), raw).unwrap();
}

#[track_caller]
fn comes(from: &Receiver<Signal>, signal: Signal) {
    assert_eq!(from.recv_timeout(PATIENCE), Ok(signal));
}

fn on_a_thread(f: impl FnOnce() + Send) {
    std::thread::scope(|s| s.spawn(f).join().unwrap());
}

// SI-1: what comes while there is one in the channel is dropped; at least one is there.
fn bursts() {
    let (one, r) = bounded(1);
    notify(&one, &[Signal::USER1]).unwrap();
    for _ in 0..200 {
        for _ in 0..10 {
            send(Signal::USER1);
        }
        comes(&r, Signal::USER1);
        // Those that came a little later.
        while r.recv_timeout(SHORT).is_ok() {}
    }
    // One at a time none is lost.
    for _ in 0..200 {
        send(Signal::USER1);
        comes(&r, Signal::USER1);
    }
    stop(&one);
}

// SI-2
fn several_channels() {
    let (a, ra) = unbounded();
    let (b, rb) = unbounded();
    notify(&a, &[Signal::USER1]).unwrap();
    notify(&a.clone(), &[Signal::USER2]).unwrap();
    notify(&b, &[Signal::USER2]).unwrap();
    for _ in 0..50 {
        send(Signal::USER1);
        comes(&ra, Signal::USER1);
        send(Signal::USER2);
        comes(&ra, Signal::USER2);
        comes(&rb, Signal::USER2);
    }
    assert!(ra.is_empty() && rb.is_empty());
    stop(&a);
    send(Signal::USER2);
    comes(&rb, Signal::USER2);
    assert!(ra.is_empty());
    // Nobody is told of it any more, and the process would end.
    signal::ignore(&[Signal::USER1]).unwrap();
    send(Signal::USER1);
    // Without any: all.
    let (all, r) = unbounded();
    notify(&all, &[]).unwrap();
    for signal in [
        Signal::HANGUP,
        Signal::WINDOW_CHANGE,
        Signal::USER1,
        Signal::TERMINATE,
    ] {
        send(signal);
        comes(&r, signal);
    }
    stop(&b);
    // `CHILD` comes too, from children.
    Command::new("true").status().unwrap();
    comes(&r, Signal::CHILD);
    stop(&all);
    stop(&all);
    drop(all);
    assert!(r.recv().is_err(), "the registry has let go of the channel");
}

/// Signals sent and channels changed by many at once: who is notified all the time misses none.
fn changes_race_with_signals() {
    let (keeps, r) = bounded(1);
    notify(&keeps, &[Signal::USER1, Signal::USER2]).unwrap();
    let over = AtomicBool::new(false);
    scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while !over.load(SeqCst) {
                    let (mine, theirs) = bounded(1);
                    notify(&mine, &[Signal::USER1]).unwrap();
                    let (ctx, stopped) =
                        signal::notify_context(&Context::background(), &[Signal::USER2]).unwrap();
                    sleep(Duration::from_micros(50));
                    stop(&mine);
                    let n = theirs.len();
                    stopped.stop();
                    assert!(ctx.err().is_some());
                    assert_eq!(theirs.len(), n, "nothing comes after stop");
                }
            });
        }
        for round in 0..300 {
            let signal = [Signal::USER1, Signal::USER2][round % 2];
            send(signal);
            comes(&r, signal);
        }
        over.store(true, SeqCst);
    });
    stop(&keeps);
}

/// The last owner of what hangs in a context may be the list of those who are told of signals.
fn destructors_may_use_signals() {
    struct Uses(Sender<Signal>);
    impl Drop for Uses {
        fn drop(&mut self) {
            notify(&self.0, &[Signal::USER2]).unwrap();
            stop(&self.0);
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    struct Name;
    impl Key for Name {
        type Value = Uses;
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    let parent = || Context::background().with_value::<Name>(Uses(bounded(1).0));
    let told = |parent| signal::notify_context(&parent, &[Signal::USER1]).unwrap();
    let (ctx, stopped) = told(parent());
    drop(ctx);
    stopped.stop();
    drop(stopped);
    assert_eq!(DROPPED.load(SeqCst), 1);
    drop(told(parent()));
    assert_eq!(DROPPED.load(SeqCst), 1);
    signal::reset(&[]).unwrap();
    assert_eq!(DROPPED.load(SeqCst), 2);
}

crate::support::on_workers!(bursts several_channels changes_race_with_signals destructors_may_use_signals);

/// Calls `0` when it is woken, on the stack of whoever does that.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Has `woken` called when something comes out of `from`, as long as the result is kept.
fn on_the_next<'a>(
    from: &'a Receiver<Signal>,
    woken: impl Fn() + Send + Sync + 'static,
) -> RecvFuture<'a, Signal> {
    let mut future = from.recv_async();
    let waker = Waker::from(Arc::new(Calls(woken)));
    let mut look = Look::from_waker(&waker);
    assert!(Pin::new(&mut future).poll(&mut look).is_pending());
    future
}

// A waker that is called while signals are delivered uses this room itself.
#[goroutines::test(workers = 2)]
fn wakers_may_use_signals() {
    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    let woken = |n| until("the waker has returned", || WOKEN.load(SeqCst) == n);
    let (s, r) = unbounded();
    notify(&s, &[Signal::USER1, Signal::USER2]).unwrap();

    let (other, others) = unbounded();
    let future = on_the_next(&r, move || {
        notify(&other, &[Signal::WINDOW_CHANGE]).unwrap();
        WOKEN.fetch_add(1, SeqCst);
    });
    send(Signal::USER1);
    woken(1);
    drop(future);
    comes(&r, Signal::USER1);
    send(Signal::WINDOW_CHANGE);
    comes(&others, Signal::WINDOW_CHANGE);

    // It stops its own channel, in the middle of a delivery: what has come is in it, and nothing more comes.
    let (keeps, kept) = unbounded();
    notify(&keeps, &[Signal::USER1]).unwrap();
    let future = on_the_next(&r, move || {
        stop(&s);
        WOKEN.fetch_add(1, SeqCst);
    });
    send(Signal::USER1);
    woken(2);
    drop(future);
    comes(&r, Signal::USER1);
    assert!(r.recv_timeout(PATIENCE).is_err(), "the last sender is gone");
    comes(&kept, Signal::USER1);
    send(Signal::USER1);
    comes(&kept, Signal::USER1);
    stop(&keeps);
}

#[goroutines::test(workers = 2)]
fn on_plain_threads() {
    on_a_thread(bursts);
    on_a_thread(|| {
        let (ctx, stopped) =
            signal::notify_context(&Context::background(), &[Signal::USER2]).unwrap();
        send(Signal::USER2);
        ctx.done().recv().unwrap_err();
        stopped.stop();
    });
}

// SI-5
#[goroutines::test(workers = 2)]
fn what_cannot_be_caught() {
    let (s, _r) = bounded(1);
    for signal in [
        Signal::KILL,
        Signal::STOP,
        Signal::SEGMENTATION_FAULT,
        Signal::BUS,
        Signal::FLOATING_POINT,
        Signal::ILLEGAL,
        Signal::TRAP,
        Signal::URGENT,
        Signal::from_raw(32).unwrap(),
    ] {
        let both = [Signal::USER1, signal];
        for result in [
            notify(&s, &both),
            signal::ignore(&both),
            signal::reset(&both),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(
                error.to_string().contains(&format!("{signal:?}")),
                "{error}"
            );
        }
    }
    assert!(signal::ignore(&[Signal::CHILD]).is_err());
    assert!(!signal::is_ignored(Signal::USER1));
    let last = Signal::from_raw(64).unwrap();
    notify(&s, &[last]).unwrap();
    stop(&s);
}

// SI-6
#[goroutines::test(workers = 2)]
fn contexts() {
    let background = Context::background();
    let (ctx, stopped) = signal::notify_context(&background, &[Signal::INTERRUPT]).unwrap();
    assert!(ctx.err().is_none());
    send(Signal::INTERRUPT);
    ctx.done().recv().unwrap_err();
    assert_eq!(ctx.err(), Some(ContextError::Canceled));
    let cause = ctx.cause().unwrap();
    assert_eq!(cause.to_string(), "interrupt signal received");
    assert_eq!(cause.downcast_ref(), Some(&Received(Signal::INTERRUPT)));
    // It is still caught, also after somebody else has come and gone.
    let (sender, r) = bounded(1);
    notify(&sender, &[Signal::INTERRUPT]).unwrap();
    send(Signal::INTERRUPT);
    comes(&r, Signal::INTERRUPT);
    stop(&sender);
    assert!(caught(Signal::INTERRUPT));
    stopped.stop();
    assert!(!caught(Signal::INTERRUPT));

    let (parent, cancel) = background.with_cancel();
    let (ctx, stopped) = signal::notify_context(&parent, &[Signal::INTERRUPT]).unwrap();
    let _guard = stopped.on_drop();
    cancel.cancel();
    ctx.done().recv().unwrap_err();
    assert_eq!(
        ctx.cause().unwrap().downcast_ref(),
        Some(&ContextError::Canceled)
    );

    let (ctx, stopped) = signal::notify_context(&background, &[Signal::INTERRUPT]).unwrap();
    scope(|s| {
        for _ in 0..10 {
            s.spawn(|| stopped.stop());
        }
    });
    assert_eq!(
        ctx.cause().unwrap().downcast_ref(),
        Some(&ContextError::Canceled)
    );
}

#[goroutines::test(workers = 2)]
fn ctrl_c() {
    let waiting = spawn(signal::ctrl_c);
    let back = caught(Signal::INTERRUPT);
    until("it is caught", || caught(Signal::INTERRUPT));
    assert!(!back || caught(Signal::INTERRUPT));
    send(Signal::INTERRUPT);
    waiting.join().unwrap().unwrap();
    assert!(!caught(Signal::INTERRUPT));
    // One that is cancelled lets go as well.
    let waiting = spawn(signal::ctrl_c);
    until("it is caught", || caught(Signal::INTERRUPT));
    waiting.cancel();
    assert!(waiting.join().unwrap_err().is::<goroutines::Cancelled>());
    assert!(!caught(Signal::INTERRUPT));
}

/// Whether this process has a handler for it.
fn caught(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    u64::from_str_radix(set.trim(), 16).unwrap() & (1 << (signal.as_raw() - 1)) != 0
}

/// An idle program has no goroutine and no thread for signals, and uses no processor.
#[goroutines::test(workers = 2)]
fn waiting_costs_nothing() {
    let before = num_goroutines();
    let (s, r) = bounded(1);
    notify(&s, &[Signal::USER1]).unwrap();
    send(Signal::USER1);
    comes(&r, Signal::USER1);
    until("nobody is left", || num_goroutines() == before);
    let used = || std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let nanos = |text: String| text.split(' ').next().unwrap().parse::<u64>().unwrap();
    let start = nanos(used());
    sleep(Duration::from_millis(300));
    assert!(nanos(used()) - start < 100_000_000);
    stop(&s);
}

// Children do not inherit what is caught, and inherit what is ignored.
#[goroutines::test(workers = 2)]
fn children_have_default_actions() {
    let (s, _r) = bounded(1);
    // What was ignored when this program was started is handed on.
    let before = crate::signals(
        "SigIgn:",
        &std::fs::read_to_string("/proc/self/status").unwrap(),
    );
    notify(&s, &[Signal::USER1, Signal::INTERRUPT]).unwrap();
    signal::ignore(&[Signal::USER2]).unwrap();
    let out = Command::new("cat")
        .arg("/proc/self/status")
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let set = |name: &str| crate::signals(name, &text);
    assert_eq!(set("SigCgt:"), 0);
    let ignored = |signal: Signal| 1 << (signal.as_raw() - 1);
    assert_eq!(
        set("SigIgn:"),
        (before & !crate::PIPE & !ignored(Signal::INTERRUPT)) | ignored(Signal::USER2)
    );
    let killed = Command::new("sh")
        .args(["-c", "kill -USR1 $$"])
        .status()
        .unwrap();
    assert_eq!(killed.signal(), Some(Signal::USER1.as_raw()));
    stop(&s);
}

// SI-4
#[test]
fn the_default_action_is_back() {
    const NAME: &str = "signal::the_default_action_is_back";
    if is_scene(NAME) {
        crate::support::inside(|| {
            let (a, ra) = bounded(1);
            let (b, rb) = bounded(1);
            notify(&a, &[Signal::TERMINATE]).unwrap();
            notify(&b, &[Signal::TERMINATE]).unwrap();
            stop(&a);
            send(Signal::TERMINATE);
            comes(&rb, Signal::TERMINATE);
            assert!(ra.is_empty());
            match std::env::var("HOW").unwrap().as_str() {
                "stop" => stop(&b),
                "reset" => signal::reset(&[]).unwrap(),
                "ignore" => {
                    signal::ignore(&[Signal::TERMINATE]).unwrap();
                    send(Signal::TERMINATE);
                    sleep(SHORT);
                    signal::reset(&[Signal::TERMINATE]).unwrap();
                }
                _ => unreachable!(),
            }
            send(Signal::TERMINATE);
            sleep(HOUR);
        });
    }
    for how in ["stop", "reset", "ignore"] {
        let out = scene(NAME).env("HOW", how).output().unwrap();
        assert_eq!(
            out.status.signal(),
            Some(Signal::TERMINATE.as_raw()),
            "{how}: {out:?}"
        );
    }
}

// SI-7
#[test]
fn what_was_ignored_from_the_start_is_so_again() {
    const NAME: &str = "signal::what_was_ignored_from_the_start_is_so_again";
    if is_scene(NAME) {
        crate::support::inside(|| {
            assert!(signal::is_ignored(Signal::HANGUP));
            send(Signal::HANGUP);
            let (s, r) = bounded(1);
            notify(&s, &[Signal::HANGUP]).unwrap();
            send(Signal::HANGUP);
            comes(&r, Signal::HANGUP);
            stop(&s);
            assert!(signal::is_ignored(Signal::HANGUP));
            send(Signal::HANGUP);
            sleep(SHORT);
        });
        std::process::exit(0);
    }
    let scene = scene(NAME);
    let mut command = std::process::Command::new("nohup");
    command.arg(scene.get_program()).args(scene.get_args());
    command
        .env("GOROUTINES_OS_SCENE", NAME)
        .stdin(Stdio::null());
    let out = command.output().unwrap();
    assert!(out.status.success(), "{out:?}");
}

// SI-8: a program without goroutines is not at its end if a signal may start one.
#[test]
fn main_may_exit_and_leave_the_rest_to_signals() {
    #[goroutines::main]
    fn main() {
        let background = Context::background();
        let (ctx, _stop) = signal::notify_context(&background, &[Signal::TERMINATE]).unwrap();
        ctx.after_func(|| {
            println!("asked to end");
            std::process::exit(7);
        });
        println!("ready");
        goroutines::exit();
    }
    const NAME: &str = "signal::main_may_exit_and_leave_the_rest_to_signals";
    if is_scene(NAME) {
        main();
    }
    let mut child = scene(NAME).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")));
    std::thread::sleep(SHORT);
    assert_eq!(child.try_wait().unwrap(), None);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Raw::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "asked to end");
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

// SI-3: a signal that races with stop is delivered or ends the process; it is never lost.
#[test]
fn stop_races_with_delivery() {
    const NAME: &str = "signal::stop_races_with_delivery";
    // Nobody starts a program with this one ignored, as one in the background is with others.
    const RACING: Signal = Signal::USER1;
    if is_scene(NAME) {
        crate::support::inside(|| {
            let turn = AtomicUsize::new(0);
            std::thread::scope(|s| {
                s.spawn(|| {
                    for round in 1..=2_000 {
                        while turn.load(SeqCst) != round {
                            std::thread::yield_now();
                        }
                        send(RACING);
                        turn.store(0, SeqCst);
                    }
                });
                for round in 1..=2_000 {
                    let (s, r): (Sender<Signal>, _) = bounded(1);
                    notify(&s, &[RACING]).unwrap();
                    turn.store(round, SeqCst);
                    // At first most signals come long before.
                    for _ in 0..2_000_usize.saturating_sub(round) * 20 {
                        std::hint::spin_loop();
                    }
                    if round < 1_000 {
                        until("it is sent", || turn.load(SeqCst) == 0);
                    }
                    stop(&s);
                    until("it is sent", || turn.load(SeqCst) == 0);
                    // If it was not delivered this process has ended, or will in a moment.
                    if r.try_recv().is_err() {
                        sleep(PATIENCE);
                        eprintln!("lost in round {round}");
                        std::process::exit(3);
                    }
                }
            });
        });
        std::process::exit(0);
    }
    let mut scenes: Vec<_> = (0..10)
        .map(|_| {
            let mut scene = scene(NAME);
            scene.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for scene in &mut scenes {
        let status = scene.wait().unwrap();
        let ended = status.signal() == Some(RACING.as_raw());
        assert!(ended || status.success(), "{status}");
    }
}

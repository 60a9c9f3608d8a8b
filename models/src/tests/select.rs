//! Selects: with each other, with peers that want the same one, with what is given back.

use super::cancelled;
use super::channel::{NEVER, model, recv, send};
use crate::channel::chan::Chan;
use crate::channel::env::Moment;
use crate::channel::run::{Chosen, Limit, Run};
use crate::channel::slot::cell::Slot;
use crate::channel::slot::many::{Case, Port};
use crate::channel::slot::node::Side;
use crate::channel::slot::vault::Ended;
use crate::park::When;
use loom::sync::Arc;
use loom::thread;
use std::mem::MaybeUninit;

type Pair = [Chan<usize>; 2];

/// Two channels. A select takes their locks in the order of their addresses, which must be the same in
/// each of loom's runs, or it repeats something else than it thinks. So they lie side by side.
fn pair(caps: [usize; 2]) -> Arc<Pair> {
    Arc::new(caps.map(|cap| Chan::bounded(cap).unwrap()))
}

const FOREVER: Limit = Limit::Until(NEVER);
const SOON: Limit = Limit::Until(Moment::SOON);

/// A select that receives from one of two; `direct`: into slots, as `select!` does. What it received and
/// where.
fn select_recv(cs: [&Chan<usize>; 2], limit: Limit, direct: bool) -> Option<(usize, usize)> {
    loop {
        let slots = [Slot::empty(), Slot::empty()];
        let cases = [0, 1].map(|i| {
            if direct {
                cs[i].receive(&slots[i])
            } else {
                Case::later(Port::Chan(cs[i].core()), Side::Recv)
            }
        });
        let mut nodes = [const { MaybeUninit::uninit() }; 2];
        let run = Run {
            cases: &cases,
            nodes: &mut nodes,
            numbers: &mut [0; 4],
            biased: false,
        };
        let mut chosen = Chosen::of(&cases);
        let i = chosen.choose(run, limit);
        let (case, token) = chosen.take()?;
        match cs[i].finish_recv(case, token, &slots[i]) {
            Ended::Retry => continue,
            Ended::Closed => return None,
            ended => assert_eq!(ended, Ended::Done),
        }
        drop(chosen);
        let [a, b] = slots;
        let (a, b) = (a.take(), b.take());
        assert!(a.is_none() || b.is_none());
        return a.or(b).map(|value| (value, i));
    }
}

/// A select that sends to one of two; where; `None`: time is over.
fn select_send(cs: [&Chan<usize>; 2], value: usize, limit: Limit) -> Option<usize> {
    let slot = Slot::full(value);
    loop {
        let cases = cs.map(|c| Case::later(Port::Chan(c.core()), Side::Send));
        let mut nodes = [const { MaybeUninit::uninit() }; 2];
        let run = Run {
            cases: &cases,
            nodes: &mut nodes,
            numbers: &mut [0; 4],
            biased: false,
        };
        let mut chosen = Chosen::of(&cases);
        let i = chosen.choose(run, limit);
        let (case, token) = chosen.take()?;
        match cs[i].finish_send(case, token, &slot) {
            Ended::Retry => continue,
            ended => assert_eq!(ended, Ended::Done),
        }
        assert!(slot.take().is_none());
        return Some(i);
    }
}

/// A select that sends to or receives from one channel; what it received, if it did that.
fn select_both(c: &Chan<usize>, value: usize, limit: Limit) -> Option<Option<usize>> {
    let (out, slot) = (Slot::empty(), Slot::full(value));
    loop {
        let cases = [
            c.receive(&out),
            Case::later(Port::Chan(c.core()), Side::Send),
        ];
        let run = Run {
            cases: &cases,
            nodes: &mut [const { MaybeUninit::uninit() }; 2],
            numbers: &mut [0; 4],
            biased: false,
        };
        let mut chosen = Chosen::of(&cases);
        let i = chosen.choose(run, limit);
        let (case, token) = chosen.take()?;
        let ended = match i {
            0 => c.finish_recv(case, token, &out),
            _ => c.finish_send(case, token, &slot),
        };
        match ended {
            Ended::Retry => continue,
            ended => assert_eq!(ended, Ended::Done),
        }
        drop(chosen);
        assert_eq!(slot.take().is_none(), i == 1);
        return Some(out.take());
    }
}

/// Chooses an operation on one channel, and gives it back; `false`: there was none.
fn choose_and_give_back(c: &Chan<usize>, side: Side, limit: Limit) -> bool {
    let cases = [Case::later(Port::Chan(c.core()), side)];
    let run = Run {
        cases: &cases,
        nodes: &mut [const { MaybeUninit::uninit() }; 1],
        numbers: &mut [0; 2],
        biased: false,
    };
    Chosen::of(&cases).choose(run, limit) == 0
}

/// Two selects over the same two channels in opposite order.
#[test]
fn loom_selects_in_opposite_order() {
    for (caps, direct) in [
        ([0, 0], true),
        ([0, 0], false),
        ([1, 0], true),
        ([1, 0], false),
    ] {
        model(5, move || {
            let cs = pair(caps);
            let ds = cs.clone();
            let sender = thread::spawn(move || {
                let [a, b] = &*ds;
                select_send([b, a], 1, FOREVER).unwrap()
            });
            let [a, b] = &*cs;
            let (value, at) = select_recv([a, b], FOREVER, direct).unwrap();
            assert_eq!(value, 1);
            assert_eq!(sender.join().unwrap(), 1 - at);
            assert!(select_send([a, b], 2, Limit::Now).is_none() || caps[0] == 1);
        });
    }
}

/// Two peers for one select: one is taken, the other goes on.
#[test]
fn loom_a_select_that_two_want() {
    for direct in [true, false] {
        model(3, move || {
            let cs = pair([0, 0]);
            let senders = [0, 1].map(|i| {
                let ds = cs.clone();
                thread::spawn(move || send(&ds[i], i, NEVER).unwrap())
            });
            let (first, at) = select_recv([&cs[0], &cs[1]], FOREVER, direct).unwrap();
            assert_eq!(first, at);
            // The other one's value is not lost.
            assert_eq!(recv(&cs[1 - at], NEVER), Some(1 - at));
            senders.into_iter().for_each(|h| h.join().unwrap());
        });
    }
}

/// Two peers for one select that sends.
#[test]
fn loom_a_sending_select_that_two_want() {
    model(3, || {
        let cs = pair([0, 0]);
        let receivers = [0, 1].map(|i| {
            let ds = cs.clone();
            thread::spawn(move || recv(&ds[i], NEVER))
        });
        let at = select_send([&cs[0], &cs[1]], 5, FOREVER).unwrap();
        send(&cs[1 - at], 6, NEVER).unwrap();
        let received = receivers.map(|h| h.join().unwrap().unwrap());
        assert_eq!((received[at], received[1 - at]), (5, 6));
    });
}

/// A select on both sides of a rendezvous meets one peer, on one of them, and nobody meets it afterwards.
#[test]
fn loom_a_select_on_both_sides() {
    model(2, || {
        let c = Arc::new(Chan::bounded(0).unwrap());
        let [d, e] = [c.clone(), c.clone()];
        let selects = thread::spawn(move || select_both(&d, 7, SOON));
        let sender = thread::spawn(move || send(&e, 1, Moment::SOON).is_ok());
        let received = recv(&c, Moment::SOON);
        let (selected, sent) = (selects.join().unwrap(), sender.join().unwrap());
        assert_eq!(sent, received == Some(1) || selected == Some(Some(1)));
        assert_eq!(received == Some(7), selected == Some(None));
        assert!(received.is_none() || selected != Some(Some(1)));
        // Nobody is left there, and that shows.
        assert!(!choose_and_give_back(&c, Side::Recv, Limit::Now));
        assert!(!choose_and_give_back(&c, Side::Send, Limit::Now));
    });
}

/// A select takes all its nodes out, so nobody meets it later.
#[test]
fn loom_a_select_leaves_no_node() {
    model(4, || {
        let cs = pair([0, 0]);
        let ds = cs.clone();
        let sender = thread::spawn(move || {
            send(&ds[0], 1, NEVER).unwrap();
            send(&ds[1], 2, NEVER).unwrap();
        });
        assert_eq!(select_recv([&cs[0], &cs[1]], FOREVER, true), Some((1, 0)));
        // It waits again, in one channel only.
        assert_eq!(recv(&cs[1], NEVER), Some(2));
        sender.join().unwrap();
    });
}

#[test]
fn loom_a_select_with_a_deadline() {
    for direct in [true, false] {
        model(4, move || {
            let cs = pair([0, 0]);
            let ds = cs.clone();
            let sender = thread::spawn(move || {
                let sent = send(&ds[1], 1, NEVER).is_ok();
                ds[1].core().close();
                sent
            });
            let received = select_recv([&cs[0], &cs[1]], SOON, direct);
            if received.is_none() {
                cs[1].core().close();
            }
            assert_eq!(sender.join().unwrap(), received.is_some());
        });
    }
}

/// A select that is cancelled has the value, or leaves it to its sender.
#[test]
fn loom_a_select_is_cancelled() {
    for direct in [true, false] {
        model(4, move || {
            let cs = pair([0, 0]);
            let ds = cs.clone();
            let selects = thread::spawn(move || {
                cancelled(When::Parked, || {
                    select_recv([&ds[0], &ds[1]], FOREVER, direct)
                })
            });
            let sent = send(&cs[1], 1, Moment::SOON).is_ok();
            let received = selects.join().unwrap();
            assert_eq!(received, sent.then_some(Some((1, 1))));
        });
    }
}

/// A sender that is to be cancelled is met by a select: while it waits for the select, it is not.
#[test]
fn loom_cancel_of_one_that_is_met() {
    for sends_later in [true, false] {
        model(4, move || {
            let cs = pair([0, 0]);
            let ds = cs.clone();
            let peer = thread::spawn(move || {
                let done = cancelled(When::Parked, || {
                    if sends_later {
                        send(&ds[1], 1, NEVER).unwrap();
                    } else {
                        assert_eq!(recv(&ds[1], NEVER), Some(1));
                    }
                });
                done.is_some()
            });
            let done = if sends_later {
                select_recv([&cs[0], &cs[1]], SOON, false) == Some((1, 1))
            } else {
                select_send([&cs[0], &cs[1]], 1, SOON) == Some(1)
            };
            assert_eq!(peer.join().unwrap(), done);
        });
    }
}

/// Closing one of its channels ends the wait of a select.
#[test]
fn loom_close_against_a_select() {
    model(5, || {
        let cs = pair([0, 0]);
        let ds = cs.clone();
        let closer = thread::spawn(move || ds[1].core().close());
        assert_eq!(select_recv([&cs[0], &cs[1]], FOREVER, true), None);
        assert!(closer.join().unwrap());
    });
}

/// CH-16: a value, or that it is closed, is there for a select of one case as well.
#[test]
fn loom_a_value_or_closed_for_a_select() {
    model(5, || {
        let cs = Arc::new(Chan::bounded(1).unwrap());
        send(&cs, 1, NEVER).unwrap();
        let ds = cs.clone();
        let closer = thread::spawn(move || {
            ds.core().close();
            recv(&ds, NEVER)
        });
        assert!(choose_and_give_back(&cs, Side::Recv, Limit::Now), "default");
        let _ = closer.join().unwrap();
    });
}

/// SE-4: a token goes from one channel to the other, first there and then here: it is somewhere.
#[test]
fn loom_never_default_while_one_is_ready() {
    model(5, || {
        let cs = pair([1, 1]);
        send(&cs[0], 1, NEVER).unwrap();
        let ds = cs.clone();
        let mover = thread::spawn(move || {
            send(&ds[1], 2, NEVER).unwrap();
            recv(&ds[0], Moment::SOON)
        });
        assert!(select_recv([&cs[1], &cs[0]], Limit::Now, true).is_some());
        let _ = mover.join().unwrap();
    });
}

/// SE-4: it goes to and fro, so that each channel may look as it did before.
#[test]
fn loom_never_default_while_one_comes_and_goes() {
    model(7, || {
        let cs = pair([1, 1]);
        send(&cs[0], 1, NEVER).unwrap();
        let ds = cs.clone();
        let mover = thread::spawn(move || {
            for (from, to) in [(0, 1), (1, 0), (0, 1)] {
                if send(&ds[to], 2, Moment::SOON).is_err()
                    || recv(&ds[from], Moment::SOON).is_none()
                {
                    // It has been received.
                    return;
                }
            }
        });
        assert!(select_recv([&cs[1], &cs[0]], Limit::Now, true).is_some());
        mover.join().unwrap();
    });
}

/// That a channel looks as before is not enough for SE-4: each change makes its word greater. (To see it
/// fail in a race takes more switches than can be tried.)
#[test]
fn loom_each_change_shows() {
    model(1, || {
        let cs = pair([1, 0]);
        let look = || cs[0].core().status().as_u64();
        let empty = look();
        send(&cs[0], 1, NEVER).unwrap();
        let full = look();
        assert_eq!(recv(&cs[0], NEVER), Some(1));
        assert!(empty < full && full < look());
    });
}

/// A chosen operation that is given back: the peer waits again, and meets the next one.
#[test]
fn loom_given_back() {
    for cap in [0, 1] {
        model(5, move || {
            let cs = Arc::new(Chan::bounded(cap).unwrap());
            let ds = cs.clone();
            let sender = thread::spawn(move || send(&ds, 1, NEVER).unwrap());
            choose_and_give_back(&cs, Side::Recv, FOREVER);
            assert_eq!(recv(&cs, NEVER), Some(1));
            sender.join().unwrap();
        });
    }
}

/// Meanwhile another one wants it.
#[test]
fn loom_given_back_to_another() {
    for cap in [0, 1] {
        model(3, move || {
            let cs = Arc::new(Chan::bounded(cap).unwrap());
            let (ds, es) = (cs.clone(), cs.clone());
            let sender = thread::spawn(move || send(&ds, 1, NEVER).unwrap());
            let receiver = thread::spawn(move || recv(&es, NEVER));
            // The receiver may have been quicker.
            choose_and_give_back(&cs, Side::Recv, SOON);
            assert_eq!(receiver.join().unwrap(), Some(1));
            sender.join().unwrap();
        });
    }
}

/// The value that a select has been given in the buffer is kept for it.
#[test]
fn loom_kept_for_a_select() {
    model(3, || {
        let cs = pair([1, 0]);
        let (ds, es) = (cs.clone(), cs.clone());
        let sender = thread::spawn(move || send(&ds[0], 1, NEVER).unwrap());
        let other = thread::spawn(move || recv(&es[0], Moment::SOON));
        let received = select_recv([&cs[0], &cs[1]], SOON, false).map(|(value, _)| value);
        sender.join().unwrap();
        let all = [received, other.join().unwrap(), recv(&cs[0], Moment::SOON)];
        assert_eq!(all.into_iter().flatten().count(), 1);
    });
}

/// A place that was held for a send, given back: another sender gets it.
#[test]
fn loom_a_place_given_back() {
    model(4, || {
        let cs = Arc::new(Chan::bounded(1).unwrap());
        let ds = cs.clone();
        let sender = thread::spawn(move || send(&ds, 1, NEVER).unwrap());
        choose_and_give_back(&cs, Side::Send, SOON);
        assert_eq!(recv(&cs, NEVER), Some(1));
        sender.join().unwrap();
    });
}

/// The peer of what is given back is cancelled when it is to wait again.
#[test]
fn loom_given_back_to_one_that_is_cancelled() {
    model(4, || {
        let cs = Arc::new(Chan::bounded(0).unwrap());
        let ds = cs.clone();
        let sender = thread::spawn(move || cancelled(When::Begins(1), || send(&ds, 1, NEVER)));
        choose_and_give_back(&cs, Side::Recv, FOREVER);
        let received = recv(&cs, Moment::SOON);
        let sent = sender.join().unwrap();
        assert_eq!(received.is_some(), sent.is_some());
    });
}

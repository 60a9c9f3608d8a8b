//! The models: of all who want to end a wait one wins, and whoever comes too late does nothing.
//!
//! A goroutine that parks is a thread that loom parks; being made ready is `ready`. The cell `gift` is
//! what a waker puts where the goroutine looks, between claiming it and making it ready.

use crate::g::state::{Cause, Ticket, WaitWord, Wakeable};
use crate::shim::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::shim::{Arc, store_load_fence, thread};
use loom::cell::UnsafeCell;

#[derive(Default)]
struct Goroutine {
    wait: WaitWord,
    /// Who may be resumed: set by `ready` (a queue in the original), cleared by who runs it.
    ready: AtomicBool,
    gift: UnsafeCell<u32>,
    token: AtomicU32,
    /// What givers of a token did before; not ordered by itself.
    news: AtomicU32,
}

// SAFETY: loom fails a model in which two threads use a cell without an order between them.
unsafe impl Sync for Goroutine {}
// SAFETY: as above.
unsafe impl Send for Goroutine {}

impl Goroutine {
    fn give(&self, n: u32) {
        // SAFETY: loom checks that nobody else uses the cell at this moment.
        self.gift.with_mut(|gift| unsafe { *gift = n });
    }

    fn look(&self) -> u32 {
        // SAFETY: loom checks that nobody writes at this moment.
        self.gift.with(|gift| unsafe { *gift })
    }

    fn make_ready(&self, thread: &thread::Thread) {
        assert!(!self.ready.swap(true, Ordering::Release), "queued twice");
        thread.unpark();
    }

    /// As `Wait::park`.
    fn park(&self) -> Cause {
        while !self.ready.load(Ordering::Acquire) {
            thread::park();
        }
        self.ready.store(false, Ordering::Relaxed);
        self.wait.cause()
    }
}

fn waker(g: &Arc<Goroutine>, ticket: Ticket, cause: Cause, gift: u32) -> thread::JoinHandle<bool> {
    let (g, thread) = (g.clone(), thread::current());
    thread::spawn(move || {
        let won = g.wait.claim(ticket, cause);
        if won {
            g.give(gift);
            g.make_ready(&thread);
        }
        won
    })
}

/// So many threads have too many orders: those with three preemptions at most.
fn four_threads(f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(f);
}

fn wins(wakers: Vec<thread::JoinHandle<bool>>) -> usize {
    wakers
        .into_iter()
        .map(|w| w.join().unwrap())
        .filter(|&won| won)
        .count()
}

#[test]
fn loom_wait_is_ended_by_one_of_three() {
    four_threads(|| {
        let g = Arc::new(Goroutine::default());
        let ticket = g.wait.begin(Wakeable::ByTicket);
        let wakers = vec![
            waker(&g, ticket, Cause::Ready, 1),
            waker(&g, ticket, Cause::Ready, 1),
            waker(&g, ticket, Cause::Deadline, 2),
        ];
        let cause = g.park();
        let gift = g.look();
        assert_eq!(gift, if cause == Cause::Deadline { 2 } else { 1 });
        assert_eq!(wins(wakers), 1);
    });
}

#[test]
fn loom_wait_stale_ticket_claims_nothing() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let first = g.wait.begin(Wakeable::ByTicket);
        let wakers = vec![
            waker(&g, first, Cause::Ready, 1),
            waker(&g, first, Cause::Deadline, 2),
        ];
        g.park();
        let second = g.wait.begin(Wakeable::ByToken);
        assert_eq!(wins(wakers), 1);
        // Whoever lost, or was copied the ticket, does not touch the second wait.
        assert!(!g.wait.claim(first, Cause::Ready));
        assert!(g.wait.withdraw(second));
    });
}

#[test]
fn loom_wait_is_withdrawn_or_claimed() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let ticket = g.wait.begin(Wakeable::ByTicket);
        let wakers = vec![waker(&g, ticket, Cause::Ready, 1)];
        let withdrawn = g.wait.withdraw(ticket);
        if withdrawn {
            // Ours again: nobody else may write.
            g.give(9);
        } else {
            assert_eq!(g.park(), Cause::Ready);
            assert_eq!(g.look(), 1);
        }
        assert_eq!(wins(wakers), usize::from(!withdrawn));
    });
}

/// The word alone hands over what was done before, in both directions, whatever way a ticket took.
#[test]
fn loom_wait_word_orders_what_both_sides_did() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let theirs = Arc::new(Goroutine::default());
        let (g2, theirs2) = (g.clone(), theirs.clone());
        let claimer = thread::spawn(move || {
            theirs2.give(3);
            // The first ticket there is.
            if g2.wait.claim(Ticket::from_u64(1), Cause::Deadline) {
                assert_eq!(g2.look(), 5);
            }
        });
        g.give(5);
        let ticket = g.wait.begin(Wakeable::ByTicket);
        if !g.wait.withdraw(ticket) {
            assert_eq!(g.wait.cause(), Cause::Deadline);
            assert_eq!(theirs.look(), 3);
        }
        claimer.join().unwrap();
    });
}

#[test]
fn loom_wait_shielded_is_not_cancelled() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let ticket = g.wait.begin(Wakeable::Shielded);
        let wakers = vec![waker(&g, ticket, Cause::Ready, 1)];
        let other = g.clone();
        let canceller = thread::spawn(move || other.wait.claim_cancel());
        assert_eq!(g.park(), Cause::Ready);
        assert_eq!(g.look(), 1);
        assert_eq!(wins(wakers), 1);
        assert!(!canceller.join().unwrap());
    });
}

/// A cancel, a token and a ticket for one wait.
#[test]
fn loom_wait_cancel_token_and_ticket() {
    four_threads(|| {
        let g = Arc::new(Goroutine::default());
        let ticket = g.wait.begin(Wakeable::ByToken);
        let thread = thread::current();
        let claimer = |claim: fn(&WaitWord) -> bool, gift| {
            let (g, thread) = (g.clone(), thread.clone());
            thread::spawn(move || {
                let won = claim(&g.wait);
                if won {
                    g.give(gift);
                    g.make_ready(&thread);
                }
                won
            })
        };
        let wakers = vec![
            claimer(WaitWord::claim_cancel, 3),
            claimer(WaitWord::claim_token, 1),
            waker(&g, ticket, Cause::Ready, 1),
        ];
        let cause = g.park();
        assert_eq!(g.look(), if cause == Cause::Cancelled { 3 } else { 1 });
        assert_eq!(wins(wakers), 1);
    });
}

const TOKEN: u32 = 1;

impl Goroutine {
    /// As `park_token`, with its flag.
    fn park_token(&self) {
        if self.token.load(Ordering::Relaxed) & TOKEN != 0 {
            self.token.fetch_and(!TOKEN, Ordering::AcqRel);
            return;
        }
        let ticket = self.wait.begin(Wakeable::ByToken);
        store_load_fence();
        let there = self.token.load(Ordering::Relaxed) & TOKEN != 0;
        if !there || !self.wait.withdraw(ticket) {
            self.park();
        }
        self.token.fetch_and(!TOKEN, Ordering::AcqRel);
    }

    /// As `unpark`.
    fn unpark(&self, thread: &thread::Thread) {
        self.token.fetch_or(TOKEN, Ordering::AcqRel);
        store_load_fence();
        if self.wait.claim_token() {
            self.make_ready(thread);
        }
    }
}

fn unparker(g: &Arc<Goroutine>) -> thread::JoinHandle<()> {
    let (g, thread) = (g.clone(), thread::current());
    thread::spawn(move || {
        g.news.fetch_add(1, Ordering::Relaxed);
        g.unpark(&thread);
    })
}

#[test]
fn loom_token_wakes_or_is_found() {
    loom::model(|| {
        let g = Arc::new(Goroutine::default());
        let giver = unparker(&g);
        g.park_token();
        assert_eq!(
            g.news.load(Ordering::Relaxed),
            1,
            "what the giver did before is visible"
        );
        giver.join().unwrap();
    });
}

/// Two give one each; a goroutine that parks until it has seen both does not hang.
#[test]
fn loom_token_of_two_givers() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let g = Arc::new(Goroutine::default());
        let givers = [unparker(&g), unparker(&g)];
        while g.news.load(Ordering::Relaxed) < 2 {
            g.park_token();
        }
        for giver in givers {
            giver.join().unwrap();
        }
    });
}

//! Waiting in many channels at once: all locked, a node in each, one meeting.
//!
//! Not for: choosing among those that are ready (`select`).
//!
//! Locks are taken in the order of their addresses, so that two selects never hold what the other
//! wants. All nodes carry the ticket of one wait, so at most one peer claims it; who comes later finds
//! the wait ended and goes on to the next waiter. Before the select goes on it takes its other nodes
//! out again, each under its channel's lock: nobody has an address of its stack then.

use super::cell::Slot;
use super::lock::{Core, Held};
use super::node::{Kind, Node, Outcome, Peer, Side};
use super::vault::{NoOtherWay, Vault};
use crate::channel::core::Token;
use crate::channel::env::{Cause, Leaving, Moment, Reason, Spot, Wait, Waker, choose, spot};
use crate::channel::timer::Timer;
use std::mem::{self, MaybeUninit};
use std::ptr;

/// What a case of a select operates on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port<'a> {
    /// Nothing: never ready.
    Never,
    /// A channel.
    Chan(&'a Core),
    /// A timer.
    Timer(&'a Timer),
}

/// One case of a select.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The channel, or that of the timer. With `timer` this is a [`Port`], of which the address of the
    /// channel is what a select looks at all the time.
    core: Option<&'a Core>,
    timer: Option<&'a Timer>,
    pub(crate) side: Side,
    /// Room for the value, of the type that the channel has; null: it will be met.
    slot: *mut (),
}

// SAFETY: `slot` is null, or that of a case which never leaves its select.
unsafe impl Send for Case<'_> {}
// SAFETY: as above.
unsafe impl Sync for Case<'_> {}

impl<'a> Case<'a> {
    /// A case that is met once it is chosen.
    #[inline]
    pub(crate) fn later(port: Port<'a>, side: Side) -> Case<'a> {
        let (core, timer) = match port {
            Port::Never => (None, None),
            Port::Chan(core) => (Some(core), None),
            Port::Timer(timer) => (Some(timer.core()), Some(timer)),
        };
        Case {
            core,
            timer,
            side,
            slot: ptr::null_mut(),
        }
    }

    /// A receive into an empty slot.
    #[inline]
    pub(crate) fn receive<T>(vault: &'a Vault<T>, slot: &'a Slot<T>) -> Case<'a> {
        Case {
            core: Some(vault.core()),
            timer: None,
            side: Side::Recv,
            slot: slot.place().cast(),
        }
    }

    /// What it operates on.
    #[inline]
    pub(crate) fn port(&self) -> Port<'a> {
        match (self.core, self.timer) {
            (_, Some(timer)) => Port::Timer(timer),
            (Some(core), None) => Port::Chan(core),
            (None, None) => Port::Never,
        }
    }

    /// The channel, if it is not that of a timer.
    #[inline]
    pub(crate) fn chan(&self) -> Option<&'a Core> {
        match self.timer {
            Some(_) => None,
            None => self.core,
        }
    }

    /// The timer, if it is one's.
    #[inline]
    pub(crate) fn timer(&self) -> Option<&'a Timer> {
        self.timer
    }

    /// Whether it is this operation on this channel or timer.
    pub(crate) fn fits(&self, port: Port<'_>, side: Side) -> bool {
        let same = match (self.port(), port) {
            (Port::Chan(a), Port::Chan(b)) => ptr::eq(a, b),
            (Port::Timer(a), Port::Timer(b)) => ptr::eq(a, b),
            _ => false,
        };
        same && self.side == side
    }

    #[inline]
    fn core(&self) -> Option<&'a Core> {
        self.core
    }

    /// Whether it is of this channel.
    #[inline]
    pub(crate) fn is_of(&self, core: &Core) -> bool {
        ptr::eq(self.address(), core)
    }

    #[inline]
    fn address(&self) -> *const Core {
        self.core().map_or(ptr::null(), ptr::from_ref)
    }
}

/// Which case was chosen, and what is needed to complete it.
///
/// A place to write to, not a value to hand about: what has been written word by word and is then read by
/// larger loads makes some processors wait until it is in the cache.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The number of the case; `usize::MAX`: none was chosen.
    pub(crate) index: usize,
    pub(crate) token: Option<Token>,
}

impl Choice {
    /// None has been chosen yet.
    #[inline]
    pub(crate) fn none() -> Choice {
        Choice {
            index: usize::MAX,
            token: None,
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, index: usize, token: Token) {
        self.index = index;
        self.token = Some(token);
    }
}

/// Room for nodes, used again by each select.
#[derive(Debug, Default)]
pub(crate) struct Nodes(Vec<MaybeUninit<Node>>);

// SAFETY: between selects there is nothing in it.
unsafe impl Send for Nodes {}
// SAFETY: it is used by `room_for` only, which borrows it uniquely.
unsafe impl Sync for Nodes {}

impl Nodes {
    /// Room for `n` nodes.
    pub(crate) fn room_for(&mut self, n: usize) -> &mut [MaybeUninit<Node>] {
        if self.0.len() < n {
            self.0.resize_with(n, MaybeUninit::uninit);
        }
        &mut self.0
    }
}

impl<T> Slot<T> {
    /// Notes that a peer has moved a value in, after a select that ended with [`Token::Done`].
    #[inline]
    pub(crate) fn filled(&self, case: &Case<'_>, token: &Token) {
        assert!(matches!(token, Token::Done) && ptr::eq(case.slot, self.place().cast()));
        // SAFETY: `Token::Done` is made by `woken` only (and handed on), of a peer that has moved a value to the slot
        // of this case, which is this one.
        unsafe { self.note(true) };
    }
}

/// All channels of some cases, locked.
#[derive(Debug)]
pub(crate) struct AllLocked<'s, 'a> {
    cases: &'s [Case<'a>],
    /// Numbers of the cases, in the order of their channels' addresses.
    order: &'s [u32],
}

/// The channels of `cases`, each once, in `order`.
fn cores<'s, 'a>(cases: &'s [Case<'a>], order: &'s [u32]) -> impl Iterator<Item = &'a Core> {
    let mut last: *const Core = ptr::null();
    order.iter().filter_map(move |&i| {
        let core = cases[i as usize].core()?;
        let first = !ptr::eq(last, core);
        last = core;
        first.then_some(core)
    })
}

/// Sorts the numbers of the cases by the addresses of their channels.
#[inline(never)]
fn sort(cases: &[Case<'_>], order: &mut [u32], biased: bool) {
    let address = |&i: &u32| cases[i as usize].address();
    if cases.len() <= 8 {
        // So few are sorted before a library has looked at them.
        for i in 1..order.len() {
            let mut at = i;
            while at > 0 && address(&order[at - 1]) > address(&order[at]) {
                order.swap(at - 1, at);
                at -= 1;
            }
        }
    } else {
        order.sort_unstable_by_key(|i| (address(i), *i));
    }
    if !biased {
        let mut group = 0;
        for i in 1..order.len() {
            if address(&order[i]) != address(&order[i - 1]) {
                group = i;
            } else {
                // The newest member of a group changes places with any of it (Fisher and Yates).
                order.swap(i, group + choose(i - group + 1));
            }
        }
    }
}

impl<'s, 'a> AllLocked<'s, 'a> {
    /// Locks the channels of all cases.
    ///
    /// Of cases with one channel, each is as likely as the others to wait in front, unless `biased`.
    #[inline(always)]
    pub(crate) fn lock(
        cases: &'s [Case<'a>],
        order: &'s mut [u32],
        biased: bool,
        spot: Spot,
    ) -> AllLocked<'s, 'a> {
        for (i, number) in order.iter_mut().enumerate() {
            *number = i as u32;
        }
        // So they often are that were made one after the other.
        if !cases.is_sorted_by(|a, b| a.address() < b.address()) {
            sort(cases, order, biased);
        }
        cores(cases, order).for_each(|core| core.take_lock(spot));
        AllLocked { cases, order }
    }

    /// The state of the channel of a case.
    #[inline]
    pub(crate) fn state(&self, case: usize) -> Option<Held<'_>> {
        let core = self.cases[case].core()?;
        // SAFETY: its lock is held, as those of all cases, while `self` is borrowed.
        Some(unsafe { core.held() })
    }

    /// Unlocks with a node in each channel, all of this wait.
    ///
    /// The locks are given back one by one: who finds one of the nodes may end the wait while the others
    /// are hung, which is as if they hung already, since nobody sees a channel without its own.
    ///
    /// # Safety
    ///
    /// The moorings, which are empty, are dropped or emptied before the nodes go, and before they are used
    /// for anything else.
    #[inline(always)]
    unsafe fn hang(
        self,
        kind: Kind,
        nodes: &mut [MaybeUninit<Node>],
        waker: Waker,
        moorings: &mut Moorings<'s, 'a>,
    ) {
        let (cases, order) = (self.cases, self.order);
        assert!(nodes.len() >= cases.len());
        let nodes: *mut Node = nodes.as_mut_ptr().cast();
        let mut watched = false;
        // As in `Locked::moor`.
        let no_other_way = NoOtherWay;
        // Each channel is unlocked here as soon as it has all its nodes.
        mem::forget(self);
        for (at, &i) in order.iter().enumerate() {
            let case = &cases[i as usize];
            let Some(core) = case.core() else { continue };
            let kind = match kind {
                Kind::Watch => Kind::Watch,
                _ if case.slot.is_null() => Kind::Later,
                _ => Kind::Slot,
            };
            let node = Node::new(waker, case.side, kind, case.slot, false);
            // SAFETY: there is room for as many nodes as cases.
            let place = unsafe { nodes.add(i as usize) };
            // SAFETY: as above.
            unsafe { place.write(node) };
            // SAFETY: it has just been written.
            let node = unsafe { &*place };
            // SAFETY: its lock is held until it is given back below.
            let state = unsafe { core.held() };
            if kind == Kind::Watch {
                // Those who only watch are all told, so they come before those of which one is told.
                // SAFETY: it is in no queue, and the result takes it out when it is dropped; until then
                // the node stays, by the contract.
                unsafe { state.watch(node, true) };
            } else {
                // SAFETY: as above.
                unsafe { state.queue(case.side).push(node, false) };
            }
            if order
                .get(at + 1)
                .is_none_or(|&next| !cases[next as usize].is_of(core))
            {
                // SAFETY: the lock is held, and given back once: cases of one channel come one after the
                // other.
                watched |= unsafe { core.unlock() };
            }
        }
        *moorings = Moorings {
            cases,
            order,
            nodes,
            watch: kind == Kind::Watch,
        };
        if watched {
            cores(cases, order).for_each(Core::tell_watchers);
        }
        mem::forget(no_other_way);
    }

    /// Unlocks, and waits until a peer has chosen one of the cases or the deadline has passed.
    ///
    /// With `kind` [`Kind::Watch`] it waits until one of them is ready.
    #[inline(always)]
    pub(crate) fn park(
        self,
        kind: Kind,
        nodes: &mut [MaybeUninit<Node>],
        wait: Wait,
        deadline: Moment,
    ) -> Woken {
        let (cases, order) = (self.cases, self.order);
        let mut moorings = Moorings::none();
        // SAFETY: they are dropped before this call ends, for which time the nodes are borrowed.
        unsafe { self.hang(kind, nodes, wait.waker(), &mut moorings) };
        let idle = deadline == Moment::NEVER && cores(cases, order).next().is_none();
        let reason = if idle {
            Reason::SelectNoCases
        } else {
            Reason::Select
        };
        let cause = wait.park(reason, deadline);
        moorings.landed(cause)
    }

    /// As [`AllLocked::park`] of the goroutine that runs here, without a deadline, but for the switch, which
    /// [`wait_in`] does. `None`: it has to be `park`, see [`Spot::leave`]; then it unlocks only.
    #[inline(always)]
    pub(crate) fn moor(
        self,
        moorings: &mut Moorings<'s, 'a>,
        nodes: &'s mut [MaybeUninit<Node>],
        spot: Spot,
    ) -> Option<Leaving> {
        let (waker, leaving) = spot.leave(Reason::Select)?;
        // SAFETY: the nodes are borrowed for as long as the moorings can be used, and `wait_in`, which
        // has made these, drops them in its frame.
        unsafe { self.hang(Kind::Slot, nodes, waker, moorings) };
        Some(leaving)
    }
}

/// Runs the wait of a select, of which `begin` does what comes before the switch: it finds something
/// after all (`None`), or [moors](AllLocked::moor).
///
/// Inlined up to the user's function, see `Vault::operate`.
#[inline(always)]
pub(crate) fn wait_in<'s, 'a>(
    choice: &mut Choice,
    begin: impl FnOnce(&mut Moorings<'s, 'a>) -> Option<Leaving>,
) where
    'a: 's,
{
    let mut moorings = Moorings::none();
    if let Some(leaving) = begin(&mut moorings) {
        let cause = leaving.switch();
        cast_off(&mut moorings, cause, choice);
    }
}

/// What comes after the switch; nothing is chosen if something else than a choice ended the wait.
#[inline(never)]
fn cast_off(moorings: &mut Moorings<'_, '_>, cause: Cause, choice: &mut Choice) {
    if let Woken::Chosen(case, token) = moorings.landed(cause) {
        choice.set(case, token);
    }
}

impl Drop for AllLocked<'_, '_> {
    // Of what is in it, and not of it: so it need not be in memory.
    #[inline(always)]
    fn drop(&mut self) {
        unlock_all(self.cases, self.order);
    }
}

#[inline(never)]
fn unlock_all(cases: &[Case<'_>], order: &[u32]) {
    let mut watched = false;
    for core in cores(cases, order) {
        // SAFETY: its lock is held, and no state is lent any more.
        watched |= unsafe { core.unlock() };
    }
    if watched {
        cores(cases, order).for_each(Core::tell_watchers);
    }
}

/// How the wait in many channels ended.
#[derive(Debug)]
pub(crate) enum Woken {
    /// A peer has chosen this case; what it left for its completion.
    Chosen(usize, Token),
    /// This case is ready (or was a moment ago).
    Ready(usize),
    /// The deadline passed.
    Deadline,
    /// Look again.
    Again,
}

fn woken(outcome: Outcome, case: usize) -> Woken {
    let token = match outcome {
        Outcome::Done => Token::Done,
        Outcome::Closed => Token::Closed,
        Outcome::Reserved => Token::Reserved,
        // SAFETY: the outcome is ours and read once; its sender waits there for us.
        Outcome::Meet(node) => Token::Peer(unsafe { Peer::at(node) }),
        Outcome::Ready => return Woken::Ready(case),
        Outcome::Retry => return Woken::Again,
    };
    Woken::Chosen(case, token)
}

/// The nodes of a select in their queues, to be taken out before they go.
#[derive(Debug)]
pub(crate) struct Moorings<'s, 'a> {
    cases: &'s [Case<'a>],
    /// Empty: there are no nodes.
    order: &'s [u32],
    nodes: *mut Node,
    watch: bool,
}

impl Moorings<'_, '_> {
    /// No nodes.
    #[inline]
    fn none() -> Self {
        Moorings {
            cases: &[],
            order: &[],
            nodes: ptr::null_mut(),
            watch: false,
        }
    }

    /// The node of a case that has a channel.
    #[inline]
    fn node(&self, case: usize) -> &Node {
        // SAFETY: there is room for as many nodes as cases.
        let at = unsafe { self.nodes.add(case) };
        // SAFETY: `hang` has written one for each case that has a channel.
        unsafe { &*at }
    }

    /// The wait has ended: takes the nodes out.
    #[inline]
    fn landed(&mut self, cause: Cause) -> Woken {
        let told = match cause {
            Cause::Ready => self.told(),
            _ => None,
        };
        self.take_out();
        match (cause, told) {
            (Cause::Deadline, _) => Woken::Deadline,
            (_, Some((case, outcome))) => woken(outcome, case),
            _ => Woken::Again,
        }
    }

    /// Which case a peer has chosen, and what it told.
    #[inline]
    fn told(&self) -> Option<(usize, Outcome)> {
        let mut cases = self.cases.iter().enumerate();
        let told =
            |&(i, case): &(usize, &Case<'_>)| case.core().is_some() && self.node(i).is_told();
        let (i, _) = cases.find(told)?;
        Some((i, self.node(i).outcome()?))
    }

    fn take_out(&mut self) {
        let spot = spot();
        for &i in mem::take(&mut self.order) {
            let case = &self.cases[i as usize];
            let Some(core) = case.core() else { continue };
            let node = self.node(i as usize);
            if node.is_told() {
                // The peer that ended the wait by this node has taken it out.
                continue;
            }
            let held = core.lock_at(spot);
            if node.queued() {
                let queue = if self.watch {
                    held.watchers()
                } else {
                    held.queue(case.side)
                };
                // SAFETY: it is in a queue, and `hang` has put it into this one.
                unsafe { queue.remove(node) };
            }
        }
    }
}

impl Drop for Moorings<'_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.order.is_empty() {
            self.take_out();
        }
    }
}

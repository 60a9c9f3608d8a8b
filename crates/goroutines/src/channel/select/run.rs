//! The engine of all selects: which case is chosen, and waiting until one can be.
//!
//! Not for: moving values; who was chosen completes the operation with `channel::chan`.
//!
//! Three passes, each dearer than the one before:
//!
//! 1. *Look*: read the status words, no lock. Among the cases that are ready one is chosen at random and
//!    tried, under its channel's lock alone. If all words were seen twice without a change in between
//!    and none was ready, then none was at the moment between the two looks (a double collect, Afek et al.
//!    1993): that is what `default` needs.
//! 2. *Lock all* channels in the order of their addresses: now the states stand still.
//! 3. *Park*, with a node in each channel, without letting go of the locks in between.

use crate::channel::core::Token;
use crate::channel::env::{Leaving, Moment, Spot, Wakeable, checkpoint, choose, linger, spot};
use crate::channel::slot::many::{AllLocked, Case, Choice, Moorings, Port, Woken, wait_in};
use crate::channel::slot::node::{Kind, Node};
use crate::channel::timer::Timer;
use std::mem::MaybeUninit;
use std::ptr;

/// How long a select may wait.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Not at all.
    Now,
    /// Until this moment.
    Until(Moment),
}

/// The cases of a select, and room for what it needs.
#[derive(Debug)]
pub(crate) struct Run<'r, 'a> {
    pub(crate) cases: &'r [Case<'a>],
    /// Room for a node for each case.
    pub(crate) nodes: &'r mut [MaybeUninit<Node>],
    /// Room for two numbers for each case.
    pub(crate) numbers: &'r mut [u32],
    /// Prefer the cases that come first.
    pub(crate) biased: bool,
}

/// The case that was chosen, and what is needed to complete it. Dropped, it is given back: others go on
/// as if it had not been chosen.
#[derive(Debug)]
#[must_use]
pub struct Chosen<'c> {
    cases: &'c [Case<'c>],
    choice: Choice,
}

impl<'c> Chosen<'c> {
    /// One of these cases: none has been chosen yet.
    #[inline]
    pub fn of(cases: &'c [Case<'c>]) -> Chosen<'c> {
        Chosen {
            cases,
            choice: Choice::none(),
        }
    }

    /// This case, with what is needed to complete it, if it has not been completed.
    pub(crate) fn only(case: &'c Case<'c>, token: Option<Token>) -> Chosen<'c> {
        Chosen {
            cases: std::slice::from_ref(case),
            choice: Choice { index: 0, token },
        }
    }

    /// Chooses one of the cases, which are those of the run, and gives its number; `usize::MAX`: none, the
    /// limit is over.
    #[inline(always)]
    pub(crate) fn choose(&mut self, run: Run<'_, 'c>, limit: Limit) -> usize {
        assert!(ptr::eq(run.cases, self.cases) && self.choice.token.is_none());
        run.select(limit, &mut self.choice);
        self.choice.index
    }

    /// Takes over the completion.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<(&Case<'c>, Token)> {
        let token = self.choice.token.take()?;
        Some((&self.cases[self.choice.index], token))
    }
}

impl Drop for Chosen<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some((case, token)) = self.take() {
            give_back(case, token);
        }
    }
}

#[cold]
fn give_back(case: &Case<'_>, token: Token) {
    match (token, case.port()) {
        (Token::Reserved, Port::Chan(core)) => core.give_back(case.side),
        (Token::At(value), Port::Timer(timer)) => timer.give_back(value),
        // A peer that is dropped tries again.
        _ => {}
    }
}

type Found = Option<(usize, Token)>;

/// How often *look* is tried before *lock all* decides.
const LOOKS: usize = 3;

impl<'a> Run<'_, 'a> {
    /// Chooses a case, waiting for one until `limit`.
    ///
    /// Nothing has been chosen so far. The caller has to complete what is, or to give it back.
    // Inlined, so that the switch happens in the caller's frame: see `Vault::operate`.
    #[inline(always)]
    pub(crate) fn select(mut self, limit: Limit, choice: &mut Choice) {
        // Before anything is chosen, which would not be completed while others run.
        checkpoint();
        choice.index = usize::MAX;
        if let Some((index, token)) = self.try_one() {
            return choice.set(index, token);
        }
        if matches!(limit, Limit::Until(Moment::NEVER)) {
            wait_in(choice, |moorings| self.begin_wait(moorings));
            if choice.token.is_some() {
                return;
            }
        }
        self.go_on(limit, choice);
    }

    /// Looks once, and tries what is ready.
    #[inline]
    fn try_one(&mut self) -> Found {
        let now = self.clock();
        let (ready, _) = self.look(now);
        self.try_those(ready, now)
    }

    /// What comes before the switch of a wait without a deadline; `None`: there is no need for it, or it is not
    /// of the usual kind.
    #[inline(never)]
    fn begin_wait<'s>(&'s mut self, moorings: &mut Moorings<'s, 'a>) -> Option<Leaving> {
        let (cases, biased) = (self.cases, self.biased);
        let spot = spot();
        let plain = |case: &Case<'_>| case.chan().is_some();
        if spot.is_thread() || cases.is_empty() || !cases.iter().all(plain) {
            return None;
        }
        let (order, _) = self.numbers.split_at_mut(cases.len());
        let all = AllLocked::lock(cases, order, biased, spot);
        // Nothing has been done to the channels since they were locked, so what they show is so.
        let shows = |case: &Case<'_>| case.chan().is_some_and(|core| core.status().may(case.side));
        if cases.iter().any(shows) {
            return None;
        }
        all.moor(moorings, self.nodes, spot)
    }

    /// What comes if nothing has been chosen: at the first look, or in a wait without a deadline, which a
    /// peer has thought better of, or before which there was something that was not there at the first look.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, limit: Limit, choice: &mut Choice) {
        if let Some((index, token)) = self.select_later(limit) {
            choice.set(index, token);
        }
    }

    fn select_later(&mut self, limit: Limit) -> Found {
        let Limit::Until(deadline) = limit else {
            return self.select_now();
        };
        loop {
            if passed(deadline) {
                return self.select_now();
            }
            match self.wait(Kind::Slot, deadline) {
                Waited::Woken(Woken::Chosen(index, token)) => return Some((index, token)),
                Waited::Found(index, Some(token)) => return Some((index, token)),
                // A timer may be due, or a peer has thought better of it: there may be others.
                _ => {}
            }
            let found = self.try_one();
            if found.is_some() {
                return found;
            }
        }
    }

    /// Chooses a case if one is ready; `None`: there was a moment at which none was.
    fn select_now(&mut self) -> Found {
        for _ in 0..LOOKS {
            let (ready, before) = self.look(None);
            let now = self.clock();
            if ready == 0 && !self.timer_due(now) {
                // At `now` all words were as before and after.
                if self.look(None).1 == before {
                    return None;
                }
                continue;
            }
            let (ready, _) = self.look(now);
            let found = self.try_those(ready, now);
            if found.is_some() {
                return found;
            }
        }
        let spot = spot();
        let (order, list) = self.numbers.split_at_mut(self.cases.len());
        let all = AllLocked::lock(self.cases, order, self.biased, spot);
        choose_locked(self.cases, &all, list, self.biased, spot)
    }

    /// Waits until a case is ready and gives its number, without choosing it.
    pub(crate) fn ready(mut self, limit: Limit) -> Option<usize> {
        checkpoint();
        loop {
            let now = self.clock();
            let (ready, before) = self.look(now);
            if ready > 0 {
                let at = if self.biased { 0 } else { choose(ready) };
                return Some(self.numbers[at] as usize);
            }
            let deadline = match limit {
                Limit::Until(deadline) if !passed(deadline) => deadline,
                _ if self.look(now).1 == before => return None,
                _ => continue,
            };
            match self.wait(Kind::Watch, deadline) {
                Waited::Found(index, _) | Waited::Woken(Woken::Ready(index)) => {
                    return Some(index);
                }
                Waited::Woken(_) => {}
            }
        }
    }

    /// Parks in all channels, unless a case is ready once they are locked.
    fn wait(&mut self, kind: Kind, deadline: Moment) -> Waited {
        let cases = self.cases;
        let spot = spot();
        let wait = spot.prepare(Wakeable::ByTicket);
        if wait.blocks_thread() {
            linger(|| self.look(None).0 > 0);
        }
        let now = self.clock();
        let (order, list) = self.numbers.split_at_mut(cases.len());
        let all = AllLocked::lock(cases, order, self.biased, spot);
        let found = match kind {
            Kind::Watch => {
                let ready = candidates(cases, &all, list, now);
                (ready > 0).then(|| (list[0] as usize, None))
            }
            _ => choose_locked(cases, &all, list, self.biased, spot)
                .map(|(i, token)| (i, Some(token))),
        };
        if let Some((index, token)) = found {
            drop(all);
            let _ = wait.withdraw();
            return Waited::Found(index, token);
        }
        let timers = cases.iter().filter_map(Case::timer).map(Timer::deadline);
        let deadline = timers.fold(deadline, Moment::min);
        Waited::Woken(all.park(kind, self.nodes, wait, deadline))
    }

    /// What time it is, if that matters to a case.
    #[inline]
    fn clock(&self) -> Option<Moment> {
        clock(self.cases)
    }

    fn timer_due(&self, now: Option<Moment>) -> bool {
        let Some(now) = now else { return false };
        let mut timers = self.cases.iter().filter_map(Case::timer);
        timers.any(|timer| timer.due(now))
    }

    /// Lists the cases that look ready; gives their number, and one that changes with each word seen.
    #[inline]
    fn look(&mut self, now: Option<Moment>) -> (usize, u64) {
        let (mut ready, mut sum) = (0, 0_u64);
        for (i, case) in self.cases.iter().enumerate() {
            let may = match case.port() {
                Port::Chan(core) => {
                    let status = core.status();
                    // Each change makes a word greater, so two equal sums are of equal words.
                    sum = sum.wrapping_add(status.as_u64());
                    status.may(case.side)
                }
                Port::Timer(timer) => now.is_some_and(|now| timer.due(now)),
                Port::Never => false,
            };
            if may {
                self.numbers[ready] = i as u32;
                ready += 1;
            }
        }
        (ready, sum)
    }

    /// Tries the cases that look ready, each under its channel's lock alone.
    #[inline]
    fn try_those(&mut self, ready: usize, now: Option<Moment>) -> Found {
        let cases = self.cases;
        if ready == 0 {
            return None;
        }
        let spot = spot();
        pick(&mut self.numbers[..ready], self.biased, |i| {
            match cases[i].port() {
                Port::Chan(core) => core.lock_at(spot).choose(cases[i].side, spot),
                Port::Timer(timer) => timer.take(now?).map(Token::At),
                Port::Never => None,
            }
        })
    }
}

/// What came of waiting.
enum Waited {
    /// This case was ready before the wait began; the token if it was chosen.
    Found(usize, Option<Token>),
    Woken(Woken),
}

/// What time it is, if that matters to a case.
#[inline]
fn clock(cases: &[Case<'_>]) -> Option<Moment> {
    let timed = cases.iter().any(|case| case.timer().is_some());
    timed.then(Moment::now)
}

fn passed(deadline: Moment) -> bool {
    deadline != Moment::NEVER && deadline <= Moment::now()
}

/// Tries the cases in `list` in random order, or in theirs, until one succeeds.
#[inline]
fn pick(list: &mut [u32], biased: bool, mut attempt: impl FnMut(usize) -> Option<Token>) -> Found {
    for start in 0..list.len() {
        let rest = list.len() - start;
        if !biased && rest > 1 {
            list.swap(start, start + choose(rest));
        }
        let case = list[start] as usize;
        if let Some(token) = attempt(case) {
            return Some((case, token));
        }
    }
    None
}

/// Lists the cases that are ready, with all channels locked.
fn candidates(
    cases: &[Case<'_>],
    all: &AllLocked<'_, '_>,
    list: &mut [u32],
    now: Option<Moment>,
) -> usize {
    let mut ready = 0;
    for (i, case) in cases.iter().enumerate() {
        let may = match case.port() {
            Port::Chan(_) => all.state(i).is_some_and(|state| state.may(case.side)),
            Port::Timer(timer) => now.is_some_and(|now| timer.due(now)),
            Port::Never => false,
        };
        if may {
            list[ready] = i as u32;
            ready += 1;
        }
    }
    ready
}

/// Chooses a case, with all channels locked.
fn choose_locked(
    cases: &[Case<'_>],
    all: &AllLocked<'_, '_>,
    list: &mut [u32],
    biased: bool,
    spot: Spot,
) -> Found {
    let now = clock(cases);
    let ready = candidates(cases, all, list, now);
    pick(&mut list[..ready], biased, |i| match cases[i].port() {
        Port::Timer(timer) => timer.take(now?).map(Token::At),
        _ => all.state(i)?.choose(cases[i].side, spot),
    })
}

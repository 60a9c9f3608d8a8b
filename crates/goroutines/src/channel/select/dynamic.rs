//! `Select`: a list of channel operations that is made at run time.
//!
//! Not for: a fixed list; `select!` reads better and is quicker.

use super::arm::receive;
use super::run::{Chosen, Limit, Run};
use crate::channel::core::Token;
use crate::channel::slot::cell::Slot;
use crate::channel::slot::many::{Case, Choice, Nodes};
use crate::channel::slot::node::Side;
use crate::channel::slot::vault::Ended;
use crate::channel::{
    ReadyTimeoutError, Receiver, RecvError, SelectTimeoutError, SendError, Sender, TryReadyError,
    TrySelectError,
};
use goroutines_runtime::park::Moment;
use std::fmt;
use std::time::{Duration, Instant};

/// Selects among operations on channels that are made a list at run time.
///
/// Its methods are `crossbeam-channel`'s. Which of the ready operations is chosen is a matter of chance,
/// with equal chances, unless it is made by [`Select::new_biased`]. All are judged at one instant.
///
/// ```
/// # goroutines::run(|| {
/// use goroutines::channel::{Select, unbounded};
/// let (s1, r1) = unbounded();
/// let (_s2, r2) = unbounded::<i32>();
/// s1.send(5).unwrap();
///
/// let mut select = Select::new();
/// let first = select.recv(&r1);
/// let _second = select.recv(&r2);
/// let operation = select.select();
/// assert_eq!(operation.index(), first);
/// assert_eq!(operation.recv(&r1), Ok(5));
/// # });
/// ```
pub struct Select<'a> {
    cases: Vec<Case<'a>>,
    /// The number that the caller knows each case by.
    names: Vec<usize>,
    next_name: usize,
    biased: bool,
    nodes: Nodes,
    numbers: Vec<u32>,
}

impl<'a> Select<'a> {
    /// A list without operations.
    pub fn new() -> Select<'a> {
        Select {
            cases: Vec::with_capacity(4),
            names: Vec::with_capacity(4),
            next_name: 0,
            biased: false,
            nodes: Nodes::default(),
            numbers: Vec::new(),
        }
    }

    /// A list without operations, which chooses the first of those that are ready.
    pub fn new_biased() -> Select<'a> {
        Select {
            biased: true,
            ..Select::new()
        }
    }

    /// Adds a send; gives its index. The value is passed when it has been chosen.
    pub fn send<T>(&mut self, s: &'a Sender<T>) -> usize {
        self.add(Case::later(s.port(), Side::Send))
    }

    /// Adds a receive; gives its index.
    pub fn recv<T>(&mut self, r: &'a Receiver<T>) -> usize {
        self.add(Case::later(r.port(), Side::Recv))
    }

    fn add(&mut self, case: Case<'a>) -> usize {
        let name = self.next_name;
        self.next_name += 1;
        self.cases.push(case);
        self.names.push(name);
        name
    }

    /// Takes the operation with this index out; the others keep theirs.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        assert!(
            index < self.next_name,
            "index out of bounds; {index} >= {}",
            self.next_name
        );
        // Names only grow.
        let Ok(at) = self.names.binary_search(&index) else {
            panic!("no operation with this index");
        };
        self.cases.remove(at);
        self.names.remove(at);
    }

    fn run(&mut self) -> Run<'_, 'a> {
        let n = self.cases.len();
        self.numbers.resize(2 * n, 0);
        Run {
            cases: &self.cases,
            nodes: self.nodes.room_for(n),
            numbers: &mut self.numbers,
            biased: self.biased,
        }
    }

    fn choose(&mut self, limit: Limit) -> Option<SelectedOperation<'a>> {
        let mut choice = Choice::none();
        self.run().select(limit, &mut choice);
        let index = *self.names.get(choice.index)?;
        Some(SelectedOperation {
            index,
            case: self.cases[choice.index],
            token: choice.token,
        })
    }

    fn watch(&mut self, limit: Limit) -> Option<usize> {
        let index = self.run().ready(limit)?;
        Some(self.names[index])
    }

    /// Chooses an operation that is ready now.
    ///
    /// # Errors
    ///
    /// If none is.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.choose(Limit::Now).ok_or(TrySelectError)
    }

    /// Waits until an operation is ready, and chooses it. The caller completes it.
    ///
    /// # Panics
    ///
    /// If no operation has been added.
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(
            !self.cases.is_empty(),
            "no operations have been added to `Select`"
        );
        loop {
            if let Some(operation) = self.choose(Limit::Until(Moment::NEVER)) {
                return operation;
            }
        }
    }

    /// As [`Select::select`], for `timeout` at most.
    ///
    /// # Errors
    ///
    /// If the time is over.
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(Limit::Until(Moment::after(timeout)))
            .ok_or(SelectTimeoutError)
    }

    /// As [`Select::select`], until `deadline` at most.
    ///
    /// # Errors
    ///
    /// If it has passed.
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(Limit::Until(Moment::from_instant(deadline)))
            .ok_or(SelectTimeoutError)
    }

    /// The index of an operation that could be done now. It is not chosen: another may be quicker.
    ///
    /// # Errors
    ///
    /// If none could.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.watch(Limit::Now).ok_or(TryReadyError)
    }

    /// Waits until an operation could be done, and gives its index. It is not chosen.
    ///
    /// # Panics
    ///
    /// If no operation has been added.
    #[track_caller]
    pub fn ready(&mut self) -> usize {
        assert!(
            !self.cases.is_empty(),
            "no operations have been added to `Select`"
        );
        loop {
            if let Some(index) = self.watch(Limit::Until(Moment::NEVER)) {
                return index;
            }
        }
    }

    /// As [`Select::ready`], for `timeout` at most.
    ///
    /// # Errors
    ///
    /// If the time is over.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.watch(Limit::Until(Moment::after(timeout)))
            .ok_or(ReadyTimeoutError)
    }

    /// As [`Select::ready`], until `deadline` at most.
    ///
    /// # Errors
    ///
    /// If it has passed.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.watch(Limit::Until(Moment::from_instant(deadline)))
            .ok_or(ReadyTimeoutError)
    }
}

impl<'a> Clone for Select<'a> {
    fn clone(&self) -> Select<'a> {
        Select {
            cases: self.cases.clone(),
            names: self.names.clone(),
            next_name: self.next_name,
            biased: self.biased,
            nodes: Nodes::default(),
            numbers: Vec::new(),
        }
    }
}

impl<'a> Default for Select<'a> {
    fn default() -> Select<'a> {
        Select::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Select { .. }")
    }
}

/// An operation that has been chosen and must be completed, with the channel end it was added with.
///
/// Its peer waits until it is. Dropping it uncompleted panics, as in `crossbeam-channel`; the peer goes
/// on as if it had not been chosen.
#[must_use]
pub struct SelectedOperation<'a> {
    index: usize,
    case: Case<'a>,
    /// `None`: it has been completed.
    token: Option<Token>,
}

impl SelectedOperation<'_> {
    /// The index that adding it gave.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a send.
    ///
    /// # Errors
    ///
    /// With the value, if the channel has been closed.
    ///
    /// # Panics
    ///
    /// If another operation was chosen.
    #[track_caller]
    pub fn send<T>(mut self, s: &Sender<T>, msg: T) -> Result<(), SendError<T>> {
        assert!(
            self.case.fits(s.port(), Side::Send),
            "passed a sender that wasn't selected"
        );
        let mut chosen = Chosen::only(&self.case, self.token.take());
        super::arm::send(s, &mut chosen, msg)
    }

    /// Completes a receive.
    ///
    /// # Errors
    ///
    /// If the channel is empty and closed.
    ///
    /// # Panics
    ///
    /// If another operation was chosen.
    #[track_caller]
    pub fn recv<T>(mut self, r: &Receiver<T>) -> Result<T, RecvError> {
        assert!(
            self.case.fits(r.port(), Side::Recv),
            "passed a receiver that wasn't selected"
        );
        let mut chosen = Chosen::only(&self.case, self.token.take());
        let slot = Slot::empty();
        if receive(Some(r), &mut chosen, &slot) == Ended::Retry
            && let Some(chan) = r.chan()
        {
            // The sender has thought better of it: find another one.
            let _ = chan.recv_by(&slot, Moment::NEVER, true);
        }
        slot.take().ok_or(RecvError)
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}

impl Drop for SelectedOperation<'_> {
    #[track_caller]
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            drop(Chosen::only(&self.case, Some(token)));
            // A second panic would end the process.
            if !std::thread::panicking() {
                panic!("dropped `SelectedOperation` without completing the operation");
            }
        }
    }
}

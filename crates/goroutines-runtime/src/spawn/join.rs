//! Goroutines that somebody may join.
//!
//! Not for: the protocol of the word between the two (`join_word`).
#![allow(unsafe_code, reason = "owns the packet together with the goroutine")]

use super::end::{self, Outcome};
use super::join_word::{Finish, JoinWord};
use super::launch::{Options, Order, SpawnError, launch};
use super::packet;
use crate::current;
use crate::g::state::Ticket;
use crate::g::{G, Handle, Task, registry};
use crate::park::{Moment, Reason, Wakeable, Waker, check, prepare};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::Location;
use std::task::{self, Poll};

/// The packet: `word` says who may use `slot` and what is in it.
#[repr(C)]
struct Packet<F, E, T> {
    word: JoinWord,
    /// The result, as soon as there is one. Before `slot`, so that its place does not depend on `F`.
    out: MaybeUninit<Outcome<T>>,
    f: ManuallyDrop<(F, E)>,
}

/// The part of a packet that a handle knows.
#[repr(C)]
struct Front<T> {
    word: JoinWord,
    out: MaybeUninit<Outcome<T>>,
}

impl<F: FnOnce() -> T, E: FnOnce(), T> Packet<F, E, T> {
    const TASK: Task = Task {
        entry: Self::entry,
        discard: Self::discard,
    };

    /// # Safety
    ///
    /// `arg` is a record with a packet of this type.
    unsafe fn entry(arg: *mut ()) {
        // SAFETY: by the contract; records live for ever.
        let g = unsafe { &*arg.cast::<G>() };
        // SAFETY: by the contract.
        let packet = unsafe { packet::at(g) }.cast::<Self>();
        // SAFETY: the packet is there, and nobody else touches this field.
        let closures = unsafe { &mut (*packet).f };
        // SAFETY: an entry runs once.
        let (f, then) = unsafe { ManuallyDrop::take(closures) };
        let outcome = end::run(g, f);
        end::crash_if_configured(&outcome);
        end::ended(g);
        // SAFETY: until `finish` below, the goroutine alone uses this part.
        let out = unsafe { &mut (*packet).out };
        out.write(outcome);
        // SAFETY: the packet lives until the record's last reference goes, and we have one.
        let word = unsafe { &(*packet).word };
        match word.finish() {
            Finish::Nobody => {}
            Finish::Wake(waiter, ticket) => {
                // SAFETY: a waiter's address is that of a record (`Join::join`); they live for ever.
                let waiter = unsafe { &*(waiter as *const G) };
                Waker::from_parts(waiter, Ticket::from_u64(ticket)).wake();
            }
            Finish::Tell(task) => {
                // SAFETY: `finish` has handed us the waker that `Join::poll` left there.
                let task = unsafe { waker_at(task) };
                end::quietly(|| task.wake());
            }
            Finish::DropResult => {
                // SAFETY: the handle is gone, so this part is ours again.
                let out = unsafe { &(*packet).out };
                // SAFETY: written above, and nobody else reads it.
                let outcome = unsafe { out.assume_init_read() };
                end::quietly(|| drop(outcome));
            }
        }
        end::quietly(then);
        end::gone(g);
    }

    /// # Safety
    ///
    /// The record has a packet of this type that nobody uses any more.
    unsafe fn discard(g: &'static G) {
        if !packet::fits::<Self>() {
            // SAFETY: by the contract.
            unsafe { packet::free::<Self>(g) };
        }
        current::with_pool(|pool| registry::recycle(g, pool));
    }
}

/// Starts a goroutine that can be joined. `then` is called at its very end, after its result has
/// been left for the handle, or dropped if the handle is gone.
///
/// # Safety
///
/// As [`super::detached_then`]; and if `T` may not be sent, the [`Join`] stays on this thread.
#[inline]
pub unsafe fn joinable<F: FnOnce() -> T, E: FnOnce(), T>(
    options: Option<Options>,
    f: F,
    then: E,
    site: &'static Location<'static>,
) -> Result<Join<T>, SpawnError> {
    let task = &Packet::<F, E, T>::TASK;
    let packet = || Packet::<F, E, T> {
        word: JoinWord::new(),
        out: MaybeUninit::uninit(),
        f: ManuallyDrop::new((f, then)),
    };
    // SAFETY: the task is for this packet; the rest is the caller's promise.
    let launched = unsafe { launch(options, Order::NewestFirst, task, true, packet, site) };
    launched.map(|g| Join {
        handle: Handle::adopt(g),
        _out: PhantomData,
    })
}

/// The right to a goroutine's result.
#[derive(Debug)]
pub struct Join<T> {
    handle: Handle,
    _out: PhantomData<T>,
}

// SAFETY: the handle gives `T` to whoever joins, and nothing else away.
unsafe impl<T: Send> Send for Join<T> {}
// SAFETY: through a shared reference only the goroutine's handle and whether it ended can be seen.
unsafe impl<T> Sync for Join<T> {}

impl<T> Join<T> {
    fn front(&self) -> *mut Front<T> {
        // SAFETY: the record of a joinable goroutine has its packet until the last reference goes;
        // `Packet<F, E, T>` begins with the fields of `Front<T>`, both being `repr(C)`.
        unsafe { packet::at(self.handle.g()) }.cast()
    }

    fn word(&self) -> &JoinWord {
        // SAFETY: as in `front`; the word is made of atomics.
        unsafe { &(*self.front()).word }
    }

    /// Moves the result out.
    ///
    /// # Safety
    ///
    /// The goroutine is done, and this is called once.
    unsafe fn take(&self) -> Outcome<T> {
        // SAFETY: the packet is there (see `front`), and the goroutine is done with it.
        let out = unsafe { &(*self.front()).out };
        // SAFETY: by the contract it was written, and is read once.
        unsafe { out.assume_init_read() }
    }

    /// The goroutine.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.word().is_done()
    }

    /// Gives what the goroutine left if it has ended; otherwise the waker is called when it has.
    ///
    /// # Panics
    ///
    /// If it has given that before.
    #[track_caller]
    pub fn poll(&mut self, cx: &task::Context<'_>) -> Poll<Outcome<T>> {
        if !self.word().is_done() {
            let waker = match self.forget_task() {
                Some(waker) if waker.will_wake(cx.waker()) => waker,
                other => {
                    drop(other);
                    Box::new(cx.waker().clone())
                }
            };
            let task = Box::into_raw(waker);
            if self.word().leave(task.expose_provenance()) {
                return Poll::Pending;
            }
            // SAFETY: it comes from above, and the word has not taken it.
            drop(unsafe { Box::from_raw(task) });
        }
        assert!(
            !self.word().is_taken(),
            "a JoinHandle was polled after it had given its result"
        );
        // SAFETY: it is done, and nothing has been taken.
        let outcome = unsafe { self.take() };
        self.word().take();
        Poll::Ready(outcome)
    }

    /// Takes the waker back that a poll has left, if the goroutine has not.
    fn forget_task(&self) -> Option<Box<task::Waker>> {
        let task = self.word().take_back()?;
        // SAFETY: `take_back` has handed us the waker that `poll` left there.
        Some(unsafe { waker_at(task) })
    }

    /// Waits for the end and gives what the goroutine left.
    ///
    /// # Panics
    ///
    /// If [`Join::poll`] has given that before.
    #[track_caller]
    pub fn join(self) -> Outcome<T> {
        self.wait(Moment::NEVER);
        // SAFETY: without a deadline the wait is over when the goroutine is done.
        unsafe { self.into_outcome() }
    }

    /// As [`Join::join`], until `deadline`; gives itself back if the goroutine has not ended by then.
    ///
    /// # Errors
    ///
    /// If it has not.
    ///
    /// # Panics
    ///
    /// As [`Join::join`].
    #[track_caller]
    pub fn join_by(self, deadline: Moment) -> Result<Outcome<T>, Join<T>> {
        match self.wait(deadline) {
            // SAFETY: the wait has said that it is done.
            true => Ok(unsafe { self.into_outcome() }),
            false => Err(self),
        }
    }

    /// Waits until the goroutine is done, which is what it says, or the deadline has passed.
    #[track_caller]
    fn wait(&self, deadline: Moment) -> bool {
        drop(self.forget_task());
        assert!(
            !self.word().is_taken(),
            "a JoinHandle was joined after it had given its result"
        );
        while !self.word().is_done() {
            if deadline != Moment::NEVER && deadline <= Moment::now() {
                return false;
            }
            let wait = prepare(Wakeable::ByTicket);
            let (me, ticket) = wait.waker().parts();
            let me = std::ptr::from_ref(me) as usize;
            if self.word().wait(me, ticket.as_u64()) {
                let cause = wait.park(Reason::Join, deadline);
                if !self.word().is_done() {
                    // Cancelled, or late. If this fails it has ended in between, and its waker finds
                    // the ticket used up.
                    let _ = self.word().give_up(me);
                    check(cause);
                }
            } else {
                let _ = wait.withdraw();
            }
        }
        true
    }

    /// # Safety
    ///
    /// The goroutine is done, and nothing has been taken.
    unsafe fn into_outcome(self) -> Outcome<T> {
        // SAFETY: by the contract, and `self` is consumed without running its `Drop`.
        let outcome = unsafe { self.take() };
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used or dropped after this.
        drop(unsafe { std::ptr::read(&this.handle) });
        outcome
    }
}

/// # Safety
///
/// [`Join::poll`] has left a waker at this address, and the word has handed it to the caller.
unsafe fn waker_at(address: usize) -> Box<task::Waker> {
    let task = std::ptr::with_exposed_provenance_mut(address);
    // SAFETY: by the contract it came from `Box::into_raw`, and is turned back once.
    unsafe { Box::from_raw(task) }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        drop(self.forget_task());
        if self.word().detach() {
            // SAFETY: it was done, and detaching left the result to us.
            drop(unsafe { self.take() });
        }
    }
}

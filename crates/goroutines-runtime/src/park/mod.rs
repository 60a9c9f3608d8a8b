//! The waist: how anything waits, and how it is made ready. Everything that blocks is built on this.
//!
//! Not for: queues of waiters with a meaning (channels and locks have their own). README.md beside
//! this file has the protocol and its argument.
//!
//! ```text
//! waiter                                        waker
//! let wait = prepare(..);
//! lock; enqueue wait.waker(); unlock
//! let cause = wait.park(reason, deadline);      lock; take a waker out; unlock
//!                                               waker.wake()
//! ```
//!
//! It works the same in a goroutine (which leaves the processor to others) and on a plain thread
//! (which blocks).

mod bell;
pub mod bias;
mod offload;
mod registration;
mod token;
pub mod waitq;

pub use crate::g::reason::Reason;
pub use crate::g::state::{Cause, Wakeable};
pub use crate::seam::clock::Moment;
pub use bell::Bell;
pub use offload::offload;
pub use registration::{NotReady, Registration, Seen, Side};
pub use token::{park_token, unpark};

use crate::current;
use crate::g::state::Ticket;
use crate::g::{Flags, G, Status};
use crate::sched::ready;
use crate::sched::worker::{After, Here, Worker, here, switch_out, switch_out_in_order};
use crate::seam::choice;
use crate::shim::atomic::Ordering;
use crate::shim::store_load_fence;
use crate::timer::{Entry, Key};
use std::marker::PhantomData;

/// A wait that has begun but has not parked yet.
///
/// It must end by [`Wait::park`], [`Wait::park_with`] or [`Wait::withdraw`] on the same goroutine.
#[derive(Debug)]
#[must_use = "a wait that has begun must be parked or withdrawn"]
pub struct Wait {
    g: &'static G,
    ticket: Ticket,
    _here: PhantomData<*const ()>,
}

/// The right to end one particular wait. It may be copied and kept: of all copies one succeeds, and
/// after the wait's end none does.
#[derive(Clone, Copy, Debug)]
pub struct Waker {
    g: &'static G,
    ticket: Ticket,
}

impl PartialEq for Waker {
    fn eq(&self, other: &Waker) -> bool {
        std::ptr::eq(self.g, other.g) && self.ticket == other.ticket
    }
}

impl Eq for Waker {}

/// A wait of which nothing is left to do but the switch. It must end by [`Leaving::switch`] on the same
/// goroutine.
#[derive(Debug)]
#[must_use = "a wait that has begun must be parked"]
pub struct Leaving {
    g: &'static G,
    _here: PhantomData<*const ()>,
}

impl Leaving {
    /// Waits until somebody wakes this wait.
    // Inlined: see `switch_out`.
    #[inline(always)]
    pub fn switch(self) -> Cause {
        // It did not when it began the wait.
        debug_assert!(!std::thread::panicking());
        switch_out_in_order(self.g);
        self.g.wait.cause()
    }
}

/// Where the caller runs, looked up once for the steps of one operation. After a step that waits it is to
/// be looked up again: a migratable goroutine may be elsewhere.
///
/// It stays on its thread, and does not compile into what a goroutine sends elsewhere. On the stack of a
/// migratable goroutine that waits it would be what its maker has ruled out.
#[derive(Clone, Copy, Debug)]
pub struct Spot(Option<Here>);

/// Where the caller runs.
#[inline]
pub fn spot() -> Spot {
    Spot(here())
}

impl Spot {
    /// As [`prepare`].
    #[inline]
    pub fn prepare(self, wakeable: Wakeable) -> Wait {
        let g = match self.0 {
            Some(here) if here.header().no_switch.get() == 0 => here.header().g.get(),
            _ => None,
        };
        begin(g.unwrap_or_else(current::thread), wakeable)
    }

    /// Begins a wait of the goroutine that runs here, without a deadline and open to a cancel, and does all
    /// of it but the switch, so that a caller can do that much in a function of its own and inline the rest.
    ///
    /// `None`: there is something to be looked at first, which [`Spot::prepare`] and [`Wait::park`] do. It is a
    /// plain thread, or may move to another one; it has been cancelled, or may not be; it unwinds.
    #[inline(always)]
    pub fn leave(self, reason: Reason) -> Option<(Waker, Leaving)> {
        let header = self.0?.header();
        let g = header.g.get()?;
        if header.no_switch.get() != 0 || g.has(SPECIAL) || std::thread::panicking() {
            return None;
        }
        let ticket = g.wait.begin(Wakeable::ByTicket);
        g.set_state(Status::Parked, reason);
        let leaving = Leaving {
            g,
            _here: PhantomData,
        };
        Some((Waker { g, ticket }, leaving))
    }

    /// Whether this is a plain thread.
    #[inline]
    pub fn is_thread(self) -> bool {
        self.0.is_none()
    }

    /// The number of the worker whose thread this is, counted from 1 and below 65,536; 0 on any other
    /// thread. While a thread has a number no other thread has it, and who has it later comes after.
    #[inline]
    pub fn number(self) -> u32 {
        self.0.map_or(0, |here| here.number)
    }

    /// Whether the running goroutine has had its time slice, see [`checkpoint`].
    #[inline]
    pub fn slice_over(self) -> bool {
        self.0
            .is_some_and(|here| here.header().preempt.load(Ordering::Relaxed))
    }
}

/// A goroutine or thread whose wait this holder has ended; it stays parked until
/// [`Claimed::ready`].
#[derive(Debug)]
#[must_use = "the claimed one is parked until it is made ready"]
pub struct Claimed(&'static G);

/// Begins a wait of whoever runs here.
///
/// Unwinds instead if the goroutine was asked to (`JoinHandle::cancel`), or has called `exit` and
/// somebody caught that: nothing recovers an exit (SEMANTICS PA-10).
#[inline]
pub fn prepare(wakeable: Wakeable) -> Wait {
    begin(current::waiter(), wakeable)
}

#[inline]
fn begin(g: &'static G, wakeable: Wakeable) -> Wait {
    // A destructor that waits because of a panic cannot unwind: a cancel must not end its wait.
    let wakeable = if wakeable == Wakeable::ByTicket && std::thread::panicking() {
        Wakeable::Shielded
    } else {
        wakeable
    };
    let flags = g.flags();
    if flags & SPECIAL != 0 {
        return prepare_special(g, flags, wakeable);
    }
    Wait {
        g,
        ticket: g.wait.begin(wakeable),
        _here: PhantomData,
    }
}

/// What `prepare` looks at more closely.
const SPECIAL: u32 =
    Flags::EXITING | Flags::CANCEL | Flags::SHIELDED | Flags::MIGRATABLE | Flags::SYSTEM;

#[cold]
fn prepare_special(g: &'static G, flags: u32, wakeable: Wakeable) -> Wait {
    let mut wakeable = wakeable;
    if flags & Flags::SYSTEM != 0 {
        // Nobody has the new ticket yet, and everybody who claimed an old one has stored already.
        g.futex.store(0, Ordering::Relaxed);
    } else {
        if flags & Flags::MIGRATABLE != 0 {
            ready::begin_hand_off(g);
        }
        if flags & Flags::SHIELDED != 0 {
            wakeable = Wakeable::Shielded;
        }
        if wakeable != Wakeable::Shielded {
            interrupt(flags);
        }
    }
    let wait = Wait {
        g,
        ticket: g.wait.begin(wakeable),
        _here: PhantomData,
    };
    if flags & Flags::MIGRATABLE != 0 && wakeable != Wakeable::Shielded {
        // Pairs with the fence in `sched::cancel::request`: either we see the flag, or it sees the wait.
        store_load_fence();
        if g.has(Flags::CANCEL) && !std::thread::panicking() {
            let _ = wait.withdraw();
            interrupt(Flags::CANCEL);
            return prepare(wakeable);
        }
    }
    wait
}

/// Unwinds a goroutine that exits or was asked to unwind, unless it does so already.
#[cold]
fn interrupt(flags: u32) {
    if flags & (Flags::EXITING | Flags::CANCEL) != 0 && !std::thread::panicking() {
        if flags & Flags::EXITING != 0 {
            resume_exit();
        }
        unwind_quietly(Cancelled);
    }
}

/// Unwinds the goroutine, which is not to count as a panic.
fn unwind_quietly(payload: impl std::any::Any + Send) -> ! {
    if let Some(g) = current::goroutine()
        && g.set(Flags::QUIET) & Flags::QUIET != 0
    {
        // It has caught that before, perhaps in a loop that does nothing else.
        give_way();
    }
    std::panic::resume_unwind(Box::new(payload))
}

/// Called with the cause of a wait's end, once the caller has left all queues: unwinds the goroutine
/// if it was cancelled.
#[inline]
pub fn check(cause: Cause) {
    if cause == Cause::Cancelled {
        interrupt(Flags::CANCEL);
    }
}

/// Runs `f` so that a cancel does not end the waits in it.
pub fn shielded<R>(f: impl FnOnce() -> R) -> R {
    struct Undo(&'static G);
    impl Drop for Undo {
        fn drop(&mut self) {
            self.0.clear(Flags::SHIELDED);
        }
    }
    let undo = current::goroutine()
        .filter(|g| g.set(Flags::SHIELDED) & Flags::SHIELDED == 0)
        .map(Undo);
    let result = f();
    drop(undo);
    result
}

/// Asks the goroutine to unwind at its present or next wait.
pub fn cancel(handle: &crate::g::Handle) {
    crate::sched::cancel::request(handle);
}

/// What a goroutine unwinds with when it has been cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the goroutine was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Whether this is what a panic left, as opposed to [`Exited`] or [`Cancelled`].
pub fn is_panic(payload: &(dyn std::any::Any + Send)) -> bool {
    !payload.is::<Exited>() && !payload.is::<Cancelled>()
}

/// What a goroutine unwinds with when it has called `exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exited;

impl std::fmt::Display for Exited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the goroutine called exit")
    }
}

impl std::error::Error for Exited {}

/// Unwinds the goroutine to its end, without a message.
pub fn resume_exit() -> ! {
    unwind_quietly(Exited)
}

impl Wait {
    /// Whether it is a plain thread that waits, which is dear to put to sleep and to wake.
    #[inline]
    pub fn blocks_thread(&self) -> bool {
        self.g.has(Flags::SYSTEM)
    }

    /// What others need to end this wait.
    #[inline]
    pub fn waker(&self) -> Waker {
        Waker {
            g: self.g,
            ticket: self.ticket,
        }
    }

    /// Waits until somebody wakes this wait or the deadline passes ([`Moment::NEVER`]: it does not).
    #[inline(always)]
    pub fn park(self, reason: Reason, deadline: Moment) -> Cause {
        self.park_after(reason, deadline, After::Nothing)
    }

    /// As [`Wait::park`], with a step that runs once the goroutine is off its stack: it may release
    /// what protects the wait. If it returns `false` the wait ends at once.
    ///
    /// `commit` runs outside the goroutine: it must not wait. On a plain thread it runs before
    /// blocking.
    pub fn park_with<F: FnOnce() -> bool>(
        self,
        reason: Reason,
        deadline: Moment,
        commit: F,
    ) -> Cause {
        if self.g.has(Flags::SYSTEM | Flags::MIGRATABLE) {
            // A migratable goroutine's wakers wait for it to leave its stack in any case.
            if !commit() && self.g.wait.withdraw(self.ticket) {
                return Cause::Ready;
            }
            return self.park(reason, deadline);
        }
        let mut commit = Some(commit);
        let arg: *mut Option<F> = &raw mut commit;
        self.park_after(reason, deadline, After::Commit(run_commit::<F>, arg.cast()))
    }

    /// See `switch_out` for why this is inlined.
    #[inline(always)]
    fn park_after(self, reason: Reason, deadline: Moment, after: After) -> Cause {
        let g = self.g;
        let plain = deadline == Moment::NEVER && matches!(after, After::Nothing);
        if plain && !g.has(Flags::SYSTEM | Flags::MIGRATABLE) {
            g.set_state(Status::Parked, reason);
            switch_out(g);
            return g.wait.cause();
        }
        if g.has(Flags::SYSTEM) {
            return self.block(deadline);
        }
        let timer = self.arrange(deadline, after);
        g.set_state(Status::Parked, reason);
        switch_out(g);
        let cause = g.wait.cause();
        if let Some((worker, key)) = timer
            && cause != Cause::Deadline
        {
            worker.cancel_timer(key);
        }
        cause
    }

    /// Sets the timer, and what is to be done once the goroutine is off its stack.
    #[inline(never)]
    fn arrange(&self, deadline: Moment, after: After) -> Option<(&'static Worker, Key)> {
        let g = self.g;
        let Some(here) = here() else {
            crate::fatal!("a goroutine parks outside its worker")
        };
        let timer = (deadline != Moment::NEVER).then(|| {
            let entry = Entry::Wake {
                g,
                ticket: self.ticket,
            };
            (here.worker(), here.worker().add_timer(deadline, entry))
        });
        let after = if g.has(Flags::MIGRATABLE) {
            After::HandOff
        } else {
            after
        };
        if !matches!(after, After::Nothing) {
            here.local().set_after(after);
        }
        timer
    }

    /// Blocks the thread.
    #[cold]
    fn block(self, deadline: Moment) -> Cause {
        let word = &self.g.futex;
        let mut deadline = deadline;
        // Acquire: pairs with the Release in `sched::ready`.
        while word.load(Ordering::Acquire) == 0 {
            let timeout = (deadline != Moment::NEVER).then(|| deadline.since(Moment::now()));
            if timeout.is_some_and(|t| t.is_zero()) {
                if self.g.wait.claim(self.ticket, Cause::Deadline) {
                    return Cause::Deadline;
                }
                // Somebody was quicker and is about to store.
                deadline = Moment::NEVER;
                continue;
            }
            crate::sys::futex::wait(word, 0, timeout);
        }
        self.g.wait.cause()
    }

    /// Takes the wait back. `None`: nobody had ended it. Otherwise it waits for who did to finish
    /// that, and gives the cause.
    #[inline]
    pub fn withdraw(self) -> Option<Cause> {
        if self.g.wait.withdraw(self.ticket) {
            return None;
        }
        // The claimer makes us ready in a moment; be where it finds us.
        Some(self.park(Reason::Park, Moment::NEVER))
    }
}

#[allow(unsafe_code, reason = "gets the closure back that `park_with` passed")]
fn run_commit<F: FnOnce() -> bool>(arg: *mut ()) -> bool {
    // SAFETY: `park_with` passed a pointer to this type, on the stack of the goroutine that is
    // parked until after this call; the worker calls it once.
    let commit = unsafe { &mut *arg.cast::<Option<F>>() };
    commit.take().is_none_or(|f| f())
}

impl Waker {
    /// Ends the wait and makes its goroutine ready; `false`: the wait had ended.
    #[inline]
    pub fn wake(self) -> bool {
        match self.claim() {
            Some(claimed) => {
                claimed.ready();
                true
            }
            None => false,
        }
    }

    /// Ends the wait but leaves the goroutine parked, so that something can be put where it will
    /// look. `None`: the wait had ended.
    #[inline]
    pub fn claim(self) -> Option<Claimed> {
        self.g
            .wait
            .claim(self.ticket, Cause::Ready)
            .then_some(Claimed(self.g))
    }

    /// Whether the goroutine is resumed by the worker that the caller runs on, and by no other.
    #[inline]
    pub fn is_near(self, spot: Spot) -> bool {
        spot.0.is_some_and(|here| ready::is_home(here, self.g))
    }

    /// Has the processor fetch what the goroutine will go on with, if it is near; `local` is a variable of the
    /// frame that waits.
    #[inline]
    pub fn prefetch<T>(self, local: *const T) {
        self.g.prefetch_stack(local.cast());
    }

    /// As [`Waker::claim`], without an atomic exchange.
    ///
    /// Three kinds of claimers exist for a wait: holders of its ticket, its deadline, and a cancel. By the
    /// contract the first exclude each other and there is no second. The third claims on the home
    /// worker's thread (`sched::cancel`), which is where the caller is. README.md goes through them all.
    ///
    /// # Safety
    ///
    /// - [`Waker::is_near`] has said `true` for the caller's present spot.
    /// - The wait has no deadline.
    /// - The caller excludes all others who have its ticket, for example by a lock that each of them holds
    ///   while claiming.
    #[allow(
        unsafe_code,
        reason = "two who both win would resume a goroutine twice"
    )]
    #[inline]
    pub unsafe fn claim_near(self) -> Option<Claimed> {
        self.g
            .wait
            .claim_alone(self.ticket)
            .then_some(Claimed(self.g))
    }

    /// What a claim by this waker has given, for who has not kept it.
    ///
    /// # Safety
    ///
    /// The caller has claimed the wait by this waker, and has forgotten what that gave.
    #[allow(unsafe_code, reason = "made twice, it would resume a goroutine twice")]
    #[inline]
    pub unsafe fn claimed(self) -> Claimed {
        Claimed(self.g)
    }

    pub(crate) fn parts(self) -> (&'static G, Ticket) {
        (self.g, self.ticket)
    }

    pub(crate) fn from_parts(g: &'static G, ticket: Ticket) -> Waker {
        Waker { g, ticket }
    }
}

impl Claimed {
    /// Makes it ready: a goroutine at home on this worker runs next.
    #[inline]
    pub fn ready(self) {
        ready::ready(self.0);
    }

    /// As [`Claimed::ready`], for a caller who knows where it runs.
    #[inline]
    pub fn ready_from(self, spot: Spot) {
        ready::ready_from(spot.0, self.0);
    }

    /// As [`Claimed::ready`], but it runs after those that are ready already.
    pub fn ready_later(self) {
        ready::ready_later(self.0);
    }
}

/// A number below `n`, each as likely as the others; 0 if `n` is 0.
#[inline]
pub fn choose(n: usize) -> usize {
    match here() {
        Some(here) => here.local().choice.below(n),
        None => choice::below_anywhere(n),
    }
}

/// Waits until `deadline`.
pub fn sleep_until(deadline: Moment) {
    let wait = prepare(Wakeable::ByTicket);
    check(wait.park(Reason::Sleep, deadline));
}

/// Lets other goroutines (or threads) run.
// Inlined: see `switch_out`.
#[inline(always)]
pub fn yield_now() {
    leave_to_others(|g| {
        let flags = g.flags();
        if flags & (Flags::EXITING | Flags::CANCEL) != 0 && flags & Flags::SHIELDED == 0 {
            interrupt(flags);
        }
    });
}

/// As [`yield_now`], but a cancel does not unwind here: for the end of an operation, which has happened.
#[inline(always)]
pub fn give_way() {
    leave_to_others(|_| ());
}

#[inline(always)]
fn leave_to_others(before: impl FnOnce(&G)) {
    if let Some(here) = here()
        && here.header().no_switch.get() == 0
        && let Some(g) = here.header().g.get()
    {
        before(g);
        if here.queue_yielder(g) {
            switch_out(g);
        }
    } else {
        std::thread::yield_now();
    }
}

/// Lets others run if the time slice is over.
///
/// Called by operations that may not have to wait, before they begin: a cancel unwinds here, and what had
/// been done could not be told to anybody.
#[inline]
pub fn checkpoint() {
    if current::slice_over() {
        yield_now();
    }
}

/// Whether whoever runs here unwinds because of a panic: its own, and not because it exits or was
/// cancelled.
///
/// This is what decides whether a lock is poisoned.
#[inline]
pub fn panicking() -> bool {
    std::thread::panicking() && !quiet()
}

#[cold]
fn quiet() -> bool {
    current::goroutine().is_some_and(|g| g.has(Flags::QUIET))
}

/// Whether it can pay to look at something again for a moment before waiting for it: somebody on
/// another processor may be about to change it.
#[inline]
pub fn may_spin() -> bool {
    here().is_none_or(|here| here.worker().runtime.config.workers > 1)
}

/// A small number that tends to differ between those who run at the same time: for spreading what
/// many use over several places.
#[inline]
pub fn lane() -> usize {
    // Records are 128 bytes long.
    here().map_or_else(
        || std::ptr::from_ref(current::thread()).addr() >> 7,
        |here| here.index,
    )
}

//! Why a goroutine waits: one name per kind of wait, in the words of Go's traces.
//!
//! Not for: how it waits. Add a reason in the commit that adds the wait; do not use one twice.

/// The kind of a wait, as a dump shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reason {
    /// Waits for nothing.
    None,
    /// `yield_now`.
    Yield,
    /// `sleep`, `sleep_until`.
    Sleep,
    /// `park`, `park_timeout`.
    Park,
    /// `JoinHandle::join`.
    Join,
    /// The end of a `scope`.
    Scope,
    /// `WaitGroup::wait`.
    WaitGroup,
    /// `blocking`.
    Blocking,
    /// A send on a channel.
    ChanSend,
    /// A receive from a channel.
    ChanReceive,
    /// A select with several channels.
    Select,
    /// A select with nothing to wait for, or a receive that can never end.
    SelectNoCases,
    /// A `Mutex` lock.
    Mutex,
    /// An `RwLock` read lock.
    RwLockRead,
    /// An `RwLock` write lock.
    RwLockWrite,
    /// A `Condvar` wait.
    Condvar,
    /// A `Once` that another goroutine runs.
    Once,
    /// A `Barrier`.
    Barrier,
    /// A `Semaphore`.
    Semaphore,
    /// Readiness of a descriptor.
    Io,
    /// A pause before an operation is tried again whose readiness the system does not tell.
    IoAgain,
    /// A future in `block_on`.
    Future,
}

impl Reason {
    /// The words a dump uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::None => "running",
            Reason::Yield => "runnable",
            Reason::Sleep => "sleep",
            Reason::Park => "park",
            Reason::Join => "join",
            Reason::Scope => "scope",
            Reason::WaitGroup => "sync.WaitGroup.Wait",
            Reason::Blocking => "syscall",
            Reason::ChanSend => "chan send",
            Reason::ChanReceive => "chan receive",
            Reason::Select => "select",
            Reason::SelectNoCases => "select (no cases)",
            Reason::Mutex => "sync.Mutex.Lock",
            Reason::RwLockRead => "sync.RWMutex.RLock",
            Reason::RwLockWrite => "sync.RWMutex.Lock",
            Reason::Condvar => "sync.Cond.Wait",
            Reason::Once => "sync.Once.Do",
            Reason::Barrier => "barrier",
            Reason::Semaphore => "semacquire",
            Reason::Io => "IO wait",
            Reason::IoAgain => "IO retry",
            Reason::Future => "future",
        }
    }

    /// The reason with this number, as [`crate::g::G`] stores it.
    pub(crate) fn from_u8(n: u8) -> Reason {
        const ALL: [Reason; 22] = [
            Reason::None,
            Reason::Yield,
            Reason::Sleep,
            Reason::Park,
            Reason::Join,
            Reason::Scope,
            Reason::WaitGroup,
            Reason::Blocking,
            Reason::ChanSend,
            Reason::ChanReceive,
            Reason::Select,
            Reason::SelectNoCases,
            Reason::Mutex,
            Reason::RwLockRead,
            Reason::RwLockWrite,
            Reason::Condvar,
            Reason::Once,
            Reason::Barrier,
            Reason::Semaphore,
            Reason::Io,
            Reason::IoAgain,
            Reason::Future,
        ];
        ALL.get(usize::from(n)).copied().unwrap_or(Reason::None)
    }
}

//! Why a context is done.

use goroutines_runtime::shim::{Arc, OnceLock};
use std::error::Error;
use std::fmt;

/// Why a context is done.
///
/// ```
/// use goroutines::context::ContextError;
/// assert_eq!(ContextError::Canceled.to_string(), "context canceled");
/// assert!(ContextError::DeadlineExceeded.is_timeout());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextError {
    /// It, or one that it was made from, was cancelled.
    Canceled,
    /// Its deadline, or that of one it was made from, has passed.
    DeadlineExceeded,
}

impl ContextError {
    /// Whether it is the deadline that has passed.
    pub fn is_timeout(self) -> bool {
        self == ContextError::DeadlineExceeded
    }
}

/// `TimedOut` for a deadline, `Other` for a cancel.
impl From<ContextError> for std::io::Error {
    fn from(error: ContextError) -> std::io::Error {
        let kind = match error {
            ContextError::Canceled => std::io::ErrorKind::Other,
            ContextError::DeadlineExceeded => std::io::ErrorKind::TimedOut,
        };
        std::io::Error::new(kind, error)
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextError::Canceled => "context canceled",
            ContextError::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl Error for ContextError {}

/// Why somebody cancelled: any error, shared by those who ask for it.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// How a context ended.
#[derive(Clone)]
pub(super) struct End {
    pub(super) err: ContextError,
    /// If there is one besides the error itself.
    pub(super) cause: Option<Cause>,
}

impl End {
    pub(super) const CANCELED: End = End {
        err: ContextError::Canceled,
        cause: None,
    };

    /// The cause, which is the error if none was given.
    pub(super) fn cause(&self) -> Cause {
        static PLAIN: OnceLock<[Cause; 2]> = OnceLock::new();
        if let Some(cause) = &self.cause {
            return cause.clone();
        }
        let all = [ContextError::Canceled, ContextError::DeadlineExceeded];
        let plain = PLAIN.get_or_init(|| all.map(|err| Arc::new(err) as Cause));
        plain[usize::from(self.err.is_timeout())].clone()
    }
}

/// Shares an error.
pub(super) fn cause(error: Box<dyn Error + Send + Sync>) -> Cause {
    Arc::from(error)
}

//! `OpenOptions`: how a file is opened.

use super::File;
use crate::io::offload::pool;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How a file is opened, as [`std::fs::OpenOptions`].
///
/// ```
/// # goroutines::run(|| -> std::io::Result<()> {
/// use goroutines::fs::{self, OpenOptions};
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join(format!("goroutines-doc-open-{}", std::process::id()));
/// for line in ["one\n", "two\n"] {
///     let mut log = OpenOptions::new().append(true).create(true).open(&path)?;
///     log.write_all(line.as_bytes())?;
/// }
/// assert_eq!(fs::read_to_string(&path)?, "one\ntwo\n");
/// fs::remove_file(&path)?;
/// # Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&mut self, $name: bool) -> &mut OpenOptions {
                self.0.$name($name);
                self
            }
        )*
    };
}

impl OpenOptions {
    /// With everything switched off: neither for reading nor for writing.
    #[allow(
        clippy::suspicious_open_options,
        reason = "what to do with an old file is for the caller to say"
    )]
    pub fn new() -> OpenOptions {
        OpenOptions(std::fs::OpenOptions::new())
    }

    settings! {
        /// For reading.
        read;
        /// For writing, over what is there.
        write;
        /// For writing, each time at the end.
        append;
        /// Its old content is lost. Needs `write`.
        truncate;
        /// It is made if it is not there. Needs `write` or `append`.
        create;
        /// It is made, and must not have been there. Needs `write` or `append`.
        create_new;
    }

    /// The permissions of a file that is made, less the process's umask: `0o666` by default.
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.0.mode(mode);
        self
    }

    /// Further flags for the system's `open`, beside those that the other settings make.
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.0.custom_flags(flags);
        self
    }

    /// Opens a file.
    ///
    /// A named pipe is opened when there is somebody at its other end; a thread of the blocking pool
    /// waits for that.
    ///
    /// # Errors
    ///
    /// As [`std::fs::OpenOptions::open`].
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let path = path.as_ref();
        pool(|| self.0.open(path)).map(File::from)
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(std: std::fs::OpenOptions) -> OpenOptions {
        OpenOptions(std)
    }
}

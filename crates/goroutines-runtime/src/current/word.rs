//! The word of each thread that says which worker it is.
//!
//! Not for: what is at that address (`current`).
//!
//! It is asked for by each operation that may wait. A `thread_local!` can be read only by a call that is not
//! inlined: the compiler takes the address of a thread-local for constant within a function, while a
//! migratable goroutine may be on another thread after each wait. Those calls were 9 % of a ping-pong. So
//! where we can say it to the linker, the word is defined and read in assembly, each time anew: two loads. It
//! is in the model that compilers call *initial-exec*, which works in programs, and in libraries that are
//! loaded later as long as the loader has some bytes of thread-local storage to spare. glibc has; so this is
//! for it alone.
//!
//! The name of the word is that of [`set`] with something behind it, so there is one word for each build of this
//! crate in a process, as there is one of its functions.
//!
//! Rust's own dynamic libraries (crate type `dylib`) do not export such names. A program that is linked from
//! those has to be built with `--cfg goroutines_portable`, which takes the other way.

pub(super) use os::{get, set};

#[cfg(all(
    target_arch = "x86_64",
    target_os = "linux",
    target_env = "gnu",
    not(any(miri, goroutines_portable))
))]
mod os {
    use std::arch::{asm, global_asm};

    global_asm!(
        ".pushsection .tbss.{set}_word,\"awT\",@nobits",
        ".globl {set}_word",
        ".type {set}_word, @tls_object",
        ".size {set}_word, 8",
        ".p2align 3",
        "{set}_word:",
        ".zero 8",
        ".popsection",
        set = sym set,
    );

    /// What was set on this thread; null at first.
    #[inline(always)]
    pub(in crate::current) fn get() -> *const () {
        let word: *const ();
        // SAFETY: reads a word of this thread's own, which is there as long as the thread is. (It is not
        // `pure`: what it reads may change with each switch.)
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + {set}_word@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) word,
                set = sym set,
                options(nostack, preserves_flags, readonly),
            );
        }
        word
    }

    /// Sets it on this thread.
    #[inline(never)]
    pub(in crate::current) fn set(word: *const ()) {
        // SAFETY: as above; only `get` reads it.
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + {set}_word@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) word,
                set = sym set,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(
    target_arch = "x86_64",
    target_os = "linux",
    target_env = "gnu",
    not(any(miri, goroutines_portable))
)))]
mod os {
    use std::cell::Cell;

    thread_local! {
        static WORD: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
    }

    /// What was set on this thread; null at first.
    #[inline(never)]
    pub(in crate::current) fn get() -> *const () {
        // SAFETY: empty. It keeps the function from being deduced pure.
        unsafe { std::arch::asm!("") };
        WORD.get()
    }

    /// Sets it on this thread.
    #[inline(never)]
    pub(in crate::current) fn set(word: *const ()) {
        // SAFETY: empty.
        unsafe { std::arch::asm!("") };
        WORD.set(word);
    }
}

//! The word of each thread that says which worker it is.
//!
//! Not for: what is at that address (`current`).
//!
//! It is asked for by each operation that may wait. A `thread_local!` can be read only by a call that is not
//! inlined: the compiler takes the address of a thread-local for constant within a function, while a
//! migratable goroutine may be on another thread after each wait. Those calls were 9 % of a ping-pong. So
//! where we can say it to the linker, the word is defined and read in assembly, each time anew: two loads. It
//! is in the model that compilers call *initial-exec*, which works in programs and in libraries that are
//! loaded later, as long as the loader has some bytes of thread-local storage to spare (glibc has).
//!
//! The symbol is defined once in a program: `links` in `Cargo.toml` keeps it from having two of this crate.

pub(super) use os::{get, set};

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod os {
    use std::arch::{asm, global_asm};

    global_asm!(
        ".pushsection .tbss.goroutines_runtime_worker,\"awT\",@nobits",
        ".globl goroutines_runtime_worker",
        ".type goroutines_runtime_worker, @tls_object",
        ".size goroutines_runtime_worker, 8",
        ".p2align 3",
        "goroutines_runtime_worker:",
        ".zero 8",
        ".popsection",
    );

    /// What was set on this thread; null at first.
    #[inline(always)]
    pub(in crate::current) fn get() -> *const () {
        let word: *const ();
        // SAFETY: reads a word of this thread's own, which is there as long as the thread is. (It is not
        // `pure`: what it reads may change with each switch.)
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + goroutines_runtime_worker@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) word,
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
                "mov {0}, qword ptr [rip + goroutines_runtime_worker@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) word,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
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

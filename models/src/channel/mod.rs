//! The protocol's own files, on a runtime that is a model.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the models do not use all of it"
)]

#[path = "../../../crates/goroutines/src/channel/chan.rs"]
pub(crate) mod chan;
#[path = "../../../crates/goroutines/src/channel/core.rs"]
pub(crate) mod core;
pub(crate) mod env;
#[path = "../../../crates/goroutines/src/channel/select/run.rs"]
pub(crate) mod run;
#[path = "../../../crates/goroutines/src/channel/slot/mod.rs"]
pub(crate) mod slot;

/// No timers in a model.
pub(crate) mod timer {
    use super::env::Moment;
    use super::slot::lock::Core;

    #[derive(Debug)]
    pub(crate) struct Timer(Core);

    impl Timer {
        pub(crate) fn core(&self) -> &Core {
            &self.0
        }

        pub(crate) fn deadline(&self) -> Moment {
            Moment::NEVER
        }

        pub(crate) fn due(&self, _: Moment) -> bool {
            false
        }

        pub(crate) fn take(&self, _: Moment) -> Option<Moment> {
            None
        }

        pub(crate) fn give_back(&self, _: Moment) {}
    }
}

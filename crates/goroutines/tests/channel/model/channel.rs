//! The protocol's own files, on a runtime that is a model.

#[path = "../../../src/channel/chan.rs"]
pub(crate) mod chan;
#[path = "../../../src/channel/core.rs"]
pub(crate) mod core;
pub(crate) mod env;
#[path = "../../../src/channel/slot/mod.rs"]
pub(crate) mod slot;

/// No timers in a model.
pub(crate) mod timer {
    use super::env::Moment;
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Timer(super::slot::lock::Core);

    impl Timer {
        pub(crate) fn core(&self) -> &super::slot::lock::Core {
            &self.0
        }

        pub(crate) fn deadline(&self) -> Moment {
            Moment::NEVER
        }

        pub(crate) fn due(&self, _: Moment) -> bool {
            false
        }

        pub(crate) fn take(&self, _: Moment) -> Option<Instant> {
            None
        }

        pub(crate) fn give_back(&self, _: Instant) {}
    }
}

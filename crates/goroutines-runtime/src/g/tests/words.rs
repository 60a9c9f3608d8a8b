//! The wait word, one step after the other.

use crate::g::state::{Cause, Ticket, WaitWord, Wakeable};

#[test]
fn a_ticket_is_used_once() {
    let word = WaitWord::new();
    assert!(!word.claim_token() && !word.claim_cancel() && !word.claim_any());
    let first = word.begin(Wakeable::ByTicket);
    assert!(word.claim(first, Cause::Deadline));
    assert_eq!(word.cause(), Cause::Deadline);
    assert!(!word.claim(first, Cause::Ready));
    assert!(!word.withdraw(first));
    let second = word.begin(Wakeable::ByTicket);
    assert_ne!(first, second);
    assert!(!word.claim(first, Cause::Ready));
    assert!(word.withdraw(second));
    assert!(!word.claim(second, Cause::Ready), "it was withdrawn");
}

#[test]
fn who_may_end_which_wait() {
    let table = [
        (Wakeable::ByTicket, false, true),
        (Wakeable::ByToken, true, true),
        (Wakeable::Shielded, false, false),
    ];
    for (wakeable, token, cancel) in table {
        let word = WaitWord::new();
        let _ = word.begin(wakeable);
        assert_eq!(word.claim_token(), token, "{wakeable:?}");
        let _ = word.begin(wakeable);
        assert_eq!(word.claim_cancel(), cancel, "{wakeable:?}");
        let ticket = word.begin(wakeable);
        assert_eq!(word.claim(ticket, Cause::Cancelled), cancel, "{wakeable:?}");
        let ticket = word.begin(wakeable);
        assert!(word.claim(ticket, Cause::Deadline), "{wakeable:?}");
        let _ = word.begin(wakeable);
        assert!(word.claim_any(), "{wakeable:?}");
        assert_eq!(word.cause(), Cause::Ready);
    }
}

#[test]
fn a_ticket_survives_being_a_number() {
    let word = WaitWord::new();
    let ticket = word.begin(Wakeable::ByTicket);
    assert_eq!(Ticket::from_u64(ticket.as_u64()), ticket);
    assert!(word.claim(Ticket::from_u64(ticket.as_u64()), Cause::Ready));
}

#[test]
fn a_claim_without_an_exchange() {
    let word = WaitWord::new();
    for (wakeable, open) in [
        (Wakeable::ByTicket, true),
        (Wakeable::ByToken, false),
        (Wakeable::Shielded, true),
    ] {
        let before = word.begin(Wakeable::ByTicket);
        let ticket = word.begin(wakeable);
        assert!(!word.claim_alone(before), "{wakeable:?}: another wait");
        assert_eq!(word.claim_alone(ticket), open, "{wakeable:?}");
        if open {
            assert_eq!(word.cause(), Cause::Ready);
            assert!(!word.claim_alone(ticket), "it is used once");
            assert!(!word.claim(ticket, Cause::Deadline));
        }
    }
    let ticket = word.begin(Wakeable::ByTicket);
    assert!(word.claim_cancel());
    assert!(!word.claim_alone(ticket), "it was cancelled");
}

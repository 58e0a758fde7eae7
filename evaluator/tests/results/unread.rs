//! What is said of figures whose input could not be read in full.

use records::Reason;

use crate::bench::{Bench, HOUR, LOGINS, START, Transaction};

/// The ledger after an hour of log-ins with so many elements read and refused: outcome, value, reason.
fn judged(attempts: u64, failed: u64, read: u64, refused: u64) -> (String, Option<String>, Option<String>) {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let hour = bench.logins(Transaction::default(), START, attempts, failed);
    bench.tasks(hour.input("sshd", (START, START + HOUR), read, refused), START + 2 * HOUR);
    bench.drain(&mut evaluator);
    let entry = bench.entries(LOGINS, START).remove(0);
    let quality = &entry.quality.sources["sshd"];
    assert_eq!((quality.read, quality.refused), (read, refused));
    (entry.outcome, entry.value.map(|value| value.to_string()), entry.because)
}

#[test]
fn a_figure_on_unread_input_has_no_band() {
    let (outcome, value, because) = judged(68, 0, 80, 12);
    assert_eq!((outcome.as_str(), value.as_deref()), ("unvalidated", Some("0")), "the value is stated");
    assert_eq!(because.as_deref(), Some("12 of 80 elements of sshd could not be read"));
    let (outcome, value, because) = judged(0, 0, 80, 80);
    assert_eq!((outcome.as_str(), value), ("unvalidated", None), "nothing was legible: that is no zero");
    assert_eq!(because.as_deref(), Some("80 of 80 elements of sshd could not be read"));
}

#[test]
fn little_that_is_unread_is_tolerated_where_it_changes_nothing() {
    assert_eq!(judged(990, 100, 1000, 5).0, "green");
    assert_eq!(judged(990, 900, 1000, 5).0, "red");
    let (outcome, _, because) = judged(990, 197, 1000, 5);
    assert_eq!(outcome, "unvalidated");
    assert_eq!(because.as_deref(), Some("5 unread could change green to yellow"));
}

#[test]
fn what_turns_out_unread_later_is_a_revision() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let hour = |refused| {
        let logins = bench.logins(Transaction::default(), START, 100, 0);
        logins.input("sshd", (START, START + HOUR), 100 + refused, refused)
    };
    bench.tasks(hour(0), START + 2 * HOUR);
    bench.drain(&mut evaluator);
    bench.tasks(hour(1), START + 3 * HOUR);
    bench.drain(&mut evaluator);
    assert_eq!(bench.entries(LOGINS, START).len(), 1, "what changes no outcome is not written again");
    bench.tasks(hour(40), START + 4 * HOUR);
    bench.drain(&mut evaluator);
    let outcomes: Vec<_> =
        bench.entries(LOGINS, START).into_iter().map(|entry| (entry.outcome, entry.reason)).collect();
    let expected = [("green", Reason::PeriodClosed), ("unvalidated", Reason::LateData)];
    assert_eq!(outcomes, expected.map(|(outcome, reason)| (outcome.to_owned(), reason)));
}

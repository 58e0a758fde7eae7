//! When a period closes, and what is said where nothing was counted.

use std::sync::atomic::Ordering;

use records::Reason;

use crate::bench::{Bench, DAY, HOUR, LOGINS, MINUTE, START, TREND, Transaction};

#[test]
fn a_period_closes_at_the_instant_its_waiting_is_over() {
    let bench = Bench::new(2);
    let mut evaluator = bench.evaluator();
    let close = START + HOUR + 15 * MINUTE;
    bench.tasks(bench.logins(Transaction::default(), START, 40, 7), close - 1);
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty(), "late events are awaited for another millisecond");
    bench.task(0, Transaction::default().frontier(close, 2));
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty(), "one of two tasks is not there yet");
    bench.task(1, Transaction::default().frontier(close, 2));
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.outcome.as_str(), entry.reason, entry.revision), ("green", Reason::PeriodClosed, 1));
    assert_eq!(entry.value.as_ref().unwrap().to_string(), "35/2", "100 * 7 / 40, exactly");
    assert!(bench.entries(LOGINS, START + HOUR).is_empty());
}

#[test]
fn partials_of_all_partitions_are_one_figure() {
    let bench = Bench::new(2);
    let mut evaluator = bench.evaluator();
    for partition in 0..2 {
        let part = bench.logins(Transaction::default(), START, 10, 4);
        bench.task(partition, part.frontier(START + 2 * HOUR, 2));
    }
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    assert_eq!((entries[0].base["attempts"].n, entries[0].base["failed"].n), (20, 8));
    assert_eq!(entries[0].outcome, "yellow");
}

#[test]
fn nothing_happened_is_not_nothing_was_heard() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    // March and April in Zurich. In March the tickets' system told that it lives and had no incident; in April
    // it said nothing any more.
    let (march, april) = (START - HOUR, START + 31 * DAY - 2 * HOUR);
    let alive = (0..31).fold(Transaction::default(), |transaction, day| {
        let start = march + day * DAY;
        transaction.activity("itsm", start, start + 20 * HOUR, 1)
    });
    bench.tasks(alive, april + 60 * DAY);
    bench.drain(&mut evaluator);
    let zero = &bench.entries(TREND, march)[0];
    assert_eq!(zero.base["incidents"].n, 0);
    assert_eq!(zero.outcome, "insufficient-history", "a zero, and no five months before it");
    let silent = &bench.entries(TREND, april)[0];
    assert_eq!(silent.outcome, "no-data");
    assert!(silent.base.is_empty() && silent.value.is_none());
    assert!(silent.because.as_ref().unwrap().contains("itsm sent nothing since"), "{silent:?}");
}

#[test]
fn too_few_are_not_judged() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let hours = bench.logins(Transaction::default(), START, 19, 19);
    bench.tasks(bench.logins(hours, START + HOUR, 20, 20), START + 3 * HOUR);
    bench.drain(&mut evaluator);
    assert_eq!(bench.entries(LOGINS, START)[0].outcome, "insufficient-n");
    assert_eq!(bench.entries(LOGINS, START + HOUR)[0].outcome, "red");
}

#[test]
fn time_that_stands_still_closes_unvalidated() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    bench.tasks(bench.logins(Transaction::default(), START, 40, 7), START + 30 * MINUTE);
    bench.drain(&mut evaluator);
    bench.now.store(START + 6 * HOUR, Ordering::Relaxed);
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty(), "within the limit of six hours");
    bench.now.store(START + 9 * HOUR, Ordering::Relaxed);
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    assert_eq!((entries[0].outcome.as_str(), entries[0].reason), ("unvalidated", Reason::Stalled));
    // Time moves again: the figures are what they were, and now they count.
    bench.tasks(Transaction::default(), START + 2 * HOUR);
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    let said: Vec<_> = entries.iter().map(|entry| (entry.outcome.as_str(), entry.reason)).collect();
    assert_eq!(said, [("unvalidated", Reason::Stalled), ("green", Reason::StallEnded)]);
}

#[test]
fn time_that_never_began_closes_unvalidated_too() {
    let bench = Bench::new(2);
    let mut evaluator = bench.evaluator();
    bench.now.store(START + HOUR, Ordering::Relaxed);
    // The other partition has said nothing: nobody knows how far the source has been read.
    bench.task(0, bench.logins(Transaction::default(), START, 40, 7).frontier(START + 2 * HOUR, 2));
    bench.drain(&mut evaluator);
    bench.now.store(START + 7 * HOUR, Ordering::Relaxed);
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty(), "within the limit of six hours since it was first seen");
    bench.now.store(START + 9 * HOUR, Ordering::Relaxed);
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    assert_eq!((entries[0].outcome.as_str(), entries[0].reason), ("unvalidated", Reason::Stalled));
    assert!(entries[0].because.as_deref().is_some_and(|because| because.contains("has not begun")), "{entries:?}");
    bench.task(1, Transaction::default().frontier(START + 2 * HOUR, 2));
    bench.drain(&mut evaluator);
    let said: Vec<_> = bench.entries(LOGINS, START).iter().map(|entry| entry.outcome.clone()).collect();
    assert_eq!(said, ["unvalidated", "green"]);
}

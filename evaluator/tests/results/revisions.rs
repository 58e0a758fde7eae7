//! What changes after the close becomes a revision, of the period itself and of those that look back on it.

use records::Reason;

use crate::bench::{Bench, DAY, HOUR, LOGINS, START, TREND, Transaction};

#[test]
fn a_late_event_makes_a_second_revision() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    bench.tasks(bench.logins(Transaction::default(), START, 40, 7), START + 2 * HOUR);
    bench.drain(&mut evaluator);
    bench.tasks(bench.logins(Transaction::default(), START, 41, 21), START + 2 * HOUR);
    bench.drain(&mut evaluator);
    let entries = bench.entries(LOGINS, START);
    let said: Vec<_> =
        entries.iter().map(|entry| (entry.revision, entry.supersedes, entry.reason, entry.outcome.as_str())).collect();
    assert_eq!(said, [(1, None, Reason::PeriodClosed, "green"), (2, Some(1), Reason::LateData, "red")]);
}

/// Starts of the months from October 2025 in Zurich.
fn months() -> Vec<i64> {
    let first = START - HOUR;
    let winter = [-151, -120, -90, -59, -28, 0].map(|days| first + days * DAY);
    // In October summer time still holds, by an hour; April has it again.
    let mut months = winter.to_vec();
    months[0] -= HOUR;
    months.push(first + 31 * DAY - HOUR);
    months.push(first + 61 * DAY - HOUR);
    months
}

#[test]
fn who_looks_back_on_a_corrected_period_is_revised_too() {
    let bench = Bench::new(1);
    let mut evaluator = bench.evaluator();
    let months = months();
    let incidents = |transaction: Transaction, month: usize, count: u64| {
        let span = (months[month], months[month + 1]);
        transaction.measure(bench.construct(TREND), "incidents", span, &["malware"], count).activity(
            "itsm",
            span.1 - DAY,
            span.1 - 1,
            1,
        )
    };
    let all = (0..7).fold(Transaction::default(), |transaction, month| incidents(transaction, month, 6));
    bench.tasks(all, months[7] + 6 * DAY);
    bench.drain(&mut evaluator);
    assert_eq!(bench.entries(TREND, months[4])[0].outcome, "insufficient-history");
    let before = bench.entries(TREND, months[5]);
    assert_eq!((before[0].outcome.as_str(), before[0].value.as_ref().unwrap().to_string()), ("yellow", "1".to_owned()));

    bench.tasks(incidents(Transaction::default(), 1, 0), months[7] + 6 * DAY);
    bench.drain(&mut evaluator);
    let reasons = |month: usize| {
        let entries = bench.entries(TREND, months[month]);
        entries.iter().map(|entry| entry.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(1), [Reason::PeriodClosed, Reason::LateData]);
    for month in [5, 6] {
        assert_eq!(reasons(month), [Reason::PeriodClosed, Reason::HistoryRevised], "month {month}");
        let revised = &bench.entries(TREND, months[month])[1];
        assert_eq!(revised.value.as_ref().unwrap().to_string(), "6/5", "6 over a mean of 5");
    }
    // What has no value yet says the same as before.
    assert_eq!(reasons(4), [Reason::PeriodClosed]);
}

//! The ledger: written once, by one writer, the same however the work was cut.

use std::time::Duration;

use evaluator::EvaluatorError;
use proptest::prelude::*;
use records::ResultRecord;

use crate::bench::{Bench, HOUR, START, Transaction};

fn six_hours(bench: &Bench) {
    for hour in 0..6_u32 {
        let start = START + i64::from(hour) * HOUR;
        let count = u64::from(hour);
        bench.tasks(bench.logins(Transaction::default(), start, 20 + count, 3 * count), start + 2 * HOUR);
    }
}

#[test]
fn a_restart_appends_nothing() {
    let bench = Bench::new(2);
    six_hours(&bench);
    bench.drain(&mut bench.evaluator());
    let ledger = bench.ledger();
    assert!(ledger.len() >= 6, "{}", ledger.len());
    bench.drain(&mut bench.evaluator());
    assert_eq!(bench.ledger(), ledger);
    let hashes: Vec<String> = ledger.iter().map(ResultRecord::hash).collect();
    assert_eq!(ledger[0].previous, "");
    for (entry, before) in ledger.iter().skip(1).zip(&hashes) {
        assert_eq!(&entry.previous, before, "entry {}", entry.sequence);
    }
}

/// A broker shuts out a writer whose transaction took too long, with no other one there. So being shut out once is no
/// proof of another writer; of two writers, it is the older one that is shut out twice first.
#[test]
fn a_writer_that_is_shut_out_takes_over_once_and_of_two_the_older_one_stops() {
    let bench = Bench::new(1);
    let mut older = bench.evaluator();
    let mut newer = bench.evaluator();
    six_hours(&bench);
    bench.drain(&mut newer);
    let ledger = bench.ledger();
    bench.drain(&mut older);
    assert_eq!(bench.ledger(), ledger, "what stands is not appended again");
    let hour = |hour: i64| {
        let start = START + hour * HOUR;
        bench.tasks(bench.logins(Transaction::default(), start, 40, 7), start + 2 * HOUR);
    };
    hour(6);
    bench.drain(&mut older);
    let entries = bench.ledger().len();
    assert!(entries > ledger.len(), "the older one was shut out by the newer one, and took over");
    hour(7);
    bench.drain(&mut newer);
    assert!(bench.ledger().len() > entries, "and so was the newer one by the older one");
    let entries = bench.ledger().len();
    hour(8);
    let fault = (0..1000).find_map(|_| older.step(Duration::ZERO).err()).expect("it is shut out again");
    assert!(matches!(fault, EvaluatorError::Fenced(_)), "{fault}");
    bench.drain(&mut newer);
    assert!(bench.ledger().len() > entries, "the newer one goes on");
}

#[test]
fn a_broken_ledger_is_not_carried_on() {
    let bench = Bench::new(1);
    six_hours(&bench);
    bench.drain(&mut bench.evaluator());
    let mut stray = bench.ledger().remove(2);
    stray.sequence = bench.ledger().len() as u64;
    let record = streaming::OutRecord {
        topic: "vernier.results".into(),
        partition: Some(0),
        key: Some(stray.key()),
        value: Some(records::encode(&stray)),
        ..streaming::OutRecord::default()
    };
    let mut producer = bench.log.producer("somebody").unwrap();
    streaming::transact(producer.as_mut(), vec![record], None).unwrap();
    let fault = bench.try_evaluator().unwrap_err();
    assert!(fault.to_string().contains("does not follow the one before it"), "{fault}");
}

/// What an entry says, its place in the ledger and its lineage left out.
fn said(bench: &Bench) -> Vec<(String, i64, String, String, Option<String>)> {
    let mut said: Vec<_> = bench
        .ledger()
        .into_iter()
        .map(|entry| {
            let group = entry.group_label();
            (entry.construct, entry.period.start.0, group, entry.outcome, entry.value.map(|value| value.to_string()))
        })
        .collect();
    said.sort();
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Records come piecemeal, tasks run ahead of each other, the evaluator is lost and started again: the same
    /// entries, each written once.
    #[test]
    fn entries_are_the_same(
        hours in prop::collection::vec((0_u64..60, 0_u64..60), 1..12),
        steps in prop::collection::vec((0_i32..3, 0_usize..4, any::<bool>()), 0..40),
    ) {
        let part = |bench: &Bench, partition: i32, hour: usize| {
            let (attempts, failed) = hours[hour];
            let start = START + i64::try_from(hour).unwrap() * HOUR;
            // A part of the figures in each partition.
            let share = |whole: u64| whole / 3 + u64::from(u64::try_from(partition).unwrap() < whole % 3);
            let transaction = bench.logins(Transaction::default(), start, share(attempts), share(failed.min(attempts)));
            bench.task(partition, transaction.frontier(start + 90 * 60_000, 3));
        };
        let whole = Bench::new(3);
        for hour in 0..hours.len() {
            (0..3).for_each(|partition| part(&whole, partition, hour));
        }
        whole.drain(&mut whole.evaluator());

        let cut = Bench::new(3);
        let mut evaluator = cut.evaluator();
        let mut next = [0; 3];
        for (partition, count, lost) in &steps {
            let index = usize::try_from(*partition).unwrap();
            for _ in 0..*count {
                if next[index] < hours.len() {
                    part(&cut, *partition, next[index]);
                    next[index] += 1;
                }
            }
            evaluator.step(Duration::ZERO).unwrap();
            if *lost {
                evaluator = cut.evaluator();
            }
        }
        for (partition, next) in (0_i32..).zip(next) {
            (next..hours.len()).for_each(|hour| part(&cut, partition, hour));
        }
        cut.drain(&mut evaluator);
        prop_assert_eq!(said(&cut), said(&whole));
        prop_assert!(cut.ledger().iter().all(|entry| entry.revision == 1));
    }
}

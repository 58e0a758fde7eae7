//! Nothing is stated of a construct whose measures are not whole in every partition.

use measurement::time::Timestamp;
use records::Since;

use crate::bench::{Bench, HOUR, LOGINS, MINUTE, START, TREND, Transaction};

/// An hour of log-ins that is over, told by both partitions' tasks.
fn an_hour(bench: &Bench, start: i64) {
    let told = bench.logins(Transaction::default(), start, 40, 30);
    bench.tasks(told, start + HOUR + 20 * MINUTE);
}

fn building(bench: &Bench, evaluator: &evaluator::Evaluator) -> Option<String> {
    let construct = bench.catalogue.constructs.iter().position(|construct| construct.id == LOGINS).unwrap();
    match evaluator.evaluation().standing(construct) {
        Some(evaluator::decide::Standing::Building(building)) => Some(building.why.clone()),
        Some(evaluator::decide::Standing::From(_)) => None,
        None => panic!("nobody has looked"),
    }
}

/// An evaluator that starts before its aggregator, or beside one of another catalogue, would take what it does not find
/// for zero.
#[test]
fn what_a_partition_knows_nothing_of_is_no_zero() {
    let bench = Bench::without_units(2);
    bench.task(0, Transaction::units(&bench.catalogue));
    let mut evaluator = bench.evaluator();
    an_hour(&bench, START);
    bench.drain(&mut evaluator);
    assert!(bench.ledger().is_empty());
    assert!(!evaluator.view().get().ready, "half of it is not deployed");
    assert!(evaluator.view().get().current.is_empty());
    let why = building(&bench, &evaluator).unwrap();
    assert!(why.contains("partition 1 has no state of `attempts`"), "{why}");
    bench.task(1, Transaction::units(&bench.catalogue));
    an_hour(&bench, START + HOUR);
    bench.drain(&mut evaluator);
    assert!(evaluator.view().get().ready);
    assert_eq!(bench.entries(LOGINS, START).len(), 1);
    assert_eq!(bench.entries(LOGINS, START + HOUR).len(), 1);
}

#[test]
fn two_catalogues_at_once_are_told_and_state_nothing() {
    let bench = Bench::new(2);
    let mut evaluator = bench.evaluator();
    an_hour(&bench, START);
    bench.drain(&mut evaluator);
    let stood = bench.ledger();
    assert_eq!(bench.entries(LOGINS, START).len(), 1);
    // The aggregator of one partition goes back to another definition.
    let known = bench.construct(LOGINS).base.iter().find(|base| base.name == "failed").unwrap().digest.clone();
    let other = Transaction::default().gone(LOGINS, "failed", &known);
    bench.task(1, other.unit(LOGINS, "failed", "another", Since::Beginning));
    an_hour(&bench, START + HOUR);
    bench.drain(&mut evaluator);
    assert_eq!(bench.ledger(), stood);
    let why = building(&bench, &evaluator).unwrap();
    let own = &bench.construct(LOGINS).base.iter().find(|base| base.name == "failed").unwrap().digest;
    assert!(why.contains("partition 1") && why.contains("another") && why.contains(own), "{why}");
    let seen = evaluator.view().get();
    assert!(!seen.ready && seen.building.contains_key(LOGINS));
    assert!(!seen.current.iter().any(|row| row.construct == LOGINS), "no figure is shown");
    assert!(!seen.building.contains_key(TREND), "the others are not concerned");
}

#[test]
fn what_begins_later_is_stated_from_its_first_whole_period() {
    let bench = Bench::new(2);
    let first = START + 2 * HOUR;
    let digest =
        |measure: &str| bench.construct(LOGINS).base.iter().find(|base| base.name == measure).unwrap().digest.clone();
    bench.task(1, Transaction::default().unit(LOGINS, "failed", &digest("failed"), Since::From(Timestamp(first))));
    let mut evaluator = bench.evaluator();
    for hour in 0..4 {
        an_hour(&bench, START + hour * HOUR);
    }
    bench.drain(&mut evaluator);
    assert!(evaluator.view().get().ready, "it is deployed, and has not been measured for long");
    let entries: Vec<usize> = (0..4).map(|hour| bench.entries(LOGINS, START + hour * HOUR).len()).collect();
    assert_eq!(entries, [0, 0, 1, 1]);
}

/// A silence that goes on is told also of what begins in it.
#[test]
fn what_begins_in_a_silence_tells_of_it() {
    let bench = Bench::new(1);
    let first = START + 20 * HOUR;
    let digest = bench.construct(LOGINS).base.iter().find(|base| base.name == "failed").unwrap().digest.clone();
    bench.task(0, Transaction::default().unit(LOGINS, "failed", &digest, Since::From(Timestamp(first))));
    let mut evaluator = bench.evaluator();
    an_hour(&bench, START);
    bench.tasks(Transaction::default(), first + 3 * HOUR);
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty());
    let told = bench.entries(LOGINS, first);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].outcome, "no-data");
}

#[test]
fn what_is_missing_nobody_knows_since_when_is_not_stated() {
    let bench = Bench::new(1);
    let digest = bench.construct(LOGINS).base.iter().find(|base| base.name == "failed").unwrap().digest.clone();
    bench.task(0, Transaction::default().unit(LOGINS, "failed", &digest, Since::Building));
    let mut evaluator = bench.evaluator();
    an_hour(&bench, START);
    bench.drain(&mut evaluator);
    assert!(bench.entries(LOGINS, START).is_empty());
    assert!(evaluator.view().get().ready, "no other catalogue runs");
    let why = building(&bench, &evaluator).unwrap();
    assert!(why.contains("events are missing in `failed`"), "{why}");
}

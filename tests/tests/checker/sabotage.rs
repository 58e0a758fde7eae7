//! Topics that were tampered with, each in one way.

use std::{collections::BTreeSet, time::Duration};

use measurement::time::Timestamp;
use pipeline_tests::{Anomaly, Observer, checker::SourceRecord};
use records::{AggregateKey, DeadLetter, Frontier, Progress, Reason, ResultRecord, decode, encode, headers};
use serde_json::{Value, json};
use streaming::{OutRecord, Record};

use crate::chain::{Chain, PREFIX, again, topics, unwritten};

fn kinds(anomalies: &[Anomaly]) -> BTreeSet<&'static str> {
    anomalies.iter().map(Anomaly::kind).collect()
}

/// Asserts that these kinds of anomaly are found and no others.
fn expect(chain: &Chain, wanted: &[&str]) {
    let found = chain.check();
    assert_eq!(kinds(&found), wanted.iter().copied().collect(), "{:#?}", found.iter().take(5).collect::<Vec<_>>());
}

fn kind_of(record: &Record) -> &[u8] {
    record.headers.iter().find(|(name, _)| name == headers::KIND).map_or(b"", |(_, value)| value)
}

fn newest_frontier(chain: &Chain) -> (Record, Frontier) {
    let records = chain.records(&topics().measures);
    let record = records.into_iter().rfind(|record| record.key.as_deref() == Some(Frontier::KEY)).unwrap();
    let frontier = decode("frontier", record.value.as_deref().unwrap()).unwrap();
    (record, frontier)
}

/// Writes one more frontier, changed.
fn one_more_frontier(chain: &Chain, change: impl FnOnce(&mut Frontier)) {
    let (record, mut frontier) = newest_frontier(chain);
    frontier.transaction += 1;
    change(&mut frontier);
    chain.tamper(OutRecord { value: Some(encode(&frontier)), ..again(&record) });
}

/// Writes the newest aggregate of a measure of events once more, changed.
fn change_aggregate(chain: &Chain, change: impl FnOnce(&mut Value)) {
    let records = chain.records(&topics().measures);
    let of_events = |record: &&Record| {
        let key = decode::<AggregateKey>("aggregate", record.key.as_deref().unwrap());
        key.is_ok_and(|key| key.construct == "identity/hourly" && key.measure == "identity")
    };
    let record = records.iter().rfind(of_events).unwrap();
    let mut value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    change(&mut value);
    chain.tamper(OutRecord { value: Some(value.to_string().into_bytes()), ..again(record) });
}

fn one_more_event(value: &mut Value) {
    value["accumulator"]["n"] = json!(value["accumulator"]["n"].as_u64().unwrap() + 1);
}

/// Appends an entry that follows from the one before it, changed from the newest of its kind.
fn append_entry(chain: &Chain, like: impl Fn(&ResultRecord) -> bool, change: impl FnOnce(&mut ResultRecord)) {
    let records = chain.records(&topics().results);
    let read = |record: &Record| decode::<ResultRecord>("result", record.value.as_deref().unwrap()).unwrap();
    let mut entry = records.iter().rev().map(read).find(like).unwrap();
    let key = (entry.construct.clone(), entry.period.start, entry.group.clone());
    let same = |entry: &ResultRecord| (entry.construct.clone(), entry.period.start, entry.group.clone()) == key;
    let standing = records.iter().rev().map(read).find(same).unwrap().revision;
    let last = records.last().unwrap();
    entry.sequence = read(last).sequence + 1;
    entry.previous = records::result::hash(last.value.as_deref().unwrap());
    (entry.revision, entry.supersedes) = (standing + 1, Some(standing));
    entry.state = records::LedgerState::Revised;
    entry.reason = Reason::LateData;
    change(&mut entry);
    chain.tamper(OutRecord { value: Some(encode(&entry)), ..again(last) });
}

#[test]
fn an_event_or_a_copy_that_stands_twice() {
    for kind in [headers::EVENT, headers::REFERENCE] {
        let chain = Chain::run(10);
        let events = chain.records(&topics().events);
        chain.tamper(again(events.iter().find(|record| kind_of(record) == kind).unwrap()));
        expect(&chain, &["DoublePublished", "NotQuiet"]);
    }
}

#[test]
fn a_dead_letter_that_stands_twice_or_with_other_bytes() {
    let chain = Chain::run(11);
    let letters = chain.records(&topics().dead_letter);
    chain.tamper(again(&letters[0]));
    expect(&chain, &["DoublePublished"]);
    let chain = Chain::run(11);
    chain.tamper(OutRecord { value: Some(b"other bytes".to_vec()), ..again(&letters[0]) });
    let found = chain.check();
    assert!(format!("{found:?}").contains("altered dead letter"), "{found:?}");
}

#[test]
fn an_aggregate_with_an_event_more_or_less_or_another_one() {
    let chain = Chain::run(12);
    change_aggregate(&chain, one_more_event);
    expect(&chain, &["DoubleCounted", "StateWithoutFrontier"]);
    let chain = Chain::run(12);
    change_aggregate(&chain, |value| value["accumulator"]["n"] = json!(0));
    expect(&chain, &["LostEvents", "StateWithoutFrontier"]);
    let chain = Chain::run(12);
    change_aggregate(&chain, |value| value["accumulator"]["state"]["sum"] = json!("17"));
    expect(&chain, &["Swapped", "StateWithoutFrontier"]);
}

#[test]
fn a_changed_aggregate_behind_a_frontier() {
    let chain = Chain::run(13);
    change_aggregate(&chain, one_more_event);
    // Frontiers of all partitions, as if the tasks had written them.
    let records = chain.records(&topics().measures);
    for partition in 0..3 {
        let mut frontiers = records
            .iter()
            .filter(|record| record.partition.partition == partition && record.key.as_deref() == Some(Frontier::KEY));
        let record = frontiers.next_back().unwrap();
        let mut frontier: Frontier = decode("frontier", record.value.as_deref().unwrap()).unwrap();
        frontier.transaction += 1;
        chain.tamper(OutRecord { value: Some(encode(&frontier)), ..again(record) });
    }
    expect(&chain, &["DoubleCounted", "PrefixDiffers", "DigestDiffers"]);
}

#[test]
fn a_frontier_that_goes_back() {
    let chain = Chain::run(14);
    let mut observer = Observer::new(PREFIX);
    observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
    one_more_frontier(&chain, |frontier| frontier.next_offset -= 40);
    assert!(kinds(&chain.check()).contains("FrontierFell"));
    assert_eq!(observer.anomalies(), []);
    observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
    assert_eq!(kinds(observer.anomalies()), BTreeSet::from(["FrontierFell"]));
}

#[test]
fn a_transaction_that_is_counted_wrongly() {
    for number in [0, 2] {
        let chain = Chain::run(15);
        one_more_frontier(&chain, |frontier| frontier.transaction = frontier.transaction - 1 + number);
        expect(&chain, &["TransactionNumber"]);
    }
}

#[test]
fn a_watermark_that_falls_or_runs_ahead() {
    let chain = Chain::run(16);
    one_more_frontier(&chain, |frontier| *frontier.watermarks.get_mut("beta").unwrap() = Timestamp(0));
    let found = kinds(&chain.check());
    assert!(found.contains("WatermarkFell"), "{found:?}");
    let chain = Chain::run(16);
    one_more_frontier(&chain, |frontier| {
        let mark = frontier.watermarks.get_mut("beta").unwrap();
        *mark = mark.plus(1);
    });
    expect(&chain, &["WatermarkAhead"]);
}

#[test]
fn a_progress_record_whose_time_a_wrong_clock_has_moved() {
    let chain = Chain::run(16);
    let records = chain.records(&topics().events);
    let is_first = |record: &&Record| record.partition.partition == 0 && kind_of(record) == headers::PROGRESS;
    let record = records.iter().rfind(is_first).unwrap();
    let mut progress: Progress = decode("progress", record.value.as_deref().unwrap()).unwrap();
    progress.newest = progress.newest.map(|newest| newest.plus(7_200_000));
    chain.tamper(OutRecord { value: Some(encode(&progress)), ..again(record) });
    expect(&chain, &["WrongClockBelieved"]);
}

#[test]
fn a_frontier_with_another_digest_or_other_numbers() {
    let chain = Chain::run(17);
    one_more_frontier(&chain, |frontier| frontier.digest = "0".repeat(32));
    expect(&chain, &["DigestDiffers"]);
    let chain = Chain::run(17);
    one_more_frontier(&chain, |frontier| frontier.accounting.get_mut("alpha").unwrap().used += 1);
    expect(&chain, &["Conservation"]);
    let chain = Chain::run(17);
    one_more_frontier(&chain, |frontier| frontier.next_offset += 1000);
    assert!(kinds(&chain.check()).contains("CoveredBeyondFrontier"));
}

#[test]
fn a_row_that_a_stranger_has_removed() {
    let chain = Chain::run(18);
    let rows = chain.records(&topics().populations);
    chain.tamper(OutRecord { value: None, ..again(&rows[0]) });
    expect(&chain, &["StateWithoutFrontier"]);
}

#[test]
fn a_late_event_that_is_reported_twice_or_wrongly() {
    let chain = Chain::run(19);
    let late = chain.records(&topics().late);
    chain.tamper(again(&late[0]));
    expect(&chain, &["LateTwice"]);
    let chain = Chain::run(19);
    let mut value: Value = serde_json::from_slice(late[0].value.as_deref().unwrap()).unwrap();
    value["offset"] = json!(0);
    chain.tamper(OutRecord { value: Some(value.to_string().into_bytes()), ..again(&late[0]) });
    expect(&chain, &["LateDiffers"]);
}

#[test]
fn a_ledger_that_does_not_follow_from_itself() {
    let chain = Chain::run(20);
    let mut observer = Observer::new(PREFIX);
    observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
    chain.tamper(again(chain.records(&topics().results).last().unwrap()));
    expect(&chain, &["LedgerBroken"]);
    observer.poll(chain.log.as_ref(), Duration::ZERO).unwrap();
    assert_eq!(kinds(observer.anomalies()), BTreeSet::from(["LedgerBroken"]));
    let chain = Chain::run(20);
    append_entry(&chain, |_| true, |entry| entry.revision += 1);
    expect(&chain, &["LedgerBroken"]);
}

#[test]
fn a_ledger_that_says_something_else() {
    for construct in ["identity/hourly", "identity/cases"] {
        let chain = Chain::run(21);
        let is_of = |entry: &ResultRecord| entry.construct == construct && !entry.base.is_empty();
        append_entry(&chain, is_of, |entry| {
            let value = entry.base.values_mut().find(|value| value.value.is_some()).unwrap();
            value.value = Some(value.value.clone().unwrap().add(&1_u64.into()));
            value.n += 1000;
        });
        expect(&chain, &["LedgerDiffers"]);
    }
}

#[test]
fn an_entry_that_closes_too_early() {
    let is_hourly = |entry: &ResultRecord| entry.construct == "identity/hourly" && !entry.base.is_empty();
    let chain = Chain::run(22);
    append_entry(&chain, is_hourly, |entry| {
        entry.reason = Reason::PeriodClosed;
        entry.watermark = entry.period.end;
    });
    expect(&chain, &["ClosedTooEarly"]);
    let chain = Chain::run(22);
    append_entry(&chain, is_hourly, |entry| entry.watermark = entry.watermark.plus(3_600_000));
    expect(&chain, &["ClosedTooEarly"]);
    let chain = Chain::run(22);
    let is_filled = |entry: &ResultRecord| is_hourly(entry) && entry.base["events"].n > 3;
    append_entry(&chain, is_filled, |entry| entry.base.get_mut("events").unwrap().n -= 1);
    expect(&chain, &["ClosedTooEarly", "LedgerDiffers"]);
}

#[test]
fn an_input_with_a_record_less_or_more() {
    let chain = Chain::run(23);
    let mut input = chain.input();
    let event = input.records.iter().rposition(|record| {
        let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
        value.starts_with("{\"class_uid\":3002,\"activity_id\":1,\"time\":1")
    });
    let removed = input.records.remove(event.unwrap());
    let found = kinds(&chain.check_with(&input));
    assert!(found.contains("DoublePublished") && found.contains("DoubleCounted"), "{found:?}");
    let mut input = chain.input();
    let text = String::from_utf8(removed.value.clone().unwrap()).unwrap().replace("\"e-23-", "\"f-23-");
    input.records.push(unwritten(&removed, &text));
    let found = kinds(&chain.check_with(&input));
    assert!(found.contains("LostRecord") && found.contains("LostEvents"), "{found:?}");
    // In the middle of the others it came in time, and the first entry on its period lacks it.
    let mut input = chain.input();
    let middle = input.records.iter().position(|record| *record == removed).unwrap();
    input.records.insert(middle, SourceRecord { value: Some(text.into_bytes()), ..removed.clone() });
    let found = kinds(&chain.check_with(&input));
    assert!(found.contains("LostEvents") && found.contains("ClosedTooEarly"), "{found:?}");
    let mut input = chain.input();
    input.records.push(unwritten(&removed, "{not json"));
    assert_eq!(kinds(&chain.check_with(&input)), BTreeSet::from(["LostRecord", "NotQuiet"]));
}

#[test]
fn a_period_that_should_be_closed_and_is_not() {
    let chain = Chain::run(24);
    let later = chain.load.closed_to().unwrap().plus(7_200_000);
    let found = chain.checker().check_final(chain.log.as_ref(), &chain.input(), later).unwrap();
    assert_eq!(kinds(&found), BTreeSet::from(["NotClosed"]), "{found:?}");
}

#[test]
fn a_source_record_that_nobody_has_read() {
    let mut chain = Chain::run(25);
    let sent = chain.load.closing(1000).remove(0);
    chain.tamper(sent.to_record("lab.raw.alpha"));
    assert_eq!(kinds(&chain.check()), BTreeSet::from(["LostRecord", "NotQuiet"]));
}

/// The engine keeps it aside and says so; what is wrong is that it stands there at all.
#[test]
fn another_event_of_a_known_identity() {
    let mut chain = Chain::run(26);
    let events = chain.records(&topics().events);
    let event = events.iter().find(|record| kind_of(record) == headers::EVENT).unwrap();
    let text = String::from_utf8(event.value.clone().unwrap()).unwrap();
    let other = text.replace("\"severity_id\":1", "\"severity_id\":2");
    assert_ne!(other, text);
    chain.tamper(OutRecord { value: Some(other.into_bytes()), ..again(event) });
    chain.feed(10);
    expect(&chain, &["DoublePublished"]);
    let letters = chain.records(&topics().dead_letter);
    let told = |record: &&Record| {
        let reason = (DeadLetter::REASON.to_owned(), DeadLetter::IDENTITY_CONFLICT.as_bytes().to_vec());
        record.headers.contains(&reason)
    };
    assert_eq!(letters.iter().filter(told).count(), 1);
    let found = chain.check().len();
    chain.tamper(again(letters.iter().find(told).unwrap()));
    assert_eq!(chain.check().len(), found + 1, "a letter more than there are conflicts is found");
}

/// Every element of a source record is told once.
#[test]
fn an_intake_record_that_stands_twice_or_tells_of_more_than_was_sent() {
    let chain = Chain::run(27);
    let events = chain.records(&topics().events);
    let intake = events.iter().find(|record| kind_of(record) == headers::INTAKE).unwrap();
    chain.tamper(again(intake));
    expect(&chain, &["DoublePublished", "NotQuiet"]);
    let mut chain = Chain::run(27);
    chain.tamper(again(intake));
    chain.feed(10);
    expect(&chain, &["DoublePublished"]);
    let chain = Chain::run(27);
    let mut input = chain.input();
    let first = input.records[0].clone();
    input.records.push(unwritten(&first, "[]"));
    assert!(kinds(&chain.check_with(&input)).contains("LostRecord"));
}

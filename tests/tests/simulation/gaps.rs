//! Records that are gone before they were read: nobody goes on as if nothing were missing.

use std::{sync::Arc, time::Duration};

use measurement::time::Timestamp;
use pipeline_tests::{
    Load,
    load::TOPICS,
    sim::{Faults, SimLog, catalogue},
};
use records::Topics;
use streaming::{Cleanup, Log, OutRecord, Runner, Stage, TopicPartition, TopicSpec};

const START: Timestamp = Timestamp(1_772_481_600_000);

fn spec(topic: &str) -> TopicSpec {
    let cleanup = Cleanup::Delete;
    TopicSpec { name: topic.to_owned(), partitions: 1, replication_factor: 1, cleanup, configs: [].into() }
}

/// A log with ten records of each source that ingest has read.
fn read_once() -> SimLog {
    let log = SimLog::new(1, START, Faults::NONE);
    let topics = service::topics::ours(&Topics::default(), 1, 1);
    for spec in topics.iter().chain(&TOPICS.map(spec)) {
        log.create(spec).unwrap();
    }
    write(&log, 10);
    assert_eq!(ingest_until_it_ends(&log), None);
    for topic in TOPICS {
        assert_eq!(log.committed("vernier-ingest", &TopicPartition::new(topic, 0)), Some(10));
    }
    log
}

fn write(log: &SimLog, count: usize) {
    let mut load = Load::new(1, START).partitions(1);
    for topic in TOPICS {
        for sent in load.batch(count) {
            log.append(OutRecord { partition: Some(0), ..sent.to_record(topic) });
        }
    }
}

/// Runs a service for a simulated minute. Gives why it ended, if it did.
fn until_it_ends<S: Stage>(log: &SimLog, mut runner: Runner<S>) -> Option<String> {
    for _ in 0..1000 {
        log.pass(60);
        if let Err(fault) = runner.advance(Duration::ZERO) {
            return Some(fault.to_string());
        }
    }
    runner.commit().err().map(|fault| fault.to_string())
}

fn ingest_until_it_ends(log: &SimLog) -> Option<String> {
    let client: Arc<dyn Log> = Arc::new(log.client(1, "ingest"));
    let (runner, _) = ingest::start(client, &catalogue(), &ingest::Options::default(), log.clock()).unwrap();
    until_it_ends(log, runner)
}

#[test]
fn retention_that_has_passed_what_was_not_read_is_named() {
    let log = read_once();
    write(&log, 10);
    log.delete_before(&TopicPartition::new(TOPICS[0], 0), 15);
    let why = ingest_until_it_ends(&log).expect("it ends");
    assert!(why.contains("the records from offset 10 up to 15 are gone, at most 5 of them"), "{why}");
}

#[test]
fn a_topic_that_was_created_anew_is_named_and_the_others_are_read() {
    let log = read_once();
    log.recreate(&spec(TOPICS[0]));
    write(&log, 5);
    let client: Arc<dyn Log> = Arc::new(log.client(1, "ingest"));
    let (runner, stats) = ingest::start(client, &catalogue(), &ingest::Options::default(), log.clock()).unwrap();
    assert_eq!(until_it_ends(&log, runner), None);
    let waiting: Vec<String> =
        stats.waiting().topics().into_iter().filter(|(.., waits)| *waits).map(|(_, topic, _)| topic).collect();
    assert_eq!(waiting, [TOPICS[0]]);
    for topic in TOPICS {
        let offset = if topic == TOPICS[0] { 10 } else { 15 };
        assert_eq!(log.committed("vernier-ingest", &TopicPartition::new(topic, 0)), Some(offset), "{topic}");
    }
}

fn aggregator_until_it_ends(log: &SimLog) -> Option<String> {
    let client: Arc<dyn Log> = Arc::new(log.client(2, "aggregator"));
    let (runner, _) = aggregator::start(client, catalogue(), &aggregator::Options::default(), log.clock()).unwrap();
    until_it_ends(log, runner)
}

#[test]
fn state_that_cannot_be_built_anew_is_named_with_its_periods() {
    let log = read_once();
    assert_eq!(aggregator_until_it_ends(&log), None);
    let topics = Topics::default();
    log.delete_before(&TopicPartition::new(&topics.events, 0), 3);
    assert_eq!(aggregator_until_it_ends(&log), None, "state that stands needs no events");
    log.append(OutRecord {
        topic: topics.populations.as_str().into(),
        partition: Some(0),
        key: Some(br#"["row","people","nobody"]"#.to_vec()),
        value: Some(b"scribble".to_vec()),
        ..OutRecord::default()
    });
    let why = aggregator_until_it_ends(&log).expect("it ends");
    for part in [
        "vernier.events",
        "state and frontier differ",
        "the periods from 2026-03-0",
        "built anew from offset 0, but the records up to 3 are gone",
        "log-gap",
    ] {
        assert!(why.contains(part), "{part} in {why}");
    }
}

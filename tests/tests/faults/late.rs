//! A commit that was held back arrives within a later transaction, after librdkafka has repeated it on its own: the
//! protocol that it speaks does not tell the two apart (confluentinc/librdkafka #5423).

use std::{collections::BTreeMap, thread, time::Duration};

use pipeline_tests::{
    Cluster,
    proxy::{Held, Point, Silence, hold, point::Call, stop_at, watch},
};
use streaming::{
    Cleanup, Log as _, OutRecord, TopicPartition, TopicSpec,
    kafka::{KafkaConfig, KafkaLog},
};

use crate::{
    chance::seed,
    run::{PATIENCE, Run},
};

/// Delivers a commit; Kafka's error code in the answer.
fn deliver(held: Held) -> i16 {
    let answer = held.release().expect("the broker answers");
    // The number of the request, the time to wait, the error.
    let code = answer.get(8..10).and_then(|code| code.try_into().ok()).map_or(0, i16::from_be_bytes);
    eprintln!("the late commit was answered with error {code}");
    code
}

/// The producer itself: whoever goes on with a new one of the same name after a commit that was repeated, as the
/// protocol does, writes in another epoch, and nothing late can land there.
fn a_new_producer_is_safe(name: &str, silence: Silence) {
    let cluster = Cluster::shared();
    let at = TopicPartition::new(name, 0);
    let spec = TopicSpec {
        name: name.to_owned(),
        partitions: 1,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        configs: BTreeMap::new(),
    };
    cluster.log().create(&spec).unwrap();
    let log = KafkaLog::new(KafkaConfig { bootstrap_servers: cluster.proxied_servers(), properties: BTreeMap::new() });
    let record = |value: &str| OutRecord {
        topic: name.into(),
        partition: Some(0),
        value: Some(value.into()),
        ..OutRecord::default()
    };
    let mut producer = log.producer(name).unwrap();
    let held = hold(cluster.proxies(), Point::before(Call::EndTxn).of(name), silence);
    producer.begin().unwrap();
    producer.send(record("first")).unwrap();
    let outcome = producer.commit();
    held.wait(Duration::ZERO);
    if outcome.is_ok() {
        assert_ne!(producer.repeats().unwrap(), 0, "the client has repeated the commit, and nobody is told");
    }
    drop(producer);

    let mut producer = log.producer(name).unwrap();
    producer.begin().unwrap();
    producer.send(record("second, of which a half")).unwrap();
    let stop = stop_at(cluster.proxies(), Point::before(Call::EndTxn).of(name));
    thread::scope(|scope| {
        let commit = scope.spawn(|| producer.commit());
        stop.wait(PATIENCE);
        assert_ne!(deliver(held), 0, "a late commit of another epoch was taken");
        stop.pass();
        commit.join().unwrap().unwrap();
    });
    let mut values = Vec::new();
    streaming::log::read_to_end(cluster.log().as_ref(), &at, PATIENCE, &mut |record| {
        values.push(String::from_utf8_lossy(record.value().unwrap_or_default()).into_owned());
    })
    .unwrap();
    // Whether the first one stands is what the caller was told, or was told to be unknown.
    let both = values == ["first", "second, of which a half"];
    let second_alone = values == ["second, of which a half"];
    assert!(both || (outcome.is_err() && second_alone), "{outcome:?}, and {values:?} stand");
}

#[test]
fn a_commit_repeated_after_a_cut_cannot_end_a_transaction_of_a_new_producer() {
    a_new_producer_is_safe("late-cut", Silence::Cut);
}

#[test]
fn a_commit_repeated_after_a_silence_cannot_end_a_transaction_of_a_new_producer() {
    a_new_producer_is_safe("late-silent", Silence::Silent);
}

/// Services at work: the late commit comes after records of a later transaction, and before its offsets.
fn services_stay_exact(name: &str, silence: Silence) {
    let run = Run::new(Cluster::shared(), name, seed());
    let instances = run.start_all();
    run.wait_for_progress();
    for (service, amid) in [
        ("ingest", Point::before(Call::AddOffsetsToTxn)),
        ("aggregator", Point::before(Call::AddOffsetsToTxn)),
        ("evaluator", Point::after(Call::Produce)),
    ] {
        let proxies = run.cluster.proxies();
        let id = run.id(service);
        let held = hold(proxies, Point::before(Call::EndTxn).of(id.as_str()), silence);
        held.wait(PATIENCE);
        watch(proxies, Point::after(Call::AddPartitionsToTxn).of(id.as_str())).wait(PATIENCE);
        let stop = stop_at(proxies, amid.of(id.as_str()));
        stop.wait(PATIENCE);
        deliver(held);
        stop.pass();
        run.wait_for_progress();
    }
    run.finish(instances);
}

#[test]
fn services_stay_exact_when_late_commits_come_from_connections_that_were_cut() {
    services_stay_exact("late-cuts", Silence::Cut);
}

#[test]
fn services_stay_exact_when_late_commits_come_from_connections_that_were_silent() {
    services_stay_exact("late-silence", Silence::Silent);
}

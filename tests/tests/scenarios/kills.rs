//! kill -9 at moments in the middle of the work, and the same results.

use std::time::Duration;

use pipeline_tests::{Cluster, Deployment, Service, until};
use records::headers;
use streaming::{Log, TopicPartition};

use crate::truth::{organisation, records, replayed, wait_for_truth};

/// Waits until a topic has grown by some records.
fn wait_for_growth(deployment: &Deployment, topic: &str, before: i64, by: i64) {
    until(&format!("{topic} to grow by {by}"), Duration::from_secs(90), || {
        let grown = deployment.growth(topic) - before;
        if grown >= by { Ok(()) } else { Err(format!("grown by {grown}")) }
    });
}

/// Events under their primary key on a log.
fn events(log: &dyn Log, topic: &str) -> u64 {
    let mut count = 0;
    for partition in 0..log.partitions(topic).unwrap() {
        let at = TopicPartition::new(topic, partition);
        streaming::log::read_to_end(log, &at, Duration::from_secs(30), &mut |record| {
            count += u64::from(record.header(headers::KIND) == Some(headers::EVENT));
        })
        .unwrap();
    }
    count
}

#[test]
fn each_service_is_killed_in_mid_run_and_results_stay_exact() {
    // No source may count as idle while its next part is held back.
    let deployment = Deployment::idle_after(Cluster::shared(), "kills", "PT30M");
    let organisation = organisation();
    let topics = deployment.topics();
    let mut running: Vec<(&str, String, i64, Option<Service>)> = vec![
        ("ingest", topics.events.clone(), 2_000, Some(deployment.start("ingest"))),
        ("aggregator", topics.measures.clone(), 100, Some(deployment.start("aggregator"))),
        ("evaluator", topics.results.clone(), 100, Some(deployment.start("evaluator"))),
    ];
    let records: Vec<(&str, Vec<u8>)> = records(&organisation).collect();
    let mut parts = records.chunks(records.len().div_ceil(2 * running.len()));
    for _round in 0..2 {
        for (name, topic, step, service) in &mut running {
            let before = deployment.growth(topic);
            deployment.write(parts.next().expect("a part for each kill").to_vec());
            wait_for_growth(&deployment, topic, before, *step);
            service.take().expect("it runs").kill();
            *service = Some(deployment.start(name));
        }
    }
    assert!(parts.next().is_none(), "everything was written");
    wait_for_truth(&deployment, &organisation);

    // The aggregator forgets duplicates; that ingest makes none is seen before it.
    let chain = replayed(&organisation);
    // A replay forgets records once they are read, and keeps the counts.
    let without: u64 = chain.counted().counts().map(|(_, tally)| tally.events).sum();
    assert_eq!(events(deployment.log(), &topics.events), without, "events published with kills and without");
    for (_, _, _, service) in running {
        service.expect("it runs").stop();
    }
}

#[test]
fn of_two_aggregators_one_dies_for_good_and_results_stay_exact() {
    let deployment = Deployment::new(Cluster::shared(), "handover");
    let organisation = organisation();
    let first = deployment.start_instance("aggregator", 0);
    let second = deployment.start_instance("aggregator", 1);
    for service in [&first, &second] {
        until("both aggregators to own partitions", Duration::from_mins(1), || {
            let (status, body) = service.get("/readyz")?;
            if status == 200 { Ok(()) } else { Err(body) }
        });
    }
    deployment.write(records(&organisation));
    let ingest = deployment.start("ingest");
    let evaluator = deployment.start("evaluator");
    wait_for_growth(&deployment, &deployment.topics().measures, 0, 500);
    second.kill();
    wait_for_truth(&deployment, &organisation);
    for service in [ingest, first, evaluator] {
        service.stop();
    }
}

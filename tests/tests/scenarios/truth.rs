//! Planted truth = results on Kafka = results on the embedded log = replay of the same files.

use std::time::Duration;

use measurement::{catalogue::Catalogue, time::Timestamp};
use pipeline_tests::{Cluster, Deployment, Folder, answers, deployment::schemas, until};
use vernier::{
    chain::Chain,
    generate::{self, Organisation, render, truth},
    replay, results,
};

pub(crate) const END: &str = "2026-11-01T00:00:00Z";
pub(crate) const SCALE: f64 = 0.05;

pub(crate) fn organisation() -> Organisation {
    Organisation::plant(7, Timestamp::parse(END).unwrap(), 15, SCALE)
}

pub(crate) fn records(organisation: &Organisation) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    render::records(organisation).into_iter().map(|raw| (raw.topic, raw.bytes))
}

/// Waits until the ledger says what is true, to the last digit.
pub(crate) fn wait_for_truth(deployment: &Deployment, organisation: &Organisation) {
    let truth = truth::answers(organisation);
    assert!(truth.len() > 5_000, "a truth of {} answers proves little", truth.len());
    until("the truth", Duration::from_mins(4), || {
        let lines = answers::differences(&truth, &deployment.try_results()?);
        if lines.is_empty() {
            return Ok(());
        }
        Err(format!("{} differences: {}", lines.len(), lines.iter().take(5).cloned().collect::<Vec<_>>().join("\n")))
    });
}

/// A replay of the organisation's files on the embedded log.
pub(crate) fn replayed(organisation: &Organisation) -> Chain {
    let folder = Folder::new();
    generate::write(folder.path(), organisation, 7, SCALE).unwrap();
    let catalogue = Catalogue::load(&schemas()).unwrap();
    let files = replay::topic_files(folder.path(), &catalogue).unwrap();
    let end = Timestamp::parse(END).unwrap();
    replay::replay(catalogue, &files, Some(end), service::clock::now()).unwrap()
}

#[test]
fn truth_is_what_kafka_and_the_embedded_log_and_a_replay_give() {
    let organisation = organisation();
    let deployment = Deployment::new(Cluster::shared(), "truth");
    // The history lies there first: a source that was silent for a while has told that nothing older comes.
    deployment.write(records(&organisation));
    let services = ["ingest", "aggregator", "evaluator"].map(|service| deployment.start(service));
    wait_for_truth(&deployment, &organisation);
    for service in services {
        service.stop();
    }
    let on_kafka = deployment.results();

    let chain = replayed(&organisation);
    let replayed = results::newest(results::entries(chain.log(), &chain.topics().results).unwrap(), false);
    let lines = answers::differences(&truth::answers(&organisation), &replayed);
    assert!(lines.is_empty(), "{} differences: {:?}", lines.len(), lines.first());

    let end = Timestamp::parse(END).unwrap();
    // Beyond the true answers, too, both ways say the same about every period that both have closed.
    let replayed = answers::sayings(&replayed, end.minus(24 * 3_600_000).0);
    let on_kafka = answers::sayings(&on_kafka, i64::MAX);
    let different: Vec<_> = replayed
        .iter()
        .map(|(key, said)| (key, said, on_kafka.get(key)))
        .filter(|(_, said, other)| *other != Some(*said))
        .collect();
    assert!(different.is_empty(), "{} differ: {:?}", different.len(), different.first());
}

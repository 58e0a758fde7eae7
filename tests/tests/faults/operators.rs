//! What operators do: a name given twice, partitions added, retention shorter than an outage.

use std::fs;

use pipeline_tests::{Cluster, until};
use streaming::{Log as _, TopicPartition};

use crate::{
    chance::seed,
    run::{Instance, PATIENCE, Run, SERVICES},
};

#[test]
fn of_two_processes_of_one_name_the_older_one_ends_and_says_so() {
    let run = Run::new(Cluster::shared(), "hijack", seed());
    let mut instances = run.start_all();
    run.wait_for_progress();
    for (instance, service) in instances.iter_mut().zip(SERVICES) {
        let mut second = run.instance(service, 0);
        second.spawn();
        let first = std::mem::replace(instance, second).take();
        assert_eq!(first.wait(PATIENCE), 77, "exit code of the older {service}: {}", first.output());
        let output = first.output();
        let told = output.lines().any(|line| line.starts_with("vernier-") && line.contains("fenced"));
        assert!(told, "{service} does not say why: {output}");
        run.wait_for_progress();
    }
    run.finish(instances);
}

#[test]
fn partitions_added_while_services_run_move_no_key_and_a_restart_is_refused() {
    let run = Run::new(Cluster::shared(), "grown", seed());
    let mut instances = run.start_all();
    run.wait_for_progress();
    let events = run.deployment.topics().events;
    run.cluster.tool("org.apache.kafka.tools.TopicCommand", &["--alter", "--topic", &events, "--partitions", "4"]);
    until("the new partition to be there", PATIENCE, || match run.cluster.log().partitions(&events) {
        Ok(4) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    run.wait_for_progress();
    run.wait_for_progress();
    let new = run.cluster.log().end_offset(&TopicPartition::new(&events, 3)).unwrap();
    assert_eq!(new, 0, "records went to a partition whose keys are elsewhere");
    for instance in &mut instances {
        instance.stop();
        let output = refused(instance);
        let wanted = format!("{events}: partitions is 4, must be 3");
        assert!(output.contains(&wanted), "`{wanted}` is not in: {output}");
    }
    // The checker goes by the partitions of now; results were made when there were three.
    run.abandon(|anomaly| anomaly.to_string().contains("it covers nothing of partition 3"));
}

/// Starts an instance, which must refuse to work; what it says.
fn refused(instance: &mut Instance) -> String {
    let before = instance.output_so_far();
    instance.spawn();
    let process = instance.take();
    let code = process.wait(PATIENCE);
    let output = process.output().get(before..).unwrap_or_default().to_owned();
    assert_ne!(code, 0, "{} ended as if all were well: {output}", instance.service);
    output
}

#[test]
fn ingest_refuses_to_skip_what_retention_has_taken_and_names_it() {
    let run = Run::new(Cluster::shared(), "retention", seed());
    let mut instances = run.start_all();
    run.wait_for_progress();
    let mut ingest = instances.remove(0);
    ingest.stop();
    let log = run.cluster.log();
    let at = TopicPartition::new(&run.deployment.source_topic("raw.alpha"), 1);
    let stopped_at = log.end_offset(&at).unwrap();
    until("more to be written", PATIENCE, || {
        let end = log.end_offset(&at).map_err(|fault| fault.to_string())?;
        if end > stopped_at + 20 { Ok(()) } else { Err(format!("{end} after {stopped_at}")) }
    });
    let file = run.deployment.folder().join("delete.json");
    let (topic, partition) = (&at.topic, at.partition);
    fs::write(
        &file,
        format!(
            "{{\"version\":1,\"partitions\":[{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":{}}}]}}",
            stopped_at + 20
        ),
    )
    .unwrap();
    let file = file.display().to_string();
    run.cluster.tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]);
    let first = log.first_offset(&at).unwrap();
    assert!(first > stopped_at, "{first} is the first offset; ingest was stopped at {stopped_at} at the latest");
    let output = refused(&mut ingest);
    let last = output.lines().last().unwrap_or_default();
    for part in [at.to_string(), first.to_string()] {
        assert!(last.contains(&part), "`{part}` is not in: {last}");
    }
    run.abandon(|_| false);
}

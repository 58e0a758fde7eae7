//! kill -9 of each service at each named point of the protocol.

use std::thread;

use pipeline_tests::{
    Cluster,
    proxy::{Point, point::Call, stop_at},
    until,
};

use crate::{
    chance::seed,
    run::{Instance, PATIENCE, Run, SERVICES},
};

/// Calls of a member of a group, in the order in which a process makes them first.
const OF_MEMBERS: &[Call] = &[
    Call::InitProducerId,
    Call::JoinGroup,
    Call::SyncGroup,
    Call::OffsetFetch,
    Call::AddPartitionsToTxn,
    Call::Produce,
    Call::AddOffsetsToTxn,
    Call::TxnOffsetCommit,
    Call::EndTxn,
];

/// Calls of the evaluator, which is alone: it joins no group, and its results say how far it has come.
const OF_EVALUATOR: &[Call] = &[Call::InitProducerId, Call::AddPartitionsToTxn, Call::Produce, Call::EndTxn];

#[test]
fn each_service_is_killed_at_each_point_of_the_protocol_and_nothing_is_lost_or_counted_twice() {
    let seed = seed();
    eprintln!("VERNIER_FAULT_SEED={seed}");
    let run = Run::new(Cluster::shared(), "points", seed);
    let instances = thread::scope(|scope| {
        let of_service = |service| {
            let run = &run;
            scope.spawn(move || {
                let mut instance = run.instance(service, 0);
                let killed = |instance: &mut Instance, point| {
                    let stop = stop_at(run.cluster.proxies(), point);
                    instance.spawn();
                    stop.wait(PATIENCE);
                    instance.kill();
                };
                let id = run.id(service);
                for call in calls(service) {
                    for point in [Point::before(*call), Point::after(*call)] {
                        killed(&mut instance, point.of(id.as_str()));
                    }
                }
                for topic in changelogs(run, service) {
                    // What was never committed is not read back.
                    instance.spawn();
                    until("something to be read back", PATIENCE, || match run.deployment.growth(&topic) {
                        0 => Err(format!("nothing is in {topic}")),
                        _ => Ok(()),
                    });
                    instance.kill();
                    let id = run.cluster.topic_id(&topic);
                    for point in [Point::before(Call::Fetch), Point::after(Call::Fetch)] {
                        killed(&mut instance, point.of(id));
                    }
                }
                instance.spawn();
                instance
            })
        };
        SERVICES.map(of_service).map(|thread| thread.join().expect("a service at its points")).into()
    });
    run.finish(instances);
}

fn calls(service: &str) -> &'static [Call] {
    if service == "evaluator" { OF_EVALUATOR } else { OF_MEMBERS }
}

/// What a service reads back of what it wrote: its state, or its own results.
fn changelogs(run: &Run<'_>, service: &str) -> Vec<String> {
    let topics = run.deployment.topics();
    match service {
        "ingest" => Vec::new(),
        "aggregator" => vec![topics.measures, topics.populations],
        _ => vec![topics.results],
    }
}

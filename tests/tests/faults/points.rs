//! kill -9 of each service at each named point of the protocol.

use std::thread;

use pipeline_tests::{
    Cluster,
    proxy::{Point, point::Call, stop_at},
};

use crate::{
    chance::seed,
    run::{PATIENCE, Run, SERVICES},
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
                for point in points(run, service) {
                    let stop = stop_at(run.cluster.proxies(), point);
                    instance.spawn();
                    stop.wait(PATIENCE);
                    instance.kill();
                }
                instance.spawn();
                instance
            })
        };
        SERVICES.map(of_service).map(|thread| thread.join().expect("a service at its points")).into()
    });
    run.finish(instances);
}

fn points(run: &Run<'_>, service: &str) -> Vec<Point> {
    let id = run.id(service);
    // What a service reads back of what it wrote: its state, or its own results.
    let topics = run.deployment.topics();
    let (calls, changelogs) = match service {
        "ingest" => (OF_MEMBERS, Vec::new()),
        "aggregator" => (OF_MEMBERS, vec![topics.measures, topics.populations]),
        _ => (OF_EVALUATOR, vec![topics.results]),
    };
    let both = |call: Call, name: &[u8]| [Point::before(call), Point::after(call)].map(|point| point.of(name));
    let mut points: Vec<Point> = calls.iter().flat_map(|call| both(*call, id.as_bytes())).collect();
    for topic in changelogs {
        points.extend(both(Call::Fetch, &run.cluster.topic_id(&topic)));
    }
    points
}

//! Services that are frozen for longer than their session, and go on as if nothing had been.

use pipeline_tests::{
    Cluster,
    proxy::{Point, point::Call, stop_at, watch},
};

use crate::{
    chance::seed,
    run::{Instance, PATIENCE, Run},
};

/// Services whose work another instance takes over.
const SHARED_WORK: [&str; 2] = ["ingest", "aggregator"];

/// Starts the second instances and waits until they have committed what was the first ones' to do.
fn taken_over(run: &Run<'_>) -> Vec<Instance> {
    let committed = SHARED_WORK
        .map(|service| watch(run.cluster.proxies(), Point::after(Call::EndTxn).of(format!("{}-1", run.id(service)))));
    let others = SHARED_WORK.map(|service| run.start(service, 1)).into();
    for commit in committed {
        commit.wait(PATIENCE);
    }
    others
}

#[test]
fn frozen_services_come_back_after_others_have_taken_over() {
    let run = Run::new(Cluster::shared(), "frozen", seed());
    let mut instances = run.start_all();
    run.wait_for_progress();
    for instance in &instances[..2] {
        instance.process().signal("STOP");
    }
    let others = taken_over(&run);
    run.wait_for_progress();
    for instance in &instances[..2] {
        instance.process().signal("CONT");
    }
    run.wait_for_progress();
    instances.extend(others);
    run.finish(instances);
}

#[test]
fn services_frozen_within_a_transaction_have_their_late_offsets_refused() {
    let run = Run::new(Cluster::shared(), "amid", seed());
    let mut instances = run.start_all();
    run.wait_for_progress();
    let stops = SHARED_WORK.map(|service| {
        stop_at(run.cluster.proxies(), Point::before(Call::TxnOffsetCommit).of(format!("{}-0", run.id(service))))
    });
    for (stop, instance) in stops.iter().zip(&instances) {
        stop.wait(PATIENCE);
        instance.process().signal("STOP");
    }
    let others = taken_over(&run);
    // Their offsets arrive now, of a membership that is over.
    for stop in stops {
        stop.pass();
    }
    for instance in &instances[..2] {
        instance.process().signal("CONT");
    }
    run.wait_for_progress();
    instances.extend(others);
    run.finish(instances);
}

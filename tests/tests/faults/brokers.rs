//! Brokers that end, die and freeze, and come back with their data, under load.

use std::time::Duration;

use pipeline_tests::Cluster;

use crate::{
    chance::seed,
    run::{Run, lasts},
};

/// Longer than the session of a broker with its controller.
const FROZEN: Duration = Duration::from_secs(8);

#[test]
fn the_only_broker_ends_dies_and_freezes_and_nothing_is_lost_or_counted_twice() {
    let cluster = Cluster::start(1);
    let run = Run::new(&cluster, "broker", seed());
    let instances = run.start_all();
    run.wait_for_progress();
    cluster.stop_broker(0);
    cluster.start_broker(0);
    run.wait_for_progress();
    cluster.kill_broker(0);
    cluster.start_broker(0);
    run.wait_for_progress();
    cluster.freeze_broker(0);
    lasts(FROZEN);
    cluster.thaw_broker(0);
    run.wait_for_progress();
    run.finish(instances);
}

#[test]
fn of_three_brokers_each_dies_and_freezes_in_turn_and_nothing_is_lost_or_counted_twice() {
    let cluster = Cluster::start(3);
    let run = Run::new(&cluster, "three", seed());
    let instances = run.start_all();
    run.wait_for_progress();
    for broker in 0..3 {
        cluster.kill_broker(broker);
        run.wait_for_progress();
        cluster.start_broker(broker);
        run.wait_for_progress();
        cluster.freeze_broker(broker);
        lasts(FROZEN);
        cluster.thaw_broker(broker);
        run.wait_for_progress();
    }
    run.finish(instances);
}

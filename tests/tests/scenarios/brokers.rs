//! Three brokers with three copies of everything, one of which dies.

use std::time::Duration;

use pipeline_tests::{Cluster, Deployment, until};

use crate::truth::{organisation, records, wait_for_truth};

#[test]
fn of_three_brokers_one_dies_and_results_stay_exact() {
    let cluster = Cluster::start(3);
    let broken = cluster.broken_promises();
    assert!(broken.is_empty(), "{}", broken.join("\n"));

    let deployment = Deployment::new(&cluster, "brokers");
    let organisation = organisation();
    deployment.write(records(&organisation));
    let services = ["ingest", "aggregator", "evaluator"].map(|service| deployment.start(service));
    let measures = deployment.topics().measures;
    until("the work to be under way", Duration::from_secs(90), || {
        let grown = deployment.growth(&measures);
        if grown >= 500 { Ok(()) } else { Err(format!("{grown} records of measures")) }
    });
    cluster.kill_broker(2);
    wait_for_truth(&deployment, &organisation);
    for service in services {
        service.stop();
    }
}

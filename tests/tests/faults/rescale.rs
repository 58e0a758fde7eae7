//! Instances that come and go under load.

use pipeline_tests::{Cluster, until};

use crate::{
    chance::seed,
    run::{Instance, PATIENCE, Run},
};

/// Waits until an instance owns partitions and has restored all of them.
fn wait_until_ready(instance: &Instance, address: &str) {
    until(&format!("{} {} to own partitions", instance.service, instance.number), PATIENCE, || {
        match pipeline_tests::deployment::get(address, "/readyz")? {
            (200, _) => Ok(()),
            answer => Err(format!("{answer:?}")),
        }
    });
}

#[test]
fn instances_that_come_and_go_lose_nothing_and_count_nothing_twice() {
    let seed = seed();
    eprintln!("VERNIER_FAULT_SEED={seed}");
    let run = Run::new(Cluster::shared(), "rescale", seed);
    let mut running = run.start_all();
    run.wait_for_progress();
    for service in ["ingest", "aggregator"] {
        for number in [1, 2] {
            let (instance, address) = run.start_at(service, number);
            wait_until_ready(&instance, &address);
            running.push(instance);
        }
    }
    run.wait_for_progress();
    // The first ones go, in good order: their partitions are taken over when their sessions have run out.
    for service in ["ingest", "aggregator"] {
        let index = running.iter().position(|instance| instance.service == service).unwrap();
        running.remove(index).stop();
    }
    run.wait_for_progress();
    // One comes back under its name, one never does.
    running.push(run.start("aggregator", 0));
    let index = running.iter().position(|instance| instance.service == "aggregator" && instance.number == 2).unwrap();
    running.remove(index).kill();
    run.wait_for_progress();
    run.finish(running);
}

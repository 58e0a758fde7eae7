//! A network that is slow, that breaks, and that swallows what goes one way.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use pipeline_tests::{Cluster, Proxy, proxy::Direction};

use crate::{
    chance::{Chance, seed},
    run::{Run, lasts},
};

/// Longer than the session of a member.
const SILENCE: Duration = Duration::from_secs(15);

/// A cluster of which one test at a time has the network.
fn cluster() -> (&'static Cluster, MutexGuard<'static, ()>) {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static NETWORK: Mutex<()> = Mutex::new(());
    let network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = CLUSTER.get_or_init(|| Cluster::start(1));
    cluster.proxies().iter().for_each(Proxy::heal);
    (cluster, network)
}

#[test]
fn on_a_slow_network_work_goes_on_and_stays_exact() {
    let (cluster, _network) = cluster();
    let run = Run::new(cluster, "slow", seed());
    let instances = run.start_all();
    run.wait_for_progress();
    cluster.proxies()[0].delay(Duration::from_millis(200));
    for _ in 0..3 {
        run.wait_for_progress();
    }
    cluster.proxies()[0].heal();
    run.finish(instances);
}

#[test]
fn connections_that_are_cut_again_and_again_lose_nothing() {
    let (cluster, _network) = cluster();
    let seed = seed();
    eprintln!("VERNIER_FAULT_SEED={seed}");
    let mut chance = Chance::new(seed);
    let run = Run::new(cluster, "cuts", seed);
    let instances = run.start_all();
    run.wait_for_progress();
    for _ in 0..20 {
        lasts(chance.within(1000));
        cluster.proxies()[0].cut();
    }
    run.wait_for_progress();
    run.finish(instances);
}

#[test]
fn a_network_that_swallows_what_goes_one_way_stops_work_and_loses_nothing() {
    let (cluster, _network) = cluster();
    let run = Run::new(cluster, "half", seed());
    let instances = run.start_all();
    run.wait_for_progress();
    for direction in [Direction::ToBroker, Direction::ToClient] {
        cluster.proxies()[0].swallow(direction);
        lasts(SILENCE);
        cluster.proxies()[0].heal();
        run.wait_for_progress();
    }
    run.finish(instances);
}

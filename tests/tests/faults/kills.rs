//! kill -9 of all services at moments of chance.

use std::{
    thread,
    time::{Duration, Instant},
};

use pipeline_tests::{
    Cluster,
    kafka::Version,
    proxy::{Point, point::Call, watch},
    until,
};

use crate::{
    chance::{Chance, number, seed},
    run::{Instance, PATIENCE, Run, SERVICES},
};

/// Kills of a run, unless `VERNIER_FAULT_KILLS` says otherwise.
const KILLS: u64 = 300;
/// Most kills of one run: it lasts as long as the load does before it reaches the time of now.
const MOST: u64 = 1200;
/// Kills of the run on the older Kafka.
const KILLS_OLDER: u64 = 30;
/// Latest moment of a kill after the first commit of a life, in milliseconds.
const LATEST: u64 = 400;
/// How many kills are made before that first commit: one of so many.
const EARLY: u64 = 4;

#[test]
fn all_services_are_killed_again_and_again_and_nothing_is_lost_or_counted_twice() {
    let kills = number("VERNIER_FAULT_KILLS", KILLS);
    assert!(
        kills <= MOST,
        "{kills} kills: the load would overtake the clock after {MOST}; tests/soak makes more of them"
    );
    killed(Cluster::shared(), "kills", kills);
}

#[test]
fn the_same_holds_on_an_older_kafka() {
    killed(&Cluster::of(Version::Three, 1), "older", KILLS_OLDER);
}

fn killed(cluster: &Cluster, name: &str, kills: u64) {
    let seed = seed();
    eprintln!("VERNIER_FAULT_SEED={seed}");
    let run = Run::new(cluster, name, seed);
    let start = now();
    let each = kills.div_ceil(SERVICES.len() as u64);
    let instances: Vec<Instance> = thread::scope(|scope| {
        let threads = [0, 1, 2].map(|index: usize| {
            let run = &run;
            scope.spawn(move || {
                let mut instance = run.instance(SERVICES[index], 0);
                let mut chance = Chance::new(seed.wrapping_add(index as u64));
                let mut lives = Duration::ZERO;
                for _ in 0..each {
                    lives += live_and_die(run, &mut instance, &mut chance);
                }
                instance.spawn();
                eprintln!(
                    "{name}: {}: {each} kills, one in {} ms",
                    SERVICES[index],
                    (lives / u32::try_from(each).unwrap()).as_millis()
                );
                instance
            })
        });
        threads.map(|thread| thread.join().expect("a service and its kills")).into()
    });
    eprintln!("{name}: {} kills in {} s", each * 3, start.elapsed().as_secs());
    run.finish(instances);
}

/// One life of a service: to a moment after its first commit, or, now and then, to a moment before. How long it took.
fn live_and_die(run: &Run<'_>, instance: &mut Instance, chance: &mut Chance) -> Duration {
    let start = now();
    let committed = watch(run.cluster.proxies(), Point::before(Call::EndTxn).of(run.id(instance.service)));
    instance.spawn();
    let early = chance.below(EARLY) == 0;
    if !early {
        committed.wait(PATIENCE);
    }
    let moment = now() + chance.within(LATEST);
    until("the moment of the kill", PATIENCE, || if now() >= moment { Ok(()) } else { Err("not yet".to_owned()) });
    instance.kill();
    start.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "moments of a test")]
fn now() -> Instant {
    Instant::now()
}

//! How long a commit takes, from the stage's flush to the confirmation: one transaction with what a steady load of
//! 2,000 events a second has changed, on one broker and on three.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use aggregator::Options;
use measurement::catalogue::Catalogue;
use pipeline_tests::{Cluster, Deployment, Setup, load};
use streaming::{Log, transact};

use crate::{events, told};

/// Events of one write of the load, and the pause after it.
const BATCH: u64 = 40;
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn run() {
    for brokers in [1, 3] {
        let cluster = Cluster::start(brokers);
        for (interval, samples) in [(100, 200), (1000, 40)] {
            let name = format!("commits-{brokers}-{interval}");
            let mut found = measure(&cluster, &name, Duration::from_millis(interval), samples);
            println!("{brokers} broker(s), every {interval} ms: {}", told(&mut found));
        }
    }
}

fn measure(cluster: &Cluster, name: &str, interval: Duration, samples: usize) -> Vec<Duration> {
    let setup = Setup { catalogue: load::catalogue_folder(), ..Setup::default() };
    let deployment = Deployment::of(cluster, name, &setup);
    let catalogue = Catalogue::load(&deployment.folder().join("schemas")).unwrap();
    let log: Arc<dyn Log> = cluster.log();
    let topics = deployment.topics();
    let options = Options {
        prefix: format!("{name}.vernier"),
        // Commits are asked for by this loop.
        commit_interval: i64::MAX,
        ..Options::default()
    };
    let (mut runner, _) = aggregator::start(Arc::clone(&log), catalogue, &options, service::clock::system()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, log, topic) = (Arc::clone(&stop), Arc::clone(&log), topics.events.clone());
        let name = name.to_owned();
        thread::spawn(move || {
            let partitions = log.partitions(&topic).unwrap();
            let mut producer = log.producer(&format!("{name}-load")).unwrap();
            let mut number = 0;
            while !stop.load(Ordering::Acquire) {
                let time = service::clock::now().0;
                let mut records: Vec<_> = (number..number + BATCH)
                    .map(|number| events::case(&topic, number % 5000, time, partitions))
                    .collect();
                number += BATCH;
                records.extend(events::progress(&topic, time, partitions));
                transact(producer.as_mut(), records, None).unwrap();
                thread::sleep(PAUSE);
            }
        })
    };
    let mut found = Vec::new();
    let mut next = Instant::now() + interval;
    // The first commits find brokers and coordinators.
    let mut warm = 5;
    while found.len() < samples {
        runner.step(Duration::from_millis(5)).unwrap();
        if Instant::now() < next {
            continue;
        }
        let start = Instant::now();
        next = start + interval;
        if runner.commit().unwrap() {
            if warm == 0 {
                found.push(start.elapsed());
            } else {
                warm -= 1;
            }
        }
    }
    stop.store(true, Ordering::Release);
    writer.join().unwrap();
    found
}

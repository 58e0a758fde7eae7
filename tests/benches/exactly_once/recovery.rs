//! How long after `kill -9` of an aggregator with a million rows its figures are exact and live again: until the
//! frontier of every partition covers what was written at the moment of the kill. Once the same instance returns at
//! once, once it never returns and another one takes over.

use std::{
    fs,
    time::{Duration, Instant},
};

use pipeline_tests::{Cluster, Deployment, Service, Setup, load, until};
use streaming::{Producer, transact};

use crate::events::{self, Watch};

const KEYS: u64 = 1_000_000;
const ROUNDS: usize = 3;
/// 2026-10-01T00:00:00Z.
const START: i64 = 1_790_812_800_000;

pub(crate) fn run() {
    let keys = std::env::var("VERNIER_BENCH_KEYS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(KEYS);
    let cluster = Cluster::start(1);
    let setup = Setup { catalogue: load::catalogue_folder(), ..Setup::default() };
    let deployment = Deployment::of(&cluster, "recovery", &setup);
    let mut bench = Bench::new(&deployment, keys);
    let mut aggregator = deployment.start("aggregator");
    let start = Instant::now();
    bench.live();
    println!("{keys} rows built from as many events in {:.1} s", start.elapsed().as_secs_f64());
    println!("steady, from write to frontier: {:.2} s; {}", bench.probe().as_secs_f64(), memory(&aggregator));
    for round in 0..ROUNDS {
        let start = Instant::now();
        aggregator.kill();
        bench.write();
        aggregator = deployment.start("aggregator");
        bench.live();
        println!("same instance returns, round {round}: {:.1} s", start.elapsed().as_secs_f64());
    }
    let mut other = deployment.start_instance("aggregator", 1);
    for round in 0..ROUNDS {
        for service in [&aggregator, &other] {
            until("both to own partitions", Duration::from_mins(3), || match service.get("/readyz")? {
                (200, _) => Ok(()),
                answer => Err(format!("{answer:?}")),
            });
        }
        bench.write();
        bench.live();
        let start = Instant::now();
        other.kill();
        bench.write();
        bench.live();
        println!("never returns, another takes over, round {round}: {:.1} s", start.elapsed().as_secs_f64());
        other = deployment.start_instance("aggregator", 1);
    }
    aggregator.stop();
    other.stop();
}

struct Bench<'a> {
    deployment: &'a Deployment,
    topic: String,
    partitions: i32,
    producer: Box<dyn Producer>,
    watch: Watch,
    time: i64,
    keys: u64,
}

impl<'a> Bench<'a> {
    fn new(deployment: &'a Deployment, keys: u64) -> Self {
        let log = deployment.log();
        let topic = deployment.topics().events;
        let partitions = log.partitions(&topic).unwrap();
        let mut producer = log.producer("recovery-load").unwrap();
        for part in 0..keys / 10_000 {
            let numbers = part * 10_000..(part + 1) * 10_000;
            let mut records: Vec<_> = numbers
                .map(|number| events::case(&topic, number, START + i64::try_from(number).unwrap(), partitions))
                .collect();
            records.extend(events::progress(&topic, START + i64::try_from(part * 10_000).unwrap(), partitions));
            transact(producer.as_mut(), records, None).unwrap();
        }
        let watch = Watch::new(log, &deployment.topics());
        Self { deployment, topic, partitions, producer, watch, time: START + 2_000_000, keys }
    }

    /// Writes something new into every partition.
    fn write(&mut self) {
        self.time += 1000;
        let numbers = (0..30).map(|number| number * (self.keys / 30));
        let mut records: Vec<_> =
            numbers.map(|number| events::case(&self.topic, number, self.time, self.partitions)).collect();
        records.extend(events::progress(&self.topic, self.time, self.partitions));
        transact(self.producer.as_mut(), records, None).unwrap();
    }

    /// Waits until everything that is written is folded and committed.
    fn live(&mut self) {
        let ends = events::ends(self.deployment.log(), &self.topic);
        self.watch.until(&ends);
    }

    fn probe(&mut self) -> Duration {
        let start = Instant::now();
        self.write();
        self.live();
        start.elapsed()
    }
}

/// Resident memory of a service.
fn memory(service: &Service) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", service.process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    format!("resident memory of the aggregator: {}", line.trim_start_matches("VmRSS:").trim())
}

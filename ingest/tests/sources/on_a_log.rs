//! Ingest on the embedded log: from source topics to events, dead letters and progress.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use ingest::{Options, pipeline::Ingest, stats::Stats};
use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{Progress, headers};
use streaming::{
    Cleanup, Clock, Log, OutRecord, Record, Runner, TopicPartition, TopicSpec, embedded::EmbeddedLog, log::read_to_end,
    transact,
};

use crate::shipped;

/// 2026-03-01T12:00:00Z.
const NOW: i64 = 1_772_366_400_000;

struct Bench {
    log: Arc<dyn Log>,
    now: Arc<AtomicI64>,
    catalogue: Catalogue,
}

impl Bench {
    fn new() -> Self {
        let log: Arc<dyn Log> = Arc::new(EmbeddedLog::new());
        let catalogue = Catalogue::load(&shipped::schemas()).unwrap();
        let sources = catalogue.sources.values().flat_map(|source| source.topics.clone()).map(|topic| (topic, 2));
        let own = [("vernier.events".to_owned(), 3), ("vernier.dead-letter".to_owned(), 1)];
        for (name, partitions) in sources.chain(own) {
            let cleanup = Cleanup::Delete;
            log.create(&TopicSpec { name, partitions, replication_factor: 1, cleanup, configs: BTreeMap::new() })
                .unwrap();
        }
        Self { log, now: Arc::new(AtomicI64::new(NOW)), catalogue }
    }

    fn put(&self, topic: &str, partition: i32, values: &[&str]) {
        let record = |value: &&str| OutRecord {
            topic: topic.into(),
            partition: Some(partition),
            value: Some(value.as_bytes().to_vec()),
            timestamp: Some(NOW),
            ..OutRecord::default()
        };
        let mut producer = self.log.producer(&format!("{topic}-{partition}")).unwrap();
        transact(producer.as_mut(), values.iter().map(record).collect(), None).unwrap();
    }

    fn start(&self) -> (Runner<Ingest>, Arc<Stats>) {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || Timestamp(now.load(Ordering::Relaxed)));
        ingest::start(Arc::clone(&self.log), &self.catalogue, &Options::default(), clock).unwrap()
    }

    /// Steps until the partitions are there and nothing is left to read, then commits.
    fn drain(&self, runner: &mut Runner<Ingest>) {
        let mut quiet = 0;
        while quiet < 3 {
            let step = runner.step(Duration::ZERO).unwrap();
            quiet = if step.records == 0 && !step.restoring { quiet + 1 } else { 0 };
        }
        self.now.fetch_add(3000, Ordering::Relaxed);
        runner.commit().unwrap();
    }

    fn read(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for partition in 0..self.log.partitions(topic).unwrap() {
            let partition = TopicPartition::new(topic, partition);
            read_to_end(self.log.as_ref(), &partition, Duration::from_secs(5), &mut |record| {
                records.push(record.to_record());
            })
            .unwrap();
        }
        records
    }

    fn of_kind(&self, kind: &[u8]) -> Vec<Record> {
        let is = |record: &Record| record.headers.iter().any(|(name, value)| name == headers::KIND && value == kind);
        self.read("vernier.events").into_iter().filter(is).collect()
    }
}

const BEAT: &str = r#"{"id":"b-1","type":"heartbeat","at":"2026-03-01T11:00:00Z"}"#;
const SCAN: &str = r#"{"id":"s-1","type":"scan","asset":"A-1","at":"2026-03-01T11:30:00Z"}"#;
const FAILED: &str = "2026-03-01T11:00:00Z web-01 sshd[1]: message repeated 2 times: [ Failed password for root from 192.0.2.1 port 1 ssh2]";

#[test]
fn records_become_events_dead_letters_and_progress() {
    let bench = Bench::new();
    bench.put("raw.scanner", 0, &[BEAT, SCAN, "{\"cut"]);
    bench.put("raw.sshd", 1, &[FAILED, "2026-03-01T11:00:00Z web-01 sshd[1]: Connection closed"]);
    let (mut runner, stats) = bench.start();
    bench.drain(&mut runner);

    assert_eq!(bench.of_kind(headers::EVENT).len(), 4);
    let letters = bench.read("vernier.dead-letter");
    assert_eq!(letters.iter().map(|letter| letter.value.as_deref()).collect::<Vec<_>>(), [Some(b"{\"cut".as_slice())]);
    for (source, tally) in stats.counts() {
        assert_eq!(tally.read, tally.published + tally.not_relevant + tally.rejected, "{source}");
        let expected = match &*source {
            "scanner" => (3, 2, 0, 1),
            "sshd" => (2, 1, 1, 0),
            _ => (0, 0, 0, 0),
        };
        assert_eq!((tally.read, tally.published, tally.not_relevant, tally.rejected), expected, "{source}");
    }

    // Every source partition speaks in every partition of the events, last of all about the end.
    let mut last: BTreeMap<(i32, String, i32), Progress> = BTreeMap::new();
    for record in bench.of_kind(headers::PROGRESS) {
        let progress: Progress = records::decode("progress", record.value.as_deref().unwrap()).unwrap();
        last.insert((record.partition.partition, progress.source.clone(), progress.partition), progress);
    }
    assert_eq!(last.len(), 3 * bench.catalogue.sources.len() * 2);
    assert!(last.values().all(|progress| progress.caught_up && progress.partitions == 2));
    assert_eq!(last[&(2, "scanner".to_owned(), 0)].newest, Some(Timestamp(NOW - 1_800_000)));
    assert_eq!(last[&(2, "scanner".to_owned(), 1)].newest, None);
}

#[test]
fn a_restart_publishes_nothing_twice() {
    let bench = Bench::new();
    bench.put("raw.scanner", 0, &[SCAN]);
    let (mut runner, _) = bench.start();
    bench.drain(&mut runner);
    bench.put("raw.scanner", 0, &[BEAT]);
    // Read, but not committed: the successor reads it again, and fences what the first one would still write.
    while runner.step(Duration::ZERO).unwrap().records == 0 {}
    drop(runner);
    let (mut successor, stats) = bench.start();
    bench.drain(&mut successor);
    assert_eq!(bench.of_kind(headers::EVENT).len(), 2);
    assert_eq!(stats.counts().map(|(_, tally)| tally.read).sum::<u64>(), 1);
}

//! The real chain in one thread on an embedded log, fed with a load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use evaluator::Evaluator;
use measurement::{catalogue::Catalogue, time::Timestamp};
use pipeline_tests::{
    Anomaly, Checker, Folder, Input, Load,
    checker::SourceRecord,
    deployment::copy_catalogue,
    load::{Sent, TOPICS, catalogue_folder},
};
use records::Topics;
use streaming::{Clock, Log, OutRecord, Record, Runner, Step, TopicPartition, embedded::EmbeddedLog, transact};

pub(crate) const PREFIX: &str = "lab.vernier";
const PARTITIONS: i32 = 3;
/// 2026-03-02T20:00:00Z: a midnight lies within a load of some hours.
const START: Timestamp = Timestamp(1_772_481_600_000);
const HOUR: i64 = 3_600_000;

/// The chain, and what it is fed with.
pub(crate) struct Chain {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) catalogue: Catalogue,
    pub(crate) load: Load,
    time: Arc<AtomicI64>,
    clock: Clock,
    ingest: Runner<ingest::pipeline::Ingest>,
    aggregator: Runner<aggregator::Aggregator>,
    evaluator: Evaluator,
}

impl Chain {
    /// A chain whose sources are idle after a while (ISO 8601), on topics of its own.
    pub(crate) fn new(seed: u64, idle: &str) -> Self {
        let folder = Folder::new();
        copy_catalogue(&catalogue_folder(), folder.path(), "lab", idle);
        let catalogue = Catalogue::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let log = Arc::new(EmbeddedLog::new());
        let specs = service::topics::ours(&Topics::new(PREFIX), PARTITIONS, 1);
        for spec in specs.iter().chain(&service::topics::of_sources(&catalogue, 2, 1)) {
            log.create(spec).unwrap();
        }
        let time = Arc::new(AtomicI64::new(START.0));
        let clock: Clock = {
            let time = Arc::clone(&time);
            Arc::new(move || Timestamp(time.load(Ordering::Acquire)))
        };
        let ingest = start_ingest(&log, &catalogue, &clock);
        let aggregator = start_aggregator(&log, &catalogue, &clock);
        let evaluator = start_evaluator(&log, &catalogue, &clock);
        Self { log, catalogue, load: Load::new(seed, START), time, clock, ingest, aggregator, evaluator }
    }

    /// Ends all three stages, while events are on their way, and starts new ones, which find their way by what stands.
    pub(crate) fn restart(&mut self) {
        let batch = self.load.batch(60);
        self.send(&batch);
        self.ingest.step(Duration::ZERO).unwrap();
        self.ingest.commit().unwrap();
        self.ingest = start_ingest(&self.log, &self.catalogue, &self.clock);
        self.aggregator = start_aggregator(&self.log, &self.catalogue, &self.clock);
        self.evaluator = start_evaluator(&self.log, &self.catalogue, &self.clock);
        self.settle();
    }

    /// A chain that has read a load of some ten hours, all of it closed, no source being idle in between.
    pub(crate) fn run(seed: u64) -> Self {
        let mut chain = Self::new(seed, "P1D");
        for _ in 0..30 {
            chain.feed(60);
        }
        chain.close();
        chain
    }

    /// Writes the next records and lets the chain read them.
    pub(crate) fn feed(&mut self, records: usize) {
        let batch = self.load.batch(records);
        self.write(&batch);
    }

    /// Moves all sources three hours on and lets the chain read that.
    pub(crate) fn close(&mut self) {
        let batch = self.load.closing(3 * HOUR);
        self.write(&batch);
    }

    fn write(&mut self, batch: &[Sent]) {
        self.send(batch);
        self.settle();
    }

    fn send(&self, batch: &[Sent]) {
        self.time.store(self.load.now().0, Ordering::Release);
        let records = batch.iter().map(|sent| {
            assert!(TOPICS.contains(&sent.topic), "{sent:?}");
            sent.to_record(&format!("lab.{}", sent.topic))
        });
        transact(self.log.producer("lab-sources").unwrap().as_mut(), records.collect(), None).unwrap();
    }

    fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 3 {
            quiet = if self.step() { 0 } else { quiet + 1 };
        }
    }

    fn step(&mut self) -> bool {
        let moves = |step: Step| step.records > 0 || step.restoring;
        let mut busy = moves(self.ingest.step(Duration::ZERO).unwrap());
        busy |= self.ingest.commit().unwrap();
        busy |= moves(self.aggregator.step(Duration::ZERO).unwrap());
        busy |= self.aggregator.commit().unwrap();
        busy | (self.evaluator.step(Duration::ZERO).unwrap() > 0)
    }

    pub(crate) fn checker(&self) -> Checker<'_> {
        Checker::new(&self.catalogue, PREFIX)
    }

    pub(crate) fn input(&self) -> Input {
        Input::read(self.log.as_ref(), &self.catalogue).unwrap()
    }

    /// Everything that is wrong at the end.
    pub(crate) fn check(&self) -> Vec<Anomaly> {
        self.check_with(&self.input())
    }

    pub(crate) fn check_with(&self, input: &Input) -> Vec<Anomaly> {
        let closed_to = self.load.closed_to().unwrap_or(Timestamp::MIN);
        self.checker().check_final(self.log.as_ref(), input, closed_to).unwrap()
    }

    /// All records of a topic.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        for partition in 0..self.log.partitions(topic).unwrap() {
            let at = TopicPartition::new(topic, partition);
            streaming::log::read_to_end(self.log.as_ref(), &at, Duration::from_secs(5), &mut |record| {
                records.push(record.to_record());
            })
            .unwrap();
        }
        records
    }

    /// Writes a record that no part of the chain has written.
    pub(crate) fn tamper(&self, record: OutRecord) {
        transact(self.log.producer("saboteur").unwrap().as_mut(), vec![record], None).unwrap();
    }
}

fn start_ingest(log: &Arc<EmbeddedLog>, catalogue: &Catalogue, clock: &Clock) -> Runner<ingest::pipeline::Ingest> {
    let options = ingest::Options {
        prefix: PREFIX.to_owned(),
        commit_interval: 1,
        progress_interval: 1,
        ..ingest::Options::default()
    };
    let log: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(log);
    ingest::start(log, catalogue, &options, Arc::clone(clock)).unwrap().0
}

fn start_aggregator(log: &Arc<EmbeddedLog>, catalogue: &Catalogue, clock: &Clock) -> Runner<aggregator::Aggregator> {
    let options =
        aggregator::Options { prefix: PREFIX.to_owned(), refresh_interval: 0, ..aggregator::Options::default() };
    let log: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(log);
    aggregator::start(log, catalogue.clone(), &options, Arc::clone(clock)).unwrap().0
}

fn start_evaluator(log: &Arc<EmbeddedLog>, catalogue: &Catalogue, clock: &Clock) -> Evaluator {
    let options = evaluator::config::Options {
        prefix: PREFIX.to_owned(),
        stall_limit: 0,
        ..evaluator::config::Options::default()
    };
    let log: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(log);
    Evaluator::new(log, Arc::new(catalogue.clone()), &options, Arc::clone(clock)).unwrap()
}

/// Names of the topics.
pub(crate) fn topics() -> Topics {
    Topics::new(PREFIX)
}

/// The same record, to be written once more where it lies.
pub(crate) fn again(record: &Record) -> OutRecord {
    OutRecord {
        topic: Arc::clone(&record.partition.topic),
        partition: Some(record.partition.partition),
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
        timestamp: record.timestamp,
    }
}

/// A source record that was never written.
pub(crate) fn unwritten(like: &SourceRecord, value: &str) -> SourceRecord {
    SourceRecord { offset: like.offset + 1000, value: Some(value.as_bytes().to_vec()), ..like.clone() }
}

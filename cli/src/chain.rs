//! The whole chain in one thread on an embedded log: what `vernier replay` and tests drive step by step.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use evaluator::Evaluator;
use ingest::pipeline::Ingest;
use measurement::{catalogue::Catalogue, time::Timestamp};
use records::{Progress, Topics};
use streaming::{Clock, Log, OutRecord, Outbox, Runner, Step, TopicPartition, embedded::EmbeddedLog, transact};

use crate::letters::Letters;

/// A clock that is set by hand.
#[derive(Clone, Debug)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    /// A clock that shows an instant.
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(time.0)))
    }

    /// Sets it.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.0, Ordering::Release);
    }

    /// As the services take it.
    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.0);
        Arc::new(move || Timestamp(time.load(Ordering::Acquire)))
    }
}

/// How records count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// A source's time moves with every transaction of ingest, as in a service.
    Live,
    /// As [`Self::Live`], with small transactions: what is late depends on the records and not on how many are read at once.
    AsItCame,
    /// Everything counts as having come in time: no source's time moves before [`Chain::pass_time`].
    InTime,
}

/// Records of a transaction of ingest, where lateness is played.
const AS_IT_CAME: usize = 100;

/// The chain.
#[derive(Debug)]
pub struct Chain {
    log: Arc<EmbeddedLog>,
    catalogue: Catalogue,
    prefix: String,
    hand: HandClock,
    timing: Timing,
    letters: Letters,
    counted: Arc<ingest::stats::Stats>,
    aggregated: aggregator::Stats,
    ingest: Runner<Ingest>,
    aggregator: Runner<aggregator::Aggregator>,
    evaluator: Evaluator,
}

impl Chain {
    /// A chain on a fresh log in memory, with all topics of the catalogue.
    pub fn new(catalogue: Catalogue, partitions: i32, now: Timestamp) -> anyhow::Result<Self> {
        Self::with(catalogue, partitions, now, Timing::Live)
    }

    /// The same, with records that count in some way.
    pub fn with(catalogue: Catalogue, partitions: i32, now: Timestamp, timing: Timing) -> anyhow::Result<Self> {
        let log = Arc::new(EmbeddedLog::new());
        let prefix = "vernier".to_owned();
        for spec in service::topics::ours(&Topics::new(&prefix), partitions, 1)
            .iter()
            .chain(&service::topics::of_sources(&catalogue, 1, 1))
        {
            log.create(spec)?;
        }
        let hand = HandClock::at(now);
        let shared: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(&log);
        let letters = Letters::new(shared.as_ref(), &Topics::new(&prefix))?;
        let (ingest, counted) = start_ingest(&shared, &catalogue, &prefix, hand.clock(), timing)?;
        let options =
            aggregator::Options { prefix: prefix.clone(), refresh_interval: 0, ..aggregator::Options::default() };
        let (aggregator, aggregated) =
            aggregator::start(Arc::clone(&shared), catalogue.clone(), &options, hand.clock())?;
        let options = evaluator::Options { prefix: prefix.clone(), stall_limit: 0, ..evaluator::Options::default() };
        let evaluator = Evaluator::new(shared, Arc::new(catalogue.clone()), &options, hand.clock())?;
        Ok(Self { log, catalogue, prefix, hand, timing, letters, counted, aggregated, ingest, aggregator, evaluator })
    }

    /// The log.
    pub fn log(&self) -> &EmbeddedLog {
        &self.log
    }

    /// The catalogue.
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The evaluator.
    pub const fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// Names of the topics.
    pub fn topics(&self) -> Topics {
        Topics::new(&self.prefix)
    }

    /// What became of the records of each source, as ingest counted it.
    pub fn counted(&self) -> &ingest::stats::Stats {
        &self.counted
    }

    /// What became of the events of each source, as the aggregator counted it.
    pub const fn aggregated(&self) -> &aggregator::Stats {
        &self.aggregated
    }

    /// What was refused or came late, as far as it was read.
    pub const fn letters(&self) -> &Letters {
        &self.letters
    }

    /// Lets go of what all stages have read, after [`Self::settle`]: a history that is longer than the memory can be replayed.
    /// What was refused and what came late is noted on the way; `place` says where a record of a topic came from. The
    /// changelogs go too: nothing is ever restored from them. The ledger stays.
    pub fn forget_read(&mut self, place: &dyn Fn(&str, i64) -> Option<String>) -> anyhow::Result<()> {
        self.letters.read()?;
        self.letters.note(&self.counted, place);
        let Topics { events, measures, populations, dead_letter, late, .. } = self.topics();
        let ours = [events, measures, populations, dead_letter, late];
        let sources = self.catalogue.sources.values().flat_map(|source| source.topics.iter().cloned());
        for topic in ours.into_iter().chain(sources) {
            for partition in 0..self.log.partitions(&topic)? {
                let at = TopicPartition::new(&topic, partition);
                self.log.forget_before(&at, self.log.end_offset(&at)?)?;
            }
        }
        Ok(())
    }

    /// Notes that something of a topic is missing, nobody knows from when.
    pub fn mark_incomplete(&mut self, topic: &str, why: &str) {
        let of_topic = |source: &&measurement::catalogue::Source| source.topics.iter().any(|known| known == topic);
        if let Some(source) = self.catalogue.sources.values().find(of_topic) {
            self.evaluator.mark_incomplete(&source.name, why);
        }
    }

    /// Writes source records; each is a topic and the bytes of its value.
    pub fn write(
        &self,
        records: impl IntoIterator<Item = (Arc<str>, Vec<u8>)>,
        received: Timestamp,
    ) -> anyhow::Result<()> {
        let records = records
            .into_iter()
            .map(|(topic, value)| OutRecord {
                topic,
                partition: Some(0),
                value: Some(value),
                timestamp: Some(received.0),
                ..OutRecord::default()
            })
            .collect();
        transact(self.log.producer("vernier-sources")?.as_mut(), records, None).context("write source records")
    }

    /// Steps until nothing moves any more, and tells how many source records were taken in so far.
    pub fn settle(&mut self, mut taken: impl FnMut(u64)) -> anyhow::Result<()> {
        let mut quiet = 0;
        while quiet < 3 {
            let busy = self.step()?;
            quiet = if busy { 0 } else { quiet + 1 };
            taken(self.ingest.stats().records());
        }
        Ok(())
    }

    /// One round through all stages. True if something moved.
    pub fn step(&mut self) -> anyhow::Result<bool> {
        let moves = |step: Step| step.records > 0 || step.restoring;
        let mut busy = false;
        loop {
            let moved = moves(self.ingest.step(Duration::ZERO)?);
            busy |= moved | self.ingest.commit()?;
            // Its small transactions say themselves what came when.
            if !(moved && self.timing == Timing::AsItCame) {
                break;
            }
        }
        busy |= moves(self.aggregator.step(Duration::ZERO)?);
        busy |= self.aggregator.commit()?;
        busy |= self.evaluator.step(Duration::ZERO)? > 0;
        Ok(busy)
    }

    /// Lets time pass up to an instant, no more records coming: every source is complete up to there, and no further.
    pub fn pass_time(&mut self, until: Timestamp) -> anyhow::Result<()> {
        self.hand.set(until);
        let events: Arc<str> = Arc::from(self.topics().events);
        let tasks = self.log.partitions(&events)?;
        let mut out = Outbox::default();
        for source in self.catalogue.sources.values() {
            for topic in &source.topics {
                let partitions = self.log.partitions(topic)?;
                let all = u32::try_from(source.topics.len())?.saturating_mul(u32::try_from(partitions)?);
                for partition in 0..partitions {
                    // What the source is late by at most is part of what it has told.
                    let newest = Some(until.plus(source.lateness));
                    let progress = Progress { newest, ..Progress::new(&source.name, topic, partition, all, until) };
                    ingest::publish::announce(&progress, &events, tasks, &mut out);
                }
            }
        }
        transact(self.log.producer("vernier-time")?.as_mut(), out.into_records(), None).context("write progress")?;
        self.settle(|_| ())
    }

    /// Newest event time seen, over all sources.
    pub fn newest_event(&self) -> Option<Timestamp> {
        let collected = self.evaluator.evaluation().collected();
        self.catalogue.sources.keys().filter_map(|source| collected.last_activity(source, Timestamp::MAX)).max()
    }

    /// Number of dead letters.
    pub fn dead_letters(&self) -> anyhow::Result<u64> {
        let topic = self.topics().dead_letter;
        let mut count = self.letters.forgotten();
        for partition in 0..self.log.partitions(&topic)? {
            let at = TopicPartition::new(&topic, partition);
            streaming::log::read_to_end(self.log.as_ref(), &at, Duration::from_secs(10), &mut |_| count += 1)?;
        }
        Ok(count)
    }
}

fn start_ingest(
    log: &Arc<dyn Log>,
    catalogue: &Catalogue,
    prefix: &str,
    clock: Clock,
    timing: Timing,
) -> anyhow::Result<(Runner<Ingest>, Arc<ingest::stats::Stats>)> {
    let defaults = ingest::Options::default();
    let options = ingest::Options {
        prefix: prefix.to_owned(),
        commit_interval: 1,
        progress_interval: 1,
        commit_records: if timing == Timing::AsItCame { AS_IT_CAME } else { defaults.commit_records },
        as_it_came: timing != Timing::InTime,
        ..defaults
    };
    Ok(ingest::start(Arc::clone(log), catalogue, &options, clock)?)
}

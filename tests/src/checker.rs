//! The checker: whether what stands on the topics is what was sent, each event once.
//!
//! It shares with the product the reader of the catalogue, the calendar and the types of records, and nothing that
//! folds, routes or judges: the recount is a program of its own, in one thread and without a log's logic.
//! It is made for the catalogue in `tests/identity`, whose measures count events and sum the identities that they
//! carry: loss, duplication and swaps that keep the count all change a sum.
//!
//! 1. [`anomaly`]: what can be wrong, by name;
//! 2. [`input`]: what was sent, and the recount;
//! 3. [`observer`]: somebody who reads along while things fail;
//! 4. [`Checker::check_topics`]: what holds at any moment; [`Checker::check_final`]: what holds at the end.
//!
//! Below them: [`scan`] reads topics, [`event`] and [`plan`] say what an event is and who asks for it, [`clock`] which
//! times may be believed, [`prefix`] and [`watermarks`] recount one partition of the events, [`tasks`] with [`digest`] and [`monotony`] walk beside it,
//! [`ingest`], [`totals`], [`ledger`] and [`cases`] compare.
//!
//! What it takes for granted: no topic was compacted, identities are remembered longer than the test lasts, and no
//! other writer than those under test has written to source topics while they were read.

pub mod anomaly;
pub mod input;
pub mod observer;

mod cases;
pub(crate) mod clock;
mod digest;
mod event;
mod ingest;
mod ledger;
mod monotony;
mod plan;
mod prefix;
mod scan;
mod tasks;
mod totals;
mod watermarks;

use std::{collections::BTreeMap, time::Duration};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::Topics;
use streaming::{Log, LogError, TopicPartition};

pub use anomaly::{Anomaly, Tally};
pub use input::{Input, Recount, SourceRecord, SourceTally};
pub use observer::Observer;

use plan::Plan;
use scan::Topic;
use tasks::{Tops, Walked};

/// The checker of one deployment.
#[derive(Debug)]
pub struct Checker<'a> {
    plan: Plan<'a>,
    topics: Topics,
    patience: Duration,
}

/// Our own topics as they stood.
#[derive(Debug)]
struct Read {
    results: Topic,
    measures: Topic,
    late: Topic,
    populations: Topic,
    events: Topic,
}

impl Read {
    /// Each topic is read before those that it was made from: what it says can then be looked up in them, also while
    /// all of them are being written. The populations of a transaction stand once its measures do.
    fn new(log: &dyn Log, topics: &Topics) -> Result<Self, LogError> {
        Ok(Self {
            results: scan::read(log, &topics.results)?,
            measures: scan::read(log, &topics.measures)?,
            late: scan::read(log, &topics.late)?,
            populations: scan::read(log, &topics.populations)?,
            events: scan::read(log, &topics.events)?,
        })
    }

    fn walk<'a>(&'a self, plan: &'a Plan<'a>, names: &'a Topics, whole: bool) -> Vec<Walked<'a>> {
        let (events, measures, populations, late) = (&self.events, &self.measures, &self.populations, &self.late);
        let topics = Tops { names, events, measures, populations, late };
        self.events.keys().map(|partition| tasks::walk(plan, topics, *partition, whole)).collect()
    }
}

impl<'a> Checker<'a> {
    /// A checker of the topics under a prefix, written by a chain with this catalogue.
    pub fn new(catalogue: &'a Catalogue, prefix: &str) -> Self {
        Self { plan: Plan::new(catalogue), topics: Topics::new(prefix), patience: Duration::from_secs(2) }
    }

    /// The same with another patience for transactions that are open at the end.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What must hold at any moment, also in the middle of faults: every frontier beside the prefix of the events that
    /// it names, the digest of the state, late events, and the ledger's chain, watermarks and covered offsets.
    pub fn check_topics(&self, log: &dyn Log) -> Result<Vec<Anomaly>, LogError> {
        let read = Read::new(log, &self.topics)?;
        let mut anomalies = Vec::new();
        let entries = ledger::read(&read.results, &mut anomalies);
        let mut walked = read.walk(&self.plan, &self.topics, false);
        for walked in &mut walked {
            anomalies.append(&mut walked.anomalies);
        }
        anomalies.extend(ledger::check_entries(&self.plan, &entries, &walked));
        Ok(anomalies)
    }

    /// What must hold once nothing moves any more: all of [`Checker::check_topics`], that it is quiet, and that topics
    /// and ledger hold what was sent. `closed_to` is up to where all sources are complete: what closes by then must be
    /// in the ledger ([`Timestamp::MIN`] where nothing must).
    pub fn check_final(&self, log: &dyn Log, input: &Input, closed_to: Timestamp) -> Result<Vec<Anomaly>, LogError> {
        let mut anomalies = Vec::new();
        let ends = self.settle(log, &mut anomalies)?;
        if !anomalies.is_empty() {
            // What is behind an open transaction cannot be read, and would be reported as lost.
            return Ok(anomalies);
        }
        let read = Read::new(log, &self.topics)?;
        let dead_letters = scan::read(log, &self.topics.dead_letter)?;
        let recount = input.recount(self.plan.catalogue);
        let entries = ledger::read(&read.results, &mut anomalies);
        let mut walked = read.walk(&self.plan, &self.topics, true);
        for walked in &mut walked {
            anomalies.append(&mut walked.anomalies);
        }
        let conflicts: Vec<String> = read
            .events
            .keys()
            .zip(&walked)
            .flat_map(|(partition, walked)| walked.prefix.conflicts.iter().map(move |offset| (partition, offset)))
            .map(|(partition, offset)| format!("{}/{partition}@{offset}", self.topics.events))
            .collect();
        anomalies.extend(ingest::check(self.plan.catalogue, &recount, &read.events, &dead_letters, &conflicts));
        let cells = totals::wanted(&self.plan, &recount, &read.late);
        anomalies.extend(totals::check(&cells, &walked));
        anomalies.extend(ledger::check_entries(&self.plan, &entries, &walked));
        let idle = walked.iter().flat_map(|walked| walked.prefix.watermarks.idle.iter().cloned()).collect();
        let wanted = ledger::Wanted { plan: &self.plan, recount: &recount, cells: &cells, closed_to, idle };
        anomalies.extend(wanted.check(&entries));
        for (at, end) in ends {
            let now = log.end_offset(&at)?;
            if now != end {
                let detail = format!("the end was {end} and is {now}");
                anomalies.push(Anomaly::NotQuiet { topic: at.topic.to_string(), partition: at.partition, detail });
            }
        }
        Ok(anomalies)
    }

    /// The ends of all topics, no transaction being open before them.
    fn settle(&self, log: &dyn Log, anomalies: &mut Vec<Anomaly>) -> Result<BTreeMap<TopicPartition, i64>, LogError> {
        let Topics { events, dead_letter, measures, populations, late, results, catalogue } = &self.topics;
        let ours = [events, dead_letter, measures, populations, late, results, catalogue];
        let sources = self.plan.catalogue.sources.values().flat_map(|source| &source.topics);
        let mut ends = BTreeMap::new();
        for topic in ours.into_iter().chain(sources) {
            for partition in 0..log.partitions(topic)? {
                let at = TopicPartition::new(topic, partition);
                match log.settled_end(&at, self.patience) {
                    Ok(end) => {
                        ends.insert(at, end);
                    }
                    Err(LogError::Unavailable { reason, .. }) => {
                        anomalies.push(Anomaly::OpenTransaction { topic: topic.clone(), partition, reason });
                    }
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(ends)
    }
}

//! The stage between two commits: what was read becomes events, reference copies and dead letters,
//! written in one transaction with the offsets, and the progress records after them.

use std::{collections::BTreeMap, sync::Arc};

use measurement::time::Timestamp;
use records::{Progress, Topics, headers};
use streaming::{
    Clock, OutRecord, Outbox, Position, Record, RecordRef, Resume, Stage, StageError,
    TopicPartition,
};

use crate::{
    config::Plan,
    pipeline::{Arrival, Processed, process},
    progress::Track,
    reject::dead_letter,
    route::Route,
    stats::{Stats, Tally},
    validate::Event,
};

/// What the stage must know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own topics.
    pub topics: Topics,
    /// Number of partitions of `vernier.events`.
    pub event_partitions: i32,
    /// Number of partitions of each source topic.
    pub source_partitions: BTreeMap<String, i32>,
    /// Longest time between two progress records of a source partition, in milliseconds.
    pub progress_interval: i64,
}

/// Ingest as a stage of the transactional loop. It has no state to restore: whatever it knows of a
/// partition was read after the partition's committed offset.
pub struct Ingest {
    plan: Plan,
    settings: Settings,
    clock: Clock,
    stats: Arc<Stats>,
    events: Arc<str>,
    dead_letter: Arc<str>,
    partitions: BTreeMap<TopicPartition, Partition>,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ingest")
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

/// What was read from a source partition since the last commit.
#[derive(Debug, Default)]
struct Partition {
    pending: Vec<OutRecord>,
    tally: Tally,
    track: Track,
}

impl Ingest {
    /// A stage for the sources of a plan.
    pub fn new(plan: Plan, settings: Settings, clock: Clock) -> Self {
        let stats = Arc::new(Stats::new(
            plan.sources.iter().map(|source| Arc::clone(&source.name)),
        ));
        let (events, dead_letter) = (
            settings.topics.events.as_str().into(),
            settings.topics.dead_letter.as_str().into(),
        );
        Self {
            plan,
            settings,
            clock,
            stats,
            events,
            dead_letter,
            partitions: BTreeMap::new(),
        }
    }

    /// The counters, which go on after the stage was handed to the loop.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// How many partitions a source has over all its topics. Zero, which no reader takes for
    /// complete, if one of them is unknown.
    fn partitions_of(&self, topics: &[String]) -> u32 {
        let counts: Option<Vec<u32>> = topics
            .iter()
            .map(|topic| {
                self.settings
                    .source_partitions
                    .get(topic)
                    .and_then(|count| u32::try_from(*count).ok())
            })
            .collect();
        counts.map_or(0, |counts| counts.into_iter().sum())
    }
}

impl Stage for Ingest {
    fn restore(
        &mut self,
        partition: &TopicPartition,
        _changelog: Vec<Record>,
    ) -> Result<Resume, StageError> {
        let track = Track::new((self.clock)());
        self.partitions.insert(
            partition.clone(),
            Partition {
                track,
                ..Partition::default()
            },
        );
        Ok(Resume::Committed)
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), StageError> {
        let now = (self.clock)();
        let arrival = Arrival {
            topic: record.topic(),
            partition: record.partition(),
            offset: record.offset(),
            timestamp: record.timestamp().map_or(now, Timestamp),
            key: record.key(),
            value: record.value(),
        };
        let Some((source, classes)) = self.plan.of_topic(arrival.topic) else {
            return Err(StageError(format!("{record:?} is of no source")));
        };
        let partition = self
            .partitions
            .entry(TopicPartition::new(arrival.topic, arrival.partition))
            .or_default();
        let processed = process(source, classes, &arrival, now);
        partition.tally.count(&processed);
        partition
            .track
            .arrived(now, processed.events.iter().map(|(event, _)| event.time));
        let Processed { events, refusal } = processed;
        for (event, route) in &events {
            publish(
                event,
                route,
                &self.events,
                &source.name,
                &mut partition.pending,
            );
        }
        if let Some(refusal) = refusal {
            partition.pending.push(dead_letter(
                &refusal,
                &self.dead_letter,
                &source.name,
                &arrival,
            ));
        }
        Ok(())
    }

    fn flush(
        &mut self,
        now: Timestamp,
        positions: &[Position],
        out: &mut Outbox,
    ) -> Result<(), StageError> {
        for partition in self.partitions.values_mut() {
            partition
                .pending
                .drain(..)
                .for_each(|record| out.send(record));
        }
        for position in positions {
            self.settings
                .source_partitions
                .insert(position.partition.topic.to_string(), position.partitions);
        }
        for position in positions {
            let Some(source) = self.plan.source_of(&position.partition.topic) else {
                continue;
            };
            let total = self.partitions_of(&source.topics);
            let Some(partition) = self.partitions.get_mut(&position.partition) else {
                continue;
            };
            if partition.track.is_due(now, self.settings.progress_interval) {
                let progress = partition.track.progress(&source.name, position, total, now);
                announce(&progress, &self.events, self.settings.event_partitions, out);
            }
        }
        Ok(())
    }

    fn committed(&mut self) {
        for (partition, state) in &mut self.partitions {
            if let Some(source) = self.plan.source_of(&partition.topic) {
                self.stats
                    .add(&source.name, &std::mem::take(&mut state.tally));
            }
        }
    }

    fn forget(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }
}

/// The event under its primary key, then its reference copies.
fn publish(
    event: &Event<'_>,
    route: &Route,
    topic: &Arc<str>,
    source: &str,
    pending: &mut Vec<OutRecord>,
) {
    let value = event.draft.bytes();
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let record = |key: &str, value: Vec<u8>, headers| OutRecord {
        topic: Arc::clone(topic),
        partition: None,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value),
        headers,
        timestamp: Some(event.time.0),
    };
    for (population, key) in &route.references {
        let headers = vec![
            header(headers::KIND, headers::REFERENCE),
            header(headers::SOURCE, source.as_bytes()),
            header(headers::POPULATION, population.as_bytes()),
        ];
        pending.push(record(key, value.clone(), headers));
    }
    let headers = vec![
        header(headers::KIND, headers::EVENT),
        header(headers::SOURCE, source.as_bytes()),
    ];
    pending.push(record(&route.primary, value, headers));
}

/// The progress record, to every partition of the events: each reader learns the time for itself.
fn announce(progress: &Progress, topic: &Arc<str>, partitions: i32, out: &mut Outbox) {
    let value = records::encode(progress);
    for partition in 0..partitions {
        out.send(OutRecord {
            topic: Arc::clone(topic),
            partition: Some(partition),
            key: Some(progress.source_partition().into_bytes()),
            value: Some(value.clone()),
            headers: vec![
                (headers::KIND.to_owned(), headers::PROGRESS.to_vec()),
                (
                    headers::SOURCE.to_owned(),
                    progress.source.as_bytes().to_vec(),
                ),
            ],
            timestamp: Some(progress.at.0),
        });
    }
}

#[cfg(test)]
mod tests;

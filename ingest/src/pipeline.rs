//! What happens between two commits: [`Ingest`] hangs the path of a record into the transactional loop. What was read goes
//! out in one transaction with the offsets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use measurement::time::Timestamp;
use records::{Progress, Topics, headers};
use streaming::{
    Clock, Found, Input, Log, LogError, OutRecord, Outbox, Position, RecordRef, Resume, Stage, StageError,
    TopicPartition, log::read_range,
};

use crate::{
    arrival::Arrival,
    config::Plan,
    intake::{Minutes, Untold},
    map::Mapping,
    process::process,
    progress::Track,
    publish::{announce, publish},
    reject::dead_letter,
    stats::{Stats, Tally},
};

/// How many of the newest records of a partition of the events are looked through for progress: it is written with
/// every transaction and every few seconds.
const EVIDENCE: i64 = 200_000;
/// How long that may take.
const EVIDENCE_DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait each time for open transactions to end before that.
const SETTLING: Duration = Duration::from_secs(1);

/// What the stage must know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own topics.
    pub topics: Topics,
    /// Number of partitions of `vernier.events`.
    pub event_partitions: i32,
    /// Number of partitions of each source topic that is known to be there.
    pub source_partitions: BTreeMap<String, i32>,
    /// Longest time between two progress records of a source partition, in milliseconds.
    pub progress_interval: i64,
    /// Whether time passes as records come. If not, a history is read as having come in time: no progress is
    /// written, and whoever reads the log says when time has passed.
    pub as_it_came: bool,
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
        formatter.debug_struct("Ingest").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

/// What was read from a source partition since the last commit.
#[derive(Debug, Default)]
struct Partition {
    pending: Vec<OutRecord>,
    tally: Tally,
    track: Track,
    intake: Minutes,
}

impl Ingest {
    /// A stage for the sources of a plan.
    pub fn new(plan: Plan, settings: Settings, clock: Clock) -> Self {
        let stats = Arc::new(Stats::new(plan.sources.iter().map(|source| Arc::clone(&source.name))));
        let (events, dead_letter) =
            (settings.topics.events.as_str().into(), settings.topics.dead_letter.as_str().into());
        Self { plan, settings, clock, stats, events, dead_letter, partitions: BTreeMap::new() }
    }

    /// Reads by another plan from the next record on. What was read is published as it was read.
    pub fn adopt(&mut self, mut plan: Plan) {
        for source in &plan.sources {
            self.stats.know(&source.name);
        }
        self.stats.waiting().keep(|topic| plan.source_of(topic).is_some());
        let read: Vec<Arc<str>> = self.partitions.keys().map(|place| Arc::clone(&place.topic)).collect();
        std::mem::swap(&mut self.plan, &mut plan);
        self.plan.keep(plan, |topic| read.iter().any(|known| **known == *topic));
    }

    /// The counters, which go on after the stage was handed to the loop.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// How many partitions a source has over all its topics; `None` if one of them is unknown. Then nothing is said of how
    /// far the source has been read: its time stands still, and nobody takes it for complete.
    fn partitions_of(&self, topics: &[String]) -> Option<u32> {
        let count = |topic: &String| u32::try_from(*self.settings.source_partitions.get(topic)?).ok();
        topics.iter().map(count).sum()
    }
}

impl Stage for Ingest {
    fn restore(&mut self, partition: &TopicPartition, _found: Found) -> Result<Resume, StageError> {
        let lateness = self.plan.source_of(&partition.topic).map_or(0, |source| source.lateness);
        let track = Track::new((self.clock)(), lateness);
        self.partitions.insert(partition.clone(), Partition { track, ..Partition::default() });
        Ok(Resume::Committed)
    }

    /// What the newest progress record says: it stands in the same transaction as the offset that the group lost.
    fn last_known(&self, partition: &TopicPartition, log: &dyn Log) -> Result<Option<i64>, LogError> {
        let at = TopicPartition::new(&self.settings.topics.events, 0);
        // The last stable offset is no end to read to: what the owner before us has committed may still lie behind it.
        let end = log.settled_end(&at, SETTLING)?;
        let first = log.first_offset(&at)?.max(end - EVIDENCE);
        let mut known = None;
        read_range(log, &at, (first, end), EVIDENCE_DEADLINE, &mut |record| {
            if record.header(headers::KIND) != Some(headers::PROGRESS) {
                return;
            }
            if let Ok(progress) = records::decode::<Progress>("progress", record.value().unwrap_or_default())
                && *progress.topic == *partition.topic
                && progress.partition == partition.partition
            {
                known = Some(progress.next_offset);
            }
        })?;
        if let Some(offset) = known {
            tracing::warn!(%partition, offset, "the group knows no offset, but progress was written: going on from there");
        }
        Ok(known)
    }

    /// All instances tell the same number of partitions soon, whichever of them they own.
    fn inputs(&mut self, inputs: &[Input]) {
        let now = (self.clock)();
        for input in inputs {
            match input.partitions {
                Some(count) => self.settings.source_partitions.insert(input.topic.clone(), count),
                None => self.settings.source_partitions.remove(&input.topic),
            };
            if let Some(source) = self.plan.source_of(&input.topic) {
                self.stats.waiting().note(&source.name, &input.topic, input.waits.as_deref(), now);
            }
        }
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
        let new = || Partition { track: Track::new(now, source.lateness), ..Partition::default() };
        let place = TopicPartition::new(arrival.topic, arrival.partition);
        let partition = self.partitions.entry(place).or_insert_with(new);
        let processed = process(source, classes, &arrival);
        partition.tally.count(&processed, &arrival);
        partition.track.arrived(now, processed.events.iter().map(|(event, _)| event.time));
        let untold = if self.settings.as_it_came { Untold::AsFarBehind } else { Untold::LastKnown };
        for sign in &processed.signs {
            partition.intake.count(*sign, arrival.timestamp, untold);
        }
        for (event, route) in &processed.events {
            let made = (source.name.as_ref(), source.mapping.as_ref().map(Mapping::digest));
            publish(event, route, (&self.events, self.settings.event_partitions), made, &mut partition.pending);
        }
        if let Some(refusal) = processed.refusal() {
            partition.pending.push(dead_letter(&refusal, &self.dead_letter, &source.name, &arrival));
        }
        Ok(())
    }

    fn flush(&mut self, now: Timestamp, positions: &[Position], out: &mut Outbox) -> Result<(), StageError> {
        for (place, partition) in &mut self.partitions {
            partition.pending.drain(..).for_each(|record| out.send(record));
            if let Some(source) = self.plan.source_of(&place.topic) {
                partition.intake.flush(&source.name, place, &self.events, out);
            }
        }
        for position in positions {
            let Some(source) = self.plan.source_of(&position.partition.topic) else {
                continue;
            };
            let Some(total) = self.partitions_of(&source.topics) else {
                continue;
            };
            let Some(partition) = self.partitions.get_mut(&position.partition) else {
                continue;
            };
            if self.settings.as_it_came && partition.track.is_due(now, self.settings.progress_interval) {
                let mut progress = partition.track.progress(&source.name, position, total, now);
                progress.copies = Some(self.plan.copies.clone());
                announce(&progress, &self.events, self.settings.event_partitions, out);
            }
        }
        Ok(())
    }

    fn committed(&mut self) {
        for (partition, state) in &mut self.partitions {
            if let Some(source) = self.plan.source_of(&partition.topic) {
                self.stats.add(&source.name, &std::mem::take(&mut state.tally));
            }
        }
    }

    fn forget(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }
}

#[cfg(test)]
mod tests;

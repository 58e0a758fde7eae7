//! One page: the path of a record, and what happens between two commits.
//!
//! [`process`] is a function of the record, the source's definition and the time that is handed in.
//! No bytes, whatever they are, end in anything but events, "not relevant", or a refusal. [`Ingest`]
//! hangs it into the transactional loop: what was read goes out in one transaction with the offsets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use measurement::time::Timestamp;
use records::{Progress, Topics, headers};
use serde_json::json;
use sha2::{Digest, Sha256};
use streaming::{
    Clock, Log, LogError, OutRecord, Outbox, Position, Record, RecordRef, Resume, Stage, StageError, TopicPartition,
    log::read_range,
};

use crate::{
    config::{Classes, Plan, Source},
    decode::{Element, decode},
    expand::{Draft, EVENT_LIMIT, expand},
    json::{Wanted, read_object},
    progress::Track,
    publish::{announce, publish},
    reject::{Refusal, dead_letter},
    route::{Route, route},
    stats::{Stats, Tally},
    validate::{Event, validate},
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
    /// Number of partitions of each source topic.
    pub source_partitions: BTreeMap<String, i32>,
    /// Longest time between two progress records of a source partition, in milliseconds.
    pub progress_interval: i64,
    /// Whether progress is told at all.
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
}

impl Ingest {
    /// A stage for the sources of a plan.
    pub fn new(plan: Plan, settings: Settings, clock: Clock) -> Self {
        let stats = Arc::new(Stats::new(plan.sources.iter().map(|source| Arc::clone(&source.name))));
        let (events, dead_letter) =
            (settings.topics.events.as_str().into(), settings.topics.dead_letter.as_str().into());
        Self { plan, settings, clock, stats, events, dead_letter, partitions: BTreeMap::new() }
    }

    /// The counters, which go on after the stage was handed to the loop.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// How many partitions a source has over all its topics. If one of them is unknown, more than
    /// can ever report, so that nobody takes the source for complete.
    fn partitions_of(&self, topics: &[String]) -> u32 {
        let counts: Option<Vec<u32>> = topics
            .iter()
            .map(|topic| self.settings.source_partitions.get(topic).and_then(|count| u32::try_from(*count).ok()))
            .collect();
        counts.map_or(u32::MAX, |counts| counts.into_iter().sum())
    }
}

impl Stage for Ingest {
    fn restore(&mut self, partition: &TopicPartition, _changelog: Vec<Record>) -> Result<Resume, StageError> {
        let track = Track::new((self.clock)());
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
        let partition = self.partitions.entry(TopicPartition::new(arrival.topic, arrival.partition)).or_default();
        let processed = process(source, classes, &arrival, now);
        partition.tally.count(&processed);
        partition.track.arrived(now, processed.events.iter().map(|(event, _)| event.time));
        let Processed { events, refusal } = processed;
        for (event, route) in &events {
            publish(event, route, (&self.events, self.settings.event_partitions), &source.name, &mut partition.pending);
        }
        if let Some(refusal) = refusal {
            partition.pending.push(dead_letter(&refusal, &self.dead_letter, &source.name, &arrival));
        }
        Ok(())
    }

    fn flush(&mut self, now: Timestamp, positions: &[Position], out: &mut Outbox) -> Result<(), StageError> {
        for partition in self.partitions.values_mut() {
            partition.pending.drain(..).for_each(|record| out.send(record));
        }
        for position in positions {
            self.settings.source_partitions.insert(position.partition.topic.to_string(), position.partitions);
        }
        for position in positions {
            let Some(source) = self.plan.source_of(&position.partition.topic) else {
                continue;
            };
            let total = self.partitions_of(&source.topics);
            let Some(partition) = self.partitions.get_mut(&position.partition) else {
                continue;
            };
            if self.settings.as_it_came && partition.track.is_due(now, self.settings.progress_interval) {
                let progress = partition.track.progress(&source.name, position, total, now);
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

/// A source record.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Topic that it was read from.
    pub topic: &'a str,
    /// Partition that it was read from.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its own time stamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its bytes.
    pub value: Option<&'a [u8]>,
}

/// What became of a record. It is exactly one of: refused (perhaps beside events, if only some of
/// its elements were refused), published, or not relevant.
#[derive(Clone, Debug, Default)]
pub struct Processed<'a> {
    /// The events to publish.
    pub events: Vec<(Event<'a>, Route)>,
    /// Why the record, or an element of it, was refused.
    pub refusal: Option<Refusal>,
}

/// Takes a record through decode, map, expand, validate and route.
pub fn process<'a>(source: &mut Source, classes: &Classes, arrival: &Arrival<'a>, now: Timestamp) -> Processed<'a> {
    let elements = match decode(source.decode, arrival.value, source.size_limit) {
        Ok(elements) => elements,
        Err(refusal) => {
            return Processed { events: Vec::new(), refusal: Some(refusal) };
        }
    };
    let mut walk = Walk { classes, arrival, latest: now.plus(source.max_future), digest: None };
    let mut processed = Processed::default();
    let mut refused = Vec::new();
    let count = elements.len();
    for (position, element) in elements.into_iter().enumerate() {
        let place = (count > 1).then_some(position);
        let room = EVENT_LIMIT.saturating_sub(processed.events.len());
        match walk.element(source, element, place, room) {
            Ok(events) => processed.events.extend(events),
            Err(refusal) => refused.push((position, refusal)),
        }
    }
    processed.refusal = Refusal::of_elements(refused, count);
    processed
}

/// One record on its way.
struct Walk<'w, 'a> {
    classes: &'w Classes,
    arrival: &'w Arrival<'a>,
    latest: Timestamp,
    /// Start of the digest of the record's bytes, once an event has asked for it.
    digest: Option<String>,
}

impl<'a> Walk<'_, 'a> {
    /// All events of an element, or none: an element is not published in part.
    fn element(
        &mut self,
        source: &mut Source,
        element: Element<'a>,
        place: Option<usize>,
        room: usize,
    ) -> Result<Vec<(Event<'a>, Route)>, Refusal> {
        let drafts = self.drafts(source, element)?;
        let several = drafts.len() > 1;
        let mut routed = Vec::with_capacity(drafts.len());
        for (number, draft) in drafts.into_iter().enumerate() {
            let within = several.then_some(number);
            let room = room.saturating_sub(routed.len());
            for draft in expand(draft, room, || self.made_uid(place, within))? {
                let event = validate(draft, self.classes, self.latest)?;
                let route = route(&event)?;
                routed.push((event, route));
            }
        }
        Ok(routed)
    }

    fn drafts(&self, source: &mut Source, element: Element<'a>) -> Result<Vec<Draft<'a>>, Refusal> {
        let Some(mapping) = &mut source.mapping else {
            let (Element::Json(text) | Element::Line(text)) = element;
            return Ok(vec![Draft::native(text, self.classes.wanted())?]);
        };
        let input = match element {
            Element::Line(line) => json!({ "message": line }),
            Element::Json(text) => read_object(&text, &Wanted::everything())?.into(),
        };
        let events = mapping.apply(input, &source.name, self.arrival.timestamp)?;
        Ok(events.into_iter().map(Draft::mapped).collect())
    }

    /// The identity of an event that brought none: what the record held and where it lay. Reading
    /// the record again gives the same one.
    fn made_uid(&mut self, place: Option<usize>, within: Option<usize>) -> String {
        let Arrival { topic, partition, offset, value, .. } = *self.arrival;
        let digest = self.digest.get_or_insert_with(|| short_digest(value.unwrap_or_default()));
        let mut uid = format!("{digest}-{topic}-{partition}-{offset}");
        for number in [place, within].into_iter().flatten() {
            uid = format!("{uid}-{number}");
        }
        uid
    }
}

/// The first 16 hex digits of the SHA-256 digest.
fn short_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests;

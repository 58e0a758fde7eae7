//! One page: the path of a record, and what happens between two commits.
//!
//! [`process`] is a function of the record, the source's definition and the time that is handed in.
//! No bytes, whatever they are, end in anything but events, "not relevant", or a refusal. [`Ingest`]
//! hangs it into the transactional loop: what was read goes out in one transaction with the offsets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use measurement::time::Timestamp;
use records::{Progress, Topics, headers};
use serde_json::{Value, json};
use streaming::{
    Clock, Log, LogError, OutRecord, Outbox, Position, Record, RecordRef, Resume, Stage, StageError, TopicPartition,
    log::read_range,
};

use crate::{
    config::{Classes, Plan, Source},
    decode::{Element, Form, decode, wrapper},
    doubt::may_have_seen,
    expand::{Draft, EVENT_LIMIT, expand},
    identity::{Maker, tell_apart},
    intake::{Minutes, Sign, Untold},
    json::{Wanted, read_object},
    progress::Track,
    publish::{announce, publish},
    reject::{Refusal, dead_letter},
    route::{Route, route},
    stats::{Stats, Tally},
    types::{Mistyped, hold_types},
    validate::{Event, is_plausible, validate},
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
        let untold = if self.settings.as_it_came {
            Untold::Within(source.lateness.saturating_add(source.idle))
        } else {
            Untold::LastKnown
        };
        for sign in &processed.signs {
            partition.intake.count(*sign, arrival.timestamp, untold);
        }
        for (event, route) in &processed.events {
            publish(event, route, (&self.events, self.settings.event_partitions), &source.name, &mut partition.pending);
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

/// What became of a record: each of its elements was published, is not relevant, or was refused.
#[derive(Clone, Debug, Default)]
pub struct Processed<'a> {
    /// The events to publish.
    pub events: Vec<(Event<'a>, Route)>,
    /// How many elements the record held; a record that holds none counts as one that is not relevant.
    pub elements: u64,
    /// How many of them gave events.
    pub published: u64,
    /// Which elements were refused, and why.
    pub refused: Vec<(usize, Refusal)>,
    /// In how many elements bytes or characters had to be replaced.
    pub replaced: u64,
    /// What each element tells of its time.
    pub signs: Vec<Sign>,
    /// Attributes of the events that could not be read as their type.
    pub mistyped: Mistyped,
}

impl Processed<'_> {
    /// How many elements were refused.
    pub fn refused_elements(&self) -> u64 {
        self.refused.iter().map(|(_, refusal)| refusal.elements).sum()
    }

    /// How many elements were sound, but of no interest.
    pub fn not_relevant(&self) -> u64 {
        self.elements.saturating_sub(self.published).saturating_sub(self.refused_elements())
    }

    /// How many events the next element may stand for. One each is no matter; what is bounded is how many more than that
    /// a record makes of itself.
    fn room(&self) -> usize {
        let published = usize::try_from(self.published).unwrap_or(usize::MAX);
        EVENT_LIMIT.saturating_sub(self.events.len().saturating_sub(published)).max(1)
    }

    /// What the dead letter of the record says, if any of its elements was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        Refusal::of_elements(&self.refused, self.elements)
    }
}

/// Takes a record through decode, map, expand, validate and route.
pub fn process<'a>(source: &mut Source, classes: &Classes, arrival: &Arrival<'a>) -> Processed<'a> {
    let elements = match decode(&source.framing, arrival.value, source.limits) {
        Ok(elements) => elements,
        Err(refusal) => {
            let signs = vec![Sign { read: refusal.elements, refused: refusal.elements, ..Sign::default() }];
            return Processed {
                elements: refusal.elements,
                refused: vec![(0, refusal)],
                signs,
                ..Processed::default()
            };
        }
    };
    // Judged by its record and not by the clock: a history may be read at any time.
    let latest = arrival.timestamp.plus(source.max_future);
    let (maker, mistyped) = (Maker::new(arrival), Mistyped::new());
    let mut walk = Walk { classes, arrival, latest, maker, seen: None, doubtful: false, mistyped };
    let mut processed = Processed::default();
    let count = elements.len();
    for (position, element) in elements.into_iter().enumerate() {
        let place = (count > 1).then_some(position);
        let room = processed.room();
        let replaced = u64::from(element.replaced);
        processed.replaced += replaced;
        let form = element.form.clone();
        let found = walk.element(source, element, place, room);
        let found = wrapper::judge(&source.framing, &form, found);
        let (read, refused) = found.as_ref().err().map_or((1, 0), |refusal| (refusal.elements, refusal.elements));
        processed.signs.push(Sign {
            time: walk.seen.take(),
            read,
            refused,
            replaced,
            doubtful: u64::from(std::mem::take(&mut walk.doubtful)),
        });
        match found {
            Ok(events) => {
                processed.elements += 1;
                processed.published += u64::from(!events.is_empty());
                processed.events.extend(events);
            }
            Err(refusal) => {
                processed.elements += refusal.elements;
                processed.refused.push((position, refusal));
            }
        }
    }
    if processed.elements == 0 {
        processed.elements = 1;
        processed.signs.push(Sign { read: 1, ..Sign::default() });
    }
    tell_apart(&mut processed.events);
    processed.mistyped = walk.mistyped;
    processed
}

/// One record on its way.
struct Walk<'w, 'a> {
    classes: &'w Classes,
    arrival: &'w Arrival<'a>,
    latest: Timestamp,
    maker: Maker<'w, 'a>,
    /// When the element happened that is looked at, as far as it could be read.
    seen: Option<Timestamp>,
    /// Whether it is not certain what was made of it.
    doubtful: bool,
    mistyped: Mistyped,
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
        let mut mistyped = Mistyped::new();
        let mut last = None;
        for (number, mut draft) in drafts.into_iter().enumerate() {
            for (attribute, count) in hold_types(&mut draft, self.classes, source.reading)? {
                *mistyped.entry(attribute).or_default() += count;
            }
            let time = draft.attributes.get("time").and_then(Value::as_i64).map(Timestamp);
            last = last.max(time.filter(|time| is_plausible(*time, self.latest)));
            self.seen = last.or(self.seen);
            let within = several.then_some(number);
            let room = room.saturating_sub(routed.len());
            for draft in expand(draft, room, || self.maker.uid(place, within))? {
                let event = validate(draft, self.classes, self.latest)?;
                let route = route(&event)?;
                routed.push((event, route));
            }
        }
        for (attribute, count) in mistyped {
            *self.mistyped.entry(attribute).or_default() += count;
        }
        Ok(routed)
    }

    fn drafts(&mut self, source: &mut Source, element: Element<'a>) -> Result<Vec<Draft<'a>>, Refusal> {
        let Some(mapping) = &mut source.mapping else {
            return match element.form {
                Form::Json(text) | Form::Line(text) => {
                    Ok(vec![Draft::native(text, self.classes.wanted(), source.framing.duplicates)?])
                }
                Form::Broken(refusal) => Err(refusal),
            };
        };
        let input = match element.form {
            Form::Line(line) => json!({ "message": line }),
            Form::Json(text) => read_object(&text, &Wanted::everything(), source.framing.duplicates)?.object.into(),
            Form::Broken(refusal) => return Err(refusal),
        };
        self.doubtful = element.replaced && may_have_seen(mapping, &input);
        let applied = mapping.apply(input, &source.name, self.arrival.timestamp);
        self.seen = applied.seen.filter(|time| is_plausible(*time, self.latest));
        Ok(applied.events?.into_iter().map(Draft::mapped).collect())
    }
}

#[cfg(test)]
mod tests;

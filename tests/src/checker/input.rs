//! What was sent, and what ought to become of it: the recount.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use measurement::{catalogue::Catalogue, time::Timestamp};
use records::AggregateKey;
use serde_json::Value;
use streaming::{Log, LogError};

use super::{
    anomaly::Tally,
    clock::Clock,
    event::{Event, at},
    plan::Plan,
    scan,
};

/// What is held for the time of a record that has none: the last instant before 2100. No clock of a test is there.
const UNSTAMPED: Timestamp = Timestamp(4_102_444_799_999);
/// Event times before here are refused. 2000-01-01.
const EARLIEST: Timestamp = Timestamp(946_684_800_000);

/// A record of a source topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Its own time stamp.
    pub timestamp: Option<Timestamp>,
    /// Value.
    pub value: Option<Vec<u8>>,
}

/// What was sent: the records of all source topics, each partition in the order of its offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The records.
    pub records: Vec<SourceRecord>,
}

impl Input {
    /// Reads the source topics of a catalogue from their first committed record to their last.
    pub fn read(log: &dyn Log, catalogue: &Catalogue) -> Result<Self, LogError> {
        let mut records = Vec::new();
        for topic in catalogue.sources.values().flat_map(|source| &source.topics) {
            for record in scan::read(log, topic)?.into_values().flatten() {
                records.push(SourceRecord {
                    topic: topic.clone(),
                    partition: record.partition.partition,
                    offset: record.offset,
                    timestamp: record.timestamp.map(Timestamp),
                    value: record.value,
                });
            }
        }
        Ok(Self { records })
    }

    /// Counts again.
    pub fn recount(&self, catalogue: &Catalogue) -> Recount {
        let plan = Plan::new(catalogue);
        let mut recount = Recount::default();
        let mut clocks: HashMap<(&str, i32), Clock> = HashMap::new();
        for record in &self.records {
            let Some(source) = plan.source_of(&record.topic) else { continue };
            recount.take(&plan, source, record, clocks.entry((&record.topic, record.partition)).or_default());
        }
        recount
    }
}

/// How many source records and events there were of one source, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceTally {
    /// Source records.
    pub records: u64,
    /// Events that must be published, each as often as it was sent.
    pub events: u64,
    /// Events among them whose identity was there before.
    pub duplicates: u64,
    /// Records that must become dead letters, those that are too far ahead included.
    pub poison: u64,
    /// Records with an event time too far ahead of their own.
    pub future: u64,
    /// Sound records that hold nothing, and events that no construct asks for.
    pub irrelevant: u64,
}

/// An event that was sent, once.
#[derive(Clone, Debug)]
pub(super) struct SentEvent {
    pub(super) event: Event,
    /// How often it was sent.
    pub(super) copies: usize,
    /// Whether it was, at its first coming, no later than its source says that events may be.
    pub(super) in_time: bool,
}

/// The recount.
#[derive(Clone, Debug, Default)]
pub struct Recount {
    /// Count and sum of identities of the distinct events of every measure of events.
    pub cells: BTreeMap<AggregateKey, Tally>,
    /// Source records by what they are, by source.
    pub sources: BTreeMap<String, SourceTally>,
    /// By source and identity.
    pub(super) events: HashMap<(String, String), SentEvent>,
    /// Poison by origin, with its bytes.
    pub(super) poison: HashMap<(String, i32, i64), Option<Vec<u8>>>,
    /// Earliest event time by source.
    pub(super) first: BTreeMap<String, Timestamp>,
    /// Elements of records, by source partition: what cannot be taken apart is one, and so is what holds nothing.
    pub(super) elements: BTreeMap<(String, i32), u64>,
    /// Offset after the last record, by source partition.
    pub(super) ends: BTreeMap<(String, i32), i64>,
    /// Offset of each record that has given events, and the time of its latest one, by source partition.
    pub(super) times: BTreeMap<(String, i32), Vec<(i64, Timestamp)>>,
}

impl Recount {
    fn take(&mut self, plan: &Plan<'_>, source: &str, record: &SourceRecord, clock: &mut Clock) {
        let stamp = record.timestamp.unwrap_or(UNSTAMPED);
        let definition = plan.catalogue.sources.get(source);
        let lateness = definition.map_or(0, |source| source.lateness);
        let farthest = stamp.plus(definition.map_or(0, |source| source.max_future));
        // When this record came, all others may have been read.
        clock.passed(stamp);
        let tally = self.sources.entry(source.to_owned()).or_default();
        tally.records += 1;
        let end = self.ends.entry((record.topic.clone(), record.partition)).or_default();
        *end = (*end).max(record.offset + 1);
        let elements = elements(record.value.as_deref());
        let count = elements.as_ref().map_or(1, |elements| elements.len().max(1));
        *self.elements.entry((record.topic.clone(), record.partition)).or_default() += count as u64;
        let (mut whole, mut latest) = (elements.is_some(), None);
        let elements = elements.unwrap_or_default();
        tally.irrelevant += u64::from(whole && elements.is_empty());
        for element in elements {
            let event = match accepted(plan.catalogue, element, farthest) {
                Ok(event) => event,
                Err(refused) => {
                    tally.future += u64::from(refused == Refused::TooFarAhead);
                    whole = false;
                    continue;
                }
            };
            tally.events += 1;
            let in_time = clock.newest().is_none_or(|newest| event.time >= newest.minus(lateness));
            latest = latest.max(Some(event.time));
            let first = self.first.entry(source.to_owned()).or_insert(event.time);
            *first = (*first).min(event.time);
            match self.events.entry((source.to_owned(), event.uid.clone())) {
                Entry::Occupied(mut known) => {
                    known.get_mut().copies += 1;
                    tally.duplicates += 1;
                }
                Entry::Vacant(place) => {
                    let shares = plan.shares(&event);
                    tally.irrelevant += u64::from(shares.is_empty() && !plan.is_fed(event.class));
                    for share in shares {
                        self.cells.entry(share.place).or_default().add(share.adds);
                    }
                    place.insert(SentEvent { event, copies: 1, in_time });
                }
            }
        }
        if let Some(latest) = latest {
            clock.record(latest);
            self.times.entry((record.topic.clone(), record.partition)).or_default().push((record.offset, latest));
        }
        if !whole {
            tally.poison += 1;
            self.poison.insert((record.topic.clone(), record.partition, record.offset), record.value.clone());
        }
    }
}

/// The elements of a record: an object, or those of an array; `None` where it is not readable.
fn elements(value: Option<&[u8]>) -> Option<Vec<Value>> {
    match serde_json::from_slice(value?).ok()? {
        Value::Array(elements) => Some(elements),
        element => Some(vec![element]),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Faulty,
    TooFarAhead,
}

/// The event of an element whose record may speak of times up to `farthest`.
fn accepted(catalogue: &Catalogue, element: Value, farthest: Timestamp) -> Result<Event, Refused> {
    let event = Event::of(element).ok_or(Refused::Faulty)?;
    let uid = u32::try_from(event.class).ok();
    let (_, class) = uid.and_then(|uid| catalogue.classes.by_uid(uid)).ok_or(Refused::Faulty)?;
    if event.activity.is_none() || event.time < EARLIEST {
        return Err(Refused::Faulty);
    }
    if event.time > farthest {
        return Err(Refused::TooFarAhead);
    }
    let complete = class.required.iter().all(|path| at(&event.json, path).is_some_and(|value| !value.is_null()));
    if complete && event.key(&class.key).is_some() { Ok(event) } else { Err(Refused::Faulty) }
}

/// References that events ask for: population and path of the key, by class.
pub(super) fn references(catalogue: &Catalogue) -> HashMap<i64, HashSet<(String, String)>> {
    let mut references: HashMap<i64, HashSet<(String, String)>> = HashMap::new();
    for population in catalogue.populations.values() {
        for feed in population.feeds.iter().filter(|feed| feed.by_reference) {
            let asked = (population.name.clone(), feed.partition.clone());
            references.entry(i64::from(feed.uid)).or_default().insert(asked);
        }
    }
    references
}

//! Where the first examples of what went wrong lie, noted while the records are there; and what contradicted itself or came
//! late, which is told on topics alone.

use std::{collections::BTreeMap, time::Duration};

use ingest::stats::Stats;
use measurement::time::Timestamp;
use records::{DeadLetter, Late, Topics};
use serde::Serialize;
use streaming::{Log, LogError, Reader, RecordRef};

/// Records read at once.
const BATCH: usize = 10_000;

/// The first record of its kind. It says where and why, and nothing of what the record holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Why: a reason of ingest, or `late`.
    pub reason: String,
    /// How many there are.
    pub count: u64,
    /// Where the first one lies: file and line, else its time, else topic and offset.
    pub place: String,
    /// What exactly was wrong with it.
    pub detail: String,
}

/// By source and reason.
pub struct Letters {
    readers: [Box<dyn Reader>; 2],
    dead_letter: String,
    forgotten: u64,
    found: BTreeMap<(String, String), Example>,
    /// By topic and offset.
    places: BTreeMap<(String, i64), String>,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Letters").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Letters {
    /// Of a log with nothing in it yet.
    pub fn new(log: &dyn Log, topics: &Topics) -> Result<Self, LogError> {
        let reader = |topic: &str| {
            let from: Vec<(i32, i64)> = (0..log.partitions(topic)?).map(|partition| (partition, 0)).collect();
            log.reader(topic, &from)
        };
        let readers = [reader(&topics.dead_letter)?, reader(&topics.late)?];
        Ok(Self {
            readers,
            dead_letter: topics.dead_letter.clone(),
            forgotten: 0,
            found: BTreeMap::new(),
            places: BTreeMap::new(),
        })
    }

    /// How many dead letters were read, to be forgotten.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The first examples of a source, by reason.
    pub fn of_source<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Example> {
        self.found.iter().filter(move |((of, _), _)| of == source).map(|(_, example)| example)
    }

    /// Notes where the examples lie that are new; `place` says where a source record came from, by its topic and offset.
    pub fn note(&mut self, counted: &Stats, place: &dyn Fn(&str, i64) -> Option<String>) {
        for (_, example) in counted.examples() {
            let key = (example.topic, example.offset);
            if !self.places.contains_key(&key)
                && let Some(place) = place(&key.0, key.1)
            {
                self.places.insert(key, place);
            }
        }
    }

    /// Where a record lies: file and line, else topic and offset.
    pub fn place(&self, topic: &str, offset: i64) -> String {
        let known = self.places.get(&(topic.to_owned(), offset)).cloned();
        known.unwrap_or_else(|| format!("{topic} at offset {offset}"))
    }

    /// Reads what is new.
    pub fn read(&mut self) -> Result<(), LogError> {
        let Self { readers, dead_letter, forgotten, found, places: _ } = self;
        for reader in readers {
            loop {
                let poll = reader.poll(Duration::ZERO, BATCH, &mut |record| {
                    let named = if record.topic() == dead_letter.as_str() {
                        *forgotten += 1;
                        conflict(&record)
                    } else {
                        late(&record)
                    };
                    let Some((source, example)) = named else { return };
                    let key = (source, example.reason.clone());
                    found.entry(key).and_modify(|known| known.count += 1).or_insert(example);
                })?;
                if poll.records == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// What ingest refused it tells itself, element by element.
fn conflict(record: &RecordRef<'_>) -> Option<(String, Example)> {
    let header = |name: &str| Some(String::from_utf8_lossy(record.header(name)?).into_owned());
    let reason = header(DeadLetter::REASON).filter(|reason| reason == DeadLetter::IDENTITY_CONFLICT)?;
    let place = match time_of(record) {
        Some(time) => format!("an event of {time}"),
        None => format!("{} at offset {}", header(DeadLetter::TOPIC)?, header(DeadLetter::OFFSET)?),
    };
    let detail = header(DeadLetter::DETAIL).unwrap_or_default();
    Some((header(DeadLetter::SOURCE)?, Example { reason, count: 1, place, detail }))
}

/// When the event happened that a letter carries.
fn time_of(record: &RecordRef<'_>) -> Option<Timestamp> {
    let event: serde_json::Value = serde_json::from_slice(record.value()?).ok()?;
    event.get("time")?.as_i64().map(Timestamp)
}

fn late(record: &RecordRef<'_>) -> Option<(String, Example)> {
    let late: Late = records::decode("late", record.value()?).ok()?;
    let detail = format!("time had reached {} for {}", late.watermark, late.constructs.join(", "));
    let place = format!("an event of {}", late.time);
    Some((late.source, Example { reason: "late".to_owned(), count: 1, place, detail }))
}

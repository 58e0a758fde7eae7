//! What a chain refused and what came late for it: read while the records are there, kept as counts and first examples.

use std::{collections::BTreeMap, time::Duration};

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
    /// Where the first one lies: file and line, else topic and offset.
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
        Ok(Self { readers, dead_letter: topics.dead_letter.clone(), forgotten: 0, found: BTreeMap::new() })
    }

    /// How many dead letters were read, to be forgotten.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The first examples of a source, by reason.
    pub fn of_source<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Example> {
        self.found.iter().filter(move |((of, _), _)| of == source).map(|(_, example)| example)
    }

    /// Reads what is new; `place` says where a source record came from, by its topic and offset.
    pub fn read(&mut self, place: &dyn Fn(&str, i64) -> Option<String>) -> Result<(), LogError> {
        let Self { readers, dead_letter, forgotten, found } = self;
        for reader in readers {
            loop {
                let poll = reader.poll(Duration::ZERO, BATCH, &mut |record| {
                    let named = if record.topic() == dead_letter.as_str() {
                        *forgotten += 1;
                        refused(&record, place)
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

fn refused(record: &RecordRef<'_>, place: &dyn Fn(&str, i64) -> Option<String>) -> Option<(String, Example)> {
    let header = |name: &str| Some(String::from_utf8_lossy(record.header(name)?).into_owned());
    let (topic, offset) = (header(DeadLetter::TOPIC)?, header(DeadLetter::OFFSET)?.parse().ok()?);
    let place = place(&topic, offset).unwrap_or_else(|| format!("{topic} at offset {offset}"));
    let detail = header(DeadLetter::DETAIL).unwrap_or_default();
    Some((header(DeadLetter::SOURCE)?, Example { reason: header(DeadLetter::REASON)?, count: 1, place, detail }))
}

fn late(record: &RecordRef<'_>) -> Option<(String, Example)> {
    let late: Late = records::decode("late", record.value()?).ok()?;
    let detail = format!("time had reached {} for {}", late.watermark, late.constructs.join(", "));
    let place = format!("an event of {}", late.time);
    Some((late.source, Example { reason: "late".to_owned(), count: 1, place, detail }))
}
